import { ecsDaemonServiceSetup } from '@outrider/shared/steps/ecs-daemon-service-setup.ts';
import { DEFAULT_STEADY_STATE_TIMEOUT_MINUTES } from '@outrider/shared/steps/ecs-service-setup.ts';
import type { StepHandler } from './contract.ts';
import { restoreOrDelete } from './restore-or-delete.ts';

/** Puts the daemon service back as its setup found it, or deletes it when the setup made it. */
export const ecsDaemonRollback: StepHandler<'ecs-daemon-rollback'> = async (input, ctx) => {
  const undone = input.prior.undo.at(-1);
  const facts = ecsDaemonServiceSetup.facts.safeParse(undone?.facts ?? {});
  const { serviceName, snapshot } = facts.success ? facts.data : {};
  if (serviceName === undefined || snapshot === undefined) {
    const skipped = 'No context found for rollback. Skipping.';
    ctx.log(skipped);
    return { serviceName: '', deleted: false, skipped };
  }
  await ctx.checkpoint({ started: true });
  const minutes = facts.data?.steadyStateTimeoutMinutes ?? DEFAULT_STEADY_STATE_TIMEOUT_MINUTES;
  const { deleted } = await restoreOrDelete(ctx, {
    cluster: input.target.cluster,
    serviceName,
    family: serviceName,
    snapshot,
    deleting: ctx.resumed.deleting === true,
    saveDeleting: () => ctx.checkpoint({ deleting: true }),
    before: ctx.resumed.before,
    saveBefore: (before) => ctx.checkpoint({ before }),
    timeoutMinutes: minutes,
    lines: {
      deleting: `Deleting Service ${serviceName} as first launch of service failed`,
      restoring: (taskDefinitionArn) => `Restoring service ${serviceName} to task definition ${taskDefinitionArn}`,
      waiting: 'Waiting for service to be in steady state...',
      steady: 'Service has reached a steady state',
    },
    events: 'trouble',
  });
  return { serviceName, deleted, skipped: '' };
};
