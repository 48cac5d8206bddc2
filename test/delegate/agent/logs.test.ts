import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { appendFileSync, mkdtempSync, readdirSync, rmSync, statSync, truncateSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { LogSender } from '@outrider/delegate/agent/log-sender.ts';
import { LogSpool, type SpoolOptions, type SpoolSummary } from '@outrider/delegate/agent/log-spool.ts';
import { SILENT } from '@outrider/delegate/agent/logger.ts';
import { spoolDirectory } from '@outrider/delegate/agent/spool-files.ts';
import { decodeLogLine, encodeLogLine, type ProducedLogLine } from '@outrider/shared/logs.ts';
import { encodeGapLine } from '@outrider/shared/protocol/gap-line.ts';
import type { LogMessage } from '@outrider/shared/protocol/messages.ts';
import { LOG_AGAIN_MS, LOG_BATCH_MAX_BYTES, LOG_UNACKNOWLEDGED_MAX_BYTES } from '@outrider/shared/protocol/timings.ts';
import fc from 'fast-check';

const AT = '2026-01-02T03:04:05.000Z';
const line = (text: string): ProducedLogLine => ({ at: AT, level: 'INFO', text });
const REF = { taskId: 'exe/p1.1/1', epoch: 1 };
const textsOf = (bytes: Buffer) =>
  bytes
    .toString('utf8')
    .split('\n')
    .filter((each) => each !== '')
    .map((each) => decodeLogLine(each).text);

let directory: string;
let options: SpoolOptions;
beforeEach(() => {
  directory = mkdtempSync(path.join(tmpdir(), 'outrider-logs-'));
  options = { files: spoolDirectory(directory), now: () => Date.parse(AT) };
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

/** Everything in a spool from an offset on, as it would be sent. */
function contentOf(spool: LogSpool, from: number): Buffer {
  const parts: Buffer[] = [];
  for (let offset = from; ; ) {
    const piece = spool.read(offset);
    if (piece === undefined) return Buffer.concat(parts);
    const bytes = piece.kind === 'lines' ? piece.bytes : Buffer.from(encodeGapLine(piece.mark));
    parts.push(bytes);
    offset += bytes.length;
  }
}

describe('the spool of a log', () => {
  test('gives back what was written, in batches of whole lines', () => {
    fc.assert(
      fc.property(fc.array(fc.string({ unit: 'grapheme', maxLength: 60 }), { maxLength: 40 }), (texts) => {
        const { spool } = LogSpool.open(options, REF, 100);
        for (const text of texts) spool.append(line(text));
        const bytes = contentOf(spool, 100);
        assert.deepEqual(textsOf(bytes), texts);
        assert.deepEqual(spool.summary(), {
          from: 100,
          end: 100 + bytes.length,
          sha256: createHash('sha256').update(bytes).digest('hex'),
        } satisfies SpoolSummary);
        spool.remove();
      }),
      { numRuns: 30 },
    );
  });

  test('no batch is larger than it may be, and none ends within a line', () => {
    const { spool } = LogSpool.open(options, REF, 0);
    for (let index = 0; index < 40; index++) spool.append(line('\u0001'.repeat(8_000)));
    for (let offset = 0; ; ) {
      const piece = spool.read(offset);
      if (piece === undefined) break;
      assert.ok(piece.kind === 'lines' && piece.bytes.length <= LOG_BATCH_MAX_BYTES && piece.bytes.at(-1) === 10);
      offset += piece.bytes.length;
    }
    spool.close();
  });

  test('outlives its process; half a line that a crash left is cut off', () => {
    const first = LogSpool.open(options, REF, 5);
    assert.equal(first.found, false);
    first.spool.append(line('one'));
    const { end } = first.spool;
    first.spool.close();
    const [name] = readdirSync(directory);
    appendFileSync(path.join(directory, name ?? ''), '{"at":"half a li');
    const second = LogSpool.open(options, REF, 99);
    assert.equal(second.found, true);
    assert.deepEqual([second.spool.from, second.spool.end], [5, end]);
    second.spool.append(line('two'));
    assert.deepEqual(textsOf(contentOf(second.spool, 5)), ['one', 'two']);
    second.spool.close();
  });

  test('belongs to one epoch; those of tasks that are not held any more are removed', () => {
    LogSpool.open(options, REF, 0).spool.close();
    LogSpool.open(options, { ...REF, epoch: 2 }, 0).spool.close();
    LogSpool.open(options, { taskId: 'other', epoch: 1 }, 0).spool.close();
    assert.equal(readdirSync(directory).length, 3);
    LogSpool.removeOthers(options.files, [{ ...REF, epoch: 2 }]);
    assert.equal(readdirSync(directory).length, 1);
    assert.equal(LogSpool.open(options, { ...REF, epoch: 2 }, 0).found, true);
  });

  test('beyond its cap the middle is left out: the beginning, a mark that counts, and the newest lines stay', () => {
    const small = { ...options, maxBytes: 8_000, tailBytes: 1_500 };
    const { spool } = LogSpool.open(small, REF, 0);
    const texts = [...Array(400).keys()].map((index) => `line number ${index}`);
    for (const text of texts) spool.append(line(text));
    const before = textsOf(contentOf(spool, 0));
    assert.match(before.at(-1) ?? '', /only its last lines are kept/);
    spool.finish();
    const kept = textsOf(contentOf(spool, 0));
    assert.ok(spool.end <= 8_000, `${spool.end} bytes`);
    const note = kept.findIndex((text) => text.includes('only its last lines'));
    assert.deepEqual(kept.slice(0, note), texts.slice(0, note));
    const [, lines, bytes] = /\[(\d+) lines \((\d+) bytes\)/.exec(kept[note + 1] ?? '') ?? [];
    const tail = kept.slice(note + 2);
    assert.ok(tail.length > 5);
    assert.deepEqual(tail, texts.slice(-tail.length));
    const dropped = texts.slice(note, -tail.length);
    assert.equal(Number(lines), dropped.length);
    assert.equal(
      Number(bytes),
      dropped.reduce((sum, text) => sum + Buffer.byteLength(encodeLogLine(line(text))), 0),
    );
    const summary = spool.summary();
    assert.equal(summary.sha256, createHash('sha256').update(contentOf(spool, 0)).digest('hex'));
    spool.close();
  });

  test('a gap is told as one, and as a line after a restart: the bytes are the same', () => {
    const small = { ...options, maxBytes: 4_000, tailBytes: 500 };
    const { spool } = LogSpool.open(small, REF, 0);
    for (let index = 0; index < 200; index++) spool.append(line(`line ${index}`));
    spool.finish();
    const before = contentOf(spool, 0);
    let offset = 0;
    let gaps = 0;
    for (let piece = spool.read(offset); piece !== undefined; piece = spool.read(offset)) {
      if (piece.kind === 'gap') gaps += 1;
      offset += piece.kind === 'gap' ? piece.length : piece.bytes.length;
    }
    assert.equal(gaps, 1);
    spool.close();
    const again = LogSpool.open(small, REF, 0).spool;
    assert.deepEqual(contentOf(again, 0), before);
    again.close();
  });

  test('when the control plane has more than the file, the log goes on from there', () => {
    const { spool } = LogSpool.open(options, REF, 0);
    spool.append(line('one'));
    spool.append(line('two'));
    const { end } = spool;
    spool.close();
    const [name] = readdirSync(directory);
    // The machine went down before the second line was on the disk; the control plane has it.
    truncateSync(path.join(directory, name ?? ''), statSync(path.join(directory, name ?? '')).size - 10);
    const again = LogSpool.open(options, REF, 0).spool;
    assert.ok(again.end < end);
    again.meet(end, false);
    again.append(line('three'));
    assert.deepEqual([again.from, textsOf(contentOf(again, end))], [end, ['three']]);
    again.close();
  });

  test('when the control plane has less than can be given, a line says that something is missing', () => {
    const { spool } = LogSpool.open(options, REF, 500);
    spool.append(line('one'));
    spool.meet(300, false);
    assert.equal(spool.from, 300);
    const texts = textsOf(contentOf(spool, 300));
    assert.match(texts[0] ?? '', /may be missing/);
    assert.equal(texts[1], 'one');
    spool.close();
    const lost = LogSpool.open(options, { ...REF, epoch: 9 }, 40).spool;
    lost.meet(40, true);
    assert.match(textsOf(contentOf(lost, 40))[0] ?? '', /may be missing/);
    lost.close();
  });

  test('a log that others wrote on in the middle of a line of ours goes on with our next line, behind a mark', () => {
    const { spool } = LogSpool.open(options, REF, 0);
    spool.append(line('one'));
    spool.append(line('two'));
    spool.append(line('three'));
    const first = encodeLogLine(line('one')).length;
    spool.meet(first + 5, false);
    const texts = textsOf(contentOf(spool, first + 5));
    assert.match(texts[0] ?? '', /may be missing/);
    assert.deepEqual(texts.slice(1), ['three']);
    spool.close();
  });

  test('when both have the same, nothing changes', () => {
    const { spool } = LogSpool.open(options, REF, 0);
    spool.append(line('one'));
    const before = spool.summary();
    for (const offset of [0, before.end]) spool.meet(offset, false);
    assert.deepEqual(spool.summary(), before);
    spool.close();
  });
});

describe('sending logs', () => {
  function rig() {
    const sent: LogMessage[] = [];
    const settled: SpoolSummary[] = [];
    const refused: string[] = [];
    let room = Number.POSITIVE_INFINITY;
    const flushes: (() => void)[] = [];
    const looks: (() => void)[] = [];
    const sender = new LogSender({
      spool: options,
      timers: {
        after: (milliseconds, run) => {
          (milliseconds < LOG_AGAIN_MS ? flushes : looks).push(run);
          return () => {};
        },
      },
      logger: SILENT,
      onSettled: (_ref, summary) => settled.push(summary),
      onRefused: (_ref, because) => refused.push(because),
    });
    const stream = {
      send(message: LogMessage) {
        if (room <= 0) return false;
        room -= 1;
        sent.push(message);
        return true;
      },
    };
    const flush = () => {
      for (const run of flushes.splice(0)) run();
    };
    /** The time after which what is not acknowledged is looked at has passed. */
    const lookAgain = () => {
      for (const run of looks.splice(0)) run();
    };
    return {
      sender,
      sent,
      settled,
      refused,
      stream,
      flush,
      lookAgain,
      setRoom: (messages: number) => (room = messages),
    };
  }
  const bytesOf = (message: LogMessage) =>
    message.kind === 'batch' ? Buffer.from(message.data) : Buffer.from(encodeGapLine(message));

  test('waits a moment for more lines, and not at all for a full batch', () => {
    const { sender, sent, stream, flush } = rig();
    sender.resume(REF, 0, false);
    sender.opened(stream, LOG_UNACKNOWLEDGED_MAX_BYTES);
    sender.append(REF, line('one'));
    sender.append(REF, line('two'));
    assert.equal(sent.length, 0);
    flush();
    assert.equal(sent.length, 1);
    for (let index = 0; index < 20; index++) sender.append(REF, line('x'.repeat(8_000)));
    assert.ok(sent.length >= 2);
    sender.close();
  });

  test('has no more than one megabyte under way, and goes on with each acknowledgement', () => {
    const { sender, sent, stream } = rig();
    sender.resume(REF, 0, false);
    sender.opened(stream, LOG_UNACKNOWLEDGED_MAX_BYTES);
    for (let index = 0; index < 300; index++) sender.append(REF, line('y'.repeat(8_000)));
    const underWay = () => sent.reduce((sum, message) => sum + bytesOf(message).length, 0);
    assert.ok(underWay() <= LOG_UNACKNOWLEDGED_MAX_BYTES && underWay() > LOG_UNACKNOWLEDGED_MAX_BYTES / 2);
    const before = underWay();
    sender.takeReply({ kind: 'ack', ...REF, durableOffset: before });
    assert.ok(underWay() > before && underWay() <= before + LOG_UNACKNOWLEDGED_MAX_BYTES);
    sender.close();
  });

  test('whatever the stream takes, loses or sends back, the control plane gets every line once and in order', () => {
    const step = fc.oneof(
      fc.record({ kind: fc.constant('lines' as const), count: fc.nat({ max: 30 }) }),
      fc.record({ kind: fc.constant('deliver' as const), count: fc.nat({ max: 4 }) }),
      fc.record({ kind: fc.constant('break' as const) }),
      fc.record({ kind: fc.constant('room' as const), count: fc.nat({ max: 3 }) }),
      fc.record({ kind: fc.constant('rewind' as const) }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        const { sender, sent, stream, flush, settled, setRoom } = rig();
        const texts: string[] = [];
        let stored = Buffer.alloc(0);
        const deliver = (count: number) => {
          for (const message of sent.splice(0, count)) {
            const bytes = bytesOf(message);
            if (message.offset > stored.length) {
              const hole = {
                kind: 'refused',
                ...REF,
                code: 'invalid',
                durableOffset: stored.length,
                message: '',
              } as const;
              sender.takeReply(hole);
              continue;
            }
            stored = Buffer.concat([stored, bytes.subarray(stored.length - message.offset)]);
            sender.takeReply({ kind: 'ack', ...REF, durableOffset: stored.length });
          }
        };
        sender.resume(REF, 0, false);
        sender.opened(stream, LOG_UNACKNOWLEDGED_MAX_BYTES);
        for (const each of steps) {
          if (each.kind === 'lines') {
            for (let index = 0; index < each.count; index++) {
              texts.push(`line ${texts.length}`);
              sender.append(REF, line(texts.at(-1) ?? ''));
            }
            flush();
          } else if (each.kind === 'deliver') {
            deliver(each.count);
          } else if (each.kind === 'room') {
            setRoom(each.count);
          } else if (each.kind === 'rewind') {
            sender.takeReply({ kind: 'refused', ...REF, code: 'invalid', durableOffset: stored.length, message: '' });
          } else {
            sender.closed();
            sent.length = 0;
            sender.resume(REF, stored.length, true);
            setRoom(Number.POSITIVE_INFINITY);
            sender.opened(stream, LOG_UNACKNOWLEDGED_MAX_BYTES);
          }
        }
        sender.finish(REF);
        sender.settle(REF);
        setRoom(Number.POSITIVE_INFINITY);
        sender.roomAgain();
        for (let round = 0; round < 200 && settled.length === 0; round++) deliver(100);
        assert.deepEqual(textsOf(stored), texts);
        assert.equal(settled.length, 1);
        assert.equal(settled[0]?.sha256, createHash('sha256').update(stored).digest('hex'));
        sender.forget(REF);
        sender.close();
      }),
      { numRuns: 60 },
    );
  });

  test('lines that somebody else wrote under our name stay, and ours follow behind a mark', () => {
    const { sender, sent, stream, flush } = rig();
    sender.resume(REF, 0, false);
    sender.opened(stream, LOG_UNACKNOWLEDGED_MAX_BYTES);
    sender.append(REF, line('one'));
    flush();
    const durable = bytesOf(sent[0] ?? assert.fail()).length;
    sender.takeReply({ kind: 'ack', ...REF, durableOffset: durable });
    sender.closed();
    sender.append(REF, line('two'));
    const theirs = durable + 500;
    sender.resume(REF, theirs, true);
    sender.opened(stream, LOG_UNACKNOWLEDGED_MAX_BYTES);
    flush();
    const last = sent.at(-1) ?? assert.fail();
    assert.equal(last.offset, theirs);
    const texts = textsOf(bytesOf(last));
    assert.match(texts[0] ?? '', /may be missing/);
    assert.deepEqual(texts.slice(1), ['two']);
    sender.close();
  });

  test('a log that is refused for good is told of', () => {
    const { sender, stream, refused } = rig();
    sender.resume(REF, 0, false);
    sender.opened(stream, LOG_UNACKNOWLEDGED_MAX_BYTES);
    sender.takeReply({ kind: 'refused', ...REF, code: 'stale-epoch', durableOffset: 0, message: 'epoch 1 is over' });
    assert.deepEqual(refused, ['epoch 1 is over']);
    sender.close();
  });

  test('a batch whose acknowledgement does not come is sent again, and not while others are acknowledged', () => {
    const { sender, sent, stream, flush, lookAgain, settled } = rig();
    sender.resume(REF, 0, false);
    sender.opened(stream, LOG_UNACKNOWLEDGED_MAX_BYTES);
    sender.append(REF, line('one'));
    flush();
    const [first] = sent;
    assert.ok(first !== undefined && sent.length === 1);
    lookAgain();
    assert.equal(sent.length, 1, 'it has had no time yet');
    const end = bytesOf(first).length;
    sender.takeReply({ kind: 'ack', ...REF, durableOffset: end });
    sender.append(REF, line('two'));
    flush();
    lookAgain();
    lookAgain();
    assert.deepEqual(
      sent.map((message) => message.offset),
      [0, end, end],
    );
    sender.finish(REF);
    sender.settle(REF);
    sender.takeReply({ kind: 'ack', ...REF, durableOffset: end * 2 });
    assert.equal(settled.length, 1);
    lookAgain();
    assert.equal(sent.length, 3, 'nothing is under way');
    sender.close();
  });

  test('many batches behind a lost one are refused, and send us back once', () => {
    const { sender, sent, stream, refused } = rig();
    sender.resume(REF, 0, false);
    sender.opened(stream, LOG_UNACKNOWLEDGED_MAX_BYTES);
    for (let index = 0; index < 100; index++) sender.append(REF, line('z'.repeat(8_000)));
    const batches = sent.length;
    assert.ok(batches > 10);
    for (let index = 1; index < batches; index++) {
      sender.takeReply({ kind: 'refused', ...REF, code: 'invalid', durableOffset: 0, message: '' });
    }
    assert.equal(sent.filter((message) => message.offset === 0).length, 2);
    assert.deepEqual(refused, []);
    sender.close();
  });

  test('two sides that never agree stop trying', () => {
    const { sender, stream, refused, flush, lookAgain } = rig();
    sender.resume(REF, 0, false);
    sender.opened(stream, LOG_UNACKNOWLEDGED_MAX_BYTES);
    sender.append(REF, line('one'));
    flush();
    for (let time = 0; time < 20 && refused.length === 0; time++) {
      sender.takeReply({ kind: 'refused', ...REF, code: 'invalid', durableOffset: 0, message: '' });
      lookAgain();
    }
    assert.match(refused[0] ?? '', /do not agree/);
    sender.close();
  });

  test('what is about another epoch is of no interest', () => {
    const { sender, sent, stream } = rig();
    sender.resume(REF, 0, false);
    sender.opened(stream, LOG_UNACKNOWLEDGED_MAX_BYTES);
    sender.append({ ...REF, epoch: 2 }, line('x'));
    sender.takeReply({ kind: 'ack', taskId: REF.taskId, epoch: 2, durableOffset: 10 });
    sender.finish({ ...REF, epoch: 2 });
    assert.equal(sent.length, 0);
    assert.equal(sender.end({ ...REF, epoch: 2 }), 0);
    sender.close();
  });
});
