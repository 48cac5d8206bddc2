import { parseArgs } from 'node:util';
import { runHistories, shrunkHistory } from './histories.ts';
import { failureText, progressLine, summaryText } from './histories-text.ts';

/**
 * `npm run histories -- [--count 10000] [--seed 1] [--workers 2] [--until-failure]`: lets so many seeded histories happen and
 * holds each against the invariants. Answers 0 only if none of them is broken.
 */

const PROGRESS_EVERY_MS = 5_000;
/** Failures that are made smaller and shown whole; of the others the seed is told. */
const SHOWN = 3;

export async function main(argv: readonly string[]): Promise<number> {
  const { values } = parseArgs({
    args: [...argv],
    options: {
      count: { type: 'string', default: '10000' },
      seed: { type: 'string', default: '1' },
      workers: { type: 'string', default: '2' },
      'until-failure': { type: 'boolean', default: false },
    },
  });
  const count = numberOf('count', values.count);
  const seed = numberOf('seed', values.seed);
  let toldAt = 0;
  const summary = await runHistories({
    seed,
    count,
    workers: numberOf('workers', values.workers),
    untilFailure: values['until-failure'],
    onFailed({ seed: of, violations }) {
      const [first] = violations;
      process.stderr.write(`seed ${of} breaks ${first?.invariant}: ${first?.detail.slice(0, 300)}\n`);
    },
    onProgress(progress) {
      if (performance.now() - toldAt < PROGRESS_EVERY_MS) return;
      toldAt = performance.now();
      process.stderr.write(`${progressLine(progress, count)}\n`);
    },
  });
  process.stdout.write(`${summaryText(summary)}\n`);
  const shown = new Set<string>();
  for (const failed of summary.failed) {
    const invariant = failed.violations[0]?.invariant ?? '';
    if (shown.size >= SHOWN || shown.has(invariant)) continue;
    shown.add(invariant);
    process.stdout.write(`\n${failureText(failed, await shrunkHistory(failed))}\n`);
  }
  if (summary.failures > 0) {
    const seeds = summary.failed.map(
      (failed) => `${failed.seed} (${failed.violations.map((each) => each.invariant).join(', ')})`,
    );
    process.stdout.write(`\nSeeds that fail: ${seeds.join(', ')}\n`);
  }
  return summary.failures === 0 ? 0 : 1;
}

function numberOf(name: string, text: string): number {
  const number = Number(text);
  if (!Number.isSafeInteger(number) || number < 1) throw new Error(`--${name} is a whole number from 1: ${text}`);
  return number;
}
