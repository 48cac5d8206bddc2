import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { status } from '@grpc/grpc-js';
import { encodeLogLine } from '@outrider/shared/logs.ts';
import {
  CHECKPOINTS_MAX,
  LOG_ATTEMPT_MAX_BYTES,
  TASKS_PER_MESSAGE_MAX,
  WORDS_MAX_LENGTH,
} from '@outrider/shared/protocol/timings.ts';
import { messageType } from '@outrider/shared/protocol/wire/types.ts';
import { Rig } from '../../delegate/agent/rig.ts';
import { eventually } from '../../support/processes.ts';
import { RawDelegate } from './raw-delegate.ts';

const control = (wire: object) => messageType('ControlRequest').serialize(wire);
const logs = (wire: object) => messageType('LogsRequest').serialize(wire);

/** What a delegate that was let in may not do to the control plane. Each of these was found by a fuzzer or by looking for it. */
describe('a delegate that was let in and behaves badly', () => {
  let rig: Rig;
  const raws: RawDelegate[] = [];
  const raw = () => {
    const delegate = new RawDelegate(rig.server.port);
    raws.push(delegate);
    return delegate;
  };
  const said: string[] = [];
  beforeEach(async () => {
    said.length = 0;
    const error = (fields: object, message: string) => void said.push(`${message} ${JSON.stringify(fields)}`);
    rig = await Rig.start({ logger: { debug() {}, info() {}, warn() {}, error } });
  });
  afterEach(async () => {
    for (const delegate of raws.splice(0)) delegate.close();
    await rig.close();
  });

  /** It holds the lease of one step. */
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

  async function livesOn(delegate: RawDelegate): Promise<void> {
    delegate.send({ kind: 'heartbeat', sequence: 4_711, running: [], slotsFree: 1 });
    assert.equal((await delegate.next('heartbeat-ack')).sequence, 4_711);
    assert.deepEqual([delegate.status, said], [undefined, []]);
  }

  for (const [title, text, because] of [
    ['nested without end', `{"a":${'['.repeat(100_000)}${']'.repeat(100_000)}}`, /nested more than 100 deep/],
    ['with a number that no computer has', '{"a":[{"b":1e400}]}', /a number that is too large/],
  ] as const) {
    test(`facts and an output ${title} are refused by name, and the stream lives on`, async () => {
      const { delegate, ref } = await holder();
      const wireRef = { ...ref, epoch: String(ref.epoch) };
      delegate.sendBytes(control({ checkpoint: { ...wireRef, sequence: '1', factsJson: Buffer.from(text) } }));
      const refused = await delegate.next('refused');
      assert.deepEqual([refused.taskId, refused.code, refused.what], [ref.taskId, 'invalid', 'checkpoint']);
      assert.match(refused.message, because);
      const outputJson = Buffer.from(text);
      delegate.sendBytes(control({ result: { ...wireRef, outcome: 'OUTCOME_SUCCEEDED', outputJson } }));
      assert.equal((await delegate.next('refused')).what, 'result');
      await livesOn(delegate);
      assert.deepEqual((await rig.row(ref.taskId)).facts, {});
    });
  }

  test('a time that no calendar has ends Logs with a word, and is no error of ours', async () => {
    const { delegate, ref } = await holder();
    const at = { seconds: '8640000000001', nanos: 0 };
    const numbers = { offset: '0', droppedLines: '1', droppedBytes: '1' };
    delegate.sendLogBytes(logs({ gap: { ...ref, epoch: String(ref.epoch), ...numbers, at } }));
    const ended = await eventually('the end of Logs', () => delegate.logsStatus);
    assert.equal(ended.code, status.INVALID_ARGUMENT);
    assert.match(ended.details, /at is not a time/);
    await livesOn(delegate);
  });

  test('an endless task id is not said back', async () => {
    const { delegate } = await holder();
    const taskId = 'x'.repeat(900_000);
    delegate.sendBytes(control({ accept: { taskId, epoch: '1' } }));
    delegate.sendBytes(control({ checkpoint: { taskId, epoch: '1', sequence: '1' } }));
    await livesOn(delegate);
    assert.ok(delegate.received.every((message) => JSON.stringify(message).length < 1_000));
  });

  test('a heartbeat for a hundred thousand tasks is not dealt with', async () => {
    const { delegate, ref } = await holder();
    const task = { taskId: ref.taskId, epoch: String(ref.epoch) };
    const running = Array.from({ length: TASKS_PER_MESSAGE_MAX + 1 }, () => task);
    delegate.sendBytes(control({ heartbeat: { sequence: '1', running, slotsFree: 0 } }));
    await livesOn(delegate);
    assert.ok(!delegate.has('heartbeat-ack'));
  });

  test('one that claims to hold a hundred thousand tasks is turned away', async () => {
    const delegate = raw();
    const item = { taskId: 't', epoch: 1, phase: 'running', logOffset: 0, resultSha256: '' } as const;
    delegate.hello('one', { inventory: Array.from({ length: TASKS_PER_MESSAGE_MAX + 1 }, () => item) });
    const ended = await delegate.ended();
    assert.equal(ended.code, status.INVALID_ARGUMENT);
    assert.match(ended.details, /at most 1000/);
  });

  test('its words are cut before they are stored', async () => {
    const { delegate, ref } = await holder();
    delegate.send({ kind: 'reject', ...ref, code: 'draining', message: 'x'.repeat(500_000) });
    const given = await eventually('it is given back', () =>
      rig.engine.inputs.find((input) => input.kind === 'task-requeued'),
    );
    assert.ok(given.because.length < WORDS_MAX_LENGTH + 100 && given.because.endsWith('[cut]'));
  });

  test('it does not fill the history with checkpoints', async () => {
    const { delegate, ref } = await holder();
    delegate.send({ kind: 'checkpoint', ...ref, sequence: CHECKPOINTS_MAX, facts: { a: 1 } });
    await delegate.next('checkpoint-ack');
    delegate.send({ kind: 'checkpoint', ...ref, sequence: CHECKPOINTS_MAX + 1, facts: { a: 2 } });
    const refused = await delegate.next('refused');
    assert.deepEqual([refused.code, refused.what], ['invalid', 'checkpoint']);
    assert.match(refused.message, /at most 1000 checkpoints/);
  });

  test('it does not fill the disk with one log', async () => {
    const { delegate, ref } = await holder();
    const data = Buffer.from(encodeLogLine({ at: '2026-01-02T03:04:05.000Z', level: 'INFO', text: 'a' }));
    delegate.sendLog({ kind: 'batch', ...ref, offset: 0, data });
    await delegate.nextLogReply();
    delegate.sendLog({ kind: 'batch', ...ref, offset: LOG_ATTEMPT_MAX_BYTES, data });
    const refused = await delegate.nextLogReply();
    assert.ok(refused.kind === 'refused');
    assert.deepEqual([refused.code, refused.durableOffset], ['invalid', data.length]);
    assert.match(refused.message, /at most 268435456 bytes/);
  });
});

test('whoever comes under an endless name with the credential of another hears a short word', async () => {
  const rig = await Rig.start({ credentials: true });
  const token = await rig.joinToken('one');
  assert.ok(token !== null);
  const request = { joinToken: token.text, delegateName: 'one', instanceId: 'i', version: '1', secretSha256: '' };
  const { credential } = await rig.joining.join(request);
  const delegate = new RawDelegate(rig.server.port, { bearer: `Bearer ${credential}` });
  delegate.hello('n'.repeat(300_000));
  const ended = await delegate.ended();
  assert.equal(ended.code, status.PERMISSION_DENIED);
  assert.match(ended.details, /a delegate name has/);
  delegate.close();
  await rig.close();
});
