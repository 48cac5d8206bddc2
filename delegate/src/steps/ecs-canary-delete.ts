import { ecsCanaryDeploy } from '@outrider/shared/steps/ecs-canary-deploy.ts';
import type { StepContext, StepHandler } from './contract.ts';
import { taken } from './create-version.ts';
import { belongsTo } from './identity.ts';
import { awaitInactive, deleteAndWait, untilDeadline } from './in-place.ts';
import { canaryNameOf, serviceNameOf } from './named-service.ts';

/** Deletes the canary service: after its checks, and in a rollback. One that is gone already counts as deleted. */
export const ecsCanaryDelete: StepHandler<'ecs-canary-delete'> = async (input, ctx) => {
  const { service, target, prior } = input;
  const undone = prior.undo.flatMap(
    (step) => ecsCanaryDeploy.facts.safeParse(step.facts).data?.canaryServiceName ?? [],
  );
  if (ctx.identity.rollback && undone.length === 0) {
    ctx.log('Ecs Canary Deploy Step was not executed. Skipping Canary Delete.');
    return { canaryServiceName: '', canaryDeleted: false };
  }
  const canaryServiceName = undone[0] ?? canaryNameOf(service);
  const { cluster } = target;
  const live = await ctx.aws.ecs.describeService(cluster, canaryServiceName);
  const begun = ctx.resumed.canaryServiceName !== undefined;
  if (live === undefined || live.status === 'INACTIVE') {
    if (begun) sayDeleted(ctx, canaryServiceName);
    else ctx.log(`Canary service ${canaryServiceName} doesn't exist`);
    return { canaryServiceName, canaryDeleted: begun };
  }
  const family = serviceNameOf(service);
  if (live.status === 'ACTIVE' && !belongsTo(live, family)) throw taken(live, family);
  if (!begun) await ctx.checkpoint({ canaryServiceName });
  const gone = { cluster, serviceName: canaryServiceName, untilMs: untilDeadline(ctx) };
  ctx.log(`Deleting service ${canaryServiceName}..`);
  ctx.log(`Waiting for existing Service ${canaryServiceName} to reach inactive state`);
  if (live.status === 'ACTIVE') await deleteAndWait(ctx, gone);
  else await awaitInactive(ctx, gone);
  sayDeleted(ctx, canaryServiceName);
  return { canaryServiceName, canaryDeleted: true };
};

function sayDeleted(ctx: Pick<StepContext<unknown>, 'log'>, canaryServiceName: string): void {
  ctx.log(`Existing Service ${canaryServiceName} reached inactive state`);
  ctx.log(`Canary service ${canaryServiceName} deleted`);
}
