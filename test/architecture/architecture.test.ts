import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { breaches } from './rules.ts';
import { readTree } from './tree.ts';

describe('the tree', () => {
  test('every source file keeps the rules of who may import whom, and its imports resolve', () => {
    const tree = readTree();
    assert.ok(tree.files.length > 100, `only ${tree.files.length} source files found: is the tree being read?`);
    assert.deepEqual(breaches(tree), []);
  });
});
