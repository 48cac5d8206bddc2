import { appliedEdits } from './bug-state.ts';
import { addCounts, countsOf } from './coverage.ts';
import { runHistory, runSeed } from './history.ts';
import { shrinkHistory } from './shrink-history.ts';
import { type FailedHistory, isOrder, type Reply, type Tally } from './worker-protocol.ts';

/** A process that runs histories for somebody else: one order at a time, one answer each. It ends when it is left alone. */

async function tally(seeds: readonly number[], untilFailure: boolean): Promise<Tally> {
  const began = performance.now();
  const counts = new Map<string, number>();
  const failures: FailedHistory[] = [];
  const total = { histories: 0, events: 0, redrawn: 0 };
  let longest = { seed: 0, events: 0, ms: 0 };
  for (const seed of seeds) {
    const from = performance.now();
    const { script, record, violations, draws } = await runSeed(seed);
    total.histories += 1;
    total.redrawn += draws - 1;
    if (record !== undefined) {
      addCounts(counts, countsOf(record));
      total.events += record.steps;
      const ms = performance.now() - from;
      if (ms > longest.ms) longest = { seed, events: record.steps, ms: Math.round(ms) };
    }
    if (violations.length > 0) failures.push({ seed, script, violations });
    if (untilFailure && failures.length > 0) break;
  }
  return { ...total, longest, counts: [...counts], failures, ms: performance.now() - began };
}

async function answer(message: unknown): Promise<Reply> {
  if (!isOrder(message)) return { kind: 'broken', why: `not an order: ${JSON.stringify(message)}` };
  switch (message.kind) {
    case 'run':
      return { kind: 'tally', tally: await tally(message.seeds, message.untilFailure), edits: appliedEdits() };
    case 'try': {
      const { violations } = await runHistory(message.script);
      return { kind: 'tried', violations };
    }
    case 'shrink':
      return { kind: 'shrunk', small: await shrinkHistory(message.script, message.invariant) };
  }
}

process.once('disconnect', () => process.exit());
process.on('message', (message) => {
  void answer(message)
    .catch(
      (thrown: unknown): Reply => ({
        kind: 'broken',
        why: thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown),
      }),
    )
    .then((reply) => {
      if (process.connected) process.send?.(reply);
    });
});
