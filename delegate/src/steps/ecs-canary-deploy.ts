import type { EcsService } from '../aws/ports.ts';
import type { StepContext, StepHandler } from './contract.ts';
import { createVersion, taken } from './create-version.ts';
import { belongsTo, madeByThisStep } from './identity.ts';
import { awaitInactive, awaitInPlace, deleteAndWait, untilDeadline } from './in-place.ts';
import { canaryNameOf, registerNamed, serviceNameOf, withVerdict } from './named-service.ts';
import type { ServiceShape } from './service-request.ts';
import { NOTHING_BEFORE } from './watch.ts';

const CANARY_TASKS = 1;

/** One task of the new version in a service of its own, beside the one that serves. */
export const ecsCanaryDeploy: StepHandler<'ecs-canary-deploy'> = async (input, ctx) => {
  const { service, target } = input;
  const { cluster } = target;
  return await withVerdict(ctx, 'Deployment', async () => {
    const canaryServiceName = canaryNameOf(service);
    // Known before there is anything to delete, so that the rollback finds it whatever happens.
    if (ctx.resumed.canaryServiceName === undefined) await ctx.checkpoint({ canaryServiceName });
    const definition = await registerNamed(ctx, input);
    await ctx.checkpoint({ taskDefinitionArn: definition.arn });
    const family = serviceNameOf(service);
    await clearOldCanary(ctx, { cluster, name: canaryServiceName, family, taskDefinitionArn: definition.arn });
    ctx.log(
      `Creating Service ${canaryServiceName} with task definition ${definition.arn} and desired count ${CANARY_TASKS}`,
    );
    const shape: ServiceShape = {
      name: canaryServiceName,
      taskDefinitionArn: definition.arn,
      desired: CANARY_TASKS,
      service,
      target,
      loadBalancers: [],
      role: undefined,
    };
    const created = await createVersion(ctx, { family, cluster, shape });
    await awaitInPlace(ctx, {
      cluster,
      serviceName: canaryServiceName,
      taskDefinitionArn: definition.arn,
      desired: CANARY_TASKS,
      baseline: NOTHING_BEFORE,
      changed: created,
      role: 'new',
      events: 'all',
      giveUpAfter: input.with.giveUpAfter,
      untilMs: untilDeadline(ctx),
      waitingLine: `Waiting for Service ${canaryServiceName} to reach steady state`,
      steadyLine: `Service ${canaryServiceName} reached steady state`,
    });
    ctx.log(`Created Service ${canaryServiceName} with Arn ${created.arn}`);
    return {
      canaryServiceName,
      serviceArn: created.arn,
      clusterName: cluster,
      taskDefinitionArn: definition.arn,
    };
  });
};

/** A canary that an earlier deployment left behind makes room; one that an earlier run of this step made stays. */
async function clearOldCanary(
  ctx: StepContext<unknown>,
  options: { cluster: string; name: string; family: string; taskDefinitionArn: string },
): Promise<void> {
  const { cluster, name, family } = options;
  const old: EcsService | undefined = await ctx.aws.ecs.describeService(cluster, name);
  if (old === undefined || old.status === 'INACTIVE') return;
  const gone = { cluster, serviceName: name, untilMs: untilDeadline(ctx) };
  if (old.status === 'DRAINING') {
    ctx.log(`An existing Service with name ${name} draining, waiting for it to reach inactive state`);
    await awaitInactive(ctx, gone);
    ctx.log(`An existed Service with name ${name} reached inactive state`);
    return;
  }
  if (!belongsTo(old, family)) throw taken(old, family);
  if (madeByThisStep(old, ctx) && old.taskDefinitionArn === options.taskDefinitionArn) return;
  ctx.log(`Deleting existing Service with name ${name}`);
  await deleteAndWait(ctx, gone);
  ctx.log(`Deleted existing Service with name ${name}`);
}
