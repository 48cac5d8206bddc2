import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  busyByInstance,
  type Candidate,
  chooseSession,
  offerable,
  type Preferences,
} from '@outrider/control-plane/app/dispatch/choose.ts';
import { directiveFor } from '@outrider/control-plane/app/dispatch/directives.ts';
import { type Verdict, verdictOn } from '@outrider/control-plane/app/dispatch/expiry.ts';
import { KeyedQueue } from '@outrider/control-plane/app/dispatch/keyed-queue.ts';
import { DISPATCH_TIMINGS } from '@outrider/control-plane/app/dispatch/timings.ts';
import type { TaskRow } from '@outrider/control-plane/app/ports.ts';
import { EPOCHS_PER_GENERATION } from '@outrider/control-plane/domain/fleet/epochs.ts';
import type { DelegateView } from '@outrider/control-plane/domain/fleet/match.ts';
import { MinuteLimit } from '@outrider/control-plane/grpc/rate-limit.ts';
import type { InventoryItem } from '@outrider/shared/protocol/messages.ts';
import fc from 'fast-check';
import { EXECUTION, stepTaskOf } from '../../delegate/agent/rig.ts';

const NOW = 1_000_000_000;
const row = (changes: Partial<TaskRow> = {}): TaskRow => ({
  taskId: `${EXECUTION}/p1.1/1`,
  executionId: EXECUTION,
  stepId: 'p1.1',
  attempt: 1,
  stepType: 'ecs-steady-state-check',
  selectors: [],
  repeatable: true,
  task: stepTaskOf('p1.1'),
  state: 'queued',
  epoch: 1,
  delegate: 'one',
  instanceId: 'i1',
  offerUntilMs: null,
  leaseUntilMs: null,
  notBeforeMs: 0,
  queuedAtMs: 0,
  deliveries: 0,
  timeoutSeconds: 600,
  deadlineMs: null,
  facts: {},
  checkpointSequence: 0,
  cancel: null,
  logBytes: 0,
  resultSha256: null,
  ...changes,
});
const context = (changes: object = {}) => ({
  now: NOW,
  timings: DISPATCH_TIMINGS,
  nobodySinceMs: undefined,
  evidence: ['two: it is not connected'],
  ...changes,
});
const leased = (changes: Partial<TaskRow> = {}) => row({ state: 'leased', leaseUntilMs: NOW + 1, ...changes });
/** As it is after a restore: under an epoch that nobody was given. */
const restored = (changes: Partial<TaskRow> = {}) =>
  row({ state: 'leased', epoch: 3 * EPOCHS_PER_GENERATION, leaseUntilMs: NOW - 1, notBeforeMs: NOW, ...changes });
const cancel = { reason: 'aborted', message: 'm' } as const;

