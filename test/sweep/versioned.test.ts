// takes minutes
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sweepStories } from './check.ts';
import { storiesByType, VERSIONED_TYPES } from './stories.ts';

test('every step that a delegate can do is swept', () => {
  const without = [...storiesByType()].filter(([, names]) => names.length === 0).map(([type]) => type);
  assert.deepEqual(without, []);
});

sweepStories([...storiesByType()].filter(([type]) => VERSIONED_TYPES.has(type)).flatMap(([, names]) => names));
