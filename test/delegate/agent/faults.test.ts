import assert from 'node:assert/strict';
import { createServer, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { Journal } from '@outrider/delegate/agent/journal.ts';
import { SILENT } from '@outrider/delegate/agent/logger.ts';
import { OutriderError } from '@outrider/shared/errors.ts';
import { eventually } from '../../support/processes.ts';
import { done, type Recipe, Rig } from './rig.ts';

describe('a delegate in trouble', () => {
  let rig: Rig;
  beforeEach(async () => {
    rig = await Rig.start();
  });
  afterEach(() => rig.close());

  test('dials again when the control plane accepts its connection and says nothing', async () => {
    const sockets: Socket[] = [];
    const blackHole = createServer((socket) => {
      sockets.push(socket.on('error', () => {}).resume());
    });
    await new Promise<void>((resolve) => {
      blackHole.listen(0, '127.0.0.1', resolve);
    });
    const address = blackHole.address();
    assert.ok(typeof address === 'object' && address !== null);
    const delegate = await rig.delegate(
      'one',
      async () => done(),
      { controlPlane: { host: '127.0.0.1', port: address.port } },
      {
        connectionTimings: { watchdogMs: 100, reconnectBaseMs: 10 },
      },
    );
    try {
      await eventually('three attempts', () => (sockets.length >= 3 ? true : undefined));
      await eventually('the first ones are given up', () =>
        sockets.slice(0, 2).every((each) => each.destroyed) ? true : undefined,
      );
      assert.equal(delegate.connected, false);
    } finally {
      await delegate.kill();
      for (const socket of sockets) socket.destroy();
      blackHole.close();
    }
  });

  test('ends when its journal cannot be written: what it cannot remember it does not do', async () => {
    const fatal = Promise.withResolvers<OutriderError>();
    let runs = 0;
    const recipe: Recipe = async () => {
      runs += 1;
      return done();
    };
    await rig.delegate(
      'one',
      recipe,
      {},
      {
        onFatal: (error) => fatal.resolve(error),
        openJournal: async (options) => {
          const journal = await Journal.open(options);
          return {
            state: journal.state,
            full: false,
            append: async (record) => {
              if (record.kind === 'started')
                throw new OutriderError('store-failed', 'The journal cannot be written: no space');
              await journal.append(record);
            },
            close: () => journal.close(),
          };
        },
      },
    );
    const id = await rig.enqueue('p1.1');
    const error = await fatal.promise;
    assert.equal(error.code, 'store-failed');
    assert.equal(runs, 0);
    assert.notEqual((await rig.row(id)).state, 'ended');
  });

  test('killed when a step was noted as begun and had not said a word, it begins anew and speaks of no lost lines', async () => {
    const gone = Promise.withResolvers<void>();
    await rig.delegate(
      'one',
      async () => done(),
      {},
      {
        onFatal: () => gone.resolve(),
        openJournal: async (options) => {
          const journal = await Journal.open(options);
          return {
            state: journal.state,
            full: false,
            append: async (record) => {
              await journal.append(record);
              if (record.kind === 'started') throw new OutriderError('store-failed', 'killed here');
            },
            close: () => journal.close(),
          };
        },
      },
    );
    const id = await rig.enqueue('p1.1');
    await gone.promise;
    const again: (boolean | undefined)[] = [];
    await rig.delegate('one', async (_task, _facts, ctx) => {
      again.push(ctx.again);
      ctx.log('the first line');
      return done();
    });
    await eventually('it has ended', async () => ((await rig.row(id)).state === 'ended' ? true : undefined));
    assert.deepEqual(await rig.log(id), ['the first line']);
    assert.deepEqual(again, [false], 'nothing is resumed that never ran');
  });

  test('says nothing on a new connection that was meant for the one before', async () => {
    const written = Promise.withResolvers<void>();
    const asked = Promise.withResolvers<void>();
    const told: string[] = [];
    const warn = (fields: object) => told.push(JSON.stringify(fields));
    await rig.delegate(
      'one',
      async () => done(),
      {},
      {
        logger: { ...SILENT, warn, error: warn },
        openJournal: async (options) => {
          const journal = await Journal.open(options);
          return {
            state: journal.state,
            full: false,
            append: async (record) => {
              if (record.kind === 'accepted') {
                asked.resolve();
                await written.promise;
              }
              await journal.append(record);
            },
            close: () => journal.close(),
          };
        },
      },
    );
    const id = await rig.enqueue('p1.1');
    await asked.promise;
    await rig.killControlPlane();
    await rig.restartControlPlane();
    const before = Date.now();
    await eventually('it has connected again', () => (Date.now() > before + 200 ? true : undefined));
    written.resolve();
    await eventually('the step has ended', async () => ((await rig.row(id)).state === 'ended' ? true : undefined));
    assert.deepEqual(
      told.filter((text) => text.includes('Hello')),
      [],
    );
  });

  test('whatever is killed while steps run, each is done once and every log is whole', async () => {
    const seed = Number(process.env['CHAOS_SEED'] ?? Date.now() % 1_000_000);
    let state = seed;
    const random = () => {
      state = (state * 1_103_515_245 + 12_345) % 2 ** 31;
      return state / 2 ** 31;
    };
    const steps = ['p1.1', 'p1.2', 'p2.1'];
    const written = new Map<string, string[]>(steps.map((step) => [step, []]));
    const ended = new Map<string, number>();
    const progress = new Map<string, number>();
    let over = false;
    const recipe: Recipe = async (task, facts, ctx) => {
      const lines = written.get(task.stepId) ?? [];
      let count = typeof facts['count'] === 'number' ? facts['count'] : 0;
      while (!over || count < 5) {
        // What a step does is done once for each number, as its facts say how far it came.
        const line = `${task.stepId} ${lines.length}`;
        ctx.log(line);
        lines.push(line);
        progress.set(task.stepId, Math.max(progress.get(task.stepId) ?? 0, count));
        count += 1;
        await ctx.checkpoint({ count });
        await ctx.sleep(2);
      }
      ended.set(task.stepId, (ended.get(task.stepId) ?? 0) + 1);
      return done({ count });
    };
    let delegate = await rig.delegate('one', recipe);
    const ids = await Promise.all(steps.map((step) => rig.enqueue(step)));
    for (let round = 0; round < 10; round++) {
      const before = [...progress.values()].reduce((sum, count) => sum + count, 0);
      await eventually(`work goes on (seed ${seed}, round ${round})`, () => {
        const now = [...progress.values()].reduce((sum, count) => sum + count, 0);
        return now > before + Math.floor(random() * 10) ? true : undefined;
      });
      if (random() < 0.5) {
        await delegate.kill();
        delegate = await rig.delegate('one', recipe);
      } else {
        await rig.killControlPlane();
        await rig.restartControlPlane();
      }
    }
    over = true;
    for (const [index, step] of steps.entries()) {
      const id = ids[index] ?? '';
      await eventually(`${step} has ended (seed ${seed})`, async () =>
        (await rig.row(id)).state === 'ended' ? true : undefined,
      );
      assert.deepEqual(await rig.log(id), written.get(step), `seed ${seed}`);
      assert.equal((await rig.row(id)).epoch, 1, `seed ${seed}`);
      const { facts, checkpointSequence } = await rig.row(id);
      assert.ok(typeof facts['count'] === 'number' && checkpointSequence >= facts['count'] - 1, `seed ${seed}`);
    }
    assert.deepEqual([...ended.values()], [1, 1, 1], `seed ${seed}`);
  });
});
