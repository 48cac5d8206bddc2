import { matches } from './faults.ts';
import { clusterNameOf } from './lookups.ts';
import { reconcileSoon } from './service-schedule.ts';
import type { ServiceState, WorldState } from './state.ts';
import type { World } from './world.ts';

/** Scaling activities kept; the oldest go first. */
const ACTIVITIES_KEPT = 500;

/** Changes a service's desired count on behalf of Application Auto Scaling and records the activity. */
export function scaleService(world: World, service: ServiceState, desiredCount: number, cause: string): void {
  if (service.desiredCount === desiredCount) return;
  service.desiredCount = desiredCount;
  service.steady = false;
  reconcileSoon(world, service);
  const { scalingActivities } = world.state;
  scalingActivities.unshift({
    ActivityId: world.uuid(),
    ServiceNamespace: 'ecs',
    ResourceId: resourceIdOf(service),
    ScalableDimension: 'ecs:service:DesiredCount',
    Description: `Setting desired count to ${desiredCount}.`,
    Cause: cause,
    StartTime: world.now,
    EndTime: world.now,
    StatusCode: 'Successful',
    StatusMessage: `Successfully set desired count to ${desiredCount}. Change successfully fulfilled by ecs.`,
  });
  if (scalingActivities.length > ACTIVITIES_KEPT) scalingActivities.length = ACTIVITIES_KEPT;
}

export function resourceIdOf(service: ServiceState): string {
  return `service/${clusterNameOf(service.clusterArn)}/${service.name}`;
}

/** The ACTIVE service behind `service/CLUSTER/NAME`. */
export function serviceBehind(state: WorldState, resourceId: string): ServiceState | undefined {
  return Object.values(state.services).find(
    (service) => service.status === 'ACTIVE' && resourceIdOf(service) === resourceId,
  );
}

/** One act of the autoscaler that a fault put into the world: it leaves suspended targets alone and stops with its fault. */
export function actAsAutoscaler(world: World, faultId: string): void {
  const fault = world.faults.get(faultId);
  if (fault?.kind !== 'autoscaler') return;
  for (const target of Object.values(world.state.scalableTargets)) {
    const service = serviceBehind(world.state, target.ResourceId ?? '');
    if (service === undefined || !matches(fault.service, service.name)) continue;
    const wanted = clamp(fault.desired ?? service.desiredCount, target.MinCapacity ?? 0, target.MaxCapacity ?? 0);
    const suspended = target.SuspendedState;
    const scalingOut = wanted > service.desiredCount;
    if (scalingOut ? suspended?.DynamicScalingOutSuspended === true : suspended?.DynamicScalingInSuspended === true)
      continue;
    scaleService(
      world,
      service,
      wanted,
      `monitor alarm TargetTracking-${target.ResourceId}-Alarm${scalingOut ? 'High' : 'Low'} in state ALARM triggered policy`,
    );
  }
  world.schedule((fault.everySeconds ?? 60) * 1000, { kind: 'autoscaler', faultId });
}

export function clamp(value: number, low: number, high: number): number {
  return Math.min(Math.max(value, low), Math.max(low, high));
}
