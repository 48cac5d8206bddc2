import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { done, Rig } from '../../delegate/agent/rig.ts';
import { eventually } from '../../support/processes.ts';
import { RawDelegate } from '../grpc/raw-delegate.ts';

describe('the log of a step that nobody can finish', () => {
  let rig: Rig;
  let raw: RawDelegate | undefined;
  const begin = async (timings: Parameters<typeof Rig.start>[0] = {}) => {
    rig = await Rig.start(timings);
  };
  beforeEach(() => {
    raw = undefined;
  });
  afterEach(async () => {
    raw?.close();
    await rig.close();
  });
  const ended = (id: string) =>
    eventually(`${id} has ended`, async () => ((await rig.row(id)).state === 'ended' ? true : undefined));

  test('an aborted step that no delegate had says that it was stopped, and why', async () => {
    await begin();
    const id = await rig.enqueue('p1.1', { selectors: ['nobody'] });
    await rig.store.cancelTask(id, 'aborted', 'no more');
    rig.engine.nudge();
    await ended(id);
    assert.deepEqual(await rig.log(id), ['Stopped: the execution was aborted (no delegate had it).']);
  });

  test('a step whose delegate never came back to be stopped does not just break off', async () => {
    await begin({ timings: { leaseTtlMs: 400, callDeadlineMs: 100 } });
    const delegate = await rig.delegate('one', async (_task, _facts, ctx) => {
      ctx.log('Waiting for pending tasks to finish. 0/1 running ...');
      await ctx.sleep(600_000);
      return done();
    });
    const id = await rig.enqueue('p1.1');
    await eventually('its line', async () => ((await rig.log(id)).length === 1 ? true : undefined));
    await delegate.kill();
    await rig.store.cancelTask(id, 'rolling-back', 'wrong build');
    rig.engine.nudge();
    await ended(id);
    assert.deepEqual(await rig.log(id), [
      'Waiting for pending tasks to finish. 0/1 running ...',
      'Stopped: the execution is being rolled back (one is gone and can change nothing any more). What was logged there last may be missing here.',
    ]);
  });

  test('a step that no delegate accepts says who let it go by and what to do, once', async () => {
    await begin();
    raw = new RawDelegate(rig.server.port);
    await raw.welcomed('silent');
    let refusals = 0;
    rig.engine.refuse = (input) => {
      if (input.kind !== 'task-undeliverable' || refusals > 3) return undefined;
      refusals += 1;
      return 'not yet';
    };
    const id = await rig.enqueue('p1.1');
    await ended(id);
    const log = await rig.log(id);
    // As often as it was offered until the engine took that nobody will.
    assert.match(log[0] ?? '', /^[3-9] offers of the step were not accepted by any delegate$/);
    assert.match(log[1] ?? '', /^ {2}silent: did not accept it/);
    assert.match(log.at(-1) ?? '', /^What to do: /);
    assert.equal(log.filter((line) => line.includes('offers of the step')).length, 1, log.join('\n'));
  });

  test('between the lines of a delegate that vanished and of the next one stands what happened', async () => {
    await begin({ timings: { leaseTtlMs: 400, reassignGraceMs: 100 } });
    const first = await rig.delegate('one', async (_task, _facts, ctx) => {
      ctx.log('run by one');
      await ctx.sleep(600_000);
      return done();
    });
    const id = await rig.enqueue('p1.1');
    await eventually('its line', async () => ((await rig.log(id)).length === 1 ? true : undefined));
    await first.kill();
    await rig.delegate('two', async (_task, _facts, ctx) => {
      ctx.log('run by two');
      return done();
    });
    await ended(id);
    const [before, between, after, ...rest] = await rig.log(id);
    assert.deepEqual([before, after, rest], ['run by one', 'run by two', []]);
    assert.match(between ?? '', /^The step goes on elsewhere: one has not been heard of for \d+ s\. .* may be missing/);
  });
});
