import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { EffectRow } from '@outrider/control-plane/app/ports.ts';
import { commitOf, eventsFrom, freshExecutionId, freshName, queuedTask, summaryOf, T0 } from './fixtures.ts';
import { forEachStore } from './stores.ts';

const DAY_MS = 86_400_000;

function effectOf(executionId: string, seq: number, index = 0): EffectRow {
  return {
    id: `${executionId}/${seq}/${index}`,
    executionId,
    effect: { kind: 'cancel-task', stepId: 'p1.1', attempt: 1, reason: 'aborted', message: 'Aborted by ada.' },
  };
}

forEachStore('executions', (store) => {
  test('events are read back in order, from any point, at most as many as asked for', async () => {
    const id = freshExecutionId();
    assert.deepEqual(await store().commit(commitOf(id, 0, { count: 3 })), { kind: 'ok' });
    assert.deepEqual(await store().commit(commitOf(id, 3, { count: 2 })), { kind: 'ok' });
    assert.deepEqual(await store().readEvents(id, 0, 100), eventsFrom(1, 5));
    assert.deepEqual(await store().readEvents(id, 2, 2), eventsFrom(3, 2));
    assert.deepEqual(await store().readEvents(id, 5, 100), []);
    assert.deepEqual(await store().readEvents(freshExecutionId(), 0, 100), []);
  });

  test('a decision on an old state is refused with the seq that is there', async () => {
    const id = freshExecutionId();
    assert.deepEqual(await store().commit(commitOf(id, 1)), { kind: 'conflict', seq: 0 });
    await store().commit(commitOf(id, 0, { count: 2 }));
    for (const expectedSeq of [0, 1, 3]) {
      assert.deepEqual(await store().commit(commitOf(id, expectedSeq)), { kind: 'conflict', seq: 2 });
    }
    assert.deepEqual(await store().readEvents(id, 0, 100), eventsFrom(1, 2));
  });

  test('of two decisions on the same state exactly one is stored', async () => {
    const id = freshExecutionId();
    const answers = await Promise.all([store().commit(commitOf(id, 0)), store().commit(commitOf(id, 0))]);
    assert.deepEqual(answers, [{ kind: 'ok' }, { kind: 'conflict', seq: 1 }]);
  });

  test('a commit without events changes the summary only', async () => {
    const id = freshExecutionId();
    await store().commit(commitOf(id, 0));
    const summary = summaryOf(id, { currentPhase: 'Phase 2' });
    assert.deepEqual(await store().commit({ ...commitOf(id, 1, { count: 0 }), summary }), { kind: 'ok' });
    assert.deepEqual(await store().getSummary(id), summary);
    assert.deepEqual(await store().readEvents(id, 0, 100), eventsFrom(1));
  });

  const mistakes = [
    { says: 'with a hole in its history', more: { events: eventsFrom(3) } },
    { says: 'with the summary of another execution', more: { summary: summaryOf('exe_other') } },
    { says: 'with the effect of another execution', more: { effects: [effectOf('exe_other', 1)] } },
  ];
  for (const { says, more } of mistakes) {
    test(`a commit ${says} is our own mistake: it throws and stores nothing`, async () => {
      const id = freshExecutionId();
      await store().commit(commitOf(id, 0));
      await assert.rejects(store().commit(commitOf(id, 1, more)), { code: 'internal' });
      assert.deepEqual(await store().readEvents(id, 0, 100), eventsFrom(1));
    });
  }

  test('the summary is the one of the newest commit', async () => {
    const id = freshExecutionId();
    assert.equal(await store().getSummary(id), undefined);
    const failure = {
      code: 'image-pull-failed',
      message: 'The image cannot be pulled',
      hint: 'Check the tag.',
      evidence: ['CannotPullContainerError: not found'],
      failureType: 'application',
    } as const;
    const summary = summaryOf(id, { status: 'failed', rollback: 'succeeded', endedAtMs: T0 + 5, failure });
    await store().commit(commitOf(id, 0));
    await store().commit(commitOf(id, 1, { summary }));
    assert.deepEqual(await store().getSummary(id), summary);
  });

  test('a list shows the newest first, filters by status, application and workflow, and goes on page by page', async () => {
    const application = freshName('app');
    const ids: string[] = [];
    for (const [status, workflow] of [
      ['succeeded', 'one'],
      ['failed', 'one'],
      ['running', 'two'],
      ['running', 'one'],
    ] as const) {
      const id = freshExecutionId();
      ids.push(id);
      await store().commit(commitOf(id, 0, { summary: summaryOf(id, { application, status, workflow }) }));
    }
    const [oldest, failed, running, newest] = ids;
    const list = async (options: object) =>
      (await store().listSummaries({ application, limit: 10, ...options })).map((summary) => summary.id);

    assert.deepEqual(await list({}), [newest, running, failed, oldest]);
    assert.deepEqual(await list({ limit: 2 }), [newest, running]);
    assert.deepEqual(await list({ limit: 2, before: running }), [failed, oldest]);
    assert.deepEqual(await list({ statuses: ['running', 'failed'] }), [newest, running, failed]);
    assert.deepEqual(await list({ statuses: [] }), []);
    assert.deepEqual(await list({ workflow: 'one', before: newest }), [failed, oldest]);
    assert.deepEqual(await list({ workflow: 'one', statuses: ['running'] }), [newest]);
    assert.deepEqual(await list({ application: freshName('none') }), []);
    assert.deepEqual((await store().listSummaries({ limit: 1 })).length, 1);
  });

  test('effects stand from the commit of their events until they are done, oldest first', async () => {
    const [first, second] = [freshExecutionId(), freshExecutionId()];
    const rows = [effectOf(first, 1, 0), effectOf(first, 1, 1), effectOf(second, 1), effectOf(first, 2)];
    const [one, two, three, four] = rows;
    assert.ok(one && two && three && four);
    await store().commit(commitOf(first, 0, { effects: [one, two] }));
    await store().commit(commitOf(second, 0, { effects: [three] }));
    await store().commit(commitOf(first, 1, { effects: [four] }));

    assert.deepEqual(await store().pendingEffects(100, first), [one, two, four]);
    assert.deepEqual(await store().pendingEffects(2, first), [one, two]);
    assert.deepEqual(
      (await store().pendingEffects(10_000)).filter((row) => rows.some((mine) => mine.id === row.id)),
      rows,
    );
    await store().effectDone(one.id);
    await store().effectDone(one.id);
    await store().effectDone('unknown');
    assert.deepEqual(await store().pendingEffects(100, first), [two, four]);
  });

  test('effects of a commit that is refused are not stored', async () => {
    const id = freshExecutionId();
    await store().commit(commitOf(id, 3, { effects: [effectOf(id, 1)] }));
    assert.deepEqual(await store().pendingEffects(100, id), []);
  });

  test('a request that comes again under its key is answered with its execution', async () => {
    const scope = freshName('caller');
    const idempotency = { scope, key: 'deploy-1', requestDigest: 'd1', atMs: T0 };
    const id = freshExecutionId();
    assert.equal(await store().findIdempotent(scope, 'deploy-1', T0), undefined);
    assert.deepEqual(await store().commit(commitOf(id, 0, { idempotency })), { kind: 'ok' });
    assert.deepEqual(await store().findIdempotent(scope, 'deploy-1', T0), { executionId: id, requestDigest: 'd1' });

    for (const [requestDigest, sameRequest] of [
      ['d1', true],
      ['d2', false],
    ] as const) {
      const repeated = commitOf(freshExecutionId(), 0, {
        idempotency: { ...idempotency, requestDigest, atMs: T0 + 1 },
      });
      assert.deepEqual(await store().commit(repeated), { kind: 'replayed', executionId: id, sameRequest });
      assert.equal(await store().getSummary(repeated.executionId), undefined);
    }
    // The very same commit, because its answer was lost.
    assert.deepEqual(await store().commit(commitOf(id, 0, { idempotency })), {
      kind: 'replayed',
      executionId: id,
      sameRequest: true,
    });
  });

  test('the same key of another caller is another key', async () => {
    const idempotency = { key: 'deploy-1', requestDigest: 'd1', atMs: T0 };
    for (const scope of [freshName('caller'), freshName('caller')]) {
      const input = commitOf(freshExecutionId(), 0, { idempotency: { ...idempotency, scope } });
      assert.deepEqual(await store().commit(input), { kind: 'ok' });
    }
  });

  test('a key is remembered for 24 hours and then free again', async () => {
    const scope = freshName('caller');
    const keyAt = (atMs: number) => ({ scope, key: 'k', requestDigest: 'd', atMs });
    const [first, second] = [freshExecutionId(), freshExecutionId()];
    await store().commit(commitOf(first, 0, { idempotency: keyAt(T0) }));
    assert.equal((await store().findIdempotent(scope, 'k', T0 + DAY_MS - 1))?.executionId, first);
    assert.equal(await store().findIdempotent(scope, 'k', T0 + DAY_MS), undefined);
    assert.deepEqual(await store().commit(commitOf(second, 0, { idempotency: keyAt(T0 + DAY_MS) })), { kind: 'ok' });
    assert.equal((await store().findIdempotent(scope, 'k', T0 + DAY_MS))?.executionId, second);
  });

  test('a key whose commit was refused is free', async () => {
    const scope = freshName('caller');
    await store().commit(
      commitOf(freshExecutionId(), 5, { idempotency: { scope, key: 'k', requestDigest: 'd', atMs: T0 } }),
    );
    assert.equal(await store().findIdempotent(scope, 'k', T0), undefined);
  });

  test('the history of an execution verifies, and that of an unknown one is empty', async () => {
    const id = freshExecutionId();
    assert.deepEqual(await store().verifyHistory(id), { kind: 'ok', events: 0 });
    await store().commit(commitOf(id, 0, { count: 3 }));
    await store().commit(commitOf(id, 3, { count: 2 }));
    assert.deepEqual(await store().verifyHistory(id), { kind: 'ok', events: 5 });
  });

  test('a change of a task that belongs to another execution is refused', async () => {
    const { taskId } = await queuedTask(store());
    const input = commitOf(freshExecutionId(), 0, { task: { kind: 'withdrawn', taskId } });
    assert.deepEqual(await store().commit(input), { kind: 'unknown-task' });
    assert.equal(await store().getSummary(input.executionId), undefined);
  });

  test('a readiness check succeeds as often as it is asked', async () => {
    await store().check();
    await store().check();
    assert.deepEqual(await store().listSummaries({ application: freshName('none'), limit: 1 }), []);
  });
});
