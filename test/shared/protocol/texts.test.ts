import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { decodeLogLine } from '@outrider/shared/logs.ts';
import { encodeGapLine } from '@outrider/shared/protocol/gap-line.ts';
import {
  formatCredential,
  formatJoinToken,
  parseCredential,
  parseJoinToken,
} from '@outrider/shared/protocol/join-token.ts';
import { outcomeText } from '@outrider/shared/protocol/outcome.ts';
import { SendQueue } from '@outrider/shared/protocol/send-queue.ts';
import fc from 'fast-check';
import { outcome } from './arbitraries.ts';

describe('the texts of the protocol', () => {
  test('a join token and a credential are read as they were written', () => {
    const parts = { id: '0f', secret: 'a-_Z'.repeat(10), caFingerprint: 'F'.repeat(43) };
    assert.deepEqual(parseJoinToken(` ${formatJoinToken(parts)}\n`), parts);
    assert.deepEqual(parseJoinToken(formatJoinToken({ ...parts, caFingerprint: null })), {
      ...parts,
      caFingerprint: null,
    });
    assert.deepEqual(parseCredential(formatCredential(parts)), { id: parts.id, secret: parts.secret });
  });

  for (const text of [
    '',
    'ojt_',
    'ojt_x_short',
    'odc_0f_aaaaaaaaaaaaaaaaaaaa',
    'ojt_0f_aaaaaaaaaaaaaaaaaaaa.tooshort',
    'ojt_0f_aaaaaaaaaaaaaaaaaaaa extra',
  ]) {
    test(`"${text}" is no join token`, () => {
      assert.equal(parseJoinToken(text), undefined);
    });
  }

  test('a gap is one line, and the same one on both sides', () => {
    const mark = { atMs: 1_600_000_000_123, droppedLines: 1, droppedBytes: 20 };
    assert.equal(encodeGapLine(mark), encodeGapLine({ ...mark }));
    assert.deepEqual(decodeLogLine(encodeGapLine(mark).trim()), {
      at: '2020-09-13T12:26:40.123Z',
      level: 'WARN',
      text: '[1 line (20 bytes) are missing here: the delegate could not keep them]',
    });
  });

  test('the text of an outcome does not depend on the order of its keys', () => {
    assert.equal(
      outcomeText({ outcome: 'succeeded', output: { a: 1, b: { c: 2, d: 3 } } }),
      outcomeText({ outcome: 'succeeded', output: { b: { d: 3, c: 2 }, a: 1 } }),
    );
    fc.assert(
      fc.property(outcome, outcome, (one, two) => {
        fc.pre(JSON.stringify(one) !== JSON.stringify(two));
        if (one.outcome !== two.outcome) assert.notEqual(outcomeText(one), outcomeText(two));
      }),
    );
  });
});

describe('the queue before a stream', () => {
  function sink() {
    const written: string[] = [];
    let drain: () => void = () => {};
    let room = Number.POSITIVE_INFINITY;
    return {
      written,
      setRoom: (messages: number) => {
        room = messages;
      },
      drain: () => drain(),
      write(bytes: Buffer) {
        written.push(bytes.toString());
        room -= 1;
        return room > 0;
      },
      once(_event: 'drain', listener: () => void) {
        drain = listener;
      },
    };
  }

  test('keeps the order, and gives no more than the stream takes', () => {
    fc.assert(
      fc.property(fc.array(fc.nat({ max: 4 }), { maxLength: 30 }), (rooms) => {
        const stream = sink();
        const queue = new SendQueue(stream, 10_000, () => assert.fail('it overflows'));
        const sent: string[] = [];
        for (const [index, room] of rooms.entries()) {
          stream.setRoom(room);
          stream.drain();
          for (let each = 0; each < 3; each++) {
            sent.push(`${index}.${each}`);
            assert.equal(queue.send(Buffer.from(`${index}.${each}`)), true);
          }
        }
        stream.setRoom(1_000);
        stream.drain();
        assert.deepEqual(stream.written, sent);
        assert.equal(queue.waitingBytes, 0);
      }),
    );
  });

  test('says once that it is over when the peer does not read, and takes nothing more', () => {
    const stream = sink();
    let overflows = 0;
    const queue = new SendQueue(stream, 10, () => {
      overflows += 1;
    });
    stream.setRoom(1);
    assert.equal(queue.send(Buffer.alloc(100)), true, 'what the stream takes is not counted');
    assert.equal(queue.send(Buffer.alloc(6)), true);
    assert.equal(queue.send(Buffer.alloc(6)), false);
    assert.equal(queue.send(Buffer.alloc(1)), false);
    assert.equal(overflows, 1);
    assert.equal(stream.written.length, 1);
  });
});
