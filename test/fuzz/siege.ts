import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { SILENT_SOCKET_LOOK_MS, SILENT_SOCKET_MS } from '@outrider/shared/protocol/timings.ts';
import { eventually } from '../support/processes.ts';
import type { Victim } from './victim.ts';
import type { Vitals } from './victim-process.ts';

/** What a bad peer did, counted. */
export class Tally {
  sent = 0;
  readonly #answers = new Map<string, number>();

  /** An answer or a refusal, by name. */
  note(answer: string, times = 1): void {
    this.#answers.set(answer, (this.#answers.get(answer) ?? 0) + times);
  }

  count(answer: string): number {
    return this.#answers.get(answer) ?? 0;
  }

  toString(): string {
    const answers = [...this.#answers].toSorted((one, other) => other[1] - one[1]);
    return `${this.sent} sent; ${answers.map(([answer, count]) => `${answer}: ${count}`).join(', ')}`;
  }
}

export interface Bounds {
  /** What may stay of the heap and of buffers when it is over. */
  readonly keptMiB: number;
  /** What the whole process may have grown by at its largest. */
  readonly peakMiB: number;
  /** How long the event loop may stand. */
  readonly loopDelayMs: number;
  /** How long the good delegate beside may need for a step, which takes 0.1 s in peace. */
  readonly deployMs: number;
}

/** Generous: other tests run on the same two cores. What is measured is printed. */
export const USUAL: Bounds = { keptMiB: 24, peakMiB: 200, loopDelayMs: 2_000, deployMs: 15_000 };

/** A bad peer goes on until it has done what it wanted and `deployed` is true: a step began and ended during it. */
export type Attack = (tally: Tally, siege: { readonly deployed: boolean }) => Promise<void>;

/**
 * Lets a bad peer do its worst while the good delegate beside it works, and then looks at what it has left: nothing.
 */
export async function besiege(
  context: TestContext,
  victim: Victim,
  attack: Attack,
  bounds: Partial<Bounds> = {},
): Promise<Tally> {
  const limits = { ...USUAL, ...bounds };
  const sessionsBefore = await victim.sessions();
  const before = await victim.mark();
  const tally = new Tally();
  const progress = { deployed: false };
  let over = false;
  const deployments = (async () => {
    const took: number[] = [];
    do {
      took.push(await victim.deploy());
      progress.deployed = true;
    } while (!over && took.length < DEPLOYMENTS_MAX);
    return took;
  })();
  const attacked = attack(tally, progress).finally(() => {
    over = true;
  });
  const [, deployed] = await Promise.allSettled([attacked, deployments]);
  await attacked;
  if (deployed.status === 'rejected') throw deployed.reason;
  const took = deployed.value;
  const during = await victim.vitals();
  await eventually('its sessions are gone', async () =>
    (await victim.sessions()) <= sessionsBefore ? true : undefined,
  );
  const after = await eventually(
    'its sockets are gone',
    async () => {
      const vitals = await victim.vitals();
      return vitals.sockets <= before.sockets ? vitals : undefined;
    },
    SOCKETS_GONE_MS,
  );
  report(context, tally, before, during, after, took);
  judge(victim, limits, before, during, after, took);
  return tally;
}

const DEPLOYMENTS_MAX = 50;
/** Most go at once; the last when nothing has come from it for too long. */
const SOCKETS_GONE_MS = SILENT_SOCKET_MS + 4 * SILENT_SOCKET_LOOK_MS;
const MIB = 2 ** 20;

function keptOf(before: Vitals, after: Vitals): number {
  return (after.heapBytes + after.externalBytes - before.heapBytes - before.externalBytes) / MIB;
}

function peakOf(before: Vitals, during: Vitals): number {
  return (during.peakRssBytes - before.rssBytes) / MIB;
}

function report(
  context: TestContext,
  tally: Tally,
  before: Vitals,
  during: Vitals,
  after: Vitals,
  took: readonly number[],
): void {
  const said = Object.entries(after.said).map(([what, count]) => `${what} (${count})`);
  context.diagnostic(
    `${tally.toString()}; kept ${keptOf(before, after).toFixed(1)} MiB, peak +${peakOf(before, during).toFixed(0)} MiB; ` +
      `event loop: longest stop ${during.loopDelayMaxMs} ms, p99 ${during.loopDelayP99Ms} ms; ` +
      `${took.length} steps beside it, the slowest in ${Math.max(...took)} ms; said: ${said.join(', ') || 'nothing'}`,
  );
}

function judge(
  victim: Victim,
  limits: Bounds,
  before: Vitals,
  during: Vitals,
  after: Vitals,
  took: readonly number[],
): void {
  assert.ok(victim.alive, 'the control plane lives');
  assert.deepEqual(after.defects, [], 'nothing was logged with a stack');
  assert.equal(victim.printed, '', 'nothing was written to its terminal');
  assert.ok(Math.max(...took) <= limits.deployMs, `a step beside it took ${Math.max(...took)} ms`);
  const kept = keptOf(before, after);
  assert.ok(kept <= limits.keptMiB, `${kept.toFixed(1)} MiB are kept`);
  const peak = peakOf(before, during);
  assert.ok(peak <= limits.peakMiB, `it grew by ${peak.toFixed(0)} MiB at its largest`);
  assert.ok(during.loopDelayMaxMs <= limits.loopDelayMs, `the event loop stood for ${during.loopDelayMaxMs} ms`);
}
