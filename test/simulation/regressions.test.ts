import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { runHistory } from './history.ts';
import { REGRESSIONS } from './regressions.ts';
import { problemsOf } from './script-check.ts';

describe('histories that once showed a defect', () => {
  for (const { defect, script } of REGRESSIONS) {
    test(`no longer: ${defect}`, async () => {
      assert.deepEqual(problemsOf(script), []);
      const { violations } = await runHistory(script);
      assert.deepEqual(violations, []);
    });
  }
});
