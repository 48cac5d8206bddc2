import type { ContainerDefinition } from '@aws-sdk/client-ecs';
import { digestOf, pullFailureMessage, runningBehaviour, startBehaviour } from './behaviour.ts';
import { addServiceEvent } from './events.ts';
import { definitionOf } from './lookups.ts';
import { noteFailedStart, noteTaskRan } from './service-accounting.ts';
import { requestReconcile } from './service-schedule.ts';
import type { TaskState } from './state.ts';
import { drainTargets, registerTargets } from './targets.ts';
import type { Wire } from './wire-types.ts';
import type { World } from './world.ts';

/** Stopped tasks stay visible this long (AWS promises at least an hour). */
const STOPPED_TASK_KEPT_MILLISECONDS = 65 * 60_000;
/** Without load balancer and health check a task counts as healthy this long after it runs. */
export const HEALTHY_AFTER_MILLISECONDS = 40_000;

export interface StopOrder {
  readonly stopCode: NonNullable<TaskState['task']['stopCode']>;
  readonly reason: string;
  /** The container ended by itself, or never ran: nothing is waited for. */
  readonly alreadyDown: boolean;
}

export function scheduleStep(world: World, one: TaskState, delayMilliseconds: number): void {
  one.stepToken += 1;
  world.schedule(delayMilliseconds, { kind: 'step-task', taskArn: one.task.taskArn, token: one.stepToken });
}

/** Moves a task to its next status: up to RUNNING as long as it is wanted, down to STOPPED once it is not. */
export function stepTask(world: World, one: TaskState): void {
  if (one.task.desiredStatus === 'STOPPED') stepDown(world, one);
  else stepUp(world, one);
}

/** Orders a task to stop; a second order changes nothing. */
export function stopTask(world: World, one: TaskState, order: StopOrder): void {
  const { task } = one;
  if (task.desiredStatus === 'STOPPED') return;
  task.desiredStatus = 'STOPPED';
  task.stopCode = order.stopCode;
  task.stoppedReason = order.reason;
  task.stoppingAt = world.now;
  task.version += 1;
  const drainMilliseconds = drainTargets(world, one);
  if (order.alreadyDown || one.ranAt === 0) {
    task.executionStoppedAt = world.now;
    setStatus(one, one.ranAt === 0 ? 'STOPPING' : 'DEACTIVATING');
    scheduleStep(world, one, world.seconds(1, 2));
  } else if (drainMilliseconds > 0) {
    setStatus(one, 'DEACTIVATING');
    announceDraining(world, one);
    scheduleStep(world, one, drainMilliseconds);
  } else {
    scheduleStep(world, one, world.seconds(0.5, 1.5));
  }
  noteFailedStart(world, one);
  touchService(world, one);
}

function stepUp(world: World, one: TaskState): void {
  const { task } = one;
  switch (task.lastStatus) {
    case 'PROVISIONING':
      for (const attachment of task.attachments ?? []) attachment.status = 'ATTACHED';
      task.connectivity = 'CONNECTED';
      task.connectivityAt = world.now;
      setStatus(one, 'PENDING');
      scheduleStep(world, one, world.seconds(14, 26));
      return;
    case 'PENDING':
      startContainers(world, one);
      return;
    case 'ACTIVATING':
      enterRunning(world, one);
      return;
    case 'RUNNING':
      becomeHealthy(world, one);
      return;
    default:
      return;
  }
}

function stepDown(world: World, one: TaskState): void {
  const { task } = one;
  const ownInterface = (task.attachments ?? []).length > 0;
  switch (task.lastStatus) {
    case 'STOPPING':
      stopContainers(world, one);
      setStatus(one, ownInterface ? 'DEPROVISIONING' : 'STOPPED');
      if (ownInterface) scheduleStep(world, one, world.seconds(3, 8));
      else finishTask(world, one);
      return;
    case 'DEPROVISIONING':
      for (const attachment of task.attachments ?? []) attachment.status = 'DELETED';
      setStatus(one, 'STOPPED');
      finishTask(world, one);
      return;
    case 'STOPPED':
      return;
    default:
      setStatus(one, 'STOPPING');
      scheduleStep(world, one, world.seconds(1, 5));
      touchService(world, one);
  }
}

function startContainers(world: World, one: TaskState): void {
  const { task } = one;
  task.pullStartedAt = world.now - world.whole(3_000, 9_000);
  for (const container of task.containers) {
    const failure = startBehaviour(world, container.image ?? '');
    if (failure === undefined) continue;
    const reason =
      failure.kind === 'start-failure'
        ? (failure.containerReason ?? failure.stoppedReason)
        : (failure.message ?? pullFailureMessage(container.image ?? ''));
    container.reason = reason;
    container.lastStatus = 'STOPPED';
    const text =
      failure.kind === 'start-failure'
        ? failure.stoppedReason
        : task.launchType === 'FARGATE'
          ? reason
          : 'Task failed to start';
    stopTask(world, one, { stopCode: 'TaskFailedToStart', reason: text, alreadyDown: true });
    return;
  }
  task.pullStoppedAt = world.now - 500;
  for (const container of task.containers) {
    container.lastStatus = 'RUNNING';
    container.runtimeId = task.launchType === 'FARGATE' ? `${one.id}-${world.digits(10)}` : world.hex(64);
    container.imageDigest = digestOf(container.image ?? '');
  }
  one.ranAt = world.now;
  if (one.targets.length === 0) {
    enterRunning(world, one);
    return;
  }
  setStatus(one, 'ACTIVATING');
  registerTargets(world, one);
  announceRegistration(world, one);
  scheduleStep(world, one, world.seconds(2, 5));
}