describe('what time makes of a task', () => {
  const cases: readonly (readonly [string, TaskRow, object, Verdict['kind']])[] = [
    ['a queued step waits', row(), {}, 'leave'],
    ['a queued step that nobody can take waits ten minutes', row(), { nobodySinceMs: NOW - 599_999 }, 'leave'],
    ['and then fails', row(), { nobodySinceMs: NOW - 600_000 }, 'withdraw-failed'],
    ['a queued step is offered twice more after one offer came back', row({ deliveries: 2 }), {}, 'leave'],
    ['and fails after the third', row({ deliveries: 3 }), {}, 'withdraw-failed'],
    ['a queued step that is cancelled ends', row({ cancel }), {}, 'withdraw-stopped'],
    [
      'a cancelled step that nobody can take is stopped, not failed',
      row({ cancel, deliveries: 3 }),
      {},
      'withdraw-stopped',
    ],
    ['a queued step whose time is up is cancelled', row({ deadlineMs: NOW }), {}, 'deadline'],
    ['an offer stands for its time', row({ state: 'offered', offerUntilMs: NOW + 1 }), {}, 'leave'],
    ['and comes back then', row({ state: 'offered', offerUntilMs: NOW }), {}, 'return-offer'],
    [
      'a cancelled offer is withdrawn at once',
      row({ state: 'offered', offerUntilMs: NOW + 1, cancel }),
      {},
      'withdraw-stopped',
    ],
    ['a lease that holds is left alone', leased(), {}, 'leave'],
    ['a lease that has ended is left for ten seconds', leased({ leaseUntilMs: NOW - 9_999 }), {}, 'leave'],
    ['and then given to somebody else', leased({ leaseUntilMs: NOW - 10_000 }), {}, 'release'],
    [
      'a step that must not be repeated waits ten minutes',
      leased({ repeatable: false, leaseUntilMs: NOW - 599_999 }),
      {},
      'leave',
    ],
    ['and then fails', leased({ repeatable: false, leaseUntilMs: NOW - 600_000 }), {}, 'withdraw-failed'],
    ['a running step whose time is up is cancelled', leased({ deadlineMs: NOW }), {}, 'deadline'],
    ['also when its holder is gone', leased({ deadlineMs: NOW, leaseUntilMs: NOW - 99_999 }), {}, 'deadline'],
    ['a cancelled step keeps its holder while the lease holds', leased({ cancel, deadlineMs: NOW }), {}, 'leave'],
    ['and one call longer', leased({ cancel, leaseUntilMs: NOW - 14_999 }), {}, 'leave'],
    ['and is then over', leased({ cancel, leaseUntilMs: NOW - 15_000 }), {}, 'withdraw-stopped'],
    [
      'after a restore a running step waits until its holder must have stopped',
      restored({ notBeforeMs: NOW + 1 }),
      {},
      'leave',
    ],
    [
      'and is then given to somebody else, whatever its lease says',
      restored({ leaseUntilMs: NOW + 60_000 }),
      {},
      'release',
    ],
    ['a step that must not be repeated then fails', restored({ repeatable: false }), {}, 'withdraw-failed'],
    ['so does one that was only offered', restored({ repeatable: false, state: 'queued' }), {}, 'withdraw-failed'],
    [
      'but one that was never offered waits',
      restored({ repeatable: false, state: 'queued', delegate: null }),
      {},
      'leave',
    ],
    ['and so does one that can be repeated', restored({ state: 'queued' }), {}, 'leave'],
    ['a cancelled step is over when its holder must have stopped', restored({ cancel }), {}, 'withdraw-stopped'],
    ['and not before', restored({ cancel, notBeforeMs: NOW + 1 }), {}, 'leave'],
    ['what has ended stays so', row({ state: 'ended', cancel, deadlineMs: 0 }), {}, 'leave'],
  ];
  for (const [title, task, changes, kind] of cases) {
    test(title, () => {
      assert.equal(verdictOn(task, context(changes)).kind, kind);
    });
  }

  test('the failure of a step that nobody took names everybody who did not', () => {
    const verdict = verdictOn(row(), context({ nobodySinceMs: NOW - 600_000 }));
    assert.ok(verdict.kind === 'withdraw-failed');
    assert.equal(verdict.failure.code, 'no-eligible-delegate');
    assert.equal(verdict.failure.failureType, 'delegate');
    assert.deepEqual(verdict.failure.evidence, ['two: it is not connected']);
    assert.match(verdict.failure.message, /for 600 s/);
  });

  test('the failure of a step that a restore forgot names the restore and what to do', () => {
    const verdict = verdictOn(restored({ repeatable: false }), context());
    assert.ok(verdict.kind === 'withdraw-failed');
    assert.equal(verdict.failure.code, 'delegate-lost');
    assert.match(
      verdict.failure.message,
      /^the store was restored from a backup while one had the step, and it must not/,
    );
    assert.match(verdict.failure.hint, /See what it did/);
  });

  test('an offer that comes back is offered again later and later', () => {
    const waits = [0, 1, 2, 3].map((deliveries) => {
      const verdict = verdictOn(row({ state: 'offered', offerUntilMs: 0, deliveries }), context());
      return verdict.kind === 'return-offer' ? verdict.notBeforeMs - NOW : 0;
    });
    assert.deepEqual(waits, [1_000, 2_000, 4_000, 8_000]);
  });

  test('a lease that holds is never taken away, and a holder that may still act is never withdrawn', () => {
    const anyRow = fc.record({
      state: fc.constantFrom('queued' as const, 'offered' as const, 'leased' as const, 'ended' as const),
      leaseUntilMs: fc.integer({ min: NOW - 1_000_000, max: NOW + 30_000 }),
      offerUntilMs: fc.integer({ min: NOW - 20_000, max: NOW + 20_000 }),
      deadlineMs: fc.option(fc.integer({ min: NOW - 20_000, max: NOW + 20_000 })),
      repeatable: fc.boolean(),
      deliveries: fc.nat({ max: 4 }),
      cancel: fc.option(fc.constant(cancel)),
    });
    fc.assert(
      fc.property(anyRow, (changes) => {
        const task = row(changes);
        const verdict = verdictOn(task, context());
        if (task.state !== 'leased') return;
        const endedMs = NOW - (task.leaseUntilMs ?? 0);
        if (verdict.kind === 'release') assert.ok(endedMs >= 10_000 && task.repeatable && task.cancel === null);
        if (verdict.kind.startsWith('withdraw')) assert.ok(endedMs >= 15_000);
      }),
    );
  });
});

