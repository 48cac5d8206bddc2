import { reconcileDaemon } from './daemon.ts';
import { completeDeployment } from './deployments.ts';
import { addServiceEvent, announceProblem } from './events.ts';
import { isRunning, liveTasks, tasksOf } from './lookups.ts';
import { countTasks } from './service-accounting.ts';
import { requestReconcile } from './service-schedule.ts';
import { startServiceTasks, stopServiceTasks } from './service-tasks.ts';
import type { DeploymentState, ServiceState, TaskState } from './state.ts';
import { targetsAreHealthy } from './targets.ts';
import { HEALTHY_AFTER_MILLISECONDS, healthChecked } from './task-life.ts';
import type { World } from './world.ts';

/** A service that stays steady says so again after this long. */
const STEADY_REPEATED_MILLISECONDS = 6 * 3_600_000;
/** Deleted services can still be described this long. */
const INACTIVE_KEPT_MILLISECONDS = 3_600_000;
/** Tasks have run this long before the service counts as steady: a crash at the start must not look like success. */
const STEADY_AFTER_MILLISECONDS = 8_000;
const STUCK =
  'was unable to stop or start tasks during a deployment because of the service deployment configuration. Update the minimumHealthyPercent or maximumPercent value and try again.';

/** The service scheduler's look at one service: starts, stops, and announces what is worth it. */
export function reconcileService(world: World, service: ServiceState): void {
  service.reconcileAt = 0;
  if (service.status === 'INACTIVE') return;
  if (service.status === 'DRAINING') {
    drainService(world, service);
    return;
  }
  const primary = service.deployments[0];
  if (primary === undefined) return;
  if (service.settings.schedulingStrategy === 'DAEMON') reconcileDaemon(world, service, primary);
  else reconcileReplica(world, service, primary);
  settle(world, service, primary);
}

function reconcileReplica(world: World, service: ServiceState, primary: DeploymentState): void {
  const live = liveTasks(world.state, service);
  const isOld = (one: TaskState): boolean => one.deploymentId !== primary.id || onDrainingInstance(world, one);
  const old = live.filter(isOld);
  const current = live.filter((one) => !isOld(one));
  if (old.length === 0) {
    if (current.length < service.desiredCount)
      startServiceTasks(world, service, primary, service.desiredCount - current.length);
    else stopServiceTasks(world, service, surplus(current, service.desiredCount), primary.id);
    return;
  }
  rollOver(world, service, primary, old, current);
}

/** Replaces old tasks by new ones within the deployment's percentages. */
function rollOver(
  world: World,
  service: ServiceState,
  primary: DeploymentState,
  old: readonly TaskState[],
  current: readonly TaskState[],
): void {
  const desired = service.desiredCount;
  const configuration = service.settings.deploymentConfiguration;
  const most = Math.floor((desired * (configuration?.maximumPercent ?? 200)) / 100);
  const least = Math.ceil((desired * (configuration?.minimumHealthyPercent ?? 100)) / 100);
  const surplusNew = surplus(current, desired);
  stopServiceTasks(world, service, surplusNew, primary.id);
  const healthy = [...old, ...current].filter((one) => isHealthy(world, one));
  const healthyOld = old.filter((one) => isHealthy(world, one));
  const ailing = old.filter((one) => !isRunning(one));
  const spare = Math.max(0, healthy.length - surplusNew.length - least);
  const stopping = [...ailing, ...healthyOld.slice(0, spare)];
  stopServiceTasks(world, service, stopping, primary.id);
  const total = old.length + current.length - surplusNew.length - stopping.length;
  const missing = Math.max(0, desired - current.length);
  const startable = primary.rolloutState === 'FAILED' ? 0 : Math.max(0, Math.min(missing, most - total));
  if (startable > 0) startServiceTasks(world, service, primary, startable);
  else if (missing > 0 && stopping.length === 0 && current.every(isRunning) && primary.rolloutState !== 'FAILED') {
    announceProblem(world, service, STUCK);
  }
}

