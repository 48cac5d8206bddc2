import type { TargetGroupState, TargetState, TaskState, WorldState } from './state.ts';
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
  const firstProbe = world.seconds(5, 15);
  group.targets.push({
    ...target,
    registeredAt: world.now,
    state: 'initial',
    reason: 'Elb.RegistrationInProgress',
    description: 'Target registration is in progress',
    failedProbes: 0,
    nextProbeAt: world.now + firstProbe,
  });
  world.schedule(firstProbe, { kind: 'probe-target', targetGroupArn, id: target.id, port: target.port });
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
