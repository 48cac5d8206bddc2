import { targetBehaviour } from './behaviour.ts';
import { addServiceEvent } from './events.ts';
import { noteHealthFailure } from './service-accounting.ts';
import { requestReconcile } from './service-schedule.ts';
import type { TargetGroupState, TargetState, TaskState, WorldState } from './state.ts';
import { stopTask } from './task-life.ts';
import type { World } from './world.ts';

const DEFAULT_DEREGISTRATION_SECONDS = 300;

/** Registers a task with its target groups; the first probe follows shortly. */
export function registerTargets(world: World, one: TaskState): void {
  for (const target of one.targets) {
    const zone = one.task.availabilityZone ?? '';
    addTarget(world, target.targetGroupArn, { id: target.id, port: target.port, zone, taskArn: one.task.taskArn });
  }
}

/** Adds a target, or brings a draining one back. An unknown target group is ignored, as ECS retries behind the scenes. */
export function addTarget(
  world: World,
  targetGroupArn: string,
  target: { id: string; port: number; zone: string; taskArn: string },
): void {
  const group = world.state.targetGroups[targetGroupArn];
  if (group === undefined) return;
  const known = findTarget(group, target.id, target.port);
  if (known !== undefined) group.targets.splice(group.targets.indexOf(known), 1);
  group.targets.push({
    ...target,
    registeredAt: world.now,
    state: 'initial',
    reason: 'Elb.RegistrationInProgress',
    description: 'Target registration is in progress',
    failedProbes: 0,
  });
  world.schedule(world.seconds(5, 15), { kind: 'probe-target', targetGroupArn, id: target.id, port: target.port });
}

/** Starts draining a task's targets. Returns how long that takes: 0 when it has none in service. */
export function drainTargets(world: World, one: TaskState): number {
  let longest = 0;
  for (const target of one.targets)
    longest = Math.max(longest, drainTarget(world, target.targetGroupArn, target.id, target.port));
  return longest;
}

/** Drains one target for its group's deregistration delay; 0 for a target that is not there. */
export function drainTarget(world: World, targetGroupArn: string, id: string, port: number): number {
  const group = world.state.targetGroups[targetGroupArn];
  const target = group === undefined ? undefined : findTarget(group, id, port);
  if (group === undefined || target === undefined || target.state === 'draining') return 0;
  const seconds = Number(group.attributes['deregistration_delay.timeout_seconds'] ?? DEFAULT_DEREGISTRATION_SECONDS);
  target.state = 'draining';
  target.reason = 'Target.DeregistrationInProgress';
  target.description = 'Target deregistration is in progress';
  world.schedule(seconds * 1000, { kind: 'drop-target', targetGroupArn, id, port });
  return seconds * 1000;
}

/** Takes a drained target out; one that was registered again meanwhile stays. */
export function removeTarget(world: World, targetGroupArn: string, id: string, port: number): void {
  const group = world.state.targetGroups[targetGroupArn];
  const target = group === undefined ? undefined : findTarget(group, id, port);
  if (group === undefined || target?.state !== 'draining') return;
  group.targets.splice(group.targets.indexOf(target), 1);
}

/** One health check by the load balancer, and the date of the next one. */
export function probeTarget(world: World, targetGroupArn: string, id: string, port: number): void {
  const group = world.state.targetGroups[targetGroupArn];
  const target = group === undefined ? undefined : findTarget(group, id, port);
  if (group === undefined || target === undefined || target.state === 'draining') return;
  const interval = (group.group.HealthCheckIntervalSeconds ?? 30) * 1000;
  world.schedule(interval, { kind: 'probe-target', targetGroupArn, id, port });
  if (!hasLoadBalancer(world.state, targetGroupArn)) {
    setHealth(
      target,
      'unused',
      'Target.NotInUse',
      'Target group is not configured to receive traffic from the load balancer',
    );
    return;
  }
  const one = world.state.tasks[target.taskArn];
  const failure = one === undefined ? undefined : imageOf(one, world);
  if (failure === undefined) {
    const changed = target.state !== 'healthy';
    target.failedProbes = 0;
    setHealth(target, 'healthy');
    if (changed) touch(world, one);
    return;
  }
  target.failedProbes += 1;
  if (target.failedProbes < (group.group.UnhealthyThresholdCount ?? 2)) {
    if (target.state === 'initial') {
      setHealth(target, 'initial', 'Elb.InitialHealthChecking', 'Initial health checks in progress');
    }
    return;
  }
  const timedOut = failure.reason === 'timeout';
  if (timedOut) setHealth(target, 'unhealthy', 'Target.Timeout', 'Request timed out');
  else setHealth(target, 'unhealthy', 'Target.ResponseCodeMismatch', 'Health checks failed with these codes: [502]');
  if (one !== undefined) giveUpOnTask(world, one, group, target);
}

/** Whether a listener or a rule sends traffic to the target group. */
export function hasLoadBalancer(state: WorldState, targetGroupArn: string): boolean {
  return (state.targetGroups[targetGroupArn]?.group.LoadBalancerArns ?? []).length > 0;
}

/** Whether every target of the task is in service. */
export function targetsAreHealthy(state: WorldState, one: TaskState): boolean {
  return one.targets.every((target) => {
    const group = state.targetGroups[target.targetGroupArn];
    return group !== undefined && findTarget(group, target.id, target.port)?.state === 'healthy';
  });
}

export function findTarget(group: TargetGroupState, id: string, port: number): TargetState | undefined {
  return group.targets.find((target) => target.id === id && target.port === port);
}

function giveUpOnTask(world: World, one: TaskState, group: TargetGroupState, target: TargetState): void {
  const service = one.serviceArn === undefined ? undefined : world.state.services[one.serviceArn];
  if (service === undefined || one.task.lastStatus !== 'RUNNING' || one.task.desiredStatus !== 'RUNNING') return;
  const grace = (service.settings.healthCheckGracePeriodSeconds ?? 0) * 1000;
  if (world.now < (one.task.startedAt ?? world.now) + grace) return;
  const arn = group.group.TargetGroupArn;
  const reason =
    target.reason === 'Target.Timeout' ? 'Request timed out' : 'Health checks failed with these codes: [502]';
  addServiceEvent(
    world,
    service,
    `(port ${target.port}) is unhealthy in (target-group ${arn}) due to (reason ${reason})`,
  );
  noteHealthFailure(world, service, one);
  stopTask(world, one, {
    stopCode: 'ServiceSchedulerInitiated',
    reason: `Task failed ELB health checks in (target-group ${arn})`,
    alreadyDown: false,
  });
}

function imageOf(one: TaskState, world: World): ReturnType<typeof targetBehaviour> {
  for (const container of one.task.containers) {
    const failure = targetBehaviour(world, container.image ?? '');
    if (failure !== undefined) return failure;
  }
  return undefined;
}

function setHealth(
  target: TargetState,
  state: TargetState['state'],
  reason?: TargetState['reason'],
  description?: string,
): void {
  target.state = state;
  if (reason === undefined) delete target.reason;
  else target.reason = reason;
  if (description === undefined) delete target.description;
  else target.description = description;
}

function touch(world: World, one: TaskState | undefined): void {
  const service = one?.serviceArn === undefined ? undefined : world.state.services[one.serviceArn];
  if (service !== undefined) requestReconcile(world, service, 500);
}
