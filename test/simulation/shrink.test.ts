import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Fault, Script } from './ports.ts';
import { scriptOf } from './script.ts';
import { problemsOf } from './script-check.ts';
import { shrink } from './shrink.ts';

const culprit: Fault = { kind: 'freeze-delegate', atMs: 9_000, forMs: 64_000, delegate: 0, monotonicStops: true };
const bystanders: readonly Fault[] = [
  { kind: 'reset', atMs: 1_000, delegate: 1, stream: 'logs' },
  { kind: 'aws-fault', atMs: 3_000, forMs: 5_000, how: 'slow', probability: 0.3 },
  { kind: 'jump-clock', atMs: 4_000, host: 'control-plane', byMs: 5_000 },
];
const script: Script = {
  ...scriptOf(7),
  delegates: ['amber', 'birch', 'cedar'].map((name) => ({ name, versions: { min: 1, max: 2 } })),
  requests: [
    { kind: 'run', atMs: 100, key: 'run-1', workflow: 'daemon', image: 'a:1' },
    { kind: 'run', atMs: 200, key: 'run-2', workflow: 'replica-canary', image: 'a:1' },
    { kind: 'abort', atMs: 900, key: 'run-2', rollback: true },
  ],
  faults: [...bystanders.slice(0, 2), culprit, ...bystanders.slice(2)],
  calmFromMs: 80_000,
  limitMs: 600_000,
};

const isFreeze = (fault: Fault) => fault.kind === 'freeze-delegate' && fault.forMs >= 30_000;

describe('a script that fails', () => {
  test('is made as small as it can be while it still fails', async () => {
    const asked: Script[] = [];
    const { script: small, runs } = await shrink(script, async (candidate) => {
      asked.push(candidate);
      return candidate.faults.some(isFreeze) && candidate.requests.some(({ key }) => key === 'run-2');
    });
    assert.deepEqual(small.faults, [{ ...culprit, forMs: 32_000 }]);
    assert.deepEqual(
      small.requests.map(({ kind, key }) => `${kind} ${key}`),
      ['run run-2'],
    );
    assert.equal(small.delegates.length, 1);
    assert.ok(small.calmFromMs < 55_000);
    assert.equal(runs, asked.length);
    for (const candidate of asked) assert.deepEqual(problemsOf(candidate), []);
  });

  test('stays as it is when nothing of it can go', async () => {
    const { script: same } = await shrink(script, async () => false);
    assert.deepEqual(same, script);
  });

  test('is given up on after a bounded number of histories', async () => {
    let runs = 0;
    await shrink(
      script,
      async () => {
        runs += 1;
        return runs % 2 === 0;
      },
      5,
    );
    assert.equal(runs, 5);
  });
});
