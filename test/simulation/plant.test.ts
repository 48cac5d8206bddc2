import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type HistoryRecord, runPlant } from './plant/index.ts';
import type { DelegateEffect, Fault, SampleWorkflow, Script } from './ports.ts';

/** Two delegates, one deployment, and what goes wrong. */
function scriptWith(faults: readonly Fault[], workflow: SampleWorkflow = 'fargate-canary', seed = 1): Script {
  return {
    seed,
    delegates: [
      { name: 'amber', versions: { min: 1, max: 2 } },
      { name: 'birch', versions: { min: 1, max: 1 } },
    ],
    controlPlaneVersions: { min: 1, max: 2 },
    requests: [{ kind: 'run', atMs: 2_000, key: 'run-1', workflow, image: 'registry.example/app:3' }],
    faults,
    calmFromMs: 200_000,
    limitMs: 3_600_000,
  };
}

/** What no fault may bring about, as far as it is seen at a glance; the invariants look closer. */
function assertSound(record: HistoryRecord): void {
  assert.deepEqual(record.failures, []);
  assert.deepEqual(record.unended, []);
  assert.deepEqual(record.leaks, []);
  assert.equal(record.store.pendingEffects, 0);
  for (const { id, verdict, events } of record.store.executions) {
    assert.equal(verdict.kind, 'ok', id);
    assert.equal(events.filter(({ event }) => event.type === 'execution-finished').length, 1);
  }
  const living = record.store.tasks.filter((task) => task.state !== 'ended');
  assert.deepEqual(living, []);
}

function statusOf(record: HistoryRecord): string {
  return record.store.executions.map(({ summary }) => summary.status).join(', ');
}

/** The same fault at both delegates: it strikes whoever has the work. */
function atBoth(fault: Extract<Fault, { readonly delegate: number }>): Fault[] {
  return [
    { ...fault, delegate: 0 },
    { ...fault, delegate: 1 },
  ];
}

describe('a simulated installation', () => {
  const samples: readonly SampleWorkflow[] = ['replica-canary', 'fargate-canary', 'rolling-canary', 'daemon'];
  for (const workflow of samples) {
    test(`deploys ${workflow} when nothing goes wrong, with its whole log and every event seen once`, async () => {
      const record = await runPlant(scriptWith([], workflow));
      assertSound(record);
      assert.equal(statusOf(record), 'succeeded');
      const [execution] = record.store.executions;
      assert.deepEqual(
        record.watched.map(({ seq }) => seq),
        execution?.events.map(({ seq }) => seq),
      );
      assert.equal(
        record.storedLogs.map(({ text }) => text).join(''),
        record.produced.map(({ text }) => text).join(''),
      );
      assert.ok(record.mutations.length > 0 && record.mutations.every(({ hostAlive }) => hostAlive));
      assert.ok(record.holders.length > 0 && record.acknowledgements.length > 0 && record.grants.length > 0);
      assert.deepEqual(record.errors, []);
    });
  }

  test('the same script gives the same record, another seed another one', async () => {
    const faults: Fault[] = [
      {
        kind: 'messages',
        atMs: 3_000,
        forMs: 20_000,
        delegate: 0,
        direction: 'to-delegate',
        how: 'drop',
        probability: 0.3,
      },
      { kind: 'crash-control-plane', atMs: 12_000, backAfterMs: 4_000 },
      { kind: 'store-fault', atMs: 20_000, forMs: 10_000, how: 'done-but-failed', probability: 0.2 },
      {
        kind: 'crash-delegate-at',
        atMs: 5_000,
        delegate: 1,
        effect: 'send',
        nth: 3,
        moment: 'after',
        backAfterMs: 3_000,
      },
    ];
    const [one, same, other] = [
      await runPlant(scriptWith(faults, 'replica-canary', 7)),
      await runPlant(scriptWith(faults, 'replica-canary', 7)),
      await runPlant(scriptWith(faults, 'replica-canary', 8)),
    ];
    assert.equal(one.traceDigest, same.traceDigest);
    assert.deepEqual({ ...one, traceDigest: '' }, { ...same, traceDigest: '' });
    assert.notEqual(one.traceDigest, other.traceDigest);
  });

  test('a request that is not answered is sent again, and starts one execution only', async () => {
    const record = await runPlant(
      scriptWith([{ kind: 'store-fault', atMs: 1_500, forMs: 15_000, how: 'done-but-failed', probability: 0.6 }]),
    );
    assertSound(record);
    assert.equal(record.store.executions.length, 1);
    assert.equal(record.answers.length, 1);
    assert.ok(record.trace.filter(({ kind }) => kind === 'operator:asked').length > 1);
  });
});

