import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { status } from '@grpc/grpc-js';
import { encodeLogLine } from '@outrider/shared/logs.ts';
import type { DelegateMessage } from '@outrider/shared/protocol/messages.ts';
import { MAX_MESSAGE_BYTES, POLL_MESSAGES_MAX, POLL_SESSIONS_PER_DELEGATE } from '@outrider/shared/protocol/timings.ts';
import { messageType } from '@outrider/shared/protocol/wire/types.ts';
import { Rig } from '../../delegate/agent/rig.ts';
import { eventually } from '../../support/processes.ts';
import { RawDelegate } from './raw-delegate.ts';
import { type PollCall, RawPoll } from './raw-poll.ts';

const heartbeat = (sequence: number, ...running: { taskId: string; epoch: number }[]): DelegateMessage => ({
  kind: 'heartbeat',
  sequence,
  running,
  slotsFree: 1,
});

describe('a delegate that polls', () => {
  let rig: Rig;
  const raws: { close(): void }[] = [];
  const raw = (instanceId?: string) => {
    const delegate = new RawPoll(rig.server.port, instanceId);
    raws.push(delegate);
    return delegate;
  };
  const begin = async (options: Parameters<typeof Rig.start>[0] = {}) => {
    await rig.close();
    rig = await Rig.start(options);
  };
  beforeEach(async () => {
    rig = await Rig.start();
  });
  afterEach(async () => {
    for (const delegate of raws.splice(0)) delegate.close();
    await rig.close();
  });
  const open = (call: PollCall) =>
    Promise.race([call.answer.then(() => false), new Promise<true>((resolve) => setTimeout(() => resolve(true), 60))]);

  test('is welcomed, and its logs are open at once', async () => {
    const delegate = raw();
    const { messages, logs, sequence } = await delegate.hello('one').answer;
    assert.equal(sequence, 0);
    assert.deepEqual(
      messages.map(({ kind }) => kind),
      ['welcome'],
    );
    assert.deepEqual(logs, [{ kind: 'opened', maxUnacknowledgedBytes: 1_048_576 }]);
    assert.ok(messages[0]?.kind === 'welcome' && messages[0].sessionId === delegate.sessionId);
    assert.equal(rig.dispatcher.fleet()[0]?.transport, 'polling');
  });

  test('hears of an offer at once over a held call', async () => {
    const delegate = raw();
    await delegate.hello('one').answer;
    const call = delegate.call(1);
    assert.equal(await open(call), true, 'there is nothing to say');
    await rig.enqueue('p1.1');
    const before = performance.now();
    const { messages } = await call.answer;
    const tookMs = performance.now() - before;
    assert.equal(messages[0]?.kind, 'offer');
    assert.ok(tookMs < 250, `it took ${tookMs} ms`);
  });

  test('gets an empty answer after the time for which a call is held', async () => {
    await begin({ serverTimings: { pollHoldMs: 100 } });
    const delegate = raw();
    await delegate.hello('one').answer;
    const before = performance.now();
    assert.deepEqual(await delegate.call(1).answer, { sequence: 1, messages: [], logs: [] });
    assert.ok(performance.now() - before >= 95);
  });

  test('does not wait for a held call with what it has to say: the next one ends it', async () => {
    const delegate = raw();
    await delegate.hello('one').answer;
    const held = delegate.call(1);
    assert.equal(await open(held), true);
    const saying = delegate.call(2, { say: [heartbeat(7)] });
    assert.deepEqual(await held.answer, { sequence: 1, messages: [], logs: [] });
    assert.deepEqual((await saying.answer).messages, [{ kind: 'heartbeat-ack', sequence: 7, extended: [], lost: [] }]);
  });

  test('does a whole step: accept, log, result', async () => {
    const delegate = raw();
    await delegate.hello('one').answer;
    const taskId = await rig.enqueue('p1.1');
    const [offer] = (await delegate.call(1).answer).messages;
    assert.ok(offer?.kind === 'offer');
    const ref = { taskId, epoch: offer.epoch };
    const [lease] = (await delegate.call(2, { say: [{ kind: 'accept', ...ref }] }).answer).messages;
    assert.equal(lease?.kind, 'lease');
    const data = Buffer.from(encodeLogLine({ at: '2026-01-02T03:04:05.000Z', level: 'INFO', text: 'polled' }));
    const { logs } = await delegate.call(3, { lines: [{ kind: 'batch', ...ref, offset: 0, data }] }).answer;
    assert.deepEqual(logs, [{ kind: 'ack', ...ref, durableOffset: data.length }]);
    const log = { logBytes: data.length, logSha256: createHash('sha256').update(data).digest('hex'), logFrom: 0 };
    const result = { kind: 'result', ...ref, result: { outcome: 'succeeded', output: {} }, ...log } as const;
    const [acknowledged] = (await delegate.call(4, { say: [result] }).answer).messages;
    assert.ok(acknowledged?.kind === 'result-ack' && acknowledged.status === 'committed');
    assert.deepEqual(await rig.log(taskId), ['polled']);
  });

  test('gets the same answer to the same call, and its words count once', async () => {
    const delegate = raw();
    await delegate.hello('one').answer;
    const taskId = await rig.enqueue('p1.1');
    const [offer] = (await delegate.call(1).answer).messages;
    assert.ok(offer?.kind === 'offer');
    const ref = { taskId, epoch: offer.epoch };
    await delegate.call(2, { say: [{ kind: 'accept', ...ref }] }).answer;
    const checkpoint: DelegateMessage = { kind: 'checkpoint', ...ref, sequence: 1, facts: { made: 'it' } };
    const first = await delegate.call(3, { say: [checkpoint] }).answer;
    assert.deepEqual(first.messages, [{ kind: 'checkpoint-ack', ...ref, sequence: 1 }]);
    for (let time = 0; time < 3; time++) {
      assert.deepEqual(await delegate.call(3, { say: [checkpoint] }).answer, first);
    }
    assert.equal(rig.engine.inputs.filter((input) => input.kind === 'task-checkpointed').length, 1);
  });

  test('asks again for a held call over another connection, and the old one is let go', async () => {
    const delegate = raw();
    await delegate.hello('one').answer;
    const before = delegate.call(1);
    assert.equal(await open(before), true);
    const again = delegate.call(1);
    assert.equal((await delegate.refused(before)).code, status.ABORTED);
    await rig.enqueue('p1.1');
    assert.equal((await again.answer).messages[0]?.kind, 'offer');
  });

  test('is heard in the order of its numbers, whatever comes first', async () => {
    const delegate = raw();
    await delegate.hello('one').answer;
    await delegate.call(1, { say: [heartbeat(1)] }).answer;
    const late = delegate.call(3, { say: [heartbeat(3)] });
    assert.equal(await open(late), true, 'it waits for the one before it');
    const second = await delegate.call(2, { say: [heartbeat(2)] }).answer;
    const third = await late.answer;
    const acknowledged = [...second.messages, ...third.messages];
    assert.deepEqual(
      acknowledged.map((message) => message.kind === 'heartbeat-ack' && message.sequence),
      [2, 3],
    );
  });

  test('that asks for what it was told long ago is told nothing, and nothing happens', async () => {
    const delegate = raw();
    await delegate.hello('one').answer;
    for (let sequence = 1; sequence <= 4; sequence++) {
      await delegate.call(sequence, { say: [heartbeat(sequence)] }).answer;
    }
    assert.equal((await delegate.refused(delegate.call(2, { say: [heartbeat(2)] }))).code, status.ABORTED);
    assert.equal((await delegate.call(5, { say: [heartbeat(5)] }).answer).messages.length, 1);
  });

  test('that runs ahead of its answers loses its session', async () => {
    const delegate = raw();
    await delegate.hello('one').answer;
    const [one, two] = [delegate.call(1), delegate.call(2)];
    await one.answer;
    const ahead = delegate.call(4);
    assert.equal((await delegate.refused(ahead)).code, status.INVALID_ARGUMENT);
    assert.equal((await delegate.refused(two)).code, status.INVALID_ARGUMENT);
    assert.equal((await delegate.refused(delegate.call(3))).code, status.FAILED_PRECONDITION);
    assert.equal(rig.dispatcher.fleet()[0]?.connected, false);
  });

  for (const [title, words] of [
    ['that is no Hello', { say: [heartbeat(1)] }],
    ['without a word', {}],
    ['that cannot be read', { say: [Buffer.from('0a', 'hex')] }],
  ] as const) {
    test(`whose first call brings something ${title} is refused`, async () => {
      const delegate = raw();
      const refused = await delegate.refused(delegate.call(0, { sessionId: '', ...words }));
      assert.equal(refused.code, status.INVALID_ARGUMENT);
      assert.match(refused.details, /Hello/);
    });
  }

  test('whose protocol or name is wrong is told why, as over a stream', async () => {
    const delegate = raw();
    const old = await delegate.refused(delegate.hello('one', { protocolMin: 9, protocolMax: 12 }));
    assert.equal(old.code, status.FAILED_PRECONDITION);
    assert.match(old.details, /speaks protocol 9–12/);
    assert.equal((await delegate.refused(delegate.hello('../etc'))).code, status.PERMISSION_DENIED);
  });

  test('with a session that nobody knows begins anew', async () => {
    const delegate = raw();
    const refused = await delegate.refused(delegate.call(1, { sessionId: 'ses_nobody' }));
    assert.equal(refused.code, status.FAILED_PRECONDITION);
    assert.match(refused.details, /begin with Hello/);
  });

  test('has a message refused by name when it cannot be read, and the rest of the call counts', async () => {
    const delegate = raw();
    await delegate.hello('one').answer;
    const taskId = await rig.enqueue('p1.1');
    const [offer] = (await delegate.call(1).answer).messages;
    assert.ok(offer?.kind === 'offer');
    const ref = { taskId, epoch: offer.epoch };
    await delegate.call(2, { say: [{ kind: 'accept', ...ref }] }).answer;
    const wire = { checkpoint: { ...ref, epoch: String(ref.epoch), sequence: '1', factsJson: Buffer.from('{') } };
    const newer = Buffer.from([0x9a, 0x06, 0x02, 0x68, 0x69]);
    const say = [messageType('ControlRequest').serialize(wire), newer, heartbeat(5, ref)];
    const kinds: string[] = [];
    for (let sequence = 3; kinds.length < 2; sequence++) {
      const { messages } = await delegate.call(sequence, sequence === 3 ? { say } : {}).answer;
      kinds.push(...messages.map((message) => message.kind));
    }
    assert.deepEqual(kinds.toSorted(), ['heartbeat-ack', 'refused']);
  });

  test('with too many messages, too many bytes or noise is refused, and its session lives', async () => {
    const delegate = raw();
    await delegate.hello('one').answer;
    const many = delegate.call(1, { say: Array(POLL_MESSAGES_MAX + 1).fill(heartbeat(1)) });
    assert.match((await delegate.refused(many)).details, /at most 64 are taken/);
    const large = delegate.call(1, { say: [Buffer.alloc(MAX_MESSAGE_BYTES), Buffer.alloc(1)] });
    assert.match((await delegate.refused(large)).details, /at most 1048576 are taken/);
    const huge = delegate.call(1, { lines: [Buffer.alloc(5 * MAX_MESSAGE_BYTES)] });
    assert.equal((await delegate.refused(huge)).code, status.RESOURCE_EXHAUSTED);
    assert.equal((await delegate.refused(delegate.send(Buffer.from('0a', 'hex')))).code, status.INVALID_ARGUMENT);
    assert.equal((await delegate.call(1, { say: [heartbeat(1)] }).answer).messages.length, 1);
  });

  test('with half a line loses its session, and nothing is stored', async () => {
    const delegate = raw();
    await delegate.hello('one').answer;
    const taskId = await rig.enqueue('p1.1');
    const wire = { batch: { taskId, epoch: '1', offset: '0', data: Buffer.from('half a li') } };
    await delegate.call(1).answer;
    const refused = delegate.call(2, { lines: [messageType('LogsRequest').serialize(wire)] });
    assert.equal((await delegate.refused(refused)).code, status.INVALID_ARGUMENT);
    assert.deepEqual(await rig.log(taskId), []);
  });

  test('has no answer while too much of what it said is being dealt with', async () => {
    const delegate = raw();
    await delegate.hello('one').answer;
    const taskId = await rig.enqueue('p1.1');
    const [offer] = (await delegate.call(1).answer).messages;
    assert.ok(offer?.kind === 'offer');
    const ref = { taskId, epoch: offer.epoch };
    await delegate.call(2, { say: [{ kind: 'accept', ...ref }] }).answer;
    const gate = Promise.withResolvers<void>();
    const getTask = rig.store.getTask.bind(rig.store);
    const checkpoint = { kind: 'checkpoint', ...ref, sequence: 1, facts: {} } as const;
    rig.store.getTask = async (id) => {
      await gate.promise;
      return await getTask(id);
    };
    const flood = Array.from({ length: POLL_MESSAGES_MAX }, () => checkpoint);
    const first = delegate.call(3, { say: flood });
    const second = delegate.call(4, { say: flood });
    assert.equal(await open(first), true);
    assert.equal((await delegate.refused(delegate.call(5, { say: flood }))).code, status.INVALID_ARGUMENT);
    assert.equal((await delegate.refused(second)).code, status.INVALID_ARGUMENT);
    gate.resolve();
  });

  test('may have some sessions, and not any number', async () => {
    const sessions = Array.from({ length: POLL_SESSIONS_PER_DELEGATE }, () => raw());
    for (const each of sessions) await each.hello('one').answer;
    const another = raw();
    assert.equal((await another.refused(another.hello('one'))).code, status.RESOURCE_EXHAUSTED);
    await sessions[0]?.call(1, { last: true }).answer;
    await another.hello('one').answer;
  });

  test('that says goodbye is gone when its last words have been dealt with', async () => {
    const delegate = raw();
    await delegate.hello('one').answer;
    const held = delegate.call(1);
    const last = delegate.call(2, { say: [heartbeat(3)], last: true });
    await held.answer;
    assert.deepEqual(
      (await last.answer).messages.map(({ kind }) => kind),
      ['heartbeat-ack'],
    );
    assert.equal(rig.dispatcher.fleet()[0]?.connected, false);
    assert.equal((await delegate.refused(delegate.call(3))).code, status.FAILED_PRECONDITION);
  });

  test('that does not call any more is gone after a while', async () => {
    await begin({ serverTimings: { pollLostMs: 150 } });
    const delegate = raw();
    await delegate.hello('one').answer;
    await delegate.call(1, { say: [heartbeat(1)] }).answer;
    assert.equal(rig.dispatcher.fleet()[0]?.connected, true);
    await eventually('it is gone', () => (rig.dispatcher.fleet()[0]?.connected === false ? true : undefined), 2_000);
    assert.equal((await delegate.refused(delegate.call(2))).code, status.FAILED_PRECONDITION);
  });

  test('whose connection ends while a call is held is gone after a while', async () => {
    await begin({ serverTimings: { pollGoneMs: 150 } });
    const delegate = raw();
    await delegate.hello('one').answer;
    const held = delegate.call(1);
    assert.equal(await open(held), true);
    held.cancel();
    await eventually('it is gone', () => (rig.dispatcher.fleet()[0]?.connected === false ? true : undefined), 2_000);
  });

  test('that was killed finds its work again at once as a new instance, although its old session is not over yet', async () => {
    const first = raw();
    await first.hello('one').answer;
    const taskId = await rig.enqueue('p1.1');
    const [offer] = (await first.call(1).answer).messages;
    assert.ok(offer?.kind === 'offer');
    const ref = { taskId, epoch: offer.epoch };
    await first.call(2, { say: [{ kind: 'accept', ...ref }] }).answer;
    const inventory = [{ ...ref, phase: 'running', logOffset: 0, resultSha256: '' }] as const;
    const twin = raw();
    const held = first.call(3);
    assert.equal(await open(held), true);
    const [stopped] = (await twin.hello('one', { inventory }).answer).messages;
    assert.ok(stopped?.kind === 'welcome');
    assert.deepEqual(stopped.directives[0]?.action, 'stop', 'somebody else is at it, and lives');
    held.cancel();
    await eventually('its end is seen', async () => {
      const [kept] = (await raw().hello('one', { inventory }).answer).messages;
      return kept?.kind === 'welcome' && kept.directives[0]?.action === 'keep' ? true : undefined;
    });
    assert.equal((await rig.row(taskId)).epoch, 1);
  });

  test('that was killed between two calls finds its work again when nobody has called for a moment', async () => {
    await begin({ serverTimings: { pollLookMs: 500 } });
    const first = raw();
    await first.hello('one').answer;
    const taskId = await rig.enqueue('p1.1');
    const [offer] = (await first.call(1).answer).messages;
    assert.ok(offer?.kind === 'offer');
    const ref = { taskId, epoch: offer.epoch };
    await first.call(2, { say: [{ kind: 'accept', ...ref }] }).answer;
    const inventory = [{ ...ref, phase: 'running', logOffset: 0, resultSha256: '' }] as const;
    const twin = raw().hello('one', { inventory });
    let sequence = 3;
    while (await open(twin)) await first.call(sequence++, { say: [heartbeat(1, ref)] }).answer;
    const [stopped] = (await twin.answer).messages;
    assert.ok(stopped?.kind === 'welcome' && stopped.directives[0]?.action === 'stop', 'it has called meanwhile');
    const [kept] = (await raw().hello('one', { inventory }).answer).messages;
    assert.ok(kept?.kind === 'welcome' && kept.directives[0]?.action === 'keep', 'it has not');
  });

  test('takes over its own session from a stream, and a stream takes it over from it', async () => {
    const streaming = new RawDelegate(rig.server.port);
    raws.push(streaming);
    await streaming.welcomed('one');
    const polling = raw(streaming.instanceId);
    await polling.hello('one').answer;
    assert.equal((await streaming.ended()).code, status.UNAVAILABLE);
    const held = polling.call(1);
    assert.equal(await open(held), true);
    const back = new RawDelegate(rig.server.port, { instanceId: streaming.instanceId });
    raws.push(back);
    await back.welcomed('one');
    const refused = await polling.refused(held);
    assert.equal(refused.code, status.FAILED_PRECONDITION);
    assert.match(refused.details, /newer connection/);
    assert.equal(rig.dispatcher.fleet()[0]?.instances, 1);
  });

  test('is told of a control plane that goes, may still say what it has to say, and nobody new is let in', async () => {
    const delegate = raw();
    await delegate.hello('one').answer;
    const held = delegate.call(1);
    rig.server.drain();
    assert.equal((await held.answer).messages[0]?.kind, 'drain');
    assert.equal((await delegate.call(2, { say: [heartbeat(9)] }).answer).messages[0]?.kind, 'heartbeat-ack');
    const late = raw();
    assert.equal((await late.refused(late.hello('two'))).code, status.ABORTED);
    const waiting = delegate.call(3);
    const before = performance.now();
    const closing = rig.server.close();
    assert.equal((await delegate.refused(waiting)).code, status.UNAVAILABLE);
    await closing;
    assert.ok(performance.now() - before < 3_000);
  });

  test('loses its session when a store cannot do what it says, so that it asks again', async () => {
    const delegate = raw();
    await delegate.hello('one').answer;
    const taskId = await rig.enqueue('p1.1');
    const [offer] = (await delegate.call(1).answer).messages;
    assert.ok(offer?.kind === 'offer');
    const ref = { taskId, epoch: offer.epoch };
    await delegate.call(2, { say: [{ kind: 'accept', ...ref }] }).answer;
    rig.engine.refuse = () => {
      throw new Error('no');
    };
    const failing = delegate.call(3, { say: [{ kind: 'checkpoint', ...ref, sequence: 1, facts: {} }] });
    assert.equal((await delegate.refused(failing)).code, status.FAILED_PRECONDITION);
  });

  test('finds nothing to call at a control plane of the first protocol', async () => {
    await begin({ protocol: { min: 1, max: 1 } });
    const delegate = raw();
    assert.equal((await delegate.refused(delegate.hello('one'))).code, status.UNIMPLEMENTED);
  });
});
