import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { status } from '@grpc/grpc-js';
import { encodeLogLine } from '@outrider/shared/logs.ts';
import { encodeGapLine } from '@outrider/shared/protocol/gap-line.ts';
import { FACTS_MAX_BYTES, MAX_MESSAGE_BYTES } from '@outrider/shared/protocol/timings.ts';
import { messageType } from '@outrider/shared/protocol/wire/types.ts';
import { Rig } from '../../delegate/agent/rig.ts';
import { eventually } from '../../support/processes.ts';
import { RawDelegate } from './raw-delegate.ts';

const AT = '2026-01-02T03:04:05.000Z';
const line = (text: string) => Buffer.from(encodeLogLine({ at: AT, level: 'INFO', text }));
const sha256 = (...parts: Buffer[]) => createHash('sha256').update(Buffer.concat(parts)).digest('hex');

describe('the streams of a delegate', () => {
  let rig: Rig;
  const raws: RawDelegate[] = [];
  const raw = () => {
    const delegate = new RawDelegate(rig.server.port);
    raws.push(delegate);
    return delegate;
  };
  beforeEach(async () => {
    rig = await Rig.start();
  });
  afterEach(async () => {
    for (const delegate of raws.splice(0)) delegate.close();
    await rig.close();
  });

  /** A delegate that holds the lease of one step. */
  async function holder(): Promise<{ delegate: RawDelegate; ref: { taskId: string; epoch: number } }> {
    const delegate = raw();
    const { sessionId } = await delegate.welcomed('one');
    const taskId = await rig.enqueue('p1.1');
    const { epoch } = await delegate.next('offer');
    delegate.send({ kind: 'accept', taskId, epoch });
    await delegate.next('lease');
    delegate.openLogs(sessionId);
    assert.equal((await delegate.nextLogReply()).kind, 'opened');
    return { delegate, ref: { taskId, epoch } };
  }

  test('a welcome says how long leases last, how often to call, and what time it is', async () => {
    const welcome = await raw().welcomed('one');
    assert.equal(welcome.protocol, 1);
    assert.equal(welcome.leaseTtlMs, 3_000);
    assert.equal(welcome.heartbeatMs, 100);
    assert.ok(Math.abs(welcome.serverTimeMs - Date.now()) < 5_000);
  });

  test('a stream whose first message does not come is ended', async () => {
    assert.equal((await raw().ended()).code, status.DEADLINE_EXCEEDED);
  });

  test('a stream that does not begin with Hello is ended', async () => {
    const delegate = raw();
    delegate.send({ kind: 'draining', reason: '' });
    const ended = await delegate.ended();
    assert.equal(ended.code, status.INVALID_ARGUMENT);
    assert.match(ended.details, /Hello/);
  });

  test('a second Hello ends the stream', async () => {
    const delegate = raw();
    await delegate.welcomed('one');
    delegate.hello('one');
    assert.equal((await delegate.ended()).code, status.INVALID_ARGUMENT);
  });

  test('bytes that are no message end the stream', async () => {
    const delegate = raw();
    await delegate.welcomed('one');
    delegate.sendBytes(Buffer.from('0a', 'hex'));
    assert.equal((await delegate.ended()).code, status.INVALID_ARGUMENT);
  });

  test('a message of a newer protocol is passed over', async () => {
    const delegate = raw();
    await delegate.welcomed('one');
    // Field 99, which no message has.
    delegate.sendBytes(Buffer.from([0x9a, 0x06, 0x02, 0x68, 0x69]));
    delegate.send({ kind: 'heartbeat', sequence: 7, running: [], slotsFree: 1 });
    assert.equal((await delegate.next('heartbeat-ack')).sequence, 7);
    assert.equal(delegate.status, undefined);
  });

  for (const [title, changes, code, details] of [
    ['of too new a protocol', { protocolMin: 9, protocolMax: 12 }, status.FAILED_PRECONDITION, /speaks protocol 9–12/],
    [
      'of too old a protocol',
      { protocolMin: 0, protocolMax: 0 },
      status.FAILED_PRECONDITION,
      /protocol 0, the control plane 1–2/,
    ],
    ['without slots', { slots: 0 }, status.PERMISSION_DENIED, /slots/],
    ['with a bad name', { delegateName: '../etc' }, status.PERMISSION_DENIED, /name/],
    ['with an endless version', { version: 'v'.repeat(200) }, status.PERMISSION_DENIED, /at most 128 characters/],
    ['with too many tags', { tags: Array(51).fill('t') }, status.PERMISSION_DENIED, /tags/],
  ] as const) {
    test(`a delegate ${title} is turned away and told why`, async () => {
      const delegate = raw();
      delegate.hello('one', changes);
      const ended = await delegate.ended();
      assert.equal(ended.code, code);
      assert.match(ended.details, details);
    });
  }

  test('an oversized message is refused by name, and the stream lives on', async () => {
    const { delegate, ref } = await holder();
    const facts = Buffer.from(JSON.stringify({ big: 'x'.repeat(MAX_MESSAGE_BYTES + 10) }));
    const wire = { checkpoint: { ...ref, epoch: String(ref.epoch), sequence: '1', factsJson: facts } };
    delegate.sendBytes(messageType('ControlRequest').serialize(wire));
    const refused = await delegate.next('refused');
    assert.deepEqual(
      [refused.taskId, refused.epoch, refused.code, refused.what],
      [ref.taskId, ref.epoch, 'invalid', 'checkpoint'],
    );
    assert.match(refused.message, /at most 1048576/);
    delegate.send({ kind: 'checkpoint', ...ref, sequence: 1, facts: { small: true } });
    assert.equal((await delegate.next('checkpoint-ack')).sequence, 1);
  });

  test('facts that grow beyond their limit are refused, however they came', async () => {
    const { delegate, ref } = await holder();
    const half = 'x'.repeat(FACTS_MAX_BYTES / 2);
    delegate.send({ kind: 'checkpoint', ...ref, sequence: 1, facts: { one: half } });
    await delegate.next('checkpoint-ack');
    delegate.send({ kind: 'checkpoint', ...ref, sequence: 2, facts: { two: half } });
    const refused = await delegate.next('refused');
    assert.deepEqual([refused.code, refused.what], ['invalid', 'checkpoint']);
    assert.deepEqual(Object.keys((await rig.row(ref.taskId)).facts), ['one']);
  });

  test('a checkpoint, a result and a heartbeat of an old epoch are refused by name', async () => {
    const { delegate, ref } = await holder();
    const old = { taskId: ref.taskId, epoch: 0 };
    delegate.send({ kind: 'checkpoint', ...old, sequence: 1, facts: {} });
    assert.deepEqual((await delegate.next('refused')).code, 'stale-epoch');
    const log = { logBytes: 0, logSha256: sha256(), logFrom: 0 };
    delegate.send({ kind: 'result', ...old, result: { outcome: 'succeeded', output: {} }, ...log });
    assert.equal((await delegate.next('result-ack')).status, 'stale');
    delegate.send({ kind: 'heartbeat', sequence: 1, running: [old, ref], slotsFree: 0 });
    const ack = await delegate.next('heartbeat-ack');
    assert.deepEqual([ack.extended, ack.lost], [[ref], [old]]);
    assert.equal((await rig.row(ref.taskId)).state, 'leased');
  });

  test('a message about a task that does not exist, or that another delegate has, is refused', async () => {
    const { ref } = await holder();
    const thief = raw();
    await thief.welcomed('thief');
    thief.send({ kind: 'checkpoint', ...ref, sequence: 1, facts: { stolen: true } });
    assert.equal((await thief.next('refused')).code, 'stale-epoch');
    thief.send({
      kind: 'checkpoint',
      taskId: 'exe_00000000000000000000000009/p1.1/1',
      epoch: 1,
      sequence: 1,
      facts: {},
    });
    assert.equal((await thief.next('refused')).code, 'unknown-task');
    thief.send({ kind: 'accept', taskId: 'nonsense', epoch: 1 });
    assert.equal((await thief.next('refused')).code, 'unknown-task');
    assert.deepEqual((await rig.row(ref.taskId)).facts, {});
  });

  test('a checkpoint that is sent again is acknowledged again and counts once', async () => {
    const { delegate, ref } = await holder();
    for (let time = 0; time < 3; time++) {
      delegate.send({ kind: 'checkpoint', ...ref, sequence: 1, facts: { a: 1 } });
      assert.equal((await delegate.next('checkpoint-ack')).sequence, 1);
    }
    assert.equal(rig.engine.inputs.filter((input) => input.kind === 'task-checkpointed').length, 1);
  });

  test('a result is committed only with its whole log; sent again it is a duplicate, and another one is stale', async () => {
    const { delegate, ref } = await holder();
    const [one, two] = [line('one'), line('two')];
    const log = { logBytes: one.length + two.length, logSha256: sha256(one, two), logFrom: 0 };
    const result = { kind: 'result', ...ref, result: { outcome: 'succeeded', output: { n: 1 } }, ...log } as const;
    delegate.sendLog({ kind: 'batch', ...ref, offset: 0, data: one });
    assert.deepEqual(await delegate.nextLogReply(), { kind: 'ack', ...ref, durableOffset: one.length });
    delegate.send(result);
    const incomplete = await delegate.next('result-ack');
    assert.deepEqual([incomplete.status, incomplete.logOffset], ['log-incomplete', one.length]);
    assert.equal((await rig.row(ref.taskId)).state, 'leased');
    delegate.sendLog({ kind: 'batch', ...ref, offset: one.length, data: two });
    await delegate.nextLogReply();
    delegate.send(result);
    assert.equal((await delegate.next('result-ack')).status, 'committed');
    delegate.send(result);
    assert.equal((await delegate.next('result-ack')).status, 'duplicate');
    delegate.send({ ...result, result: { outcome: 'stopped', message: '' } });
    assert.equal((await delegate.next('result-ack')).status, 'stale');
    assert.equal(rig.engine.inputs.filter((input) => input.kind === 'task-ended').length, 1);
    delegate.sendLog({ kind: 'batch', ...ref, offset: log.logBytes, data: one });
    const late = await delegate.nextLogReply();
    assert.ok(late.kind === 'refused' && late.code === 'task-ended');
    assert.deepEqual(await rig.log(ref.taskId), ['one', 'two']);
  });

  test('lines that are there already are passed over, and a hole is refused with where the log ends', async () => {
    const { delegate, ref } = await holder();
    const [one, two] = [line('one'), line('two')];
    delegate.sendLog({ kind: 'batch', ...ref, offset: 0, data: one });
    await delegate.nextLogReply();
    delegate.sendLog({ kind: 'batch', ...ref, offset: 0, data: Buffer.concat([one, two]) });
    assert.deepEqual(await delegate.nextLogReply(), { kind: 'ack', ...ref, durableOffset: one.length + two.length });
    delegate.sendLog({ kind: 'batch', ...ref, offset: 9_999, data: two });
    const refused = await delegate.nextLogReply();
    assert.ok(refused.kind === 'refused');
    assert.deepEqual([refused.code, refused.durableOffset], ['invalid', one.length + two.length]);
    delegate.sendLog({ kind: 'batch', taskId: ref.taskId, epoch: 9, offset: 0, data: one });
    const stale = await delegate.nextLogReply();
    assert.ok(stale.kind === 'refused' && stale.code === 'stale-epoch');
    assert.deepEqual(await rig.log(ref.taskId), ['one', 'two']);
  });

  test('a gap becomes a line of the log that both sides count alike', async () => {
    const { delegate, ref } = await holder();
    const [one, two] = [line('one'), line('two')];
    const mark = { droppedLines: 12, droppedBytes: 3_456, atMs: Date.parse(AT) };
    const gap = Buffer.from(encodeGapLine(mark));
    delegate.sendLog({ kind: 'batch', ...ref, offset: 0, data: one });
    delegate.sendLog({ kind: 'gap', ...ref, offset: one.length, ...mark });
    delegate.sendLog({ kind: 'batch', ...ref, offset: one.length + gap.length, data: two });
    for (let replies = 0; replies < 3; replies++) assert.equal((await delegate.nextLogReply()).kind, 'ack');
    const log = { logBytes: one.length + gap.length + two.length, logSha256: sha256(one, gap, two), logFrom: 0 };
    delegate.send({ kind: 'result', ...ref, result: { outcome: 'succeeded', output: {} }, ...log });
    assert.equal((await delegate.next('result-ack')).status, 'committed');
    const texts = await rig.log(ref.taskId);
    assert.deepEqual([texts[0], texts[2]], ['one', 'two']);
    assert.match(texts[1] ?? '', /12 lines \(3456 bytes\) are missing here/);
  });

  test('a log that is not what its delegate wrote is kept and says so itself', async () => {
    const { delegate, ref } = await holder();
    const one = line('one');
    delegate.sendLog({ kind: 'batch', ...ref, offset: 0, data: one });
    await delegate.nextLogReply();
    const log = { logBytes: one.length, logSha256: sha256(line('two')), logFrom: 0 };
    delegate.send({ kind: 'result', ...ref, result: { outcome: 'succeeded', output: {} }, ...log });
    assert.equal((await delegate.next('result-ack')).status, 'committed');
    const texts = await rig.log(ref.taskId);
    assert.equal(texts[0], 'one');
    assert.match(texts[1] ?? '', /is not what one wrote/);
  });

  test('the digest of a successor covers its own part of the log only', async () => {
    const { delegate, ref } = await holder();
    const [one, two] = [line('by the first'), line('by the second')];
    delegate.sendLog({ kind: 'batch', ...ref, offset: 0, data: one });
    await delegate.nextLogReply();
    delegate.send({ kind: 'reject', ...ref, code: 'draining', message: 'going' });
    const next = raw();
    const { sessionId } = await next.welcomed('two');
    delegate.send({ kind: 'draining', reason: 'going' });
    const offer = await eventually('an offer to either', () =>
      [...delegate.received, ...next.received].find((message) => message.kind === 'offer'),
    );
    assert.equal(offer.logOffset, one.length);
    const holds = next.has('offer') ? next : delegate;
    holds.send({ kind: 'accept', taskId: offer.taskId, epoch: offer.epoch });
    await holds.next('lease');
    if (holds === next) {
      next.openLogs(sessionId);
      await next.nextLogReply();
    }
    const again = { taskId: ref.taskId, epoch: offer.epoch };
    holds.sendLog({ kind: 'batch', ...again, offset: one.length, data: two });
    await holds.nextLogReply();
    const log = { logBytes: one.length + two.length, logSha256: sha256(two), logFrom: one.length };
    holds.send({ kind: 'result', ...again, result: { outcome: 'succeeded', output: {} }, ...log });
    assert.equal((await holds.next('result-ack')).status, 'committed');
    assert.deepEqual(await rig.log(ref.taskId), ['by the first', 'by the second']);
  });

  test('half a line is never stored', async () => {
    const { delegate, ref } = await holder();
    const wire = { batch: { ...ref, epoch: String(ref.epoch), offset: '0', data: Buffer.from('half a li') } };
    delegate.sendLogBytes(messageType('LogsRequest').serialize(wire));
    const ended = await eventually('the end of Logs', () => delegate.logsStatus);
    assert.equal(ended.code, status.INVALID_ARGUMENT);
    assert.deepEqual(await rig.log(ref.taskId), []);
  });

  test('Logs without a session is turned away', async () => {
    const delegate = raw();
    await delegate.welcomed('one');
    delegate.openLogs('ses_nobody');
    const ended = await eventually('the end of Logs', () => delegate.logsStatus);
    assert.equal(ended.code, status.FAILED_PRECONDITION);
  });

  test('a control plane that closes tells its delegates to come back, and ends in time', async () => {
    const delegate = raw();
    await delegate.welcomed('one');
    const before = performance.now();
    const closing = rig.server.close();
    const drain = await delegate.next('drain');
    assert.ok(drain.reconnectAfterMs > 0);
    assert.equal((await delegate.ended()).code, status.UNAVAILABLE);
    await closing;
    assert.ok(performance.now() - before < 5_000);
  });

  test('what a store cannot do ends the session, so that the delegate asks again', async () => {
    const { delegate, ref } = await holder();
    rig.engine.refuse = () => {
      throw new Error('no');
    };
    delegate.send({ kind: 'checkpoint', ...ref, sequence: 1, facts: {} });
    assert.equal((await delegate.ended()).code, status.UNAVAILABLE);
  });
});
