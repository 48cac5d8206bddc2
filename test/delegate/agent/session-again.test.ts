import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { kinds, LOG, Session, sent, succeed, T1 } from './session-hand.ts';

const heartbeat = (session: Session) =>
  kinds(session.pass(10_000).input({ kind: 'heartbeat-due', at: session.at })).filter(
    (kind) => kind !== 'arm-heartbeat',
  );

/** A heartbeat and its answer: the stream lives. */
function beat(session: Session): readonly string[] {
  const said = heartbeat(session);
  const sequence = session.state.heartbeatSequence;
  session.receive({ kind: 'heartbeat-ack', sequence, extended: [], lost: [] });
  return said;
}

describe('on a stream that lives and loses a message', () => {
  test('an accept without an answer is said again, and its lease counts from the first one', () => {
    const session = new Session();
    session.connect();
    session.offer();
    const acceptedAt = session.at;
    assert.deepEqual(beat(session), ['send heartbeat']);
    assert.deepEqual(beat(session), ['send heartbeat', 'send accept']);
    const outputs = session.receive({ kind: 'lease', ...T1, ttlMs: 30_000 });
    const lease = outputs.find((output) => output.kind === 'lease');
    assert.deepEqual(lease, { kind: 'lease', taskId: T1.taskId, sentAt: acceptedAt });
  });

  test('an offer that comes twice does not make its lease younger', () => {
    const session = new Session();
    session.connect();
    session.offer();
    const acceptedAt = session.at;
    session.pass(25_000);
    assert.deepEqual(kinds(session.offer()), ['send accept']);
    const outputs = session.receive({ kind: 'lease', ...T1, ttlMs: 30_000 });
    assert.deepEqual(
      outputs.find((output) => output.kind === 'lease'),
      { kind: 'lease', taskId: T1.taskId, sentAt: acceptedAt },
    );
  });

  test('a checkpoint is said again with every heartbeat until it is acknowledged', () => {
    const session = new Session();
    session.connect();
    session.run();
    beat(session);
    session.input({ kind: 'checkpoint', ...T1, sequence: 4, facts: { old: 1 } });
    assert.deepEqual(beat(session), ['send heartbeat'], 'it has had no time yet');
    const again = session.pass(10_000).input({ kind: 'heartbeat-due', at: session.at });
    assert.deepEqual(sent(again)[1], { kind: 'checkpoint', ...T1, sequence: 4, facts: { old: 1 } });
    session.receive({ kind: 'checkpoint-ack', ...T1, sequence: 4 });
    assert.deepEqual(beat(session), ['send heartbeat']);
  });

  test('a result is said again once the control plane is found to have the log', () => {
    const session = new Session();
    session.connect();
    session.run();
    session.input({ kind: 'work-ended', ...T1, end: succeed() });
    session.input({ kind: 'log-settled', ...T1, log: LOG });
    beat(session);
    assert.deepEqual(beat(session), ['send heartbeat', 'settle-log']);
    assert.deepEqual(kinds(session.input({ kind: 'log-settled', ...T1, log: LOG })), ['send result']);
    session.receive({ kind: 'result-ack', ...T1, status: 'duplicate', logOffset: 10 });
    assert.deepEqual(beat(session), ['send heartbeat']);
  });

  test('a heartbeat ahead of its time says nothing else again', () => {
    const session = new Session();
    session.connect();
    session.run();
    session.input({ kind: 'checkpoint', ...T1, sequence: 4, facts: {} });
    beat(session);
    const early = session.pass(1_000).input({ kind: 'renewal-wanted', at: session.at });
    assert.deepEqual(kinds(early), ['send heartbeat', 'arm-heartbeat']);
  });

  test('after a reconnect everything has its time again', () => {
    const session = new Session();
    session.connect();
    session.run();
    session.input({ kind: 'checkpoint', ...T1, sequence: 4, facts: {} });
    beat(session);
    session.input({ kind: 'disconnected' });
    session.connect([{ ...T1, action: 'keep', logOffset: 7 }]);
    assert.deepEqual(beat(session), ['send heartbeat']);
  });

  test('a delegate that drains says so with each heartbeat', () => {
    const session = new Session();
    session.connect();
    session.run(T1, 'shell');
    session.input({ kind: 'drain', reason: 'it is shutting down' });
    assert.deepEqual(beat(session), ['send heartbeat', 'send draining']);
  });

  test('an old offer that comes once more when its work is done and acknowledged is passed over', () => {
    const session = new Session();
    session.connect();
    session.run();
    session.input({ kind: 'work-ended', ...T1, end: succeed() });
    session.input({ kind: 'log-settled', ...T1, log: LOG });
    session.receive({ kind: 'result-ack', ...T1, status: 'committed', logOffset: 10 });
    assert.deepEqual(kinds(session.offer()), []);
  });
});
