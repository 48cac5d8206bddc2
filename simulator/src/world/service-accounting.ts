import { failDeployment } from './deployments.ts';
import { announceProblem } from './events.ts';
import { liveTasks } from './lookups.ts';
import { requestReconcile } from './service-schedule.ts';
import type { ServiceState, TaskState } from './state.ts';
import type { World } from './world.ts';

/** Failed starts in a row after which the scheduler says so. */
const IMPAIRED_AFTER = 4;
const LONGEST_START_DELAY_MILLISECONDS = 15 * 60_000;

/** A task reached RUNNING: starts are no longer impaired, and consecutive failures of its deployment are forgotten. */
export function noteTaskRan(world: World, one: TaskState): void {
  const service = serviceOf(world, one);
  if (service === undefined) return;
  service.failureStreak = 0;
  service.nextStartAt = 0;
  service.announcedProblem = '';
}

/** A task that never ran is given up: it counts against its deployment and slows the next start down. */
export function noteFailedStart(world: World, one: TaskState): void {
  const service = serviceOf(world, one);
  if (service === undefined || one.ranAt > 0 || one.task.stopCode !== 'TaskFailedToStart') return;
  service.steady = false;
  service.failureStreak += 1;
  service.nextStartAt = world.now + startDelay(service.failureStreak);
  countFailure(world, service, one);
  if (service.failureStreak >= IMPAIRED_AFTER)
    announceProblem(
      world,
      service,
      'is unable to consistently start tasks successfully. For more information, see the Troubleshooting section of the Amazon ECS Developer Guide.',
    );
  requestReconcile(world, service, startDelay(service.failureStreak));
}

/** A task is given up on for its health: it counts against its deployment. */
export function noteHealthFailure(world: World, service: ServiceState, one: TaskState): void {
  service.steady = false;
  countFailure(world, service, one);
}

/** Running tasks of a service as DescribeServices counts them. */
export function countTasks(
  world: World,
  service: ServiceState,
  deploymentId?: string,
): { running: number; pending: number } {
  let running = 0;
  let pending = 0;
  for (const one of Object.values(world.state.tasks)) {
    if (one.serviceArn !== service.arn || (deploymentId !== undefined && one.deploymentId !== deploymentId)) continue;
    if (one.task.lastStatus === 'RUNNING') running += 1;
    else if (one.task.desiredStatus === 'RUNNING' && one.task.lastStatus !== 'STOPPED') pending += 1;
  }
  return { running, pending };
}

/** Half the desired count, but at least 3 and at most 200 failures make the circuit breaker act. */
export function breakerThreshold(desiredCount: number): number {
  return Math.min(Math.max(Math.ceil(desiredCount / 2), 3), 200);
}

function countFailure(world: World, service: ServiceState, one: TaskState): void {
  const deployment = service.deployments.find((candidate) => candidate.id === one.deploymentId);
  if (deployment === undefined) return;
  deployment.failedTasks += 1;
  const breaker = service.settings.deploymentConfiguration?.deploymentCircuitBreaker;
  if (breaker?.enable !== true || deployment.rolloutState !== 'IN_PROGRESS' || deployment.status !== 'PRIMARY') return;
  const desired = Math.max(service.desiredCount, liveTasks(world.state, service).length);
  if (deployment.failedTasks >= breakerThreshold(desired)) failDeployment(world, service, deployment);
}

/** Quick at first, then doubling up to a quarter of an hour. */
function startDelay(streak: number): number {
  return streak < IMPAIRED_AFTER
    ? 2_000
    : Math.min(15_000 * 2 ** (streak - IMPAIRED_AFTER), LONGEST_START_DELAY_MILLISECONDS);
}

function serviceOf(world: World, one: TaskState): ServiceState | undefined {
  return one.serviceArn === undefined ? undefined : world.state.services[one.serviceArn];
}
