import type { Fault } from './ports.ts';
import type { Random } from './random.ts';
import type { Place } from './script-faults.ts';

/**
 * Faults that find more together than each alone: single ones seldom meet by chance at the moment that matters. The place is about a
 * moment at which AWS is changed.
 */
export function themedFaults(random: Random, place: Place): Fault[] {
  return random.pick(THEMES)(random, place);
}

type Theme = (random: Random, place: Place) => Fault[];

/** A change of AWS has to wait, and meanwhile its delegate falls silent for longer than its lease. */
const fenced: Theme = (random, { atMs, delegates }) => [
  held(random, atMs),
  silence(random, atMs + random.whole(0, 12_000), random.whole(0, delegates - 1)),
];

/** A delegate cannot be reached, and its clock is set back meanwhile. */
const setBack: Theme = (random, { atMs, delegates }) => {
  const host = random.whole(0, delegates - 1);
  const byMs = -random.pick([random.whole(40_000, 120_000), 3_600_000]);
  const silentFromMs = atMs + random.whole(0, 10_000);
  const jump: Fault = { kind: 'jump-clock', atMs: silentFromMs + random.whole(200, 15_000), host, byMs };
  // One of its clocks must be right: a machine on which neither is cannot know anything.
  const drawn = silence(random, silentFromMs, host);
  const silent: Fault = drawn.kind === 'freeze-delegate' ? { ...drawn, monotonicStops: false } : drawn;
  return random.chance(0.4) ? [held(random, atMs), silent, jump] : [silent, jump];
};

/** What a delegate is told comes late, and then it stands still with answers on their way to it. */
const lateAnswers: Theme = (random, { atMs, delegates }) => {
  const delegate = random.whole(0, delegates - 1);
  const monotonicStops = random.chance(0.5);
  return [
    {
      kind: 'messages',
      atMs,
      forMs: random.whole(12_000, 40_000),
      delegate,
      direction: 'to-delegate',
      how: 'delay',
      probability: 1,
    },
    {
      kind: 'freeze-delegate',
      atMs: atMs + random.whole(5_000, 30_000),
      forMs: random.whole(30_000, 90_000),
      delegate,
      monotonicStops,
    },
  ];
};

/** As `fenced`, on a machine that is suspended, so that its monotonic clock stands still. */
const suspended: Theme = (random, { atMs, delegates }) => [
  held(random, atMs),
  {
    kind: 'freeze-delegate',
    atMs: atMs + random.whole(0, 12_000),
    forMs: random.whole(25_000, 90_000),
    delegate: random.whole(0, delegates - 1),
    monotonicStops: true,
  },
];

/** The store does not say whether something was done, and then the control plane dies, or not. */
const unclear: Theme = (random, { atMs }) => {
  const forMs = random.whole(200, 4_000);
  const how = random.pick(['refused', 'done-but-failed'] as const);
  const probability = random.pick([0.2, 0.5, 1]);
  const store: Fault = { kind: 'store-fault', atMs, forMs, how, probability };
  const crashAtMs = atMs + random.whole(0, forMs + 3_000);
  const backAfterMs = random.whole(50, 20_000);
  return random.chance(0.5) ? [store] : [store, { kind: 'crash-control-plane', atMs: crashAtMs, backAfterMs }];
};

/** Some of what is said is lost, while the streams live or as one of them breaks. */
const lostWords: Theme = (random, { atMs, delegates }) => {
  const delegate = random.whole(0, delegates - 1);
  const forMs = random.whole(3_000, 40_000);
  const direction = random.chance(0.7) ? 'to-control-plane' : 'to-delegate';
  const probability = random.pick([0.1, 0.3, 0.6]);
  const lost: Fault = { kind: 'messages', atMs, forMs, delegate, direction, how: 'drop', probability };
  if (random.chance(0.5)) return [lost];
  return [lost, { kind: 'reset', atMs: atMs + random.whole(0, forMs), delegate, stream: 'logs' }];
};

/** A delegate is away for so long that another one goes on, and then comes back. */
const handover: Theme = (random, { atMs, delegates }) => {
  const delegate = random.whole(0, delegates - 1);
  const awayMs = random.whole(38_000, 90_000);
  const gone: Fault = random.chance(0.5)
    ? { kind: 'crash-delegate', atMs, delegate, backAfterMs: awayMs, loseDisk: random.chance(0.5) }
    : silence(random, atMs, delegate);
  if (random.chance(0.5)) return [gone];
  const crashAtMs = atMs + random.whole(36_000, 48_000);
  return [gone, { kind: 'crash-control-plane', atMs: crashAtMs, backAfterMs: random.whole(50, 3_000) }];
};

/** The control plane stands still until every lease has ended, and then hears all at once what was said meanwhile. */
const stalled: Theme = (random, { atMs }) => [
  {
    kind: 'freeze-control-plane',
    atMs: atMs + random.whole(0, 15_000),
    forMs: random.whole(36_000, 75_000),
  },
];

/** A clone comes up, perhaps while its twin is not connected. */
const twins: Theme = (random, { atMs, delegates }) => {
  const delegate = random.whole(0, delegates - 1);
  const clone: Fault = { kind: 'clone-delegate', atMs, forMs: random.whole(10_000, 60_000), delegate };
  const cutAtMs = Math.max(0, atMs + random.whole(-2_000, 20_000));
  if (random.chance(0.4)) return [clone];
  if (random.chance(0.5)) return [clone, { kind: 'reset', atMs: cutAtMs, delegate, stream: 'connection' }];
  return [clone, silence(random, cutAtMs, delegate)].filter(({ kind }) => kind !== 'freeze-delegate');
};

const THEMES: readonly Theme[] = [
  fenced,
  fenced,
  setBack,
  setBack,
  suspended,
  unclear,
  unclear,
  lostWords,
  handover,
  stalled,
  lateAnswers,
  twins,
];

function held(random: Random, atMs: number): Fault {
  const how = random.pick(['throttled', 'throttled', 'slow', 'response-lost'] as const);
  return { kind: 'aws-fault', atMs, forMs: random.whole(15_000, 60_000), how, probability: random.pick([0.7, 1]) };
}

function silence(random: Random, atMs: number, delegate: number): Fault {
  const forMs = random.whole(25_000, 90_000);
  if (random.chance(0.3)) {
    return { kind: 'freeze-delegate', atMs, forMs, delegate, monotonicStops: random.chance(0.5) };
  }
  const direction = random.pick(['both', 'to-control-plane', 'to-delegate'] as const);
  return { kind: 'partition', atMs, forMs, delegate, direction };
}
