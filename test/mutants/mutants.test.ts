import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { MUTANTS } from './mutants.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));

test('there are at least twenty mutants of domain and steps', () => {
  const files = MUTANTS.filter(({ file }) => /^(control-plane\/src\/domain|delegate\/src\/steps)\//.test(file));
  assert.ok(files.length >= 20);
});

for (const { what, file, find, replace } of MUTANTS) {
  test(`the text that is changed stands once in ${file}: ${what}`, () => {
    assert.equal(readFileSync(join(ROOT, file), 'utf8').split(find).length, 2);
    assert.notEqual(find, replace);
  });
}
