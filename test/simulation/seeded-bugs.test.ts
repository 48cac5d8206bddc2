// takes minutes
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { runSeed } from './history.ts';
import { SEEDED_BUGS, withEdits } from './seeded-bugs.ts';
import { readFindings } from './seeded-bugs-found.ts';
import { searchForAll } from './seeded-bugs-search.ts';

/** Besides the seed at which a bug was found last: other changes may have moved it, and the rarest takes some 700 histories. */
const OTHER_SEEDS = 2_000;
/** Half a minute, as long as nothing has moved. */
const SEARCH_TIMEOUT_MS = 480_000;

describe('seeded bugs', () => {
  const found = new Map(readFindings().map((finding) => [finding.name, finding]));

  test('each is about a text that stands exactly once in the source of today', () => {
    const problems: string[] = [];
    for (const { name, edits } of SEEDED_BUGS) {
      for (const file of new Set(edits.map((each) => each.file))) {
        const text = readFileSync(new URL(`../../${file}`, import.meta.url), 'utf8');
        try {
          withEdits(
            text,
            edits.filter((each) => each.file === file),
          );
        } catch (thrown) {
          problems.push(`${name}: ${thrown instanceof Error ? thrown.message : String(thrown)}`);
        }
      }
    }
    assert.deepEqual(problems, []);
  });

  test('there are at least 24, each with a name of its own and a history that shows it', () => {
    const names = SEEDED_BUGS.map(({ name }) => name);
    assert.ok(names.length >= 24, `${names.length}`);
    assert.equal(new Set(names).size, names.length);
    assert.deepEqual([...found.keys()].toSorted(), names.toSorted(), 'npm run seeded-bugs -- --write');
  });

  test('docs/reliability.md says of each how many histories it took', () => {
    const text = readFileSync(new URL('../../docs/reliability.md', import.meta.url), 'utf8');
    const untold = SEEDED_BUGS.map(({ name, what }) => {
      const { histories, invariants } = found.get(name) ?? { histories: 0, invariants: [] };
      return `| ${what} | ${histories} | ${invariants.join(', ')} |`;
    }).filter((row) => !text.includes(`${row}\n`));
    assert.deepEqual(untold, [], 'npm run seeded-bugs prints the table');
  });

  test('each is found', { timeout: SEARCH_TIMEOUT_MS }, async () => {
    const searches = await searchForAll({
      workers: 2,
      seedsOf: ({ name }) => {
        const others = Array.from({ length: OTHER_SEEDS }, (_, index) => index + 1);
        return [...new Set([found.get(name)?.seed ?? 1, ...others])];
      },
    });
    const lost = searches.filter((search) => search.found === undefined).map(({ bug }) => bug.name);
    assert.deepEqual(lost, [], 'found neither where they were last nor in so many other histories');
    const seconds = searches.reduce((sum, search) => sum + search.seconds, 0);
    console.log(`${searches.length} seeded bugs found in ${(seconds / 2).toFixed(0)} s`);
  });

  test('without them the histories that show them break nothing', { timeout: SEARCH_TIMEOUT_MS }, async () => {
    for (const seed of new Set([...found.values()].map((finding) => finding.seed))) {
      const { violations } = await runSeed(seed);
      assert.deepEqual(violations, [], `seed ${seed}`);
    }
  });
});
