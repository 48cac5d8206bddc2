import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Store } from '@outrider/control-plane/app/ports.ts';
import { createMemoryStore } from '@outrider/control-plane/store/memory.ts';
import { OutriderError } from '@outrider/shared/errors.ts';
import { CANARY, PLAIN, planOf } from '../domain/plans.ts';
import { BAD_IMAGE } from '../domain/story.ts';
import { Bench, succeed } from './bench.ts';
import { type Fault, faultyStore } from './faulty-store.ts';

const ONE = planOf([{ steps: [[PLAIN]] }]);
const ABORT = { kind: 'abort', by: 'ben', reason: '', rollback: true } as const;

/** Fails an operation the first time. */
function failOnce(operation: keyof Store, how: Fault): (asked: keyof Store) => Fault {
  let left = 1;
  return (asked) => (asked === operation && left-- > 0 ? how : undefined);
}

describe('an execution in the engine', () => {
  test("plays the seed's canary to its end", async () => {
    const bench = new Bench();
    const id = await bench.start(planOf(CANARY));
    assert.deepEqual(await bench.workOff(id), ['p1.1', 'p1.2', 'p2.1']);
    const summary = await bench.store.getSummary(id);
    assert.equal(summary?.status, 'succeeded');
    assert.deepEqual(await bench.store.verifyHistory(id), { kind: 'ok', events: (await bench.state(id)).seq });
    assert.deepEqual(await bench.store.pendingEffects(10), []);
  });

  test('rolls back phase 2, then phase 1, when phase 2 fails', async () => {
    const bench = new Bench();
    const id = await bench.start(planOf(CANARY));
    const ran = await bench.workOff(id, (row) =>
      row.stepId === 'p2.1' ? { outcome: 'failed', failure: BAD_IMAGE } : succeed(row),
    );
    assert.deepEqual(ran, ['p1.1', 'p1.2', 'p2.1', 'r2.1', 'r1.1']);
    const summary = await bench.store.getSummary(id);
    assert.deepEqual(
      [summary?.status, summary?.rollback, summary?.failure?.code],
      ['failed', 'succeeded', 'image-pull-failed'],
    );
  });

  test('tells watchers of every commit in order, and goes on when one of them throws', async () => {
    const bench = new Bench();
    const heard: number[] = [];
    bench.engine.onCommitted(() => {
      throw new Error('a broken watcher');
    });
    const stop = bench.engine.onCommitted((_, seq) => heard.push(seq));
    const id = await bench.start(ONE);
    const row = await bench.accept(id, 'p1.1');
    stop();
    await bench.end(row, succeed(row));
    assert.deepEqual(heard, [3, 4]);
  });

  test('one that does not exist is unknown', async () => {
    const bench = new Bench();
    assert.deepEqual(await bench.engine.submit('exe_00000000000000000000000000', ABORT), { kind: 'unknown' });
    assert.equal(await bench.engine.load('exe_00000000000000000000000000'), undefined);
  });

  test('the same idempotency key gives the same execution', async () => {
    const bench = new Bench();
    const asked = { plan: ONE, startedBy: 'ana', reason: '', artifacts: {}, variables: {} };
    const key = { scope: 'ana', key: 'k', requestDigest: 'a', atMs: bench.clock.now() };
    const first = await bench.engine.start({ ...asked, idempotency: key });
    assert.ok(first.kind === 'ok');
    const again = await bench.engine.start({ ...asked, idempotency: key });
    assert.deepEqual(again, { kind: 'replayed', executionId: first.state.id, sameRequest: true });
    const other = await bench.engine.start({ ...asked, idempotency: { ...key, requestDigest: 'b' } });
    assert.deepEqual(other, { kind: 'replayed', executionId: first.state.id, sameRequest: false });
    assert.equal((await bench.store.livingTasks()).length, 1);
  });

  test('changes of one execution that come at once are made one after the other', async () => {
    const bench = new Bench();
    const id = await bench.start(ONE);
    const { taskId, epoch } = await bench.accept(id, 'p1.1');
    const outcomes = await Promise.all(
      Array.from({ length: 50 }, (_, index) =>
        bench.engine.submit(
          id,
          { kind: 'task-checkpointed', stepId: 'p1.1', attempt: 1, facts: { last: index } },
          { kind: 'checkpointed', taskId, epoch, sequence: index + 1, facts: { last: index } },
        ),
      ),
    );
    assert.ok(outcomes.every((outcome) => outcome.kind === 'ok'));
    const step = (await bench.state(id)).steps['p1.1'];
    assert.ok(step?.kind === 'running');
    assert.deepEqual(step.facts, { last: 49 });
    assert.equal((await bench.store.verifyHistory(id)).kind, 'ok');
  });
});