describe('what a returning delegate is told', () => {
  const asker = { delegate: 'one', instanceId: 'i1' };
  const item = (changes: Partial<InventoryItem> = {}): InventoryItem => ({
    taskId: row().taskId,
    epoch: 1,
    phase: 'running',
    logOffset: 0,
    resultSha256: '',
    ...changes,
  });
  const cases = [
    ['it holds the lease: go on', item(), leased(), false, 'keep'],
    ['it has restarted: go on', item(), leased({ instanceId: 'i0' }), false, 'keep'],
    ['its twin is at it: stop', item(), leased({ instanceId: 'i0' }), true, 'stop'],
    ['it has a result: send it again', item({ phase: 'finished' }), leased(), false, 'resend-result'],
    [
      'its accept may not have come: say it again',
      item({ phase: 'accepted' }),
      row({ state: 'offered' }),
      false,
      'keep',
    ],
    ['its accept came and the lease did not: take it', item({ phase: 'accepted' }), leased(), false, 'keep'],
    [
      'it restarted before the lease: nothing was done',
      item({ phase: 'accepted' }),
      row({ state: 'offered', instanceId: 'i0' }),
      false,
      'stop',
    ],
    [
      'a clone that is gone has gone further with it',
      item({ checkpointSequence: 1 }),
      leased({ instanceId: 'i0', checkpointSequence: 2 }),
      false,
      'stop',
    ],
    [
      'it has facts that have not come',
      item({ checkpointSequence: 2 }),
      leased({ instanceId: 'i0', checkpointSequence: 1 }),
      false,
      'keep',
    ],
    [
      'it has the result of what somebody else has gone on with',
      item({ phase: 'finished', checkpointSequence: 1 }),
      leased({ checkpointSequence: 2 }),
      false,
      'resend-result',
    ],
    ['a clone that is gone had begun', item({ phase: 'accepted' }), leased({ logBytes: 9 }), false, 'stop'],
    [
      'it goes on where somebody left off',
      item({ phase: 'accepted', logOffset: 9 }),
      leased({ logBytes: 9 }),
      false,
      'keep',
    ],
    ['the lease ended and the step waits for somebody', item(), row({ state: 'queued' }), false, 'stop'],
    ['somebody else has it', item(), leased({ epoch: 2, delegate: 'two' }), false, 'stop'],
    ['another delegate has it under the same epoch', item(), leased({ delegate: 'two' }), false, 'stop'],
    ['the store was restored since then', item(), restored(), false, 'stop'],
    ['the same, with a result at hand', item({ phase: 'finished' }), restored(), false, 'stop'],
    ['the same, and it waits for somebody', item({ phase: 'accepted' }), restored({ state: 'queued' }), false, 'stop'],
    ['it is over', item({ phase: 'finished' }), row({ state: 'ended' }), false, 'stop'],
    ['nobody knows it', item(), undefined, false, 'stop'],
  ] as const;
  for (const [title, held, task, holderLives, action] of cases) {
    test(title, () => {
      assert.equal(directiveFor(held, task, asker, holderLives).action, action);
    });
  }
});

