import { ecsRollingDeploy } from '@outrider/shared/steps/ecs-rolling-deploy.ts';
import { restoreAutoScaling, suspendAutoScaling } from './auto-scaling.ts';
import type { StepHandler } from './contract.ts';
import { withVerdict } from './named-service.ts';
import { restoreOrDelete } from './restore-or-delete.ts';

/** Puts the service back as the rolling deployment found it, or deletes it when that was its first one. */
export const ecsRollingRollback: StepHandler<'ecs-rolling-rollback'> = async (input, ctx) => {
  const facts = ecsRollingDeploy.facts.safeParse(input.prior.undo.at(-1)?.facts ?? {});
  const { serviceName, snapshot, autoScalingSnapshots = [] } = facts.success ? facts.data : {};
  if (serviceName === undefined || snapshot === undefined) {
    const skipped = 'Ecs Rolling Deploy Step was not executed. Skipping Rollback.';
    ctx.log(skipped);
    return { serviceName: '', deleted: false, skipped };
  }
  const { cluster } = input.target;
  await ctx.checkpoint({ started: true });
  return await withVerdict(ctx, 'Rollback', async () => {
    ctx.log('Rolling Back..');
    if (snapshot !== null) await suspendAutoScaling(ctx, cluster, autoScalingSnapshots);
    const { deleted, arn } = await restoreOrDelete(ctx, {
      cluster,
      serviceName,
      family: serviceName,
      snapshot,
      deleting: ctx.resumed.deleting === true,
      saveDeleting: () => ctx.checkpoint({ deleting: true }),
      before: ctx.resumed.before,
      saveBefore: (before) => ctx.checkpoint({ before }),
      timeoutMinutes: Math.max((ctx.deadlineMs - ctx.clock.now()) / 60_000, 0),
      lines: {
        deleting: `Deleting service ${serviceName}..`,
        restoring: (taskDefinitionArn, desired) =>
          `Updating Service ${serviceName} with task definition ${taskDefinitionArn} and desired count ${desired}`,
        waiting: `Waiting for Service ${serviceName} to reach steady state`,
        steady: `Service ${serviceName} reached steady state`,
      },
      events: 'all',
    });
    if (!deleted && snapshot !== null) {
      ctx.log(`Updated Service ${serviceName} with Arn ${arn}`);
      for (const saved of autoScalingSnapshots) await restoreAutoScaling(ctx, cluster, saved);
    }
    return { serviceName, deleted, skipped: '' };
  });
};
