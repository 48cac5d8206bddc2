import { addCounts, type Counts } from './coverage.ts';
import type { SmallHistory } from './shrink-history.ts';
import type { FailedHistory, Tally } from './worker-protocol.ts';
import { HistoriesWorker, type WorkerOptions } from './workers.ts';

/** Many histories, one for each seed, on several processes. */

export interface HistoriesOptions extends WorkerOptions {
  /** The first seed; the others follow it. */
  readonly seed: number;
  readonly count: number;
  readonly workers: number;
  /** Ends soon after the first history that fails. Default false. */
  readonly untilFailure?: boolean;
  readonly onProgress?: (progress: Progress) => void;
  readonly onFailed?: (failed: FailedHistory) => void;
}

export interface Progress {
  readonly histories: number;
  readonly events: number;
  readonly failures: number;
  /** Scripts that were given up for another one, as too little happened. */
  readonly redrawn: number;
  readonly seconds: number;
}

export interface Summary extends Progress {
  readonly counts: Counts;
  readonly longest: Tally['longest'];
  readonly failed: readonly FailedHistory[];
  /** Edits of the seeded bug that were applied, in the worker with the fewest. */
  readonly edits: number;
}

/** Seeds given to a worker at a time: enough to keep it busy, few enough to end together. */
const CHUNK = 25;
/** Failures that are kept. */
const FAILED_MAX = 50;

/** Runs them all. Throws when a worker cannot go on. */
export async function runHistories(options: HistoriesOptions): Promise<Summary> {
  const { seed, count, untilFailure = false } = options;
  const began = performance.now();
  const counts = new Map<string, number>();
  const failed: FailedHistory[] = [];
  const total = { histories: 0, events: 0, failures: 0, redrawn: 0, next: seed, edits: Number.POSITIVE_INFINITY };
  let longest: Tally['longest'] = { seed, events: 0, ms: 0 };
  const progress = (): Progress => {
    const { histories, events, failures, redrawn } = total;
    return { histories, events, failures, redrawn, seconds: (performance.now() - began) / 1000 };
  };
  const work = async (): Promise<void> => {
    const worker = new HistoriesWorker(options.bug === undefined ? {} : { bug: options.bug });
    try {
      while (total.next < seed + count && !(untilFailure && failed.length > 0)) {
        const from = total.next;
        total.next = Math.min(from + CHUNK, seed + count);
        const seeds = Array.from({ length: total.next - from }, (_, index) => from + index);
        const { tally, edits } = await worker.order({ kind: 'run', seeds, untilFailure }, 'tally');
        addCounts(counts, tally.counts);
        for (const each of tally.failures) options.onFailed?.(each);
        failed.push(...tally.failures.slice(0, FAILED_MAX - failed.length));
        total.histories += tally.histories;
        total.events += tally.events;
        total.redrawn += tally.redrawn;
        total.failures += tally.failures.length;
        total.edits = Math.min(total.edits, edits);
        if (tally.longest.ms > longest.ms) longest = tally.longest;
        options.onProgress?.(progress());
      }
    } finally {
      await worker.end();
    }
  };
  await Promise.all(Array.from({ length: options.workers }, work));
  const sorted = failed.toSorted((one, other) => one.seed - other.seed);
  return { ...progress(), counts, longest, failed: sorted, edits: total.edits };
}

/** A failed history made smaller, in a worker of its own. */
export async function shrunkHistory(
  { script, violations }: FailedHistory,
  options: WorkerOptions = {},
): Promise<SmallHistory> {
  const worker = new HistoriesWorker(options);
  try {
    const invariant = violations[0]?.invariant ?? 'plant';
    const { small } = await worker.order({ kind: 'shrink', script, invariant }, 'shrunk');
    return small;
  } finally {
    await worker.end();
  }
}