describe('who gets an offer', () => {
  const seat = (
    delegate: string,
    changes: Partial<Candidate> = {},
    session: Partial<Candidate['session']> = {},
  ): Candidate => ({
    session: {
      delegate,
      instanceId: `${delegate}-1`,
      tags: [],
      stepTypes: ['ecs-steady-state-check'],
      lastOfferMs: 0,
      ...session,
    },
    slotsFree: 5,
    takesOffers: true,
    ...changes,
  });
  const nobody: Preferences = { worker: undefined, declined: new Set<string>() };
  const chosen = (seats: Candidate[], preferences: Partial<Preferences> = {}, task = row()) => {
    const choice = chooseSession(task, seats, [], { ...nobody, ...preferences });
    return choice.kind === 'offer' ? choice.to.session.delegate : choice.kind;
  };

  test('the one that has worked for the execution', () => {
    assert.equal(chosen([seat('one'), seat('two', { slotsFree: 1 })], { worker: 'two' }), 'two');
  });
  test('otherwise the one with the most room', () => {
    assert.equal(chosen([seat('one', { slotsFree: 2 }), seat('two', { slotsFree: 3 })]), 'two');
  });
  test('of equals the one that was not asked for longest', () => {
    assert.equal(chosen([seat('one', {}, { lastOfferMs: 9 }), seat('two', {}, { lastOfferMs: 3 })]), 'two');
  });
  test('one that let it go by only if there is no other', () => {
    const declined = new Set(['one-1']);
    assert.equal(chosen([seat('one'), seat('two', { slotsFree: 1 })], { declined, worker: 'one' }), 'two');
    assert.equal(chosen([seat('one')], { declined }), 'one');
  });
  test('nobody who is full, and then it waits', () => {
    assert.equal(chosen([seat('one', { slotsFree: 0 })]), 'full');
  });
  test('nobody who drains, lacks a tag or does not know the step', () => {
    const task = row({ selectors: ['linux'] });
    assert.equal(chosen([seat('one', { takesOffers: false })]), 'nobody');
    assert.equal(chosen([seat('one', {}, { tags: ['windows'] })], {}, task), 'nobody');
    assert.equal(chosen([seat('one', {}, { stepTypes: [] })]), 'nobody');
    assert.equal(chosen([seat('one', {}, { tags: ['linux', 'x'] })], {}, task), 'one');
  });
  test('and everybody who cannot is named with the reason', () => {
    const view: DelegateView = {
      name: 'one',
      connected: false,
      draining: false,
      tags: ['a'],
      stepTypes: ['ecs-steady-state-check'],
      version: '1',
      region: '',
      slots: 1,
      busy: 0,
      instances: 0,
      lastSeenMs: 0,
    };
    const choice = chooseSession(row({ selectors: ['b'] }), [], [view], nobody);
    assert.ok(choice.kind === 'nobody');
    assert.deepEqual(choice.because, ['one: it is not connected; it lacks the tag b (it has a)']);
    const none = chooseSession(row(), [], [], nobody);
    assert.deepEqual(none, { kind: 'nobody', because: ['no delegate has ever connected'] });
  });
  test('only what is queued, due and not cancelled is offered', () => {
    const rows = [row(), row({ notBeforeMs: NOW + 1 }), row({ cancel }), leased(), row({ state: 'offered' })];
    assert.deepEqual(offerable(rows, NOW), [rows[0]]);
  });
  test('offers and leases take slots, of the instance that has them', () => {
    const rows = [leased(), row({ state: 'offered' }), leased({ instanceId: 'i2' }), row(), row({ state: 'ended' })];
    assert.deepEqual(
      [...busyByInstance(rows)],
      [
        ['i1', 2],
        ['i2', 1],
      ],
    );
  });
});

describe('one thing at a time for each key', () => {
  test('runs of one key follow each other in the order in which they were asked for, whatever their keys', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.subarray(['a', 'b', 'c'], { minLength: 1 }), { maxLength: 12 }), async (runs) => {
        const queue = new KeyedQueue();
        const busy = new Set<string>();
        const order = new Map<string, number[]>();
        await Promise.all(
          runs.map((keys, index) =>
            queue.run(keys, async () => {
              for (const key of keys) {
                assert.ok(!busy.has(key), 'two at once');
                busy.add(key);
                order.set(key, [...(order.get(key) ?? []), index]);
              }
              for (let turn = 0; turn < index % 4; turn++) await Promise.resolve();
              for (const key of keys) busy.delete(key);
            }),
          ),
        );
        for (const indexes of order.values())
          assert.deepEqual(
            indexes,
            indexes.toSorted((a, b) => a - b),
          );
        await queue.idle();
      }),
    );
  });

  test('a run that fails says so to its caller and does not stop the next', async () => {
    const queue = new KeyedQueue();
    const first = queue.run(['a'], async () => {
      throw new Error('no');
    });
    const second = queue.run(['a'], async () => 'yes');
    await assert.rejects(first, /no/);
    assert.equal(await second, 'yes');
  });
});

describe('the limit of join calls', () => {
  test('counts each address and all of them, and begins anew every minute', () => {
    let now = 0;
    const limit = new MinuteLimit({ now: () => now }, 2, 3);
    assert.deepEqual([limit.take('a'), limit.take('a'), limit.take('a')], [true, true, false]);
    assert.deepEqual([limit.take('b'), limit.take('c')], [true, false]);
    now = 60_000;
    assert.equal(limit.take('a'), true);
  });
});
