import type { DelegateEffect, Direction, Fault, FaultKind, MessageFault } from './ports.ts';
import type { Random } from './random.ts';

/** Where and when a fault may fall. */
export interface Place {
  /** How many delegates there are. */
  readonly delegates: number;
  readonly atMs: number;
}

/** How often each kind is drawn, relative to the others. */
const WEIGHTS: Readonly<Record<FaultKind, number>> = {
  messages: 6,
  partition: 4,
  reset: 3,
  'crash-delegate': 3,
  'crash-delegate-at': 6,
  'replace-delegate': 3,
  'freeze-delegate': 3,
  'jump-clock': 3,
  'clone-delegate': 2,
  'crash-control-plane': 3,
  'crash-control-plane-at': 5,
  'replace-control-plane': 3,
  'freeze-control-plane': 2,
  'store-fault': 4,
  'roll-back-store': 2,
  'aws-fault': 4,
  'image-pull-fails': 1,
};

export const FAULT_KINDS: readonly FaultKind[] = Object.keys(WEIGHTS).filter(isFaultKind);
export const MESSAGE_HOW: readonly MessageFault['how'][] = ['drop', 'double', 'delay', 'reorder'];
export const DELEGATE_EFFECTS: readonly DelegateEffect[] = [
  'journal-append',
  'aws-mutation',
  'aws-read',
  'send',
  'spool-write',
];
/** Operations of the store at which the control plane dies; those that change something, and two that look. */
export const STORE_OPERATIONS: readonly string[] = [
  'commit',
  'commit',
  'commit',
  'offerTask',
  'offerTask',
  'renewLeases',
  'reattachTask',
  'appendLog',
  'enqueueTask',
  'effectDone',
  'cancelTask',
  'returnOffer',
  'extendAllLeases',
  'seeDelegate',
  'livingTasks',
  'getTask',
];

/** A fault of any kind at this place. */
export function anyFault(random: Random, place: Place): Fault {
  return faultOf(drawKind(random), random, place);
}

function drawKind(random: Random): FaultKind {
  const total = Object.values(WEIGHTS).reduce((sum, weight) => sum + weight, 0);
  let left = random.unit() * total;
  for (const kind of FAULT_KINDS) {
    left -= WEIGHTS[kind];
    if (left < 0) return kind;
  }
  return 'messages';
}

function isFaultKind(name: string): name is FaultKind {
  return Object.hasOwn(WEIGHTS, name);
}

function faultOf(kind: FaultKind, random: Random, place: Place): Fault {
  switch (kind) {
    case 'messages':
    case 'partition':
    case 'reset':
      return networkFault(kind, random, place);
    case 'crash-delegate':
    case 'crash-delegate-at':
    case 'replace-delegate':
    case 'freeze-delegate':
    case 'clone-delegate':
      return delegateFault(kind, random, place);
    case 'crash-control-plane':
    case 'crash-control-plane-at':
    case 'replace-control-plane':
    case 'freeze-control-plane':
    case 'roll-back-store':
      return controlPlaneFault(kind, random, place);
    default:
      return outsideFault(kind, random, place);
  }
}

function networkFault(kind: 'messages' | 'partition' | 'reset', random: Random, place: Place): Fault {
  const { atMs } = place;
  const delegate = random.whole(0, place.delegates - 1);
  const direction: Direction = random.chance(0.5) ? 'to-control-plane' : 'to-delegate';
  if (kind === 'reset') return { kind, atMs, delegate, stream: random.chance(0.65) ? 'connection' : 'logs' };
  if (kind === 'partition') {
    const both = random.chance(0.3);
    return { kind, atMs, forMs: outage(random), delegate, direction: both ? 'both' : direction };
  }
  const how = random.pick(MESSAGE_HOW);
  const probability = random.pick([0.05, 0.2, 0.5, 1]);
  return { kind, atMs, forMs: random.whole(200, 30_000), delegate, direction, how, probability };
}

type DelegateFaultKind =
  | 'crash-delegate'
  | 'crash-delegate-at'
  | 'replace-delegate'
  | 'freeze-delegate'
  | 'clone-delegate';