describe('one fault alone is survived', () => {
  /** `ends`: what becomes of the deployment, where it is not a success. */
  async function survives(
    faults: readonly Fault[],
    ends = 'succeeded',
    workflow: SampleWorkflow = 'fargate-canary',
  ): Promise<HistoryRecord> {
    const record = await runPlant(scriptWith(faults, workflow));
    assertSound(record);
    assert.equal(statusOf(record), ends);
    assert.ok(record.faultsInEffect.length > 0, 'the fault has struck');
    return record;
  }

  for (const direction of ['to-control-plane', 'to-delegate'] as const) {
    for (const how of ['drop', 'double', 'delay', 'reorder'] as const) {
      test(`messages ${direction}: ${how}`, async () => {
        const times = { atMs: 3_000, forMs: 25_000 } as const;
        await survives(atBoth({ kind: 'messages', ...times, delegate: 0, direction, how, probability: 0.5 }));
      });
    }
    test(`nothing gets through ${direction}`, async () => {
      await survives(atBoth({ kind: 'partition', atMs: 10_000, forMs: 60_000, delegate: 0, direction }));
    });
  }

  for (const stream of ['connection', 'logs'] as const) {
    test(`the ${stream} breaks`, async () => {
      await survives(atBoth({ kind: 'reset', atMs: 10_000, delegate: 0, stream }));
    });
  }

  for (const loseDisk of [false, true]) {
    test(`delegates are killed${loseDisk ? ' and lose their disks' : ''}`, async () => {
      await survives(atBoth({ kind: 'crash-delegate', atMs: 10_000, delegate: 0, backAfterMs: 4_000, loseDisk }));
    });
  }

  const effects: readonly DelegateEffect[] = ['journal-append', 'aws-mutation', 'aws-read', 'send', 'spool-write'];
  for (const effect of effects) {
    for (const moment of ['before', 'after'] as const) {
      test(`a delegate is killed ${moment} an effect: ${effect}`, async () => {
        const trap = { kind: 'crash-delegate-at', delegate: 0, effect, nth: 1, moment, backAfterMs: 4_000 } as const;
        await survives(atBoth({ ...trap, atMs: 1_900 }));
      });
    }
  }

  test('delegates are replaced by other versions', async () => {
    const versions = { min: 1, max: 2 };
    await survives(atBoth({ kind: 'replace-delegate', atMs: 10_000, delegate: 0, backAfterMs: 2_000, versions }));
  });

  for (const monotonicStops of [false, true]) {
    test(`delegates freeze for longer than a lease${monotonicStops ? ', and time with them' : ''}`, async () => {
      await survives(atBoth({ kind: 'freeze-delegate', atMs: 10_000, forMs: 70_000, delegate: 0, monotonicStops }));
    });
  }

  test('a delegate is cloned', async () => {
    await survives(atBoth({ kind: 'clone-delegate', atMs: 10_000, forMs: 30_000, delegate: 0 }));
  });

  for (const byMs of [-3_600_000, 3_600_000]) {
    test(`the clocks of delegates jump by ${byMs / 3_600_000} h`, async () => {
      const jumps = [0, 1].map((host): Fault => ({ kind: 'jump-clock', atMs: 20_000, host, byMs }));
      await survives(jumps, 'succeeded', 'rolling-canary');
    });
  }

  for (const byMs of [45_000, -900_000]) {
    test(`the clock of the control plane jumps by ${byMs / 1_000} s`, async () => {
      const jump = { kind: 'jump-clock', atMs: 20_000, host: 'control-plane', byMs } as const;
      await survives([jump], 'succeeded', 'rolling-canary');
    });
  }

  test('the control plane is killed', async () => {
    await survives([{ kind: 'crash-control-plane', atMs: 10_000, backAfterMs: 8_000 }]);
  });

  for (const operation of [
    'commit',
    'offerTask',
    'enqueueTask',
    'effectDone',
    'appendLog',
    'renewLeases',
    'livingTasks',
  ]) {
    for (const moment of ['before', 'after'] as const) {
      test(`the control plane is killed ${moment} an operation of its store: ${operation}`, async () => {
        await survives([
          { kind: 'crash-control-plane-at', atMs: 1_900, operation, nth: 1, moment, backAfterMs: 3_000 },
        ]);
      });
    }
  }

  test('the control plane is replaced by another version', async () => {
    await survives([{ kind: 'replace-control-plane', atMs: 10_000, backAfterMs: 2_000, versions: { min: 1, max: 1 } }]);
  });

  test('the control plane freezes for longer than a lease', async () => {
    await survives([{ kind: 'freeze-control-plane', atMs: 10_000, forMs: 60_000 }]);
  });

  for (const how of ['refused', 'done-but-failed', 'slow'] as const) {
    test(`operations of the store: ${how}`, async () => {
      const record = await runPlant(
        scriptWith([{ kind: 'store-fault', atMs: 1_900, forMs: 30_000, how, probability: 0.2 }]),
      );
      assertSound(record);
      assert.equal(record.faultsInEffect.length, 1);
    });
  }

  test('the store comes back as it was a while ago', async () => {
    const record = await survives([{ kind: 'roll-back-store', atMs: 30_000, backMs: 20_000, backAfterMs: 3_000 }]);
    assert.equal(record.rolledBack.length, 1);
  });

  for (const how of ['throttled', 'server-error', 'response-lost', 'slow'] as const) {
    test(`calls of AWS: ${how}`, async () => {
      await survives([{ kind: 'aws-fault', atMs: 1_900, forMs: 50_000, how, probability: 0.3 }]);
    });
  }

  test('images cannot be pulled: the deployment fails and is rolled back', async () => {
    const record = await survives([{ kind: 'image-pull-fails', atMs: 0, forMs: 180_000 }], 'failed');
    assert.equal(record.store.executions[0]?.summary.rollback, 'succeeded');
  });
});

describe('operators', () => {
  for (const rollback of [false, true]) {
    test(`stop a deployment${rollback ? ' and have it rolled back' : ''}`, async () => {
      const script = scriptWith([]);
      const record = await runPlant({
        ...script,
        requests: [...script.requests, { kind: 'abort', atMs: 12_000, key: 'run-1', rollback }],
      });
      assertSound(record);
      assert.equal(statusOf(record), 'aborted');
      assert.equal(record.store.executions[0]?.summary.rollback, rollback ? 'succeeded' : 'none');
      assert.equal(record.answers.length, 2);
    });
  }

  test('have a deployment rolled back', async () => {
    const script = scriptWith([], 'replica-canary');
    const record = await runPlant({
      ...script,
      requests: [...script.requests, { kind: 'rollback', atMs: 40_000, key: 'run-1' }],
    });
    assertSound(record);
    assert.equal(statusOf(record), 'failed');
    const shop = record.world.services.filter(({ name, desired }) => name.startsWith('sim__shop') && desired > 0);
    assert.deepEqual(
      shop.map(({ name, desired }) => [name, desired]),
      record.worldBefore.services
        .filter(({ name }) => name.startsWith('sim__shop'))
        .map(({ name, desired }) => [name, desired]),
    );
  });
});
