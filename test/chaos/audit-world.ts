import type { Tell } from './audit.ts';
import type { Lane } from './lanes.ts';
import type { ExecutionRecord, Observations } from './observations.ts';
import type { Deployment } from './workload.ts';
import type { LaneWorld, ScalingView, ServiceView } from './world-view.ts';

/** What AWS has in the end is what the executions say they did. */
export function auditWorld(seen: Observations, tell: Tell): void {
  const executions = new Map(seen.executions.map((execution) => [execution.id, execution]));
  const lanes = Map.groupBy(seen.deployments, (deployment) => deployment.lane);
  for (const [lane, deployments] of lanes) {
    for (const deployment of deployments) {
      const execution = executions.get(deployment.request.executionId);
      if (execution === undefined || deployment.ended === undefined) continue;
      if (lane.kind === 'replica') auditReplica(deployment, execution, tell);
      else auditRolling(deployment, execution, tell);
    }
    auditPauses(lane, deployments, seen, tell);
    const settled = seen.world.settled[lane.name];
    if (settled !== undefined) auditSettled(lane, settled, tell);
    auditCapacity(lane, deployments, executions, seen, tell);
  }
  for (const execution of seen.executions) auditMade(execution, seen, tell);
}

/** Each step makes one task definition and one service, however often it is repeated. */
function auditMade({ id, steps }: ExecutionRecord, { world }: Observations, tell: Tell): void {
  for (const { id: stepId, type, status } of steps) {
    const revisions = world.revisions.filter(({ execution, step }) => execution === id && step === stepId);
    const services = world.created.filter(({ execution, step }) => execution === id && step === stepId);
    const made = `${id}/${stepId} (${type}, ${status}) made`;
    const registers = REGISTERS.has(type);
    if (revisions.length > 1 || (registers && status === 'succeeded' && revisions.length === 0)) {
      tell(
        'one task definition for each setup',
        `${made} ${revisions.length}: ${revisions.map(({ arn }) => arn).join(', ')}`,
      );
    }
    if (services.length > 1) {
      tell(
        'one service for each deployment',
        `${made} ${services.map(({ name, createdAt }) => `${name} at ${createdAt}`).join(', ')}`,
      );
    }
  }
}

const REGISTERS: ReadonlySet<string> = new Set(['ecs-service-setup', 'ecs-canary-deploy', 'ecs-rolling-deploy']);

function auditReplica({ lane, before, after }: Deployment, execution: ExecutionRecord, tell: Tell): void {
  const { id, reason, status, rollback } = execution;
  const name = `${id} (${reason}, ${status}, rollback ${rollback})`;
  const fresh = after.services.filter((service) => service.execution === id);
  if (status === 'succeeded') {
    const wrong =
      fresh.length !== 1 ||
      fresh[0]?.desired !== lane.total ||
      after.services.some((service) => service.execution !== id && service.desired !== 0);
    if (wrong) tell('a success serves, alone and whole', `${name}: ${countsOf(after)}`);
    auditScaling(name, lane, after.services, new Set(fresh.map((service) => service.name)), tell);
    return;
  }
  // What a failed rollback leaves is for a person to see to; the execution says so.
  if (rollback === 'failed') return;
  if (fresh.some((service) => service.desired > 0)) {
    tell('nothing of what was rolled back serves', `${name}: ${countsOf(after)}`);
  }
  if (fresh.some((service) => service.scaling !== undefined)) {
    tell('a rollback restores auto scaling', `${name}: the new version still has one`);
  }
  // After a rollback that failed several versions serve: which of them is kept is the next setup's choice, for good.
  if (before.services.filter((service) => service.desired > 0).length > 1) return;
  for (const old of before.services) {
    const now = after.services.find((service) => service.name === old.name);
    const gone = now === undefined && old.desired > 0;
    if (gone || (now !== undefined && now.desired !== old.desired)) {
      tell('a rollback restores the counts', `${name}: ${countsOf(before)} became ${countsOf(after)}`);
    }
    if (now !== undefined && old.desired > 0 && !sameScaling(old.scaling, now.scaling)) {
      const text = `${JSON.stringify(old.scaling)} became ${JSON.stringify(now.scaling)}`;
      tell('a rollback restores auto scaling', `${name}: of ${old.name} ${text}`);
    }
    if (old.desired > 0 && now?.markedSuspended === true)
      tell('a rollback restores auto scaling', `${name}: ${old.name} is still marked`);
  }
}