function delegateFault(kind: DelegateFaultKind, random: Random, place: Place): Fault {
  const { atMs } = place;
  const delegate = random.whole(0, place.delegates - 1);
  switch (kind) {
    case 'crash-delegate':
      return { kind, atMs, delegate, backAfterMs: absence(random), loseDisk: random.chance(0.25) };
    case 'crash-delegate-at': {
      const effect = random.pick(DELEGATE_EFFECTS);
      const nth = random.pick([1, 1, 2, 3, random.whole(1, 12), random.whole(1, 40)]);
      const moment = random.chance(0.5) ? 'before' : 'after';
      return { kind, atMs, delegate, effect, nth, moment, backAfterMs: absence(random) };
    }
    case 'replace-delegate':
      return { kind, atMs, delegate, backAfterMs: absence(random), ...someVersions(random) };
    case 'freeze-delegate':
      return { kind, atMs, forMs: outage(random), delegate, monotonicStops: random.chance(0.5) };
    case 'clone-delegate':
      return { kind, atMs, forMs: random.whole(1_000, 60_000), delegate };
  }
}

type ControlPlaneFaultKind =
  | 'crash-control-plane'
  | 'crash-control-plane-at'
  | 'replace-control-plane'
  | 'freeze-control-plane'
  | 'roll-back-store';

function controlPlaneFault(kind: ControlPlaneFaultKind, random: Random, { atMs }: Place): Fault {
  switch (kind) {
    case 'crash-control-plane':
      return { kind, atMs, backAfterMs: absence(random) };
    case 'crash-control-plane-at': {
      const operation = random.pick(STORE_OPERATIONS);
      const nth = random.pick([1, 1, 2, 3, random.whole(1, 10), random.whole(1, 40)]);
      return {
        kind,
        atMs,
        operation,
        nth,
        moment: random.chance(0.5) ? 'before' : 'after',
        backAfterMs: absence(random),
      };
    }
    case 'replace-control-plane':
      return { kind, atMs, backAfterMs: random.whole(200, 15_000), ...someVersions(random) };
    case 'freeze-control-plane':
      return { kind, atMs, forMs: outage(random) };
    case 'roll-back-store': {
      const backMs = Math.min(
        atMs,
        random.pick([random.whole(1, 500), random.whole(1, 5_000), random.whole(1, 60_000)]),
      );
      return { kind, atMs, backMs, backAfterMs: absence(random) };
    }
  }
}

function outsideFault(
  kind: 'jump-clock' | 'store-fault' | 'aws-fault' | 'image-pull-fails',
  random: Random,
  place: Place,
): Fault {
  const { atMs } = place;
  switch (kind) {
    case 'jump-clock': {
      const host = random.chance(0.4) ? 'control-plane' : random.whole(0, place.delegates - 1);
      return { kind, atMs, host, byMs: jump(random) };
    }
    case 'store-fault': {
      const how = random.pick(['refused', 'done-but-failed', 'slow'] as const);
      const forMs = random.pick([random.whole(50, 1_000), random.whole(500, 20_000)]);
      return { kind, atMs, forMs, how, probability: random.pick([0.05, 0.2, 0.5, 1]) };
    }
    case 'aws-fault': {
      const how = random.pick(['throttled', 'server-error', 'response-lost', 'response-lost', 'slow'] as const);
      return { kind, atMs, forMs: random.whole(500, 30_000), how, probability: random.pick([0.1, 0.3, 0.6, 1]) };
    }
    case 'image-pull-fails':
      return { kind, atMs, forMs: random.whole(1_000, 60_000) };
  }
}

function someVersions(random: Random): { readonly versions?: { readonly min: number; readonly max: number } } {
  const draw = random.whole(0, 2);
  return draw === 0 ? {} : { versions: { min: 1, max: draw } };
}

/** How long a process is away: a blink, less than a lease, about a lease with its grace, longer. */
function absence(random: Random): number {
  return random.pick([
    random.whole(10, 500),
    random.whole(500, 5_000),
    random.whole(5_000, 25_000),
    random.whole(25_000, 50_000),
    random.whole(50_000, 90_000),
  ]);
}

/** How long something stands still: shorter than what heartbeats forgive, about the self-fence, the lease with its grace, longer. */
function outage(random: Random): number {
  return random.pick([
    random.whole(50, 2_000),
    random.whole(2_000, 15_000),
    random.whole(15_000, 32_000),
    random.whole(32_000, 50_000),
    random.whole(50_000, 120_000),
  ]);
}

/** How far a clock jumps, either way: a little, about a lease, minutes, an hour. */
function jump(random: Random): number {
  const far = random.pick([
    random.whole(1, 2_000),
    random.whole(5_000, 45_000),
    random.whole(45_000, 700_000),
    3_600_000,
  ]);
  return random.chance(0.5) ? far : -far;
}
