import { parseArgs } from 'node:util';
import { SEEDED_BUGS } from './seeded-bugs.ts';
import { searchForAll, tableOf } from './seeded-bugs-search.ts';

/**
 * `npm run seeded-bugs -- [--limit 3000] [--seed 1] [--workers 2] [NAME…]`: plants each seeded bug in the product, one after the
 * other, and lets histories happen until one shows it. Answers 0 only if each was found.
 */
export async function main(argv: readonly string[]): Promise<number> {
  const { values, positionals } = parseArgs({
    args: [...argv],
    allowPositionals: true,
    options: {
      limit: { type: 'string', default: '3000' },
      seed: { type: 'string', default: '1' },
      workers: { type: 'string', default: '2' },
    },
  });
  const bugs = positionals.length === 0 ? SEEDED_BUGS : SEEDED_BUGS.filter(({ name }) => positionals.includes(name));
  const options = { limit: Number(values.limit), seed: Number(values.seed), workers: Number(values.workers) };
  const searches = await searchForAll(
    {
      ...options,
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
  const lost = searches.filter(({ found }) => found === undefined);
  const needed = searches.flatMap(({ found, histories }) => (found === undefined ? [] : [histories]));
  const median = needed.toSorted((one, other) => one - other)[Math.floor(needed.length / 2)] ?? 0;
  process.stdout.write(
    `${tableOf(searches)}\n\n${needed.length} of ${searches.length} found; median ${median} histories\n`,
  );
  return lost.length === 0 ? 0 : 1;
}