function enterRunning(world: World, one: TaskState): void {
  one.task.startedAt = world.now;
  one.ranAt = world.now;
  setStatus(one, 'RUNNING');
  noteTaskRan(world, one);
  touchService(world, one);
  const service = one.serviceArn === undefined ? undefined : world.state.services[one.serviceArn];
  if (service !== undefined && one.targets.length === 0) {
    world.schedule(HEALTHY_AFTER_MILLISECONDS, { kind: 'reconcile-later', serviceArn: service.arn });
  }
  const ending = planEnding(world, one);
  if (ending === undefined && healthChecked(world, one)) scheduleStep(world, one, world.seconds(8, 15));
}

/** Decides how the task will end by itself, if it will. */
function planEnding(world: World, one: TaskState): 'planned' | undefined {
  for (const definition of essentialContainers(world, one)) {
    const behaviour = runningBehaviour(world, definition.image ?? '');
    if (behaviour === undefined) continue;
    const { taskArn } = one.task;
    if (behaviour.kind === 'crash') {
      if (behaviour.output !== undefined) one.output = behaviour.output.split('\n');
      const ending = { kind: 'exit', exitCode: behaviour.exitCode ?? 1 } as const;
      world.schedule((behaviour.afterSeconds ?? 5) * 1000, { kind: 'end-task', taskArn, ending });
      return 'planned';
    }
    if (behaviour.kind === 'out-of-memory') {
      const delay = (behaviour.afterSeconds ?? 5) * 1000;
      world.schedule(delay, { kind: 'end-task', taskArn, ending: { kind: 'out-of-memory' } });
      return 'planned';
    }
    const check = definition.healthCheck;
    if (check === undefined) continue;
    const failsAfter = (check.startPeriod ?? 0) + (check.interval ?? 30) * (check.retries ?? 3);
    world.schedule(failsAfter * 1000, { kind: 'end-task', taskArn, ending: { kind: 'unhealthy' } });
    return 'planned';
  }
  if (one.serviceArn !== undefined || !hasCommand(world, one)) return undefined;
  // A one-off task with a command does its work and ends; without one it is a server and stays.
  const ending = { kind: 'exit', exitCode: 0 } as const;
  world.schedule(world.seconds(8, 16), { kind: 'end-task', taskArn: one.task.taskArn, ending });
  return 'planned';
}

function hasCommand(world: World, one: TaskState): boolean {
  const overridden = (one.overrides?.containerOverrides ?? []).some((override) => (override.command ?? []).length > 0);
  return overridden || essentialContainers(world, one).some((definition) => (definition.command ?? []).length > 0);
}

function becomeHealthy(world: World, one: TaskState): void {
  const checked = new Set(
    (definitionOf(world.state, one.task.taskDefinitionArn).definition.containerDefinitions ?? [])
      .filter((definition) => definition.healthCheck !== undefined)
      .map((definition) => definition.name),
  );
  for (const container of one.task.containers) if (checked.has(container.name)) container.healthStatus = 'HEALTHY';
  one.task.healthStatus = 'HEALTHY';
  one.task.version += 1;
  touchService(world, one);
}

export function healthChecked(world: World, one: TaskState): boolean {
  return essentialContainers(world, one).some((definition) => definition.healthCheck !== undefined);
}

export function essentialContainers(world: World, one: TaskState): Wire<ContainerDefinition>[] {
  const { definition } = definitionOf(world.state, one.task.taskDefinitionArn);
  return (definition.containerDefinitions ?? []).filter((container) => container.essential !== false);
}

function stopContainers(world: World, one: TaskState): void {
  one.task.executionStoppedAt ??= world.now;
  for (const container of one.task.containers) {
    if (container.lastStatus === 'RUNNING') container.exitCode ??= 0;
    container.lastStatus = 'STOPPED';
  }
}

function finishTask(world: World, one: TaskState): void {
  one.task.stoppedAt = world.now;
  world.schedule(STOPPED_TASK_KEPT_MILLISECONDS, { kind: 'forget-task', taskArn: one.task.taskArn });
  touchService(world, one);
}

function setStatus(one: TaskState, status: string): void {
  one.task.lastStatus = status;
  one.task.version += 1;
}

function touchService(world: World, one: TaskState): void {
  const service = one.serviceArn === undefined ? undefined : world.state.services[one.serviceArn];
  if (service !== undefined) requestReconcile(world, service, world.seconds(0.2, 0.8));
}

function announceRegistration(world: World, one: TaskState): void {
  const service = one.serviceArn === undefined ? undefined : world.state.services[one.serviceArn];
  if (service === undefined) return;
  for (const target of one.targets) {
    addServiceEvent(world, service, `registered 1 targets in (target-group ${target.targetGroupArn})`);
  }
}

function announceDraining(world: World, one: TaskState): void {
  const service = one.serviceArn === undefined ? undefined : world.state.services[one.serviceArn];
  if (service === undefined) return;
  for (const target of one.targets) {
    addServiceEvent(world, service, `deregistered 1 targets in (target-group ${target.targetGroupArn})`);
  }
  addServiceEvent(world, service, 'has begun draining connections on 1 tasks.');
}