describe('what is said about a task', () => {
  test('a result that comes again is a duplicate, one under an old epoch is stale', async () => {
    const bench = new Bench();
    const id = await bench.start(planOf([{ steps: [[PLAIN], [PLAIN]] }]));
    const row = await bench.accept(id, 'p1.1');
    const result = { outcome: 'succeeded', output: {} } as const;
    assert.equal((await bench.end({ ...row, epoch: row.epoch - 1 }, result)).kind, 'stale');
    assert.equal((await bench.end(row, result)).kind, 'ok');
    assert.equal((await bench.end(row, result)).kind, 'duplicate');
    assert.equal((await bench.end(row, { outcome: 'failed', failure: BAD_IMAGE })).kind, 'stale', 'another result');
    assert.equal((await bench.end({ ...row, epoch: row.epoch + 1 }, result)).kind, 'stale');
  });

  test('an accept that comes again is a duplicate, one by another instance is stale', async () => {
    const bench = new Bench();
    const id = await bench.start(ONE);
    const { taskId, epoch } = await bench.accept(id, 'p1.1');
    const accept = (instanceId: string) =>
      bench.engine.submit(
        id,
        { kind: 'task-accepted', stepId: 'p1.1', attempt: 1, delegate: 'x' },
        { kind: 'accepted', taskId, epoch, instanceId, leaseUntilMs: 0 },
      );
    assert.equal((await accept('i-1')).kind, 'duplicate');
    assert.equal((await accept('i-2')).kind, 'stale');
  });

  test('a stale word changes nothing', async () => {
    const bench = new Bench();
    const id = await bench.start(ONE);
    const row = await bench.accept(id, 'p1.1');
    const { seq } = await bench.state(id);
    await bench.end({ ...row, epoch: 99 }, { outcome: 'failed', failure: BAD_IMAGE });
    assert.equal((await bench.state(id)).seq, seq);
  });
});

describe('aborting', () => {
  test('a step that no delegate has ends at once, and its task is withdrawn', async () => {
    const bench = new Bench();
    const id = await bench.start(ONE);
    const outcome = await bench.engine.submit(id, ABORT);
    assert.ok(outcome.kind === 'ok');
    assert.equal(outcome.state.kind, 'ended', 'the answer knows of it');
    assert.deepEqual(await bench.living(), []);
  });

  test('an offered task is withdrawn, and its accept is refused', async () => {
    const bench = new Bench();
    const id = await bench.start(ONE);
    const [queued] = await bench.store.livingTasks();
    assert.ok(queued);
    const to = { delegate: 'a', instanceId: 'i-1' };
    const offered = await bench.store.offerTask(queued.taskId, to, 0, 10_000);
    assert.ok(offered.kind === 'ok');
    await bench.engine.submit(id, ABORT);
    const { taskId, epoch } = offered.task;
    const late = await bench.engine.submit(
      id,
      { kind: 'task-accepted', stepId: 'p1.1', attempt: 1, delegate: 'a' },
      { kind: 'accepted', taskId, epoch, instanceId: 'i-1', leaseUntilMs: 1 },
    );
    assert.equal(late.kind, 'stale');
  });

  test('a leased task is told to stop, and everything waits for its holder', async () => {
    const bench = new Bench();
    const id = await bench.start(ONE);
    const row = await bench.accept(id, 'p1.1');
    const touched: string[] = [];
    bench.engine.onTasksChanged((taskId) => touched.push(taskId));
    const outcome = await bench.engine.submit(id, ABORT);
    assert.ok(outcome.kind === 'ok' && outcome.state.kind === 'stopping');
    assert.deepEqual(touched, [row.taskId]);
    assert.deepEqual((await bench.store.getTask(row.taskId))?.cancel, { reason: 'aborted', message: 'aborted by ben' });
    await bench.end(row, { outcome: 'stopped', message: '' });
    assert.equal((await bench.state(id)).kind, 'ended');
  });
});

