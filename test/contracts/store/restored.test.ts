import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Store, TaskRow } from '@outrider/control-plane/app/ports.ts';
import { EPOCHS_PER_GENERATION, GENERATION_MAX } from '@outrider/control-plane/domain/fleet/epochs.ts';
import { createMemoryStore } from '@outrider/control-plane/store/memory.ts';
import { RESTORATION_SETTING } from '@outrider/control-plane/store/restoration.ts';
import {
  change,
  commitOf,
  freshExecutionId,
  HOLDER,
  leasedTask,
  logLines,
  offer,
  offeredTask,
  queuedTask,
  release,
  T0,
} from './fixtures.ts';
import { forEachStore } from './stores.ts';

const HOLD = T0 + 45_000;

async function rowOf(store: Store, ref: { readonly taskId: string }): Promise<TaskRow> {
  const row = await store.getTask(ref.taskId);
  assert.ok(row !== undefined);
  return row;
}

/** What tasks of the present generation start from. */
async function raise(store: Store): Promise<number> {
  const { generation } = await store.raiseGeneration(T0, HOLD);
  return generation * EPOCHS_PER_GENERATION;
}

forEachStore('a store that was restored', (store) => {
  test('a queued task keeps its place under an epoch that was never given', async () => {
    const ref = await queuedTask(store());
    const before = await rowOf(store(), ref);
    const epoch = await raise(store());
    assert.deepEqual(await rowOf(store(), ref), { ...before, epoch, notBeforeMs: HOLD });
    const { epoch: next } = await offer(store(), ref.taskId);
    assert.equal(next, epoch + 1);
  });

  test('an offered task is queued again, and keeps who was offered it', async () => {
    const ref = await offeredTask(store());
    const before = await rowOf(store(), ref);
    const epoch = await raise(store());
    const wanted = { ...before, state: 'queued', epoch, notBeforeMs: HOLD, offerUntilMs: null, deadlineMs: null };
    assert.deepEqual(await rowOf(store(), ref), wanted);
    const accept = { kind: 'accepted', ...ref, instanceId: HOLDER.instanceId, leaseUntilMs: T0 } as const;
    assert.deepEqual(await change(store(), accept), { kind: 'stale', epoch });
  });

  test('a leased task is nobody’s: no word of its old holder counts, and its facts and log stay', async () => {
    const ref = await leasedTask(store());
    await change(store(), { kind: 'checkpointed', ...ref, sequence: 2, facts: { service: 'web__3' } });
    await store().appendLog(ref, 0, logLines(2));
    const before = await rowOf(store(), ref);
    const epoch = await raise(store());
    const row = await rowOf(store(), ref);
    assert.deepEqual(row, { ...before, epoch, notBeforeMs: HOLD, leaseUntilMs: HOLD, deadlineMs: null });

    const stale = { kind: 'stale', epoch };
    assert.deepEqual(await store().renewLeases(HOLDER.instanceId, [ref], T0 + 90_000), { extended: [], lost: [ref] });
    assert.equal(await store().reattachTask(ref, HOLDER.delegate, HOLDER.instanceId, T0 + 90_000), 'stale');
    assert.deepEqual(await change(store(), { kind: 'checkpointed', ...ref, sequence: 3, facts: {} }), stale);
    assert.deepEqual(await change(store(), { kind: 'ended', ...ref, resultSha256: 'r1' }), stale);
    assert.equal((await store().appendLog(ref, row.logBytes, logLines(1))).kind, 'stale');
    assert.deepEqual(await rowOf(store(), ref), row);

    await release(store(), row, HOLD);
    const next = await store().offerTask(ref.taskId, { delegate: 'vpc-2', instanceId: 'c' }, HOLD, HOLD + 10_000);
    assert.ok(next.kind === 'ok');
    assert.equal(next.task.epoch, epoch + 1);
    assert.deepEqual(next.task.facts, { service: 'web__3' });
    assert.equal(next.task.checkpointSequence, 2);
    assert.equal(next.task.deadlineMs, HOLD + 600_000, 'the step has its whole time again');
  });

  test('an ended task stays as it is, and its result is still known', async () => {
    const ref = await leasedTask(store());
    await change(store(), { kind: 'ended', ...ref, resultSha256: 'r1' });
    const before = await rowOf(store(), ref);
    await raise(store());
    assert.deepEqual(await rowOf(store(), ref), before);
    assert.deepEqual(await change(store(), { kind: 'ended', ...ref, resultSha256: 'r1' }), { kind: 'duplicate' });
  });

  test('a task that is enqueued later starts there too, and waits like the others', async () => {
    const epoch = await raise(store());
    const ref = await queuedTask(store());
    const row = await rowOf(store(), ref);
    assert.deepEqual([row.epoch, row.notBeforeMs], [epoch, HOLD]);
  });

  test('a task that is to wait longer than that goes on waiting', async () => {
    const ref = await leasedTask(store());
    await release(store(), ref, HOLD + 5_000);
    await raise(store());
    assert.equal((await rowOf(store(), ref)).notBeforeMs, HOLD + 5_000);
  });

  test('a second restore lies above the first, and tells how many tasks were living', async () => {
    const ref = await queuedTask(store());
    const first = await raise(store());
    const second = await store().raiseGeneration(T0 + 1, HOLD + 1);
    assert.equal(second.generation * EPOCHS_PER_GENERATION, first + EPOCHS_PER_GENERATION);
    assert.equal(second.tasks, (await store().livingTasks()).length);
    assert.ok(Number.isSafeInteger((await rowOf(store(), ref)).epoch));
    assert.deepEqual(JSON.parse((await store().getSetting(RESTORATION_SETTING)) ?? ''), {
      generation: second.generation,
      atMs: T0 + 1,
      notBeforeMs: HOLD + 1,
    });
  });

  test('a restore lies above what another store of the same tasks has reached, and there is a last one', async () => {
    const { generation } = await store().raiseGeneration(T0, HOLD, 1_000_000);
    assert.equal(generation, 1_000_001);
    assert.equal((await store().raiseGeneration(T0, HOLD, 5)).generation, 1_000_002);
    await assert.rejects(store().raiseGeneration(T0, HOLD, GENERATION_MAX), { code: 'store-failed' });
    assert.equal((await store().raiseGeneration(T0, HOLD)).generation, 1_000_003);
  });
});

