import { targetBehaviour } from './behaviour.ts';
import { addServiceEvent } from './events.ts';
import { noteHealthFailure } from './service-accounting.ts';
import { requestReconcile } from './service-schedule.ts';
import type { TargetGroupState, TargetState, TaskState } from './state.ts';
import { findTarget, hasLoadBalancer } from './targets.ts';
import { stopTask } from './task-life.ts';
import type { World } from './world.ts';

/** One health check by the load balancer, and the date of the next one. */
export function probeTarget(world: World, targetGroupArn: string, id: string, port: number): void {
  const group = world.state.targetGroups[targetGroupArn];
  const target = group === undefined ? undefined : findTarget(group, id, port);
  if (group === undefined || target === undefined || target.state === 'draining') return;
  if (target.nextProbeAt !== world.now) return;
  const interval = (group.group.HealthCheckIntervalSeconds ?? 30) * 1000;
  target.nextProbeAt = world.now + interval;
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