describe('when the store fails', () => {
  for (const how of ['before', 'after'] as const) {
    test(`an effect that failed (${how}) is performed by recover, and by another engine after a crash`, async () => {
      for (const restart of [false, true]) {
        const memory = createMemoryStore();
        const bench = new Bench(faultyStore(memory, failOnce('enqueueTask', how)));
        const id = await bench.start(ONE);
        assert.equal((await memory.pendingEffects(10)).length, 1, 'it is still owed');
        const engine = restart ? bench.anotherEngine(memory) : bench.engine;
        await engine.recover();
        assert.deepEqual(await memory.pendingEffects(10), []);
        await bench.workOff(id);
        assert.equal((await bench.state(id)).kind, 'ended');
      }
    });

    test(`a withdrawal that was cut off (${how}) is carried on by recover`, async () => {
      const memory = createMemoryStore();
      const bench = new Bench(faultyStore(memory, failOnce('cancelTask', how)));
      const id = await bench.start(ONE);
      await bench.engine.submit(id, ABORT);
      assert.equal((await bench.state(id)).kind, 'stopping');
      await bench.anotherEngine(memory).recover();
      assert.equal((await bench.state(id)).kind, 'ended');
      assert.deepEqual(await memory.livingTasks(), []);
    });

    test(`an effect that could not be ticked off (${how}) is done twice without harm`, async () => {
      const memory = createMemoryStore();
      const bench = new Bench(faultyStore(memory, failOnce('effectDone', how)));
      const id = await bench.start(ONE);
      await bench.engine.recover();
      assert.equal((await memory.livingTasks()).length, 1);
      await bench.workOff(id);
      assert.equal((await bench.state(id)).kind, 'ended');
    });

    test(`a change whose commit failed (${how}) may be put again`, async () => {
      const memory = createMemoryStore();
      let left = 0;
      const bench = new Bench(faultyStore(memory, (asked) => (asked === 'commit' && left-- > 0 ? how : undefined)));
      const id = await bench.start(planOf([{ steps: [[PLAIN], [PLAIN]] }]));
      const row = await bench.accept(id, 'p1.1');
      left = 1;
      const result = { outcome: 'succeeded', output: {} } as const;
      await assert.rejects(
        bench.end(row, result),
        (thrown) => thrown instanceof OutriderError && thrown.code === 'store-failed',
      );
      assert.equal((await bench.end(row, result)).kind, how === 'before' ? 'ok' : 'duplicate');
      assert.deepEqual(await bench.living(), ['p1.2 queued'], 'what followed from it was done');
    });
  }

  test('what was owed is done before the next change, so that a task is enqueued before it is cancelled', async () => {
    const memory = createMemoryStore();
    const bench = new Bench(faultyStore(memory, failOnce('enqueueTask', 'before')));
    const id = await bench.start(ONE);
    await bench.engine.submit(id, ABORT);
    assert.equal((await bench.state(id)).kind, 'ended');
    assert.deepEqual(await memory.livingTasks(), []);
  });
});

test('while an effect goes on failing, later ones wait for it: no task is made after its end', async () => {
  const memory = createMemoryStore();
  let left = 2;
  const bench = new Bench(
    faultyStore(memory, (asked) => (asked === 'enqueueTask' && left-- > 0 ? 'before' : undefined)),
  );
  const id = await bench.start(ONE);
  await bench.engine.submit(id, ABORT);
  assert.equal((await bench.state(id)).kind, 'stopping', 'the cancel waits for the task');
  await bench.engine.recover();
  assert.equal((await bench.state(id)).kind, 'ended');
  assert.deepEqual(await memory.livingTasks(), []);
});

describe('when two engines share a store', () => {
  test('a decision that came too late is made again on what the other one committed', async () => {
    const memory = createMemoryStore();
    const bench = new Bench(memory);
    const id = await bench.start(planOf([{ steps: [[PLAIN, PLAIN]] }]));
    const first = await bench.accept(id, 'p1.1');
    const second = await bench.accept(id, 'p1.2');
    let raced = false;
    const racing: Store = {
      ...memory,
      async commit(input) {
        if (!raced) {
          raced = true;
          await bench.end(second, { outcome: 'succeeded', output: {} });
        }
        return await memory.commit(input);
      },
    };
    const other = bench.anotherEngine(racing);
    assert.equal((await bench.end(first, { outcome: 'succeeded', output: {} }, other)).kind, 'ok');
    assert.equal((await bench.state(id)).kind, 'ended');
    assert.equal((await memory.verifyHistory(id)).kind, 'ok');
  });

  test('gives up after a number of conflicts instead of trying for ever', async () => {
    const memory = createMemoryStore();
    let commits = 0;
    const bench = new Bench({
      ...memory,
      async commit(input) {
        if (input.expectedSeq === 0) return await memory.commit(input);
        commits++;
        return { kind: 'conflict', seq: input.expectedSeq + 1 };
      },
    });
    const id = await bench.start(ONE);
    await assert.rejects(bench.engine.submit(id, ABORT), /changed by others 10 times/);
    assert.equal(commits, 10);
  });
});
