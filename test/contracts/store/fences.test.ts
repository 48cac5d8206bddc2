import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Store, TaskChange, TaskRow, TaskSeen } from '@outrider/control-plane/app/ports.ts';
import type { TaskRef } from '@outrider/shared/protocol/messages.ts';
import { change, leasedTask, logLines, offeredTask, queuedTask, T0 } from './fixtures.ts';
import { forEachStore } from './stores.ts';

async function rowOf(store: Store, ref: TaskRef): Promise<TaskRow> {
  return (await store.getTask(ref.taskId)) ?? assert.fail('no such task');
}

/** What two control planes on one store, and two instances of one delegate, must not be able to do to each other. */
forEachStore('fences', (store) => {
  const seenOf = ({ state, epoch, instanceId, leaseUntilMs }: TaskRow): TaskSeen => ({
    state,
    epoch,
    instanceId,
    leaseUntilMs,
  });
  const answerTo = async (task: TaskChange) => (await change(store(), task)).kind;
  const renew = (ref: TaskRef, instanceId = 'instance-a', leaseUntilMs = T0 + 90_000) =>
    store().renewLeases(instanceId, [ref], leaseUntilMs);

  const decisions = {
    'taken from its holder': (ref: TaskRef, seen: TaskSeen): TaskChange => ({
      kind: 'released',
      ...ref,
      notBeforeMs: T0,
      seen,
    }),
    withdrawn: (ref: TaskRef, seen: TaskSeen): TaskChange => ({ kind: 'withdrawn', taskId: ref.taskId, seen }),
  };
  for (const [says, decision] of Object.entries(decisions)) {
    test(`a task whose lease was renewed at another control plane meanwhile is not ${says}`, async () => {
      const ref = await leasedTask(store());
      const seen = seenOf(await rowOf(store(), ref));
      await renew(ref);
      assert.equal(await answerTo(decision(ref, seen)), 'stale');
      assert.equal((await rowOf(store(), ref)).state, 'leased');
      assert.equal(await answerTo(decision(ref, seenOf(await rowOf(store(), ref)))), 'ok');
    });

    test(`a task that came back to its delegate meanwhile is not ${says}`, async () => {
      const ref = await leasedTask(store());
      const seen = seenOf(await rowOf(store(), ref));
      const { delegate } = await rowOf(store(), ref);
      assert.equal(await store().reattachTask(ref, delegate ?? '', 'instance-b', seen.leaseUntilMs ?? 0), 'ok');
      assert.equal(await answerTo(decision(ref, seen)), 'stale');
    });
  }

  test('work that its holder hands back is taken back, though it was renewed meanwhile', async () => {
    const ref = await leasedTask(store());
    const { state, epoch, instanceId } = await rowOf(store(), ref);
    await renew(ref);
    assert.equal(
      await answerTo({ kind: 'released', ...ref, notBeforeMs: T0, seen: { state, epoch, instanceId } }),
      'ok',
    );
  });

  test('a task that was offered to a delegate meanwhile is not withdrawn as one that nobody has', async () => {
    const ref = await queuedTask(store());
    const seen = seenOf(await rowOf(store(), ref));
    await store().offerTask(ref.taskId, { delegate: 'vpc-1', instanceId: 'instance-a' }, T0, T0 + 1);
    const withdrawal: TaskChange = { kind: 'withdrawn', taskId: ref.taskId, seen };
    assert.equal(await answerTo(withdrawal), 'stale');
    assert.equal((await rowOf(store(), ref)).state, 'offered');
  });

  test('an offer that was accepted meanwhile is not withdrawn as one that nobody took', async () => {
    const ref = await offeredTask(store());
    const seen = seenOf(await rowOf(store(), ref));
    await change(store(), { kind: 'accepted', ...ref, instanceId: 'instance-a', leaseUntilMs: T0 + 1 });
    assert.equal(await answerTo({ kind: 'withdrawn', taskId: ref.taskId, seen }), 'stale');
  });

  test('what has ended is told so, whatever it was seen as', async () => {
    const ref = await leasedTask(store());
    const seen = seenOf(await rowOf(store(), ref));
    await change(store(), { kind: 'ended', ...ref, resultSha256: 'r1' });
    assert.equal(await answerTo({ kind: 'withdrawn', taskId: ref.taskId, seen }), 'duplicate');
  });

  const sayings: Readonly<Record<string, (ref: TaskRef & { instanceId: string }) => Promise<string>>> = {
    'a checkpoint': async (ref) => await answerTo({ kind: 'checkpointed', ...ref, sequence: 9, facts: { a: 1 } }),
    'a result': async (ref) => await answerTo({ kind: 'ended', ...ref, resultSha256: 'r1' }),
    'a line of log': async (ref) => (await store().appendLog(ref, 0, logLines(1))).kind,
    'a renewal': async ({ instanceId, ...ref }) =>
      (await renew(ref, instanceId)).extended.length === 1 ? 'ok' : 'stale',
  };
  for (const [what, say] of Object.entries(sayings)) {
    test(`${what} of an earlier instance of the same delegate is refused, and the holder's is taken`, async () => {
      const ref = await leasedTask(store());
      const { delegate } = await rowOf(store(), ref);
      await store().reattachTask(ref, delegate ?? '', 'instance-b', T0 + 40_000);
      const before = await rowOf(store(), ref);
      assert.equal(await say({ ...ref, instanceId: 'instance-a' }), 'stale');
      assert.deepEqual(await rowOf(store(), ref), before);
      assert.equal(await say({ ...ref, instanceId: 'instance-b' }), 'ok');
    });
  }

  test('a result that was committed is acknowledged to a later instance that sends it again', async () => {
    const ref = await leasedTask(store());
    await change(store(), { kind: 'ended', ...ref, instanceId: 'instance-a', resultSha256: 'r1' });
    assert.equal(await answerTo({ kind: 'ended', ...ref, instanceId: 'instance-b', resultSha256: 'r1' }), 'duplicate');
  });

  test('what was cancelled is offered to nobody any more', async () => {
    const ref = await queuedTask(store());
    await store().cancelTask(ref.taskId, 'aborted', 'enough');
    const to = { delegate: 'vpc-1', instanceId: 'instance-a' };
    assert.deepEqual(await store().offerTask(ref.taskId, to, T0, T0 + 1), { kind: 'not-queued' });
  });

  test('of two control planes that offer one task at once, one does', async () => {
    const ref = await queuedTask(store());
    const offer = (instanceId: string) =>
      store().offerTask(ref.taskId, { delegate: 'vpc-1', instanceId }, T0, T0 + 10_000);
    const kinds = (await Promise.all([offer('instance-a'), offer('instance-b')])).map((outcome) => outcome.kind);
    assert.deepEqual(kinds.toSorted(), ['not-queued', 'ok']);
  });
});
