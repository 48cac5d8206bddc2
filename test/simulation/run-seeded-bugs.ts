import { parseArgs } from 'node:util';
import { SEEDED_BUGS } from './seeded-bugs.ts';
import { writeFindings } from './seeded-bugs-found.ts';
import { searchForAll, tableOf } from './seeded-bugs-search.ts';

/**
 * `npm run seeded-bugs -- [--limit 3000] [--seed 1] [--workers 2] [--write] [NAME…]`: plants each seeded bug in the product, one after the
 * other, and lets histories happen until one shows it. `--write` keeps where each was found, for the check. Answers 0 only if each was.
 */
export async function main(argv: readonly string[]): Promise<number> {
  const { values, positionals } = parseArgs({
    args: [...argv],
    allowPositionals: true,
    options: {
      limit: { type: 'string', default: '3000' },
      seed: { type: 'string', default: '1' },
      workers: { type: 'string', default: '2' },
      write: { type: 'boolean', default: false },
    },
  });
  const bugs = positionals.length === 0 ? SEEDED_BUGS : SEEDED_BUGS.filter(({ name }) => positionals.includes(name));
  const seeds = Array.from({ length: Number(values.limit) }, (_, index) => Number(values.seed) + index);
  const searches = await searchForAll(
    {
      seedsOf: () => seeds,
      workers: Number(values.workers),
      onSearched: ({ bug, found, histories, seconds }) => {
        const how = found === undefined ? 'NOT FOUND' : `${found.invariants.join(', ')}, seed ${found.seed}`;
        process.stderr.write(
          `${bug.name.padEnd(34)} ${String(histories).padStart(5)} ${seconds.toFixed(1)} s  ${how}\n`,
        );
        if (found !== undefined) process.stderr.write(`  ${found.detail.slice(0, 200)}\n`);
      },
    },
    bugs,
  );
  if (values.write) writeFindings(searches);
  const lost = searches.filter(({ found }) => found === undefined);
  const needed = searches.flatMap(({ found, histories }) => (found === undefined ? [] : [histories]));
  const median = needed.toSorted((one, other) => one - other)[Math.floor(needed.length / 2)] ?? 0;
  process.stdout.write(
    `${tableOf(searches)}\n\n${needed.length} of ${searches.length} found; median ${median} histories\n`,
  );
  return lost.length === 0 ? 0 : 1;
}
