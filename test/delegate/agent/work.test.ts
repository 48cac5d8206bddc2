import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { eventually } from '../../support/processes.ts';
import { done, Rig } from './rig.ts';

describe('work on its way through a delegate', () => {
  let rig: Rig;
  beforeEach(async () => {
    rig = await Rig.start();
  });
  afterEach(() => rig.close());

  const ended = async (id: string) => {
    await eventually(`${id} has ended`, async () => ((await rig.row(id)).state === 'ended' ? true : undefined));
  };

  test('a step is offered, accepted, leased, checkpointed, logged and ended, in this order', async () => {
    await rig.delegate('one', async (task, facts, ctx) => {
      assert.deepEqual(facts, {});
      ctx.log(`begin ${task.stepId}`);
      await ctx.checkpoint({ before: 3 });
      await ctx.checkpoint({ after: { nested: [1, 'two'] } });
      ctx.counts([{ service: 's', role: 'new', desired: 2, running: 1, pending: 1 }]);
      ctx.log('end', 'WARN');
      return done({ ok: true });
    });
    const id = await rig.enqueue('p1.1');
    await ended(id);
    assert.deepEqual(
      rig.engine.inputs.map((input) => input.kind),
      ['task-accepted', 'task-checkpointed', 'task-checkpointed', 'task-ended'],
    );
    const last = rig.engine.inputs.at(-1);
    assert.deepEqual(last, {
      kind: 'task-ended',
      stepId: 'p1.1',
      attempt: 1,
      result: { outcome: 'succeeded', output: { ok: true } },
    });
    assert.deepEqual(await rig.log(id), ['begin p1.1', 'end']);
    const row = await rig.row(id);
    assert.deepEqual(row.facts, { before: 3, after: { nested: [1, 'two'] } });
    assert.equal(row.epoch, 1);
    assert.equal(row.delegate, 'one');
  });

  test('counts of a running step are shown while it runs', async () => {
    const release = Promise.withResolvers<void>();
    await rig.delegate('one', async (_task, _facts, ctx) => {
      ctx.counts([{ service: 's', role: 'old', desired: 1, running: 1, pending: 0 }]);
      await release.promise;
      return done();
    });
    const id = await rig.enqueue('p1.1');
    const counts = await eventually('counts', () => rig.dispatcher.progressOf(id));
    assert.deepEqual(counts, [{ service: 's', role: 'old', desired: 1, running: 1, pending: 0 }]);
    release.resolve();
    await ended(id);
    await eventually('no counts', () => (rig.dispatcher.progressOf(id) === undefined ? true : undefined));
  });

  test('a failure comes through with its code, words, hint and evidence', async () => {
    const failure = {
      code: 'out-of-memory',
      message: 'it is too big',
      hint: 'make it smaller',
      evidence: ['exit code 137', 'two'],
      failureType: 'verification',
    } as const;
    await rig.delegate('one', async () => ({ outcome: 'failed', failure }));
    await ended(await rig.enqueue('p1.1'));
    const last = rig.engine.inputs.at(-1);
    assert.deepEqual(last, { kind: 'task-ended', stepId: 'p1.1', attempt: 1, result: { outcome: 'failed', failure } });
  });

  test('many steps at once share one delegate, and no more run than it has slots', async () => {
    let running = 0;
    let most = 0;
    await rig.delegate(
      'one',
      async (_task, _facts, ctx) => {
        running += 1;
        most = Math.max(most, running);
        await ctx.sleep(40);
        running -= 1;
        return done();
      },
      { slots: 3 },
    );
    const ids = await Promise.all([...Array(12).keys()].map((index) => rig.enqueue(`p1.${index + 1}`)));
    for (const id of ids) await ended(id);
    assert.equal(most, 3);
    assert.deepEqual([...new Set((await Promise.all(ids.map((id) => rig.row(id)))).map((row) => row.epoch))], [1]);
  });

  test('a long log arrives whole and in order', async () => {
    const lines = [...Array(6_000).keys()].map((index) => `line ${index} ${'x'.repeat(index % 300)} ⚙`);
    await rig.delegate('one', async (_task, _facts, ctx) => {
      for (const line of lines) ctx.log(line);
      return done();
    });
    const id = await rig.enqueue('p1.1');
    await ended(id);
    assert.deepEqual(await rig.log(id), lines);
  });

  test('an abort reaches the step, which stops and says so', async () => {
    await rig.delegate('one', async (_task, _facts, ctx) => {
      ctx.log('waiting');
      try {
        await ctx.sleep(60_000);
      } catch {
        return { outcome: 'stopped', reason: 'aborted', message: `stopped: ${String(ctx.stop.reason)}` };
      }
      return done();
    });
    const id = await rig.enqueue('p1.1');
    await eventually('it runs', async () => ((await rig.log(id)).length > 0 ? true : undefined));
    await rig.store.cancelTask(id, 'rolling-back', 'a neighbour failed');
    rig.engine.nudge();
    await ended(id);
    const last = rig.engine.inputs.at(-1);
    assert.deepEqual(last, {
      kind: 'task-ended',
      stepId: 'p1.1',
      attempt: 1,
      result: { outcome: 'stopped', message: 'stopped: rolling-back' },
    });
  });

  test('a step whose time is up is told to stop', async () => {
    await rig.delegate('one', async (_task, _facts, ctx) => {
      await assert.rejects(ctx.sleep(60_000));
      return { outcome: 'stopped', reason: 'timed-out', message: 'gave up' };
    });
    const id = await rig.enqueue('p1.1', { timeoutSeconds: 1 });
    await ended(id);
    const last = rig.engine.inputs.at(-1);
    assert.ok(last?.kind === 'task-ended');
    assert.ok(last.result.outcome === 'stopped' || last.result.outcome === 'failed');
  });

  test('a defect in a step is reported as such and harms nothing else', async () => {
    await rig.delegate('one', async (task) => {
      if (task.stepId === 'p1.1') throw new TypeError('undefined is not a function');
      return done();
    });
    const [first, second] = [await rig.enqueue('p1.1'), await rig.enqueue('p1.2')];
    await ended(first);
    await ended(second);
    const result = rig.engine.inputs.find((input) => input.kind === 'task-ended' && input.stepId === 'p1.1');
    assert.ok(result?.kind === 'task-ended' && result.result.outcome === 'failed');
    assert.equal(result.result.failure.code, 'internal');
    assert.match(result.result.failure.message, /undefined is not a function/);
  });
});
