import type { AutoScalerConfig, AutoScalingSnapshot } from '@outrider/shared/steps/autoscaling.ts';
import type { EcsService } from '../aws/ports.ts';
import { textOf } from '../json.ts';
import { restorable } from './auto-scaling-json.ts';
import { beforeSuspension, clearMark, isSuspended, markSuspended, RESUMED, SUSPENDED } from './auto-scaling-mark.ts';
import type { StepContext } from './contract.ts';

type Scaling = Pick<StepContext<unknown>, 'aws' | 'log'>;

/** What these services' auto scaling is when nobody deploys them, enough to put it back. */
export async function snapshotAutoScaling(
  ctx: Scaling,
  cluster: string,
  services: readonly Pick<EcsService, 'name' | 'tags'>[],
): Promise<AutoScalingSnapshot[]> {
  if (services.length === 0) return [];
  const tags = new Map(services.map((service) => [service.name, service.tags]));
  const found = await ctx.aws.autoScaling.describe(cluster, [...tags.keys()]);
  return found.map((scaling) => ({
    service: scaling.service,
    scalableTarget: restorable('target', beforeSuspension(scaling.scalableTarget, tags.get(scaling.service) ?? {})),
    scalingPolicies: scaling.scalingPolicies.map((policy) => restorable('policy', policy)),
    scheduledActions: scaling.scheduledActions.map((action) => restorable('action', action)),
  }));
}

/**
 * Keeps auto scaling from working against a resize without losing anything: policies, alarms and scheduled actions stay.
 * The lower limit becomes 0, or AWS would lift the service back up to it at once.
 */
export async function suspendAutoScaling(
  ctx: Scaling,
  cluster: string,
  snapshots: readonly AutoScalingSnapshot[],
): Promise<void> {
  if (snapshots.length === 0) return;
  const live = await ctx.aws.autoScaling.describe(
    cluster,
    snapshots.map((snapshot) => snapshot.service),
  );
  for (const { service, scalableTarget } of live) {
    if (isSuspended(scalableTarget)) continue;
    const marked = await ctx.aws.ecs.describeService(cluster, service);
    if (marked !== undefined) await markSuspended(ctx, marked, scalableTarget);
    ctx.log(`Suspending Auto Scaling of service: ${service}`);
    await ctx.aws.autoScaling.registerScalableTarget(cluster, service, { MinCapacity: 0, SuspendedState: SUSPENDED });
  }
}

/** Removes what is registered for a service; policies and scheduled actions go with it. Absent is fine. */
export async function removeAutoScaling(ctx: Scaling, cluster: string, service: string): Promise<boolean> {
  const [live] = await ctx.aws.autoScaling.describe(cluster, [service]);
  if (live === undefined) return false;
  ctx.log(`De-registering Scalable Target :${live.resourceId}`);
  await ctx.aws.autoScaling.deregisterScalableTarget(cluster, service);
  ctx.log(`De-registered Scalable Target Successfully: ${live.resourceId}`);
  return true;
}

/** After the final resize, not before: registering moves the desired count into the limits at once. */
export async function attachAutoScaling(
  ctx: Scaling,
  cluster: string,
  service: string,
  config: AutoScalerConfig,
): Promise<void> {
  const resource = `service/${cluster}/${service}`;
  ctx.log('');
  ctx.log(`Registering Scalable Target for Service : ${service}`);
  ctx.log(`Registering Scalable Target : ${resource}`);
  await ctx.aws.autoScaling.registerScalableTarget(cluster, service, config.scalableTarget);
  ctx.log('Registered scalable target Successfully');
  if (config.scalingPolicies.length === 0) return;
  ctx.log(`Creating Auto Scaling Policies for Service: ${service}`);
  for (const policy of config.scalingPolicies) {
    ctx.log(`Creating Scaling Policy: ${textOf(policy['PolicyName'])}`);
    await ctx.aws.autoScaling.putScalingPolicy(cluster, service, policy);
    ctx.log('Created Scaling Policy Successfully.');
  }
}

/** Puts a snapshot back: target first, then what hangs on it. A target that was not suspended is resumed. */
export async function restoreAutoScaling(ctx: Scaling, cluster: string, snapshot: AutoScalingSnapshot): Promise<void> {
  ctx.log(`Restoring Auto Scaling of service: ${snapshot.service}`);
  const target = { SuspendedState: RESUMED, ...snapshot.scalableTarget };
  await ctx.aws.autoScaling.registerScalableTarget(cluster, snapshot.service, target);
  for (const policy of snapshot.scalingPolicies) {
    await ctx.aws.autoScaling.putScalingPolicy(cluster, snapshot.service, policy);
  }
  for (const action of snapshot.scheduledActions) {
    await ctx.aws.autoScaling.putScheduledAction(cluster, snapshot.service, action);
  }
  const service = await ctx.aws.ecs.describeService(cluster, snapshot.service);
  if (service !== undefined) await clearMark(ctx, service);
  ctx.log(`Restored Auto Scaling of service: ${snapshot.service}`);
}
