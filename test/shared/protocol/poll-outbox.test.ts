import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { PollOutbox } from '@outrider/shared/protocol/poll-outbox.ts';
import { MAX_MESSAGE_BYTES, POLL_MESSAGES_MAX } from '@outrider/shared/protocol/timings.ts';
import fc from 'fast-check';

const KIND = fc.constantFrom('control', 'log');
const SIZE = fc.oneof(fc.nat({ max: 100 }), fc.nat({ max: MAX_MESSAGE_BYTES }));

describe('what waits for the next call of Poll', () => {
  test('leaves in order, whole, and never more at once than may travel together', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(KIND, SIZE), { maxLength: 300 }),
        fc.nat({ max: MAX_MESSAGE_BYTES }),
        (said, cap) => {
          const outbox = new PollOutbox(Infinity);
          const logMaxBytes = Math.max(cap, MAX_MESSAGE_BYTES / 2);
          const messages = said.map(([kind, size]) => ({ kind, bytes: Buffer.alloc(Math.min(size, logMaxBytes)) }));
          for (const { kind, bytes } of messages) {
            assert.ok(kind === 'control' ? outbox.addControl(bytes) : outbox.addLog(bytes));
          }
          const left: { control: Buffer[]; log: Buffer[] } = { control: [], log: [] };
          for (let calls = 0; !outbox.empty; calls++) {
            assert.ok(calls <= messages.length, 'each call takes something');
            const { control, logs } = outbox.take(logMaxBytes);
            const bytes = [...control, ...logs].reduce((sum, each) => sum + each.length, 0);
            assert.ok(bytes <= MAX_MESSAGE_BYTES && Math.max(control.length, logs.length) <= POLL_MESSAGES_MAX);
            assert.ok(logs.reduce((sum, each) => sum + each.length, 0) <= logMaxBytes);
            left.control.push(...control);
            left.log.push(...logs);
          }
          for (const kind of ['control', 'log'] as const) {
            const given = messages.filter((message) => message.kind === kind);
            assert.equal(left[kind].length, given.length);
            assert.ok(
              left[kind].every((bytes, index) => bytes === given[index]?.bytes),
              'in order',
            );
          }
          assert.equal(outbox.logBytes, 0);
        },
      ),
      { numRuns: 60 },
    );
  });

  test('is bounded: what is too much is not taken', () => {
    const outbox = new PollOutbox(100);
    assert.equal(outbox.addControl(Buffer.alloc(60)), true);
    assert.equal(outbox.addLog(Buffer.alloc(41)), false);
    assert.equal(outbox.addLog(Buffer.alloc(40)), true);
    assert.equal(outbox.addControl(Buffer.alloc(1)), false);
    outbox.take();
    assert.equal(outbox.addControl(Buffer.alloc(100)), true);
  });
});