/** Announces the end of a rollout and the steady state once everything is as it should be. */
function settle(world: World, service: ServiceState, primary: DeploymentState): void {
  const tasks = tasksOf(world.state, service);
  const others = new Set(
    tasks
      .filter((one) => one.deploymentId !== primary.id && one.task.lastStatus !== 'STOPPED')
      .map((one) => one.deploymentId),
  );
  const counts = countTasks(world, service);
  const live = liveTasks(world.state, service);
  const settled =
    others.size === 0 &&
    counts.pending === 0 &&
    counts.running === service.desiredCount &&
    live.length === service.desiredCount &&
    live.every((one) => serves(world, one));
  if (!settled) {
    service.deployments = service.deployments.filter((one) => one === primary || others.has(one.id));
    return;
  }
  const youngest = live.reduce((latest, one) => Math.max(latest, one.task.startedAt ?? 0), 0);
  if (live.length > 0 && world.now < youngest + STEADY_AFTER_MILLISECONDS) {
    requestReconcile(world, service, youngest + STEADY_AFTER_MILLISECONDS - world.now);
    return;
  }
  if (primary.rolloutState === 'IN_PROGRESS') completeDeployment(world, service, primary);
  service.deployments = [primary];
  const repeat = world.now - service.steadyAt >= STEADY_REPEATED_MILLISECONDS;
  if (service.steady && !repeat) {
    requestReconcile(world, service, service.steadyAt + STEADY_REPEATED_MILLISECONDS - world.now);
    return;
  }
  service.steady = true;
  service.steadyAt = world.now;
  service.announcedProblem = '';
  addServiceEvent(world, service, 'has reached a steady state.');
  requestReconcile(world, service, STEADY_REPEATED_MILLISECONDS);
}

/** RUNNING and answering, as far as anything checks that. */
function serves(world: World, one: TaskState): boolean {
  if (!isRunning(one) || !targetsAreHealthy(world.state, one)) return false;
  return !healthChecked(world, one) || one.task.healthStatus === 'HEALTHY';
}

/** Counts towards minimumHealthyPercent: without any check only some time after it runs. */
function isHealthy(world: World, one: TaskState): boolean {
  if (!serves(world, one)) return false;
  if (one.targets.length > 0 || healthChecked(world, one)) return true;
  return world.now - (one.task.startedAt ?? world.now) >= HEALTHY_AFTER_MILLISECONDS;
}

/** The tasks beyond the desired count: those that do not run yet first, then from the fullest instance, the newest first. */
function surplus(tasks: readonly TaskState[], desired: number): TaskState[] {
  const remaining = [...tasks];
  const chosen: TaskState[] = [];
  while (remaining.length > Math.max(0, desired)) {
    const crowd = new Map<string, number>();
    for (const one of remaining) crowd.set(placeOf(one), (crowd.get(placeOf(one)) ?? 0) + 1);
    const rank = (one: TaskState): number =>
      isRunning(one) ? (crowd.get(placeOf(one)) ?? 0) : Number.MAX_SAFE_INTEGER;
    const next = remaining.reduce((best, one) => (rank(one) >= rank(best) ? one : best));
    remaining.splice(remaining.indexOf(next), 1);
    chosen.push(next);
  }
  return chosen;
}

function placeOf(one: TaskState): string {
  return one.task.containerInstanceArn ?? one.task.availabilityZone ?? '';
}

function onDrainingInstance(world: World, one: TaskState): boolean {
  const arn = one.task.containerInstanceArn;
  return arn !== undefined && world.state.instances[arn]?.status === 'DRAINING';
}

function drainService(world: World, service: ServiceState): void {
  const primary = service.deployments[0];
  stopServiceTasks(world, service, liveTasks(world.state, service), primary?.id ?? '');
  const waiting = tasksOf(world.state, service).some(
    (one) => !['STOPPING', 'DEPROVISIONING', 'STOPPED'].includes(one.task.lastStatus),
  );
  if (waiting) return;
  service.status = 'INACTIVE';
  service.inactiveAt = world.now;
  service.deployments = [];
  world.schedule(INACTIVE_KEPT_MILLISECONDS, { kind: 'forget-service', serviceArn: service.arn });
}
