import type { ServiceState } from './state.ts';
import type { World } from './world.ts';

/** Has the service scheduler look at the service after a delay of simulated milliseconds, unless it will sooner anyway. */
export function requestReconcile(world: World, service: ServiceState, delayMilliseconds: number): void {
  const at = world.now + Math.round(delayMilliseconds);
  if (service.reconcileAt > world.now && service.reconcileAt <= at) return;
  service.reconcileToken += 1;
  service.reconcileAt = at;
  world.schedule(delayMilliseconds, {
    kind: 'reconcile-service',
    serviceArn: service.arn,
    token: service.reconcileToken,
  });
}

/** The usual lag between a change and the scheduler's reaction to it. */
export function reconcileSoon(world: World, service: ServiceState): void {
  requestReconcile(world, service, world.seconds(0.5, 1.5));
}
