import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, test } from 'node:test';
import type { DelegateConfig } from '@outrider/delegate/agent/config.ts';
import type { Logger } from '@outrider/delegate/agent/logger.ts';
import type { DelegateHandle } from '@outrider/delegate/delegate.ts';
import { type Http2Proxy, type ProxyManners, startHttp2Proxy } from '../../support/http2-proxy.ts';
import { eventually } from '../../support/processes.ts';
import { done, type Recipe, Rig, type RigOptions } from './rig.ts';

/** In the proportions of the real ones. */
const TIMINGS = {
  watchdogMs: 400,
  reconnectBaseMs: 10,
  credentialRetryMs: 100,
  streamHoldsMs: 500,
  streamRetryMs: 300,
  streamProbeMs: 100,
  poll: { holdMs: 2_000, answerMs: 400, giveUpMs: 1_500, repeatBaseMs: 10, pauseMs: 50 },
} as const;

/** Logs numbered lines until told to end; the numbers go on over all runs of the step. */
function counting() {
  const lines: string[] = [];
  let over = false;
  const recipe: Recipe = async (_task, _facts, ctx) => {
    ctx.log(`line ${lines.push(`line ${lines.length}`) - 1}`);
    while (!over) {
      ctx.log(`line ${lines.push(`line ${lines.length}`) - 1}`);
      await ctx.sleep(5);
    }
    return done({ lines: lines.length });
  };
  return {
    recipe,
    lines,
    release: () => {
      over = true;
    },
  };
}

