import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { eventually } from '../../support/processes.ts';
import { done, type Recipe, Rig } from './rig.ts';

/** Logs numbered lines until told to end; the numbers go on over all runs of the step in this test. */
function counting(): { readonly recipe: Recipe; readonly lines: string[]; readonly release: () => void } {
  const lines: string[] = [];
  const released = Promise.withResolvers<void>();
  let over = false;
  void released.promise.then(() => {
    over = true;
  });
  const recipe: Recipe = async (_task, _facts, ctx) => {
    while (!over) {
      const line = `line ${lines.length}`;
      lines.push(line);
      ctx.log(line);
      await ctx.sleep(5);
    }
    return done({ lines: lines.length });
  };
  return { recipe, lines, release: () => released.resolve() };
}

describe('when one side goes away', () => {
  let rig: Rig;
  beforeEach(async () => {
    rig = await Rig.start();
  });
  afterEach(() => rig.close());

  const ended = (id: string) =>
    eventually(`${id} has ended`, async () => ((await rig.row(id)).state === 'ended' ? true : undefined));
  const logged = (id: string, count: number) =>
    eventually(`${count} lines`, async () => ((await rig.log(id)).length >= count ? true : undefined));

  test('a control plane that is restarted mid-step finds the step going on, and its log has no hole and no repeat', async () => {
    const { recipe, lines, release } = counting();
    const delegate = await rig.delegate('one', recipe);
    const id = await rig.enqueue('p1.1');
    await logged(id, 20);
    for (let round = 0; round < 3; round++) {
      await rig.killControlPlane();
      const before = lines.length;
      await eventually('the step goes on without a control plane', () =>
        lines.length > before + 20 ? true : undefined,
      );
      await rig.restartControlPlane();
      await logged(id, lines.length);
    }
    release();
    await ended(id);
    assert.deepEqual(await rig.log(id), lines);
    const row = await rig.row(id);
    assert.equal(row.epoch, 1);
    assert.equal(delegate.connected, true);
    const ends = rig.engine.inputs.filter((input) => input.kind === 'task-ended');
    assert.equal(ends.length, 1);
  });

  test('a control plane that was away for longer than a lease takes nothing from its delegates', async () => {
    await rig.close();
    rig = await Rig.start({ timings: { leaseTtlMs: 400, reassignGraceMs: 0 } });
    const { recipe, lines, release } = counting();
    await rig.delegate('one', recipe);
    await rig.delegate('two', recipe);
    const id = await rig.enqueue('p1.1');
    await logged(id, 5);
    await rig.killControlPlane();
    const leaseUntilMs = (await rig.row(id)).leaseUntilMs ?? 0;
    await eventually('the lease is long over', () => (Date.now() > leaseUntilMs + 300 ? true : undefined));
    await rig.restartControlPlane();
    await logged(id, lines.length);
    release();
    await ended(id);
    assert.equal((await rig.row(id)).epoch, 1);
    assert.deepEqual(await rig.log(id), lines);
  });

  test('a delegate that is restarted mid-step goes on under the same epoch with its facts', async () => {
    const runs: unknown[] = [];
    const released = Promise.withResolvers<void>();
    const recipe: Recipe = async (_task, facts, ctx) => {
      runs.push(facts);
      ctx.log(`run ${runs.length}`);
      if (runs.length === 1) await ctx.checkpoint({ made: 'service-1' });
      if (runs.length === 1) await ctx.sleep(600_000);
      await released.promise;
      await ctx.checkpoint({ more: true });
      return done();
    };
    const first = await rig.delegate('one', recipe);
    const id = await rig.enqueue('p1.1');
    await eventually('the checkpoint', async () => ((await rig.row(id)).checkpointSequence === 1 ? true : undefined));
    await first.kill();
    const instance = (await rig.row(id)).instanceId;
    await rig.delegate('one', recipe);
    await eventually('the second run', () => (runs.length === 2 ? true : undefined));
    released.resolve();
    await ended(id);
    assert.deepEqual(runs, [{}, { made: 'service-1' }]);
    const row = await rig.row(id);
    assert.equal(row.epoch, 1);
    assert.notEqual(row.instanceId, instance);
    assert.deepEqual(row.facts, { made: 'service-1', more: true });
    assert.equal(row.checkpointSequence, 2);
    assert.deepEqual(await rig.log(id), ['run 1', 'run 2']);
  });

  test('a result that was not acknowledged before the delegate died is sent again and counts once', async () => {
    let runs = 0;
    const recipe: Recipe = async (_task, _facts, ctx) => {
      runs += 1;
      ctx.log('did it');
      return done({ runs });
    };
    // The engine is out of order when the result comes.
    rig.engine.refuse = (input) => {
      if (input.kind === 'task-ended') throw new Error('the disk is full');
      return undefined;
    };
    const first = await rig.delegate('one', recipe);
    const id = await rig.enqueue('p1.1');
    await eventually('it ran', () => (runs === 1 ? true : undefined));
    await logged(id, 1);
    await first.kill();
    await rig.delegate('one', recipe);
    rig.engine.refuse = () => undefined;
    await ended(id);
    assert.equal(runs, 1);
    assert.deepEqual(rig.engine.inputs.at(-1), {
      kind: 'task-ended',
      stepId: 'p1.1',
      attempt: 1,
      result: { outcome: 'succeeded', output: { runs: 1 } },
    });
    assert.deepEqual(await rig.log(id), ['did it']);
  });

  test('a delegate that does not come back is replaced: the next one goes on with its facts under the next epoch', async () => {
    const quick = { leaseTtlMs: 400 };
    await rig.close();
    rig = await Rig.start({ timings: quick });
    const runs: { by: string; facts: unknown }[] = [];
    const recipe =
      (by: string): Recipe =>
      async (_task, facts, ctx) => {
        runs.push({ by, facts });
        ctx.log(`run by ${by}`);
        if (by === 'two') return done();
        await ctx.checkpoint({ saved: 1 });
        await ctx.sleep(600_000);
        return done();
      };
    const one = await rig.delegate('one', recipe('one'));
    const id = await rig.enqueue('p1.1');
    await logged(id, 1);
    await eventually('the checkpoint', async () => ((await rig.row(id)).checkpointSequence === 1 ? true : undefined));
    await one.kill();
    await rig.delegate('two', recipe('two'));
    await ended(id);
    assert.deepEqual(runs, [
      { by: 'one', facts: {} },
      { by: 'two', facts: { saved: 1 } },
    ]);
    const row = await rig.row(id);
    assert.equal(row.epoch, 2);
    const log = await rig.log(id);
    assert.deepEqual([log[0], log[2], log.length], ['run by one', 'run by two', 3]);
    assert.match(log[1] ?? '', /^The step goes on elsewhere: one has not been heard of for /);
    assert.ok(rig.engine.inputs.some((input) => input.kind === 'task-requeued'));
  });

  test('a step that must not be done twice is not given to anybody else: it fails when its delegate stays away', async () => {
    await rig.close();
    rig = await Rig.start({ timings: { leaseTtlMs: 400, lostStepWindowMs: 500 } });
    const one = await rig.delegate('one', async (_task, _facts, ctx) => {
      ctx.log('began');
      await ctx.sleep(600_000);
      return done();
    });
    const id = await rig.enqueue('p1.1', { repeatable: false });
    await logged(id, 1);
    await one.kill();
    let others = 0;
    await rig.delegate('two', async () => {
      others += 1;
      return done();
    });
    await ended(id);
    assert.equal(others, 0);
    const last = rig.engine.inputs.at(-1);
    assert.ok(last?.kind === 'task-undeliverable');
    assert.equal(last.failure.code, 'delegate-lost');
    assert.match(last.failure.message, /one went away/);
  });

  test('a delegate that is told to stop hands its work back, and another goes on at once', async () => {
    const runs: string[] = [];
    const recipe =
      (by: string): Recipe =>
      async (_task, _facts, ctx) => {
        runs.push(by);
        ctx.log(`run by ${by}`);
        if (by === 'two') return done();
        try {
          await ctx.sleep(600_000);
        } catch {
          ctx.log('handed back');
          return { outcome: 'stopped', reason: 'draining', message: '' };
        }
        return done();
      };
    const one = await rig.delegate('one', recipe('one'));
    const id = await rig.enqueue('p1.1');
    await logged(id, 1);
    await rig.delegate('two', recipe('two'));
    const before = performance.now();
    await one.stop();
    await ended(id);
    assert.ok(performance.now() - before < 2_500, 'not after the end of a lease');
    assert.deepEqual(runs, ['one', 'two']);
    assert.deepEqual(await rig.log(id), ['run by one', 'handed back', 'run by two']);
  });

  test('a cancelled step whose delegate has died is withdrawn, and only after the lease has ended', async () => {
    await rig.close();
    rig = await Rig.start({ timings: { leaseTtlMs: 600, callDeadlineMs: 300 } });
    const one = await rig.delegate('one', async (_task, _facts, ctx) => {
      ctx.log('began');
      await ctx.sleep(600_000);
      return done();
    });
    const id = await rig.enqueue('p1.1');
    await logged(id, 1);
    await one.kill();
    const leaseUntilMs = (await rig.row(id)).leaseUntilMs ?? 0;
    await rig.store.cancelTask(id, 'aborted', 'somebody pressed the button');
    rig.engine.nudge();
    await ended(id);
    assert.ok(Date.now() >= leaseUntilMs + 300);
    const last = rig.engine.inputs.at(-1);
    assert.ok(last?.kind === 'task-ended' && last.result.outcome === 'stopped');
  });
});
