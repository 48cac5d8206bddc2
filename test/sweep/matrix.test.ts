import assert from 'node:assert/strict';
import { test } from 'node:test';
import { committedMatrix, headingOf } from './matrix.ts';
import { storiesByType } from './stories.ts';

test('the reliability matrix has every story of every step, in their order, and no other', () => {
  const told = committedMatrix()
    .split('\n')
    .filter((line) => line.startsWith('## '));
  const wanted = [...storiesByType()].flatMap(([type, names]) => names.map((name) => headingOf(type, name)));
  assert.deepEqual(told, wanted, 'npm run sweep writes it anew');
});