/** Auto scaling is where the instances are, as the workflow says, and nowhere else. */
function auditScaling(
  name: string,
  { scaling }: Lane,
  services: readonly ServiceView[],
  serving: ReadonlySet<string>,
  tell: Tell,
): void {
  for (const service of services) {
    const wanted: ScalingView | undefined =
      scaling !== undefined && serving.has(service.name)
        ? { min: scaling.min, max: scaling.max, suspended: false, policies: [scaling.policy] }
        : undefined;
    if (!sameScaling(service.scaling, wanted)) {
      tell(
        'auto scaling follows the version that serves',
        `${name}: ${service.name} has ${JSON.stringify(service.scaling)}`,
      );
    }
  }
}

function sameScaling(a: ScalingView | undefined, b: ScalingView | undefined): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

function auditRolling({ lane, before, after }: Deployment, execution: ExecutionRecord, tell: Tell): void {
  const { id, reason, status, rollback } = execution;
  const name = `${id} (${reason}, ${status}, rollback ${rollback})`;
  const main = (world: LaneWorld) => world.services.find((service) => service.name === lane.stem);
  const others = after.services.filter((service) => service.name !== lane.stem);
  if (rollback === 'failed') return;
  if (others.length > 0) tell('no canary is left behind', `${name}: ${countsOf(after)}`);
  const old = main(before);
  const now = main(after);
  if (status === 'succeeded') {
    const revision = now?.taskDefinition ?? '';
    if (now?.desired !== lane.total || revision === old?.taskDefinition) {
      tell('a success serves, alone and whole', `${name}: ${countsOf(after)} with ${revision}`);
    }
    return;
  }
  if (old?.desired !== now?.desired || old?.taskDefinition !== now?.taskDefinition) {
    const text = `${countsOf(before)} of ${old?.taskDefinition} became ${countsOf(after)} of ${now?.taskDefinition}`;
    tell('a rollback restores the service', `${name}: ${text}`);
  }
}

/** Between two executions nobody changes anything: no delegate acts when it no longer may. */
function auditPauses(lane: Lane, deployments: readonly Deployment[], { world }: Observations, tell: Tell): void {
  for (const [index, deployment] of deployments.entries()) {
    const next = deployments[index + 1]?.before ?? world.settled[lane.name];
    if (deployment.ended === undefined || next === undefined) continue;
    const { after, request } = deployment;
    const late = world.mutations.filter(
      ({ atMs, input }) => atMs > after.atMs && atMs < next.atMs && input.includes(lane.stem),
    );
    for (const { operation, input } of late) {
      tell(
        'after its end an execution changes nothing',
        `after ${request.executionId}: ${operation} ${input.slice(0, 300)}`,
      );
    }
    if (countsOf(after) !== countsOf(next)) {
      tell(
        'after its end an execution changes nothing',
        `after ${request.executionId}: ${countsOf(after)}, then ${countsOf(next)}`,
      );
    }
  }
}

/** When all is quiet every service runs what it should, of the version that it should. */
function auditSettled(lane: Lane, { services }: LaneWorld, tell: Tell): void {
  for (const { name, desired, running, taskDefinition, moving } of services) {
    const right = running[taskDefinition] ?? 0;
    const all = Object.values(running).reduce((sum, count) => sum + count, 0);
    if (right !== desired || all !== desired || moving > 0) {
      tell(
        'in the end every service runs what it should',
        `${lane.name}: ${name} wants ${desired}: ${JSON.stringify(running)}, ${moving} moving`,
      );
    }
  }
}

/**
 * Once a version serves, there are never fewer instances asked for than belong to it, through every resize and every rollback,
 * whoever repeats what.
 */
function auditCapacity(
  lane: Lane,
  deployments: readonly Deployment[],
  executions: ReadonlyMap<string, ExecutionRecord>,
  { world }: Observations,
  tell: Tell,
): void {
  if (lane.kind !== 'replica') return;
  const spoilt = deployments.some(({ request }) => executions.get(request.executionId)?.rollback === 'failed');
  const first = deployments.find(({ ended }) => ended === 'succeeded');
  if (spoilt || first === undefined) return;
  const desired = new Map<string, number>();
  for (const { operation, atMs, input } of world.mutations) {
    if (!input.includes(lane.stem)) continue;
    const call: { service?: string; serviceName?: string; desiredCount?: number } = input.endsWith('}')
      ? JSON.parse(input)
      : {};
    const name = (call.serviceName ?? call.service ?? '').split('/').at(-1) ?? '';
    if (operation === 'DeleteService') desired.delete(name);
    else if (call.desiredCount !== undefined) desired.set(name, call.desiredCount);
    const sum = [...desired.values()].reduce((total, count) => total + count, 0);
    if (atMs > first.after.atMs && sum < lane.total) {
      return tell(
        'there are never too few instances',
        `${lane.name}: ${operation} of ${name} left ${sum} of ${lane.total}`,
      );
    }
  }
}

function countsOf({ services }: LaneWorld): string {
  return services
    .map(({ name, desired }) => `${name}=${desired}`)
    .toSorted()
    .join(' ');
}
