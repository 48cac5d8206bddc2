import type { PlacementConstraint, PlacementStrategy, TaskDefinition } from '@aws-sdk/client-ecs';
import { satisfies } from './constraints.ts';
import { TROUBLESHOOTING } from './events.ts';
import { matches } from './faults.ts';
import { clusterNameOf } from './lookups.ts';
import { activeInstances, attributesOf, remainingOf, reservationOf, tasksOn } from './resources.ts';
import type { InstanceState, WorldState } from './state.ts';
import type { Wire } from './wire-types.ts';
import type { World } from './world.ts';

export interface PlacementRequest {
  readonly clusterArn: string;
  readonly definition: Wire<TaskDefinition>;
  readonly constraints: readonly Wire<PlacementConstraint>[];
  readonly strategies: readonly Wire<PlacementStrategy>[];
  /** Tasks of this group count for spreading and distinctInstance. */
  readonly group: string;
}

export type Placement =
  | { readonly kind: 'placed'; readonly instance: InstanceState }
  /** `reason` is RunTask's failure reason, `text` ends the service event that starts "was unable to place a task". */
  | { readonly kind: 'refused'; readonly reason: string; readonly text: string };

const NO_INSTANCE = 'because no container instance met all of its requirements.';
const NO_FARGATE = 'Capacity is unavailable at this time. Please try again later or in a different availability zone.';

/** Chooses the container instance for one more task. Draws nothing at random: ties go to the instance registered first. */
export function placeOnInstance(state: WorldState, request: PlacementRequest): Placement {
  const active = activeInstances(state, request.clusterArn);
  if (active.length === 0) {
    const text = `${NO_INSTANCE} Reason: No Container Instances were found in your cluster. ${TROUBLESHOOTING}`;
    return { kind: 'refused', reason: 'RESOURCE:*', text };
  }
  const constraints = [...request.constraints, ...(request.definition.placementConstraints ?? [])];
  const distinct = constraints.some((constraint) => constraint.type === 'distinctInstance');
  const allowed = active.filter(
    (instance) => satisfies(instance, constraints) && !(distinct && countOn(state, instance, request.group) > 0),
  );
  if (allowed.length === 0) {
    const closest = active[0]?.id ?? '';
    const problem = distinct
      ? 'distinctInstance placement constraint unsatisfied'
      : 'MemberOf placement constraint unsatisfied';
    return {
      kind: 'refused',
      reason: problem,
      text: `${NO_INSTANCE} The closest matching (container-instance ${closest}) encountered error "${problem}". ${TROUBLESHOOTING}`,
    };
  }
  return chooseWithRoom(state, request, allowed);
}

function chooseWithRoom(state: WorldState, request: PlacementRequest, allowed: readonly InstanceState[]): Placement {
  const wanted = reservationOf(request.definition);
  const verdicts = allowed.map((instance) => {
    const left = remainingOf(state, instance);
    if (wanted.fixedPorts.some((port) => left.usedPorts.has(port))) return { instance, lack: 'PORTS' as const };
    if (left.cpu < wanted.cpu) return { instance, lack: 'CPU' as const };
    if (left.memoryMiB < wanted.memoryMiB) return { instance, lack: 'MEMORY' as const };
    return { instance, lack: undefined };
  });
  const fitting = verdicts.filter((verdict) => verdict.lack === undefined).map((verdict) => verdict.instance);
  const best = order(state, request, fitting)[0];
  if (best !== undefined) return { kind: 'placed', instance: best };
  const closest = verdicts[0];
  const lack = closest?.lack ?? 'CPU';
  const problem = {
    CPU: 'has insufficient CPU units available.',
    MEMORY: 'has insufficient memory available.',
    PORTS: 'is already using a port required by your task.',
  }[lack];
  const text = `${NO_INSTANCE} The closest matching (container-instance ${closest?.instance.id ?? ''}) ${problem} ${TROUBLESHOOTING}`;
  return { kind: 'refused', reason: `RESOURCE:${lack}`, text };
}

/** Whether Fargate has room; the only thing that ever lacks there is put in by a fault. */
export function placeOnFargate(world: World, clusterArn: string): { readonly refused?: string } {
  const struck = world.faults.strike(['no-capacity'], (fault) => matches(fault.cluster, clusterNameOf(clusterArn)));
  return struck === undefined ? {} : { refused: `Reason: ${struck.fault.message ?? NO_FARGATE}` };
}

/** What a fault says against placing a task of this cluster now. Counts the fault as struck. */
export function placementFault(world: World, clusterArn: string): string | undefined {
  const struck = world.faults.strike(['placement-failure'], (fault) =>
    matches(fault.cluster, clusterNameOf(clusterArn)),
  );
  return struck?.fault.text;
}

/** Instances in the order the strategies prefer them; without any, an even spread over zones and instances. */
function order(state: WorldState, request: PlacementRequest, instances: readonly InstanceState[]): InstanceState[] {
  const strategies: readonly Wire<PlacementStrategy>[] =
    request.strategies.length > 0 ? request.strategies : [{ type: 'spread', field: 'attribute:ecs.availability-zone' }];
  const keys = [...strategies.map(keyOf), keyOf({ type: 'spread', field: 'instanceId' })];
  const ranked = instances.map((instance) => ({
    instance,
    ranks: keys.map((key) => key(state, request, instance, instances)),
  }));
  ranked.sort((one, other) => compareRanks(one.ranks, other.ranks));
  return ranked.map((entry) => entry.instance);
}

type Key = (
  state: WorldState,
  request: PlacementRequest,
  instance: InstanceState,
  all: readonly InstanceState[],
) => number;

function keyOf(strategy: Wire<PlacementStrategy>): Key {
  switch (strategy.type) {
    case 'binpack':
      return (state, _request, instance) => {
        const left = remainingOf(state, instance);
        return strategy.field?.toLowerCase() === 'cpu' ? left.cpu : left.memoryMiB;
      };
    case 'spread': {
      const field = strategy.field ?? 'instanceId';
      return (state, request, instance, all) => {
        const value = valueOf(instance, field);
        const peers = all.filter((other) => valueOf(other, field) === value);
        return peers.reduce((sum, other) => sum + countOn(state, other, request.group), 0);
      };
    }
    default:
      return () => 0;
  }
}

function valueOf(instance: InstanceState, field: string): string {
  if (!field.startsWith('attribute:')) return instance.id;
  return attributesOf(instance)[field.slice('attribute:'.length)] ?? '';
}

function countOn(state: WorldState, instance: InstanceState, group: string): number {
  return tasksOn(state, instance).filter((one) => one.task.group === group && one.task.desiredStatus === 'RUNNING')
    .length;
}

function compareRanks(one: readonly number[], other: readonly number[]): number {
  for (const [index, rank] of one.entries()) {
    const difference = rank - (other[index] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}