describe('a delegate behind a proxy', () => {
  let rig: Rig;
  let proxy: Http2Proxy;
  let said: string[];
  const logger: Logger = {
    debug() {},
    info: (_fields, message) => said.push(message),
    warn: (_fields, message) => said.push(message),
    error: (_fields, message) => said.push(message),
  };
  const target = { port: 0 };

  async function begin(manners: Partial<ProxyManners>, options?: RigOptions): Promise<void> {
    proxy.behave(manners);
    if (options === undefined) return;
    await rig.close();
    rig = await Rig.start(options);
    target.port = rig.server.port;
  }
  async function connected(delegate: DelegateHandle): Promise<void> {
    await eventually('it is connected', () => (delegate.connected ? true : undefined), 8_000);
  }
  const dial = (name: string, recipe: Recipe, changes: Partial<DelegateConfig> = {}) =>
    rig.delegate(
      name,
      recipe,
      { controlPlane: { host: '127.0.0.1', port: proxy.port }, ...changes },
      { connectionTimings: TIMINGS, logger },
    );
  const ended = (id: string) =>
    eventually(`${id} has ended`, async () => ((await rig.row(id)).state === 'ended' ? true : undefined), 10_000);
  const logged = (id: string, count: number) =>
    eventually(`${count} lines`, async () => ((await rig.log(id)).length >= count ? true : undefined), 10_000);
  const told = (pattern: RegExp) => said.filter((line) => pattern.test(line));

  beforeEach(async () => {
    said = [];
    rig = await Rig.start({ serverTimings: { pollHoldMs: 2_000 } });
    target.port = rig.server.port;
    proxy = await startHttp2Proxy(target);
  });
  afterEach(async () => {
    await rig.close();
    await proxy.close();
  });

  test('that lets streams live uses streams', async () => {
    const delegate = await dial('one', async () => done());
    await connected(delegate);
    await ended(await rig.enqueue('p1.1'));
    assert.equal(proxy.count('Poll'), 0);
    assert.equal(rig.dispatcher.fleet()[0]?.transport, 'streams');
  });

  for (const [title, manners, attempts] of [
    ['buffers streams', { streams: 'buffer' }, 2],
    ['will have no streams', { streams: 'refuse' }, 1],
    ['resets streams', { streams: 'reset' }, 2],
  ] as const) {
    test(`that ${title} polls, says so once, and does its work with its whole log`, async () => {
      await begin(manners);
      const { recipe, lines, release } = counting();
      const delegate = await dial('one', recipe);
      await connected(delegate);
      assert.equal(proxy.count('Control'), attempts);
      const id = await rig.enqueue('p1.1');
      await logged(id, 50);
      release();
      await ended(id);
      assert.deepEqual(await rig.log(id), lines);
      assert.equal((await rig.row(id)).epoch, 1);
      assert.equal(told(/does not let streams live/).length, 1, said.join('\n'));
      assert.equal(told(/^The control plane is not reached/).length, attempts - 1, said.join('\n'));
    });
  }

  test('hears of work at once', async () => {
    await begin({ streams: 'refuse' });
    const starts: number[] = [];
    const recipe: Recipe = async () => {
      starts.push(performance.now());
      return done();
    };
    await connected(await dial('one', recipe));
    for (let step = 1; step <= 5; step++) {
      const before = performance.now();
      const id = await rig.enqueue(`p1.${step}`);
      await ended(id);
      const tookMs = (starts.at(-1) ?? Infinity) - before;
      assert.ok(tookMs < 400, `step ${step} began after ${tookMs} ms`);
    }
  });

  test('that cuts every stream after a while polls after three of them, and the step goes on through it all', async () => {
    await begin({ callLifeMs: 150 });
    const { recipe, lines, release } = counting();
    await dial('one', recipe);
    const id = await rig.enqueue('p1.1');
    await eventually('it polls', () => (told(/does not let streams live/).length === 1 ? true : undefined), 10_000);
    assert.ok(proxy.count('Control') >= 3);
    await logged(id, lines.length + 50);
    release();
    await ended(id);
    assert.deepEqual(await rig.log(id), lines);
    assert.equal((await rig.row(id)).epoch, 1);
  });

  test('that cuts every connection keeps its session over polls', async () => {
    await begin({ streams: 'refuse', connectionLifeMs: 120 });
    const { recipe, lines, release } = counting();
    await connected(await dial('one', recipe));
    const id = await rig.enqueue('p1.1');
    const before = proxy.count('Control');
    await logged(id, 150);
    release();
    await ended(id);
    assert.deepEqual(await rig.log(id), lines);
    assert.equal((await rig.row(id)).epoch, 1);
    assert.equal(rig.dispatcher.fleet()[0]?.instances, 1);
    assert.ok(proxy.count('Control') - before < 20);
  });

  test('that loses a third of all calls and a third of all answers still has every line once', async () => {
    await begin({ streams: 'refuse', lostQuestions: 0.33, lostAnswers: 0.33 });
    const { recipe, lines, release } = counting();
    const delegate = await dial('one', async (task, facts, ctx) => {
      for (let count = 1; count <= 5; count++) await ctx.checkpoint({ count });
      return await recipe(task, facts, ctx);
    });
    await connected(delegate);
    const id = await rig.enqueue('p1.1');
    await logged(id, 60);
    proxy.behave({ lostQuestions: 0, lostAnswers: 0 });
    release();
    await ended(id);
    const log = await rig.log(id);
    assert.deepEqual(log, lines);
    const checkpoints = rig.engine.inputs.filter((input) => input.kind === 'task-checkpointed');
    assert.ok(checkpoints.length >= 1 && (await rig.row(id)).facts['count'] === 5);
    assert.equal(rig.engine.inputs.filter((input) => input.kind === 'task-ended').length, 1);
  });

  test('brings a flood of lines whole, while its heartbeats are heard', async () => {
    await begin({ streams: 'refuse' });
    const text = 'x'.repeat(1_000);
    const recipe: Recipe = async (_task, _facts, ctx) => {
      for (let line = 0; line < 3_000; line++) ctx.log(`${line} ${text}`);
      return done();
    };
    await connected(await dial('one', recipe));
    const id = await rig.enqueue('p1.1');
    await ended(id);
    const log = await rig.log(id);
    assert.equal(log.length, 3_000);
    assert.equal(log[2_999], `2999 ${text}`);
    assert.equal((await rig.row(id)).epoch, 1);
  });

  test('hears of an abort at once', async () => {
    await begin({ streams: 'refuse' });
    const stopped = Promise.withResolvers<number>();
    await connected(
      await dial('one', async (_task, _facts, ctx) => {
        ctx.log('begun');
        try {
          await ctx.sleep(600_000);
        } finally {
          stopped.resolve(performance.now());
        }
        return done();
      }),
    );
    const id = await rig.enqueue('p1.1');
    await logged(id, 1);
    const before = performance.now();
    await rig.store.cancelTask(id, 'aborted', 'somebody pressed the button');
    rig.engine.nudge();
    const tookMs = (await stopped.promise) - before;
    assert.ok(tookMs < 400, `it took ${tookMs} ms`);
    await ended(id);
  });

  test('hands its work back when it is told to stop, and another that polls goes on at once', async () => {
    await begin({ streams: 'refuse' });
    const recipe =
      (by: string): Recipe =>
      async (_task, _facts, ctx) => {
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
    const one = await dial('one', recipe('one'));
    await connected(one);
    const id = await rig.enqueue('p1.1');
    await logged(id, 1);
    await connected(await dial('two', recipe('two')));
    const before = performance.now();
    await one.stop();
    await ended(id);
    assert.ok(performance.now() - before < 2_500, 'not after the end of a lease');
    assert.deepEqual(await rig.log(id), ['run by one', 'handed back', 'run by two']);
    assert.equal(rig.dispatcher.fleet().find(({ name }) => name === 'one')?.connected, false, 'its goodbye was heard');
  });

  test('finds a restarted control plane again, and the log has no hole and no repeat', async () => {
    await begin({ streams: 'refuse' });
    const { recipe, lines, release } = counting();
    const delegate = await dial('one', recipe);
    await connected(delegate);
    const id = await rig.enqueue('p1.1');
    await logged(id, 20);
    for (let round = 0; round < 2; round++) {
      await rig.killControlPlane();
      const before = lines.length;
      await eventually('the step goes on', () => (lines.length > before + 20 ? true : undefined));
      await rig.restartControlPlane();
      await logged(id, lines.length);
    }
    release();
    await ended(id);
    assert.deepEqual(await rig.log(id), lines);
    assert.equal((await rig.row(id)).epoch, 1);
    assert.equal(told(/does not let streams live/).length, 1, said.join('\n'));
  });

  test('that is killed and started again goes on with its step under the same epoch', async () => {
    await begin({ streams: 'refuse' });
    const { recipe, lines, release } = counting();
    const first = await dial('one', recipe);
    await connected(first);
    const id = await rig.enqueue('p1.1');
    await logged(id, 20);
    await first.kill();
    await connected(await dial('one', recipe));
    await logged(id, lines.length + 20);
    release();
    await ended(id);
    assert.deepEqual(await rig.log(id), lines);
    assert.equal((await rig.row(id)).epoch, 1);
  });

  test('comes back when it was told to call again later', async () => {
    await begin({ streams: 'refuse' });
    const delegate = await dial('one', async () => done());
    await connected(delegate);
    rig.dispatcher.drain(10, 'an update');
    await eventually('it has left', () => (told(/called again later/).length === 1 ? true : undefined), 5_000);
    await rig.killControlPlane();
    await rig.restartControlPlane();
    await connected(delegate);
    await ended(await rig.enqueue('p1.1'));
  });

  test('goes back to streams when they hold again, and its step goes on', async () => {
    await begin({ streams: 'buffer' });
    const { recipe, lines, release } = counting();
    await dial('one', recipe);
    const id = await rig.enqueue('p1.1');
    await logged(id, 50);
    assert.equal(told(/does not let streams live/).length, 1);
    proxy.behave({ streams: 'pass' });
    await eventually('streams hold', () => (told(/hold again/).length === 1 ? true : undefined), 10_000);
    const polls = proxy.count('Poll');
    await logged(id, lines.length + 50);
    release();
    await ended(id);
    assert.equal(proxy.count('Poll'), polls, 'nothing is polled any more');
    assert.deepEqual(await rig.log(id), lines);
    assert.equal((await rig.row(id)).epoch, 1);
    assert.equal(rig.dispatcher.fleet()[0]?.instances, 1);
  });

  test('tries streams that look well and do not hold, goes back to polls, and no step is harmed', async () => {
    await begin({ streams: 'refuse' });
    const { recipe, lines, release } = counting();
    await dial('one', recipe);
    const id = await rig.enqueue('p1.1');
    await logged(id, 20);
    proxy.behave({ streams: 'pass', callLifeMs: 300 });
    await eventually('it tried', () => (told(/still do not hold/).length >= 1 ? true : undefined), 10_000);
    await logged(id, lines.length + 50);
    release();
    await ended(id);
    assert.deepEqual(await rig.log(id), lines);
    assert.equal((await rig.row(id)).epoch, 1);
  });

  test('looks at streams without touching its session while they are still refused', async () => {
    await begin({ streams: 'buffer' });
    const delegate = await dial('one', async () => done());
    await connected(delegate);
    const before = proxy.count('Control');
    const connects = told(/Connected/).length;
    await eventually('it looked twice', () => (proxy.count('Control') >= before + 2 ? true : undefined), 10_000);
    assert.equal(told(/Connected/).length, connects, 'the session is the same');
    assert.equal(delegate.connected, true);
  });

  test('polls from the start where it is told to, and never where it is told not to', async () => {
    await begin({});
    const polling = await dial('one', async () => done(), { transport: 'poll' });
    await connected(polling);
    assert.deepEqual([proxy.count('Control'), proxy.count('Poll') > 0], [0, true]);
    await polling.kill();
    proxy.behave({ streams: 'refuse' });
    const before = proxy.count('Poll');
    const stubborn = await dial('two', async () => done(), { transport: 'stream' });
    await eventually('it dials and dials', () => (proxy.count('Control') >= 3 ? true : undefined), 10_000);
    assert.deepEqual([stubborn.connected, proxy.count('Poll')], [false, before]);
  });

  test('stays with streams when its control plane knows no polls, and takes them as soon as they pass', async () => {
    await begin({ streams: 'buffer' }, { protocol: { min: 1, max: 1 } });
    const delegate = await dial('one', async () => done());
    await eventually('it tried polls, and streams again', () =>
      proxy.count('Poll') >= 1 && proxy.count('Control') >= 3 ? true : undefined,
    );
    assert.equal(told(/does not let streams live/).length, 0);
    proxy.behave({ streams: 'pass' });
    await connected(delegate);
    await ended(await rig.enqueue('p1.1'));
  });

  test('does not take a control plane that is away for a network without streams', async () => {
    await begin({});
    await rig.killControlPlane();
    const delegate = await rig.delegate('one', async () => done(), {}, { connectionTimings: TIMINGS, logger });
    await eventually('it says that nobody is there', () =>
      told(/^The control plane is not reached/).length >= 1 ? true : undefined,
    );
    await rig.restartControlPlane();
    await connected(delegate);
    assert.equal(told(/does not let streams live/).length, 0, said.join('\n'));
  });

  test('polls over TLS with its credential, and is out when that is revoked', async () => {
    await begin({}, { tls: true });
    const token = await rig.joinToken('secured');
    const delegate = await rig.delegate(
      'secured',
      async () => done(),
      { joinToken: token, transport: 'poll' },
      { connectionTimings: TIMINGS, logger },
    );
    await connected(delegate);
    await ended(await rig.enqueue('p1.1'));
    assert.equal(rig.dispatcher.fleet()[0]?.transport, 'polling');
    await rig.store.revokeCredentials('secured', Date.now());
    await eventually('it is out', () => (rig.dispatcher.fleet()[0]?.connected === false ? true : undefined), 5_000);
    await eventually('it says why', () => (told(/revoked/).length > 0 ? true : undefined), 5_000);
  });
});
