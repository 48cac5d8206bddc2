import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { ExecutionView, StartRequest } from '@outrider/control-plane/app/executions-port.ts';
import { SILENT } from '@outrider/control-plane/app/logger.ts';
import type { IdempotencyKey } from '@outrider/control-plane/app/ports.ts';
import { createScheduler } from '@outrider/control-plane/app/triggers/scheduler.ts';
import { TRIGGER_TIMINGS } from '@outrider/control-plane/app/triggers/timings.ts';
import { createMemoryStore } from '@outrider/control-plane/store/memory.ts';
import { OutriderError } from '@outrider/shared/errors.ts';
import { commitOf } from '../../contracts/store/fixtures.ts';
import { triggerOf } from '../../contracts/store/trigger-moves.ts';
import { eventually } from '../../support/processes.ts';

const REF = { application: 'ECS', name: 'nightly' };
const EXECUTION = `exe_${'1'.repeat(26)}`;
/** Three in the morning; the trigger is due then every day. */
const DUE = Date.parse('2026-01-07T03:00:00.000Z');

/** A scheduler whose clock stands where the test puts it, and which looks once. */
function rig(start: (request: StartRequest) => void) {
  const store = createMemoryStore();
  const asked: StartRequest[] = [];
  let nowMs = DUE;
  let after: () => void = () => undefined;
  const scheduler = () =>
    createScheduler({
      store,
      clock: { now: () => nowMs },
      timers: {
        after(_milliseconds, run) {
          after = run;
          return () => undefined;
        },
      },
      logger: SILENT,
      timings: TRIGGER_TIMINGS,
      keysAsked: false,
      executions: {
        async start(request, by) {
          assert.equal(by.name, 'trigger ECS/nightly');
          asked.push(request);
          start(request);
          const { idempotencyKey: key = '' } = request;
          const idempotency: IdempotencyKey = { scope: by.name, key, requestDigest: 'x', atMs: nowMs };
          const outcome = await store.commit(commitOf(EXECUTION, 0, { idempotency }));
          assert.equal(outcome.kind, 'ok', 'no start is repeated');
          const execution: Pick<ExecutionView, 'id'> = { id: EXECUTION };
          return { execution: execution as ExecutionView, replayed: false };
        },
      },
    });
  return {
    store,
    asked,
    scheduler,
    at(ms: number) {
      nowMs = ms;
    },
    again: () => after(),
    firings: async () => (await store.getTrigger(REF))?.firings ?? [],
    next: async () => (await store.getTrigger(REF))?.nextAtMs ?? null,
    create: () => store.createTrigger(triggerOf({ ...REF, nextAtMs: DUE })),
  };
}

const DAY = 86_400_000;

describe('the clock as a trigger', () => {
  test('starts what is due, once, and looks ahead to the next time', async () => {
    const it = rig(() => undefined);
    await it.create();
    const scheduler = it.scheduler();
    scheduler.start();
    await eventually('it has started', async () => ((await it.firings()).length === 1 ? true : undefined));
    await scheduler.stop();
    assert.deepEqual(
      it.asked.map(({ workflow, artifacts, reason }) => [workflow, artifacts, reason]),
      [['web', { 'ü"': ':1' }, 'its schedule']],
    );
    assert.deepEqual(await it.firings(), [{ atMs: DUE, outcome: 'started', executionId: EXECUTION, because: null }]);
    assert.equal(await it.next(), DUE + DAY);
  });

  test('a start that a crash kept from being noted is found again and not repeated, however late', async () => {
    const it = rig(() => undefined);
    await it.create();
    const key = `tr1 ${new Date(DUE).toISOString()}`;
    const idempotency = { scope: 'trigger ECS/nightly', key, requestDigest: 'x', atMs: DUE };
    await it.store.commit(commitOf(EXECUTION, 0, { idempotency }));
    it.at(DUE + 3_600_000);
    const scheduler = it.scheduler();
    scheduler.start();
    await eventually('it is noted', async () => ((await it.firings()).length === 1 ? true : undefined));
    await scheduler.stop();
    assert.equal(it.asked.length, 0);
    assert.equal((await it.firings())[0]?.executionId, EXECUTION);
  });

  test('a time at which nobody was there is passed over and said so', async () => {
    const it = rig(() => undefined);
    await it.create();
    it.at(DUE + 3 * DAY + TRIGGER_TIMINGS.latestMs + 1);
    const scheduler = it.scheduler();
    scheduler.start();
    await eventually('it is noted', async () => ((await it.firings()).length === 1 ? true : undefined));
    await scheduler.stop();
    assert.equal(it.asked.length, 0);
    const [missed] = await it.firings();
    assert.equal(missed?.outcome, 'missed');
    assert.match(missed?.because ?? '', /2026-01-07T03:00/);
    assert.equal(await it.next(), DUE + 4 * DAY, 'one note for all that was missed');
  });

  test('while no delegate is back it is tried again, and in the end refused with the reason', async () => {
    const it = rig(() => {
      throw new OutriderError('no-eligible-delegate', 'no delegate has the tag vpc');
    });
    await it.create();
    const scheduler = it.scheduler();
    scheduler.start();
    await eventually('it was tried', () => (it.asked.length === 1 ? true : undefined));
    await scheduler.stop();
    assert.deepEqual(await it.firings(), []);
    it.at(DUE + TRIGGER_TIMINGS.latestMs);
    const later = it.scheduler();
    later.start();
    await eventually('it is noted', async () => ((await it.firings()).length === 1 ? true : undefined));
    await later.stop();
    const [refused] = await it.firings();
    assert.deepEqual([refused?.outcome, refused?.because], ['refused', 'no delegate has the tag vpc']);
  });

  test('what cannot start at all is refused at once and comes again at its next time', async () => {
    const it = rig(() => {
      throw new OutriderError('execution-running', 'exe_2 runs there already');
    });
    await it.create();
    const scheduler = it.scheduler();
    scheduler.start();
    await eventually('it is noted', async () => ((await it.firings()).length === 1 ? true : undefined));
    await scheduler.stop();
    assert.equal((await it.firings())[0]?.outcome, 'refused');
    assert.equal(await it.next(), DUE + DAY);
  });
});
