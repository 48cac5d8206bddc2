import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Store } from '@outrider/control-plane/app/ports.ts';
import { createMemoryStore } from '@outrider/control-plane/store/memory.ts';
import { OutriderError } from '@outrider/shared/errors.ts';
import * as fc from 'fast-check';
import { Bench, succeed } from '../control-plane/app/bench.ts';
import { type Fault, faultyStore } from '../control-plane/app/faulty-store.ts';
import { CANARY, PLAIN, planOf } from '../control-plane/domain/plans.ts';
import { BAD_IMAGE } from '../control-plane/domain/story.ts';

const RUNS = 150;
/** Rounds in which the store may fail; after them it is well again and everything must end. */
const STORMY_ROUNDS = 25;

const PLANS = [
  planOf(CANARY),
  planOf([
    { steps: [[PLAIN, PLAIN], [PLAIN]], rollback: [[PLAIN]] },
    { steps: [[PLAIN, PLAIN]], rollback: [[PLAIN, PLAIN]] },
  ]),
];

interface Weather {
  readonly plan: number;
  /** One for each store call of the storm, used over and over: none of the time, before, after. */
  readonly faults: readonly Fault[];
  /** What happens in each round. */
  readonly rounds: readonly ('work' | 'fail' | 'abort' | 'recover' | 'restart')[];
}

const weather: fc.Arbitrary<Weather> = fc.record({
  plan: fc.nat(PLANS.length - 1),
  faults: fc.array(fc.constantFrom<Fault[]>(undefined, undefined, undefined, undefined, 'before', 'after'), {
    minLength: 7,
    maxLength: 31,
  }),
  rounds: fc.array(fc.constantFrom('work', 'work', 'work', 'work', 'work', 'fail', 'abort', 'recover', 'restart'), {
    minLength: STORMY_ROUNDS,
    maxLength: STORMY_ROUNDS,
  }),
});

/** A store failure is part of the weather; anything else is a defect. */
async function ride(work: () => Promise<unknown>): Promise<void> {
  try {
    await work();
  } catch (thrown) {
    if (!(thrown instanceof OutriderError) || thrown.code !== 'store-failed') throw thrown;
  }
}

/** Offers, accepts and ends one task, looking first where it stands, as the dispatcher does. */
async function workOnce(bench: Bench, memory: Store, outcome: 'work' | 'fail'): Promise<void> {
  for (const row of await memory.livingTasks()) {
    if (row.cancel !== null && row.state !== 'leased') continue;
    const { executionId, stepId, attempt, taskId } = row;
    if (row.state === 'queued') {
      const offered = await memory.offerTask(taskId, { delegate: 'd', instanceId: 'i' }, 0, 1);
      if (offered.kind !== 'ok') continue;
    }
    const offered = await memory.getTask(taskId);
    if (offered === undefined) continue;
    const { epoch } = offered;
    if (offered.state === 'offered') {
      const accepted = { kind: 'accepted', taskId, epoch, instanceId: 'i', leaseUntilMs: 1 } as const;
      await ride(() =>
        bench.engine.submit(executionId, { kind: 'task-accepted', stepId, attempt, delegate: 'd' }, accepted),
      );
    }
    const leased = await memory.getTask(taskId);
    if (leased?.state !== 'leased') continue;
    const result =
      leased.cancel !== null
        ? ({ outcome: 'stopped', message: '' } as const)
        : outcome === 'fail'
          ? ({ outcome: 'failed', failure: BAD_IMAGE } as const)
          : succeed(leased);
    await ride(() => bench.end(leased, result, bench.engine));
    return;
  }
}

test('whatever the store fails at, no execution is lost, none is left half way, and no task outlives its execution', async () => {
  await fc.assert(
    fc.asyncProperty(weather, async ({ plan, faults, rounds }) => {
      const memory = createMemoryStore();
      let storm = false;
      let call = 0;
      const stormy = faultyStore(memory, () => (storm ? faults[call++ % faults.length] : undefined));
      let bench = new Bench(stormy);
      const id = await bench.start(PLANS[plan] ?? planOf(CANARY));
      storm = true;
      for (const round of rounds) {
        if (round === 'work' || round === 'fail') await workOnce(bench, memory, round);
        else if (round === 'recover') await ride(() => bench.engine.recover());
        else if (round === 'restart') bench = new Bench(stormy);
        else await ride(() => bench.engine.submit(id, { kind: 'abort', by: 'b', reason: '', rollback: true }));
      }
      storm = false;
      await bench.engine.recover();
      for (let round = 0; round < 50 && (await memory.livingTasks()).length > 0; round++) {
        await workOnce(bench, memory, 'work');
      }
      const state = await bench.state(id);
      assert.equal(state.kind, 'ended', `it waits: ${JSON.stringify(await memory.livingTasks())}`);
      assert.deepEqual(await memory.pendingEffects(10), []);
      assert.deepEqual(await memory.verifyHistory(id), { kind: 'ok', events: state.seq });
      assert.equal((await memory.getSummary(id))?.endedAtMs === null, false);
    }),
    { numRuns: RUNS },
  );
});
