import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Store, TaskRow } from '@outrider/control-plane/app/ports.ts';
import type { TaskRef } from '@outrider/shared/protocol/messages.ts';
import {
  change,
  executionOf,
  freshExecutionId,
  HOLDER,
  leasedTask,
  offer,
  offeredTask,
  queuedTask,
  release,
  stepTaskOf,
  T0,
} from './fixtures.ts';
import { forEachStore } from './stores.ts';

const OTHER_INSTANCE = { delegate: 'vpc-1', instanceId: 'instance-b' } as const;

async function rowOf(store: Store, ref: { readonly taskId: string }): Promise<TaskRow> {
  const row = await store.getTask(ref.taskId);
  assert.ok(row !== undefined);
  return row;
}

forEachStore('tasks', (store) => {
  test('a new task waits under epoch 0 and belongs to nobody', async () => {
    const executionId = freshExecutionId();
    const ref = await queuedTask(store(), executionId);
    assert.deepEqual(await store().getTask(ref.taskId), {
      taskId: `${executionId}/p1.1/1`,
      executionId,
      stepId: 'p1.1',
      attempt: 1,
      stepType: 'ecs-steady-state-check',
      selectors: ['vpc-stage'],
      repeatable: true,
      task: stepTaskOf(executionId),
      state: 'queued',
      epoch: 0,
      delegate: null,
      instanceId: null,
      offerUntilMs: null,
      leaseUntilMs: null,
      notBeforeMs: T0,
      queuedAtMs: T0,
      deliveries: 0,
      timeoutSeconds: 600,
      deadlineMs: null,
      facts: {},
      checkpointSequence: 0,
      cancel: null,
      logBytes: 0,
      resultSha256: null,
    });
    assert.equal(await store().getTask(`${executionId}/p9.9/1`), undefined);
  });

  test('a task that is queued a second time stays as it is', async () => {
    const ref = await leasedTask(store());
    const before = await rowOf(store(), ref);
    await queuedTask(store(), executionOf(ref));
    assert.deepEqual(await rowOf(store(), ref), before);
  });

  test('living tasks are listed oldest first, and an ended one no more', async () => {
    const refs = [await leasedTask(store()), await queuedTask(store()), await offeredTask(store())];
    const listed = async () =>
      (await store().livingTasks()).map((row) => row.taskId).filter((id) => refs.some((ref) => ref.taskId === id));
    assert.deepEqual(
      await listed(),
      refs.map((ref) => ref.taskId),
    );
    const [first] = refs;
    assert.ok(first !== undefined);
    await change(store(), { kind: 'withdrawn', taskId: first.taskId });
    assert.deepEqual(
      await listed(),
      refs.slice(1).map((ref) => ref.taskId),
    );
  });

  test('each offer raises the epoch; the deadline is set by the first and kept', async () => {
    const { taskId } = await queuedTask(store());
    const first = await store().offerTask(taskId, HOLDER, T0 + 1_000, T0 + 11_000);
    assert.ok(first.kind === 'ok');
    assert.deepEqual(first.task, {
      ...(await rowOf(store(), { taskId })),
      state: 'offered',
      epoch: 1,
      ...HOLDER,
      offerUntilMs: T0 + 11_000,
      deadlineMs: T0 + 601_000,
    });
    assert.deepEqual(await store().offerTask(taskId, HOLDER, T0 + 2_000, T0 + 12_000), { kind: 'not-queued' });

    assert.equal(await store().returnOffer({ taskId, epoch: 1 }, T0 + 12_000), 'ok');
    const second = await store().offerTask(taskId, OTHER_INSTANCE, T0 + 20_000, T0 + 30_000);
    assert.ok(second.kind === 'ok');
    assert.equal(second.task.epoch, 2);
    assert.equal(second.task.deadlineMs, T0 + 601_000);
    assert.equal(second.task.instanceId, 'instance-b');
    assert.deepEqual(await store().offerTask('unknown', HOLDER, T0, T0), { kind: 'not-queued' });
  });

  test('an offer that comes back counts as a delivery and is not offered again at once', async () => {
    const ref = await offeredTask(store());
    assert.equal(await store().returnOffer({ ...ref, epoch: ref.epoch - 1 }, T0 + 5), 'stale');
    assert.equal(await store().returnOffer({ ...ref, epoch: ref.epoch + 1 }, T0 + 5), 'stale');
    assert.equal(await store().returnOffer(ref, T0 + 15_000), 'ok');
    assert.equal(await store().returnOffer(ref, T0 + 99_000), 'stale');
    const row = await rowOf(store(), ref);
    assert.equal(row.state, 'queued');
    assert.equal(row.deliveries, 1);
    assert.equal(row.notBeforeMs, T0 + 15_000);
    assert.equal(row.offerUntilMs, null);
    assert.equal(row.delegate, 'vpc-1');
    assert.equal(await store().returnOffer({ taskId: 'unknown', epoch: 1 }, T0), 'stale');
  });

  test('of two delegates that are offered the task at once only one gets it', async () => {
    const { taskId } = await queuedTask(store());
    const answers = await Promise.all([
      store().offerTask(taskId, HOLDER, T0, T0 + 1),
      store().offerTask(taskId, OTHER_INSTANCE, T0, T0 + 1),
    ]);
    assert.deepEqual(
      answers.map((answer) => answer.kind),
      ['ok', 'not-queued'],
    );
  });

  // What each message does to a task in each state. Rows: the state; columns: the message under the task's own epoch.
  const arrange: Readonly<Record<string, () => Promise<TaskRef>>> = {
    'never offered': () => queuedTask(store()),
    offered: () => offeredTask(store()),
    'offered to the next after a return': async () => {
      const ref = await offeredTask(store());
      await store().returnOffer(ref, T0);
      return offer(store(), ref.taskId);
    },
    returned: async () => {
      const ref = await offeredTask(store());
      await store().returnOffer(ref, T0);
      return ref;
    },
    leased: () => leasedTask(store()),
    'leased with checkpoint 4': async () => {
      const ref = await leasedTask(store());
      await change(store(), { kind: 'checkpointed', ...ref, sequence: 4, facts: { a: 1 } });
      return ref;
    },
    released: async () => {
      const ref = await leasedTask(store());
      await release(store(), ref);
      return ref;
    },
    'ended with result r1': async () => {
      const ref = await leasedTask(store());
      await change(store(), { kind: 'ended', ...ref, resultSha256: 'r1' });
      return ref;
    },
    withdrawn: async () => {
      const ref = await leasedTask(store());
      await change(store(), { kind: 'withdrawn', taskId: ref.taskId });
      return ref;
    },
  };
  const leaseUntilMs = T0 + 31_000;
  const messages = {
    accept: (ref: TaskRef) => ({ kind: 'accepted', ...ref, instanceId: 'instance-a', leaseUntilMs }) as const,
    'accept of another instance': (ref: TaskRef) =>
      ({ kind: 'accepted', ...ref, instanceId: 'instance-b', leaseUntilMs }) as const,
    'checkpoint 4': (ref: TaskRef) => ({ kind: 'checkpointed', ...ref, sequence: 4, facts: { b: 2 } }) as const,
    'checkpoint 5': (ref: TaskRef) => ({ kind: 'checkpointed', ...ref, sequence: 5, facts: { b: 2 } }) as const,
    'result r1': (ref: TaskRef) => ({ kind: 'ended', ...ref, resultSha256: 'r1' }) as const,
    'result r2': (ref: TaskRef) => ({ kind: 'ended', ...ref, resultSha256: 'r2' }) as const,
    release: (ref: TaskRef) => ({ kind: 'released', ...ref, notBeforeMs: T0 }) as const,
    withdrawal: (ref: TaskRef) => ({ kind: 'withdrawn', taskId: ref.taskId }) as const,
  };
  const columns = [
    'accept',
    'accept of another instance',
    'checkpoint 4',
    'checkpoint 5',
    'result r1',
    'result r2',
    'release',
    'withdrawal',
  ] as const;
  const table: Readonly<Record<string, readonly ('ok' | 'stale' | 'duplicate')[]>> = {
    'never offered': ['stale', 'stale', 'stale', 'stale', 'stale', 'stale', 'duplicate', 'ok'],
    offered: ['ok', 'stale', 'stale', 'stale', 'stale', 'stale', 'stale', 'ok'],
    'offered to the next after a return': ['ok', 'stale', 'stale', 'stale', 'stale', 'stale', 'stale', 'ok'],
    returned: ['stale', 'stale', 'stale', 'stale', 'stale', 'stale', 'duplicate', 'ok'],
    leased: ['duplicate', 'stale', 'ok', 'ok', 'ok', 'ok', 'ok', 'ok'],
    'leased with checkpoint 4': ['duplicate', 'stale', 'duplicate', 'ok', 'ok', 'ok', 'ok', 'ok'],
    released: ['stale', 'stale', 'stale', 'stale', 'stale', 'stale', 'duplicate', 'ok'],
    'ended with result r1': ['stale', 'stale', 'stale', 'stale', 'duplicate', 'stale', 'stale', 'duplicate'],
    withdrawn: ['stale', 'stale', 'stale', 'stale', 'stale', 'stale', 'stale', 'duplicate'],
  };
  for (const [state, outcomes] of Object.entries(table)) {
    for (const [column, outcome] of outcomes.entries()) {
      const message = columns[column];
      assert.ok(message !== undefined);
      test(`a task that is ${state} answers ${message}: ${outcome}`, async () => {
        const ref = await arrange[state]?.();
        assert.ok(ref !== undefined);
        const before = await rowOf(store(), ref);
        const seq = (await store().readEvents(executionOf(ref), 0, 100)).length;
        const answer = await change(store(), messages[message](ref));
        assert.deepEqual(answer, outcome === 'stale' ? { kind: 'stale', epoch: ref.epoch } : { kind: outcome });
        const events = await store().readEvents(executionOf(ref), 0, 100);
        if (outcome === 'ok') {
          assert.equal(events.length, seq + 1);
        } else {
          assert.equal(events.length, seq, 'no event without its change');
          assert.deepEqual(await rowOf(store(), ref), before);
        }
      });
    }
  }

  for (const message of columns.slice(0, -1)) {
    for (const [age, skew] of [
      ['an older', -1],
      ['a newer', 1],
    ] as const) {
      test(`${message} under ${age} epoch is refused with the epoch that is there`, async () => {
        const ref = await leasedTask(store());
        const answer = await change(store(), messages[message]({ ...ref, epoch: ref.epoch + skew }));
        assert.deepEqual(answer, { kind: 'stale', epoch: ref.epoch });
      });
    }
  }

  test('the fence is looked at before the seq: who is stale learns it even on an old state', async () => {
    const ref = await leasedTask(store());
    const executionId = executionOf(ref);
    const input = {
      executionId,
      expectedSeq: 0,
      events: [],
      effects: [],
      summary: (await store().getSummary(executionId)) ?? assert.fail('no summary'),
    };
    assert.deepEqual(await store().commit({ ...input, task: messages.accept(ref) }), { kind: 'duplicate' });
    assert.deepEqual(await store().commit({ ...input, task: messages['checkpoint 5'](ref) }), {
      kind: 'conflict',
      seq: 1,
    });
    assert.equal((await rowOf(store(), ref)).checkpointSequence, 0);
  });

  test('a message about a task that never was is refused', async () => {
    const taskId = `${freshExecutionId()}/p1.1/1`;
    for (const column of columns) {
      assert.deepEqual(await change(store(), messages[column]({ taskId, epoch: 1 })), { kind: 'unknown-task' });
    }
  });

  test('an accept turns the offer into a lease', async () => {
    const row = await rowOf(store(), await leasedTask(store()));
    assert.equal(row.state, 'leased');
    assert.equal(row.leaseUntilMs, T0 + 31_000);
    assert.equal(row.offerUntilMs, null);
    assert.equal(row.deliveries, 0);
  });

  test('checkpoints merge their facts key by key and go with the task to its next holder', async () => {
    const ref = await leasedTask(store());
    const checkpoint = (sequence: number, facts: TaskRow['facts']) =>
      change(store(), { kind: 'checkpointed', ...ref, sequence, facts });
    await checkpoint(1, { service: 'web__3', undo: { desired: 2, list: [1] } });
    await checkpoint(3, { undo: { desired: 4 }, arn: null });
    const merged = { service: 'web__3', undo: { desired: 4 }, arn: null };
    assert.deepEqual((await rowOf(store(), ref)).facts, merged);

    await release(store(), ref);
    const next = await store().offerTask(ref.taskId, OTHER_INSTANCE, T0, T0 + 1);
    assert.ok(next.kind === 'ok');
    assert.deepEqual(next.task.facts, merged);
    assert.equal(next.task.checkpointSequence, 3);
  });

  test('an ended task keeps who had it and what it said, and holds no lease', async () => {
    const ref = await leasedTask(store());
    await change(store(), { kind: 'ended', ...ref, resultSha256: 'r1' });
    const row = await rowOf(store(), ref);
    assert.equal(row.state, 'ended');
    assert.equal(row.resultSha256, 'r1');
    assert.equal(row.leaseUntilMs, null);
    assert.equal(row.delegate, 'vpc-1');
    assert.equal(row.epoch, ref.epoch);
  });

  test('a heartbeat extends only the leases that its instance holds under their epoch', async () => {
    const mine = await leasedTask(store());
    const old = await leasedTask(store());
    const onlyOffered = await offeredTask(store());
    const released = await leasedTask(store());
    await release(store(), released);
    const unknown = { taskId: 'unknown', epoch: 1 };
    const refs = [mine, { ...old, epoch: 0 }, onlyOffered, released, unknown];
    assert.deepEqual(await store().renewLeases('instance-a', refs, T0 + 60_000), {
      extended: [mine],
      lost: [{ ...old, epoch: 0 }, onlyOffered, released, unknown],
    });
    assert.equal((await rowOf(store(), mine)).leaseUntilMs, T0 + 60_000);
    assert.equal((await rowOf(store(), old)).leaseUntilMs, T0 + 31_000);
    assert.deepEqual(await store().renewLeases('instance-b', [mine], T0 + 90_000), { extended: [], lost: [mine] });
    assert.equal((await rowOf(store(), mine)).leaseUntilMs, T0 + 60_000);
    assert.deepEqual(await store().renewLeases('instance-a', [], T0), { extended: [], lost: [] });
  });

  test('a lease is never made shorter: what its holder was told stays true', async () => {
    const ref = await leasedTask(store());
    assert.deepEqual((await store().renewLeases('instance-a', [ref], T0)).extended, [ref]);
    assert.equal(await store().reattachTask(ref, 'vpc-1', 'instance-b', T0), 'ok');
    assert.equal((await rowOf(store(), ref)).leaseUntilMs, T0 + 31_000);
  });

  test('a restarted delegate takes its task up again, its former instance has lost it', async () => {
    const ref = await leasedTask(store());
    assert.equal(await store().reattachTask(ref, 'vpc-1', 'instance-b', T0 + 50_000), 'ok');
    assert.equal(await store().reattachTask(ref, 'vpc-1', 'instance-b', T0 + 50_000), 'ok');
    const row = await rowOf(store(), ref);
    assert.equal(row.instanceId, 'instance-b');
    assert.equal(row.leaseUntilMs, T0 + 50_000);
    assert.equal(row.epoch, ref.epoch);
    assert.deepEqual((await store().renewLeases('instance-a', [ref], T0 + 60_000)).lost, [ref]);
    assert.deepEqual((await store().renewLeases('instance-b', [ref], T0 + 60_000)).extended, [ref]);
  });

  const reattachments = [
    { says: 'by another delegate', state: 'leased', delegate: 'vpc-2', skew: 0, wanted: 'stale' },
    { says: 'under an old epoch', state: 'leased', delegate: 'vpc-1', skew: -1, wanted: 'stale' },
    { says: 'that is only offered', state: 'offered', delegate: 'vpc-1', skew: 0, wanted: 'stale' },
    { says: 'that was released', state: 'released', delegate: 'vpc-1', skew: 0, wanted: 'stale' },
    { says: 'that has ended', state: 'ended with result r1', delegate: 'vpc-1', skew: 0, wanted: 'ended' },
    { says: 'that was withdrawn', state: 'withdrawn', delegate: 'vpc-1', skew: 0, wanted: 'ended' },
    { says: 'that has ended under a later epoch', state: 'withdrawn', delegate: 'vpc-1', skew: -1, wanted: 'stale' },
    { says: 'that ended at another delegate', state: 'withdrawn', delegate: 'vpc-2', skew: 0, wanted: 'stale' },
  ] as const;
  for (const { says, state, delegate, skew, wanted } of reattachments) {
    test(`reattaching to a task ${says}: ${wanted}`, async () => {
      const ref = await arrange[state]?.();
      assert.ok(ref !== undefined);
      const before = await rowOf(store(), ref);
      const answer = await store().reattachTask({ ...ref, epoch: ref.epoch + skew }, delegate, 'instance-b', T0);
      assert.equal(answer, wanted);
      assert.deepEqual(await rowOf(store(), ref), before);
    });
  }

  test('a released task waits for its next holder without a lost delivery', async () => {
    const ref = await leasedTask(store());
    await release(store(), ref, T0 + 40_000);
    const row = await rowOf(store(), ref);
    assert.equal(row.state, 'queued');
    assert.equal(row.leaseUntilMs, null);
    assert.equal(row.notBeforeMs, T0 + 40_000);
    assert.equal(row.deliveries, 0);
  });

  test('after a start no lease ends before the given time, and longer ones stay', async () => {
    const short = await leasedTask(store());
    const long = await leasedTask(store());
    const offered = await offeredTask(store());
    await store().renewLeases('instance-a', [long], T0 + 500_000);
    assert.ok((await store().extendAllLeases(T0 + 400_000)) >= 1);
    assert.equal((await rowOf(store(), short)).leaseUntilMs, T0 + 400_000);
    assert.equal((await rowOf(store(), long)).leaseUntilMs, T0 + 500_000);
    assert.equal((await rowOf(store(), offered)).leaseUntilMs, null);
    assert.equal(await store().extendAllLeases(T0 + 400_000), 0);
  });

  test('the first reason to stop a task stays', async () => {
    const ref = await leasedTask(store());
    const cancel = { reason: 'aborted', message: 'Aborted by ada.' } as const;
    assert.deepEqual((await store().cancelTask(ref.taskId, cancel.reason, cancel.message))?.cancel, cancel);
    assert.deepEqual((await store().cancelTask(ref.taskId, 'timed-out', 'Too late.'))?.cancel, cancel);
    assert.deepEqual((await rowOf(store(), ref)).cancel, cancel);
    assert.equal(await store().cancelTask('unknown', 'aborted', ''), undefined);
  });

  test('an ended task is not stopped any more', async () => {
    const ref = await leasedTask(store());
    await change(store(), { kind: 'ended', ...ref, resultSha256: 'r1' });
    assert.equal((await store().cancelTask(ref.taskId, 'aborted', 'Aborted.'))?.cancel, null);
  });
});
