import type { Fault, OperatorRequest, SampleWorkflow, Script, VersionRange } from './ports.ts';
import { Random } from './random.ts';
import { problemsOf, spanOf } from './script-check.ts';
import { anyFault } from './script-faults.ts';
import { themedFaults } from './script-themes.ts';

export const SAMPLE_WORKFLOWS: readonly SampleWorkflow[] = [
  'replica-canary',
  'fargate-canary',
  'rolling-canary',
  'daemon',
];
export const VERSION_RANGES: readonly VersionRange[] = [
  { min: 1, max: 1 },
  { min: 1, max: 2 },
];
const NAMES = ['amber', 'birch', 'cedar'];
const FAULTS_MAX = 8;
/** Faults that contradict those before them are drawn anew, so often for each that is wanted. */
const DRAWS_PER_FAULT = 10;
/** Share of scripts with faults that belong together. */
const THEMED = 0.4;
/** How long an undisturbed run of the longest sample takes, about: faults fall into this time. */
export const CALM_RUN_MS = 90_000;
/** From the last fault to the moment from which nothing goes wrong any more. */
const AFTERWARDS_MS = 1_000;
/** What the slowest recovery takes: the window for a lost step, the time for any delegate, timeouts of steps, one after the other. */
const RECOVERY_MS = 3_600_000;
/** A clock of a control plane that went back makes everything that is to end by it wait for as long again. */
const RECOVERY_AFTER_JUMP_MS = 4 * 3_600_000;

/**
 * The script of a seed: who is there, what operators ask for, and what goes wrong. Always one that can happen (`problemsOf`). `draw`:
 * another one of the same seed.
 */
export function scriptOf(seed: number, draw = 0): Script {
  const random = new Random(draw === 0 ? `script/${seed}` : `script/${seed}/${draw}`);
  const delegates = NAMES.slice(0, random.chance(0.5) ? 2 : 3).map((name) => ({
    name,
    versions: random.pick(VERSION_RANGES),
  }));
  const controlPlaneVersions = random.pick(VERSION_RANGES);
  const requests = someRequests(random.fork('requests'));
  const base = { seed, delegates, controlPlaneVersions, requests };
  const faults = someFaults(random.fork('faults'), base);
  return finished(base, faults);
}

type Base = Pick<Script, 'seed' | 'delegates' | 'controlPlaneVersions' | 'requests'>;

function someRequests(random: Random): OperatorRequest[] {
  const count = random.pick([1, 1, 1, 1, 2, 2, 2, 3]);
  const workflows = random.shuffled(SAMPLE_WORKFLOWS).slice(0, count);
  const requests: OperatorRequest[] = [];
  for (const [index, workflow] of workflows.entries()) {
    const atMs = index === 0 ? random.whole(0, 3_000) : random.whole(0, 30_000);
    const key = `run-${index + 1}`;
    requests.push({ kind: 'run', atMs, key, workflow, image: `registry.example/app:${random.whole(2, 9)}` });
    if (!random.chance(0.4)) continue;
    requests.push(interrupt(random, key, atMs));
    if (random.chance(0.15)) requests.push(interrupt(random, key, atMs));
  }
  return requests.toSorted((one, other) => one.atMs - other.atMs);
}

function interrupt(random: Random, key: string, fromMs: number): OperatorRequest {
  const atMs = fromMs + random.pick([random.whole(0, 500), random.whole(0, 15_000), random.whole(0, CALM_RUN_MS)]);
  if (random.chance(0.4)) return { kind: 'rollback', atMs, key };
  return { kind: 'abort', atMs, key, rollback: random.chance(0.6) };
}

function someFaults(random: Random, base: Base): Fault[] {
  const wanted = random.pick([1, 1, 2, 2, 3, 3, 4, 5, 6, FAULTS_MAX]);
  const delegates = base.delegates.length;
  const faults: Fault[] = [];
  if (random.chance(THEMED)) {
    for (const fault of themedFaults(random, { delegates, atMs: momentOfChange(random, base) })) {
      if (faults.length < wanted + 1) add(base, faults, fault);
    }
  }
  for (let draw = 0; faults.length < wanted && draw < DRAWS_PER_FAULT * wanted; draw++) {
    add(base, faults, anyFault(random, { delegates, atMs: interestingMoment(random, base, faults) }));
  }
  return faults.toSorted((one, other) => one.atMs - other.atMs);
}

/** Unless it contradicts one that is there. */
function add(base: Base, faults: Fault[], fault: Fault): void {
  if (problemsOf(finished(base, [...faults, fault])).length === 0) faults.push(fault);
}

/** When the samples change AWS, if nothing holds them up. */
function momentOfChange(random: Random, base: Base): number {
  const runs = base.requests.filter(({ kind }) => kind === 'run');
  return (
    random.pick(runs).atMs +
    random.pick([random.whole(0, 2_500), random.whole(42_000, 60_000), random.whole(88_000, 102_000)])
  );
}

/** Much happens when something is asked for, when a fault begins, and when one is over: faults that meet there find more. */
function interestingMoment(random: Random, base: Base, faults: readonly Fault[]): number {
  const requested = random.pick(base.requests).atMs;
  const [runMs] = base.requests.map(({ atMs }) => atMs);
  const anywhere = (runMs ?? 0) + random.whole(0, CALM_RUN_MS);
  const before = faults.at(-1);
  switch (random.whole(0, 7)) {
    case 0:
      return requested + random.whole(0, 2_000);
    case 1:
    case 2:
      return requested + random.whole(0, 20_000);
    case 3:
      return before === undefined ? anywhere : before.atMs + random.whole(0, 3_000);
    case 4:
    case 5: {
      if (before === undefined) return anywhere;
      // While it lasts, or just when it is over.
      const { fromMs, toMs } = spanOf(before, before.atMs + 20_000);
      return random.chance(0.5) ? random.whole(fromMs, toMs) : Math.max(0, toMs + random.whole(-2_000, 8_000));
    }
    default:
      return anywhere;
  }
}

/** With the moment from which all is calm, and the one by which everything must have ended. */
function finished(base: Base, faults: readonly Fault[]): Script {
  const ends = faults.map((fault) => spanOf(fault, fault.atMs + TRAP_MS).toMs);
  const asked = base.requests.map(({ atMs }) => atMs);
  const calmFromMs = Math.max(0, ...ends, ...asked) + AFTERWARDS_MS;
  const jumps = faults.some((fault) => fault.kind === 'jump-clock');
  const limitMs = calmFromMs + (jumps ? RECOVERY_AFTER_JUMP_MS : RECOVERY_MS);
  return { ...base, faults, calmFromMs, limitMs };
}

/** A crash that waits for an effect waits at least so long. */
const TRAP_MS = 30_000;
