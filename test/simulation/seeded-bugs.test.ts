import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { SEEDED_BUGS, withEdits } from './seeded-bugs.ts';

describe('seeded bugs', () => {
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

  test('there are at least 24, each with a name of its own', () => {
    const names = SEEDED_BUGS.map(({ name }) => name);
    assert.ok(names.length >= 24, `${names.length}`);
    assert.equal(new Set(names).size, names.length);
  });
});
