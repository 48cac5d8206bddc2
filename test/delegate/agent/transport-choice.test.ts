import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { status } from '@grpc/grpc-js';
import {
  afterLoss,
  firstChoice,
  held,
  type Loss,
  type TransportChoice,
  tryStreams,
  welcomed,
} from '@outrider/delegate/agent/transport-choice.ts';
import {
  POLL_SILENCES_MAX,
  POLL_TRIES_MAX,
  STREAM_BREAKS_MAX,
  STREAM_SILENCES_MAX,
} from '@outrider/shared/protocol/timings.ts';
import fc from 'fast-check';

const lossOf = (changes: Partial<Loss>): Loss => ({
  code: status.UNAVAILABLE,
  why: 'gone',
  made: true,
  stage: 'before-welcome',
  ...changes,
});
const SILENCE = lossOf({ code: status.DEADLINE_EXCEEDED });
const BREAK = lossOf({ stage: 'welcomed' });
const REFUSAL = lossOf({ code: status.UNIMPLEMENTED });
const NOBODY = lossOf({ made: false });

const after = (choice: TransportChoice, ...losses: Loss[]) => losses.reduce(afterLoss, choice);
const times = (count: number, loss: Loss) => Array.from({ length: count }, () => loss);
const POLLING = welcomed(after(firstChoice('auto'), REFUSAL));

describe('which way a delegate takes', () => {
  test('streams first, and polls only where it is told to', () => {
    assert.equal(firstChoice('auto').transport, 'streams');
    assert.equal(firstChoice('stream').transport, 'streams');
    assert.equal(firstChoice('poll').transport, 'polling');
  });

  test('polls after so many streams without a Welcome, or that broke soon, in a row', () => {
    for (const [loss, count] of [
      [SILENCE, STREAM_SILENCES_MAX],
      [BREAK, STREAM_BREAKS_MAX],
      [REFUSAL, 1],
      [lossOf({ code: status.UNKNOWN, why: 'Received HTTP status code 415' }), 1],
      [lossOf({ code: status.PERMISSION_DENIED, why: 'Received HTTP status code 403' }), 1],
    ] as const) {
      assert.equal(after(firstChoice('auto'), ...times(count - 1, loss)).transport, 'streams', loss.why);
      assert.equal(after(firstChoice('auto'), ...times(count, loss)).transport, 'polling', loss.why);
    }
  });

  for (const [title, loss] of [
    ['nobody is there', NOBODY],
    ['its credential is refused', lossOf({ code: status.UNAUTHENTICATED })],
    ['its version is refused', lossOf({ code: status.FAILED_PRECONDITION })],
    ['its name is refused', lossOf({ code: status.PERMISSION_DENIED })],
    ['a stream breaks that had held', lossOf({ stage: 'held' })],
  ] as const) {
    test(`stays with streams when ${title}`, () => {
      assert.equal(after(firstChoice('auto'), ...times(50, loss)).transport, 'streams');
    });
  }

  test('forgets what spoke against streams when nobody was there in between, or one of them held', () => {
    const almost = after(firstChoice('auto'), ...times(STREAM_BREAKS_MAX - 1, BREAK));
    assert.equal(after(almost, NOBODY, BREAK).transport, 'streams');
    assert.equal(after(held(welcomed(almost)), BREAK).transport, 'streams');
    assert.equal(after(almost, BREAK).transport, 'polling');
  });

  test('goes back to streams when polls are no better, or are not known', () => {
    const trying = after(firstChoice('auto'), REFUSAL);
    assert.equal(after(trying, REFUSAL).transport, 'streams');
    assert.equal(after(trying, NOBODY).transport, 'streams');
    assert.equal(after(trying, ...times(POLL_TRIES_MAX - 1, SILENCE)).transport, 'polling');
    assert.equal(after(trying, ...times(POLL_TRIES_MAX, SILENCE)).transport, 'streams');
  });

  test('stays with polls that have worked through an outage of any length', () => {
    assert.equal(after(POLLING, BREAK, ...times(500, NOBODY)).transport, 'polling');
    assert.equal(after(POLLING, ...times(POLL_SILENCES_MAX - 1, SILENCE)).transport, 'polling');
    assert.equal(after(POLLING, ...times(POLL_SILENCES_MAX, SILENCE)).transport, 'streams');
    assert.equal(after(POLLING, REFUSAL).transport, 'streams', 'an older control plane has taken the place');
  });

  test('gives streams that are tried again one chance, and says why they failed', () => {
    const trial = tryStreams(POLLING);
    assert.deepEqual([trial.transport, trial.onTrial], ['streams', true]);
    for (const loss of [SILENCE, BREAK, REFUSAL]) {
      const back = after(trial, loss);
      assert.deepEqual([back.transport, back.streamsFailed, back.untold], ['polling', loss, true]);
    }
    assert.equal(after(held(welcomed(trial)), BREAK).transport, 'streams', 'they are trusted again');
  });

  test('whatever happens, it keeps to what it was told, and is never without a way', () => {
    const loss = fc.record({
      code: fc.constantFrom(status.UNAVAILABLE, status.UNIMPLEMENTED, status.INTERNAL, status.UNAUTHENTICATED),
      why: fc.constantFrom('gone', 'Received HTTP status code 502', 'Received HTTP status code 404'),
      made: fc.boolean(),
      stage: fc.constantFrom<Loss['stage']>('before-welcome', 'welcomed', 'held'),
    });
    const step = fc.oneof(
      loss.map((each) => (choice: TransportChoice) => afterLoss(choice, each)),
      fc.constantFrom(welcomed, held),
    );
    fc.assert(
      fc.property(fc.constantFrom('auto', 'stream', 'poll'), fc.array(step), (mode, steps) => {
        const choices = steps.reduce(
          (all, take) => [...all, take(all.at(-1) ?? firstChoice(mode))],
          [firstChoice(mode)],
        );
        for (const choice of choices) {
          assert.equal(choice.mode, mode);
          if (mode === 'stream') assert.equal(choice.transport, 'streams');
          if (mode === 'poll') assert.equal(choice.transport, 'polling');
          if (mode === 'auto' && choice.transport === 'polling') assert.ok(choice.streamsFailed !== null);
        }
      }),
    );
  });
});
