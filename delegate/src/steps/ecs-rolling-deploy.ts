import type { JsonObject } from '@outrider/shared/json.ts';
import type { AutoScalingSnapshot } from '@outrider/shared/steps/autoscaling.ts';
import { DEFAULT_INSTANCES } from '@outrider/shared/steps/ecs-service-setup.ts';
import type { FactsOf } from '@outrider/shared/steps/index.ts';
import type { DeployedService } from '@outrider/shared/steps/target.ts';
import type { EcsService } from '../aws/ports.ts';
import { restoreAutoScaling, snapshotAutoScaling, suspendAutoScaling } from './auto-scaling.ts';
import type { StepContext, StepHandler } from './contract.ts';
import { createVersion, freeOrActive, taken } from './create-version.ts';
import { snapshotOf } from './ecs-daemon-service-setup.ts';
import { belongsTo } from './identity.ts';
import { awaitInPlace, untilDeadline, updateInPlace } from './in-place.ts';
import { registerNamed, serviceNameOf, withVerdict } from './named-service.ts';
import { checkServiceRegistries, type ServiceShape, updateServiceRequest } from './service-request.ts';
import { NOTHING_BEFORE } from './watch.ts';

type Context = StepContext<FactsOf<'ecs-rolling-deploy'>>;

/** Creates the service, or updates it in place and lets ECS replace its tasks. */
export const ecsRollingDeploy: StepHandler<'ecs-rolling-deploy'> = async (input, ctx) => {
  const { service, target } = input;
  const { cluster } = target;
  return await withVerdict(ctx, 'Deployment', async () => {
    const serviceName = serviceNameOf(service);
    checkServiceRegistries(service);
    const before = await surveyOnce(ctx, cluster, serviceName);
    const definition = await registerNamed(ctx, input);
    await ctx.checkpoint({ taskDefinitionArn: definition.arn });
    const live = before.snapshot === null ? undefined : await freeOrActive(ctx, cluster, serviceName);
    const desired = desiredOf(service, live, input.with.sameAsRunning === true);
    const shape: ServiceShape = {
      name: serviceName,
      taskDefinitionArn: definition.arn,
      desired,
      service,
      target,
      loadBalancers: [],
      role: undefined,
    };
    if (live !== undefined) await suspendAutoScaling(ctx, cluster, before.autoScalingSnapshots);
    const { changed, baseline } = await apply(ctx, { cluster, shape, live });
    const steady = await awaitInPlace(ctx, {
      cluster,
      serviceName,
      taskDefinitionArn: definition.arn,
      desired,
      baseline,
      changed,
      role: 'new',
      events: 'all',
      giveUpAfter: input.with.giveUpAfter,
      untilMs: untilDeadline(ctx),
      waitingLine: `Waiting for Service ${serviceName} to reach steady state`,
      steadyLine: `Service ${serviceName} reached steady state`,
    });
    ctx.log(`${live === undefined ? 'Created' : 'Updated'} Service ${serviceName} with Arn ${changed.arn}`);
    for (const snapshot of before.autoScalingSnapshots) await restoreAutoScaling(ctx, cluster, snapshot);
    return {
      serviceName,
      serviceArn: changed.arn,
      clusterName: cluster,
      taskDefinitionArn: definition.arn,
      desired: steady.desired,
    };
  });
};

interface Before {
  /** Null: this is the first deployment. */
  readonly snapshot: JsonObject | null;
  readonly autoScalingSnapshots: readonly AutoScalingSnapshot[];
}

async function surveyOnce(ctx: Context, cluster: string, serviceName: string): Promise<Before> {
  const { snapshot, autoScalingSnapshots } = ctx.resumed;
  if (snapshot !== undefined) return { snapshot, autoScalingSnapshots: autoScalingSnapshots ?? [] };
  const live = await freeOrActive(ctx, cluster, serviceName);
  if (live !== undefined && !belongsTo(live, serviceName)) throw taken(live, serviceName);
  const { earlier } = ctx;
  const saved = {
    snapshot: live === undefined ? null : snapshotOf(live),
    // The first attempt may have suspended it.
    autoScalingSnapshots:
      earlier.autoScalingSnapshots ?? (live === undefined ? [] : await snapshotAutoScaling(ctx, cluster, [live])),
  };
  await ctx.checkpoint({ serviceName, ...saved });
  return saved;
}

/** The service definition's count; with `sameAsRunning`, or without one there, what runs now. */
export function desiredOf(
  service: DeployedService,
  live: Pick<EcsService, 'desired'> | undefined,
  sameAsRunning: boolean,
): number | undefined {
  if (service.strategy === 'DAEMON') return undefined;
  const given = service.serviceDefinition['desiredCount'];
  if (live !== undefined && (sameAsRunning || typeof given !== 'number')) return live.desired;
  return typeof given === 'number' ? given : DEFAULT_INSTANCES;
}

async function apply(ctx: Context, options: { cluster: string; shape: ServiceShape; live: EcsService | undefined }) {
  const { cluster, shape, live } = options;
  const { name, taskDefinitionArn, desired } = shape;
  const count = desired === undefined ? 'same as existing' : String(desired);
  if (live === undefined) {
    ctx.log(`Creating Service ${name} with task definition ${taskDefinitionArn} and desired count ${count}`);
    return { changed: await createVersion(ctx, { family: name, cluster, shape }), baseline: NOTHING_BEFORE };
  }
  ctx.log(`Updating Service ${name} with task definition ${taskDefinitionArn} and desired count ${count}`);
  // Each run of this step has one task definition of its own: a service that has it was updated by an earlier run.
  const updated = live.taskDefinitionArn === taskDefinitionArn && (desired === undefined || live.desired === desired);
  // A new task definition starts a deployment by itself, so that `forceNewDeployment` asks for nothing more.
  return await updateInPlace(ctx, {
    cluster,
    live,
    change: updateServiceRequest(shape),
    asWanted: updated,
    before: ctx.resumed.before,
    saveBefore: (before) => ctx.checkpoint({ before }),
  });
}
