import type { Chance } from './chance.ts';
import { type Fault, type Harm, harmsOf } from './faults.ts';
import type { Installation } from './installation.ts';
import { pause } from './operator.ts';
import type { Pace } from './timings.ts';

/** What was done to whom, and when; milliseconds since the nemesis began. */
export interface Misdeed {
  readonly atMs: number;
  readonly what: string;
  readonly victim: string;
  readonly forMs: number;
}

export interface Nemesis {
  readonly misdeeds: readonly Misdeed[];
  /** Resolves when everything has been made good again. */
  readonly done: Promise<void>;
}

/** For so many leases the harmful wait for deployments to get on. */
const MOST_PATIENCE_LEASES = 3;

/** For how many leases a victim is left alone. Without the control plane or the way to it nothing goes on at all. */
const SPARED_LEASES: Readonly<Record<string, number>> & { readonly others: number } = {
  'control-plane': 1.6,
  AWS: 0,
  'AWS, at a change': 0,
  others: 0.3,
};

/**
 * Does harm until it is told to stop; then ends what is under way. Whom and what it takes comes from the seed; when exactly that
 * strikes depends on the machine, so that a seed gives the same plan and not the same history.
 */
export function startNemesis(
  installation: Installation,
  pace: Pace,
  chance: Chance,
  stop: AbortSignal,
  tell: (misdeed: Misdeed) => void,
): Nemesis {
  const misdeeds: Misdeed[] = [];
  const began = performance.now();
  // Whom somebody has in hand, and who is left alone for a while so that there is always something under way to be harmed.
  const taken = new Set<string>();
  const sparedUntil = new Map<string, number>();

  const doHarm = async (fault: Fault, victim: string, forMs: number, luck: Chance) => {
    taken.add(victim);
    const came = await fault.begin(victim, luck);
    if (came === false) return void taken.delete(victim);
    const misdeed = { atMs: Math.round(performance.now() - began), what: fault.what, victim, forMs };
    misdeeds.push(misdeed);
    tell(misdeed);
    await pauseUnless(forMs, stop);
    await fault.end(victim);
    taken.delete(victim);
    sparedUntil.set(victim, performance.now() + pace.leaseMs * (SPARED_LEASES[victim] ?? SPARED_LEASES.others));
  };
  const keepOn = async ({ name, faults, atOnce, pauseMs, changesBetween }: Harm) => {
    const luck = chance.fork(name);
    const underWay = new Set<Promise<void>>();
    const { changes } = installation.ambush;
    while (!stop.aborted) {
      const enough = changes() + changesBetween;
      await pauseUnless(luck.whole(...pauseMs), stop);
      await until(() => changes() >= enough, MOST_PATIENCE_LEASES * pace.leaseMs, stop);
      if (stop.aborted) break;
      const fault = weighted(faults, luck);
      const victim = luck.one(fault.victims);
      const forMs = luck.whole(...fault.lastsMs);
      const spared = taken.has(victim) || performance.now() < (sparedUntil.get(victim) ?? 0);
      if (spared || underWay.size >= atOnce) continue;
      const deed = doHarm(fault, victim, forMs, luck);
      underWay.add(deed);
      void deed.finally(() => underWay.delete(deed));
    }
    await Promise.all(underWay);
  };
  const run = async () => {
    await Promise.all(harmsOf(installation, pace).map(keepOn));
    await makeGood(installation);
  };
  const done = run();
  // Whoever waits for the end hears of it then.
  done.catch(() => undefined);
  return { misdeeds, done };
}

function weighted(faults: readonly Fault[], chance: Chance): Fault {
  let drawn = chance.number() * faults.reduce((sum, fault) => sum + fault.weight, 0);
  for (const fault of faults) {
    drawn -= fault.weight;
    if (drawn < 0) return fault;
  }
  return chance.one(faults);
}

/** Everybody runs and every network is well. */
async function makeGood({ controlPlane, delegates, operatorProxy, delegateProxies }: Installation): Promise<void> {
  for (const daemon of [controlPlane, ...Object.values(delegates)]) {
    daemon.thaw();
    daemon.start();
  }
  await Promise.all([operatorProxy, ...Object.values(delegateProxies)].map((proxy) => proxy.heal()));
}

/** Waits for it, but not for ever: harm that keeps everything from happening ends, and there must be harm without progress, too. */
async function until(happened: () => boolean, limitMs: number, stop: AbortSignal): Promise<void> {
  const end = performance.now() + limitMs;
  while (!stop.aborted && !happened() && performance.now() < end) await pause(50);
}

async function pauseUnless(milliseconds: number, stop: AbortSignal): Promise<void> {
  const end = performance.now() + milliseconds;
  while (!stop.aborted && performance.now() < end) await pause(Math.min(50, Math.max(1, end - performance.now())));
}