describe('an older state of a memory store', () => {
  test('a store that begins with it knows nothing of what came later, and neither changes the other', async () => {
    const store = createMemoryStore();
    const executionId = freshExecutionId();
    await store.commit(commitOf(executionId, 0));
    const ref = await leasedTask(store);
    await store.appendLog(ref, 0, logLines(1));
    await store.putResources([{ kind: 'Service', application: 'ECS', name: 'web', document: { spec: 1 } }], 'ada', T0);
    const older = store.snapshot();

    await store.commit(commitOf(executionId, 1));
    await change(store, { kind: 'ended', ...ref, resultSha256: 'r1' });
    await store.appendLog(ref, logLines(1).length, logLines(1));
    await store.deleteResource({ kind: 'Service', application: 'ECS', name: 'web' });
    for (const restored of [createMemoryStore(older), createMemoryStore(older)]) {
      assert.equal((await restored.readEvents(executionId, 0, 10)).length, 1);
      assert.equal((await restored.livingTasks()).length, 1);
      assert.equal((await restored.logDigest(ref.taskId)).bytes, logLines(1).length);
      assert.equal((await restored.listResources('Service', { limit: 10 })).length, 1);
      const { generation } = await restored.raiseGeneration(T0, HOLD);
      assert.equal(generation, 1);
      await restored.commit(commitOf(executionId, 1));
      await restored.commit(commitOf(executionId, 2));
    }
    assert.equal((await store.readEvents(executionId, 0, 10)).length, 2);
    assert.equal((await rowOf(store, ref)).epoch, ref.epoch);
  });

  test('every epoch that can ever be given is a safe integer', () => {
    assert.ok(Number.isSafeInteger(GENERATION_MAX * EPOCHS_PER_GENERATION + (EPOCHS_PER_GENERATION - 1)));
  });
});
