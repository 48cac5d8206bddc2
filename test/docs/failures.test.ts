import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { failureTables } from '../support/failure-tables.ts';

const PAGE = new URL('../../docs/failures.md', import.meta.url);
const BEGINS =
  '<!-- The tables below are written from the code: UPDATE_GOLDEN=1 node --test test/docs/failures.test.ts -->\n';

test('the page of failures tells what the delegate tells', () => {
  const text = readFileSync(PAGE, 'utf8');
  const [before] = text.split(BEGINS);
  const wanted = `${before}${BEGINS}\n${failureTables()}`;
  if (process.env['UPDATE_GOLDEN'] === '1') {
    writeFileSync(PAGE, wanted);
    return;
  }
  assert.equal(text, wanted, 'UPDATE_GOLDEN=1 writes its tables anew');
});
