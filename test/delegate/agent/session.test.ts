import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { JournalRecord } from '@outrider/delegate/agent/journal-format.ts';
import type { TaskRef } from '@outrider/shared/protocol/messages.ts';
import { outcomeJson } from '@outrider/shared/protocol/outcome.ts';
import { at, directive, kinds, LOG, Session, sent, succeed, T1 } from './session-hand.ts';

describe('a session', () => {
  test('says hello when it is connected, and nothing else before the welcome', () => {
    const session = new Session();
    const outputs = session.input({ kind: 'connected', logEnds: new Map() });
    assert.deepEqual(kinds(outputs), ['send hello']);
    session.input({ kind: 'drain', reason: 'x' });
    session.input({ kind: 'heartbeat-due', at: session.at });
    assert.deepEqual(sent(session.outputs).length, 1);
  });

  test('takes an offer: into the journal first, then the word; work begins with the lease and not before', () => {
    const session = new Session();
    session.connect();
    assert.deepEqual(kinds(session.offer()), ['journal', 'send accept']);
    session.pass(400);
    const outputs = session.receive({ kind: 'lease', ...T1, ttlMs: 30_000 });
    assert.deepEqual(kinds(outputs), ['resume-log', 'journal', 'lease', 'start']);
    const lease = outputs.find((output) => output.kind === 'lease');
    assert.deepEqual(lease?.sentAt, at(0), 'it counts from the accept');
    const start = outputs.find((output) => output.kind === 'start');
    assert.deepEqual([start?.facts, start?.checkpointSequence], [{ given: true }, 3]);
  });

  test('translates the deadline to its own clock', () => {
    const session = new Session();
    session.input({ kind: 'connected', logEnds: new Map() });
    session.receive({
      kind: 'welcome',
      sessionId: 's',
      protocol: 1,
      leaseTtlMs: 30_000,
      heartbeatMs: 10_000,
      serverTimeMs: 1_060_000,
      directives: [],
    });
    const start = session.run().find((output) => output.kind === 'start');
    assert.equal(start?.deadlineMs, 2_000_000 - 60_000);
  });

  test('a clock that was set since the welcome does not move the deadline of what is offered then', () => {
    const session = new Session();
    session.connect();
    session.offer(T1, 'shell', 1_500_000);
    const [start] = session.receive({ kind: 'lease', ...T1, ttlMs: 30_000 }).filter(({ kind }) => kind === 'start');
    assert.equal(start?.kind === 'start' && start.deadlineMs, 2_000_000 - 500_000);
  });

  test('a lease that nobody waits for begins nothing', () => {
    const session = new Session();
    session.connect();
    assert.deepEqual(session.receive({ kind: 'lease', ...T1, ttlMs: 1 }), []);
    session.run();
    assert.deepEqual(session.receive({ kind: 'lease', ...T1, ttlMs: 1 }), []);
  });

  for (const [title, prepare, ref, type, mayTakeWork, code] of [
    ['when all slots are taken', 2, { taskId: 't9', epoch: 1 }, undefined, true, 'no-slot'],
    ['of a kind it does not know', 0, T1, 'from-the-future', true, 'unknown-step'],
    ['when its journal is full', 0, T1, undefined, false, 'no-room'],
  ] as const) {
    test(`declines an offer ${title}`, () => {
      const session = new Session();
      session.connect();
      for (let index = 0; index < prepare; index++) session.run({ taskId: `t${index}`, epoch: 1 });
      session.outputs = [];
      session.receive(
        {
          kind: 'offer',
          ...ref,
          task: { type: type ?? 'shell' },
          deadlineMs: 1,
          facts: {},
          logOffset: 0,
          acceptWithinMs: 1,
          checkpointSequence: 0,
          serverTimeMs: null,
        },
        mayTakeWork,
      );
      const [message] = sent(session.outputs);
      assert.ok(message?.kind === 'reject');
      assert.equal(message.code, code);
    });
  }

  test('an offer that is repeated is accepted again; one of an old epoch is passed over', () => {
    const session = new Session();
    session.connect();
    session.offer({ taskId: 't1', epoch: 5 });
    assert.deepEqual(kinds(session.offer({ taskId: 't1', epoch: 5 })), ['send accept']);
    assert.deepEqual(kinds(session.offer({ taskId: 't1', epoch: 4 })), []);
  });

  test('one heartbeat names all that must not be given away', () => {
    const session = new Session();
    session.connect();
    session.run(T1);
    session.run({ taskId: 't2', epoch: 4 });
    session.input({ kind: 'work-ended', ...T1, end: succeed() });
    const outputs = session.input({ kind: 'heartbeat-due', at: session.at });
    assert.deepEqual(kinds(outputs), ['send heartbeat', 'arm-heartbeat']);
    const [message] = sent(outputs);
    assert.ok(message?.kind === 'heartbeat');
    assert.deepEqual(message.running, [T1, { taskId: 't2', epoch: 4 }]);
    assert.equal(message.slotsFree, 1, 'what is done takes no slot');
  });

  test('a renewed lease counts from when its heartbeat was sent', () => {
    const session = new Session();
    session.connect();
    session.run();
    session.pass(1_000).input({ kind: 'heartbeat-due', at: session.at });
    session.pass(700);
    const outputs = session.receive({ kind: 'heartbeat-ack', sequence: 1, extended: [T1], lost: [] });
    assert.deepEqual(outputs, [{ kind: 'lease', taskId: 't1', sentAt: at(1_000) }]);
    assert.deepEqual(session.receive({ kind: 'heartbeat-ack', sequence: 1, extended: [T1], lost: [] }), []);
  });

  test('a renewal ahead of its time is sent once, not for everybody who waits', () => {
    const session = new Session();
    session.connect();
    session.run();
    assert.deepEqual(kinds(session.pass(5_000).input({ kind: 'renewal-wanted', at: session.at })), [
      'send heartbeat',
      'arm-heartbeat',
    ]);
    assert.deepEqual(kinds(session.pass(100).input({ kind: 'renewal-wanted', at: session.at })), []);
    assert.deepEqual(kinds(session.pass(200).input({ kind: 'renewal-wanted', at: session.at })), [
      'send heartbeat',
      'arm-heartbeat',
    ]);
  });

  test('a connection on which no heartbeat is answered is given up', () => {
    const session = new Session();
    session.connect();
    session.input({ kind: 'heartbeat-due', at: session.at });
    session.pass(20_000).input({ kind: 'heartbeat-due', at: session.at });
    assert.deepEqual(kinds(session.pass(10_001).input({ kind: 'heartbeat-due', at: session.at })), ['drop-connection']);
  });

  test('an accept without an answer is forgotten after the length of a lease', () => {
    const session = new Session();
    session.connect();
    session.offer();
    session.pass(30_001);
    const outputs = session.input({ kind: 'heartbeat-due', at: session.at });
    assert.deepEqual(kinds(outputs), ['lease-over', 'journal', 'forget', 'send heartbeat', 'arm-heartbeat']);
    assert.equal(session.state.tasks.size, 0);
  });

  test('a checkpoint is in the journal before it is sent, and is sent again after a reconnect until it is acknowledged', () => {
    const session = new Session();
    session.connect();
    session.run();
    const outputs = session.input({ kind: 'checkpoint', ...T1, sequence: 4, facts: { a: 1 } });
    assert.deepEqual(kinds(outputs), ['journal', 'send checkpoint']);
    session.input({ kind: 'disconnected' });
    session.outputs = [];
    session.connect([directive('keep')]);
    assert.deepEqual(
      sent(session.outputs).filter((message) => message.kind === 'checkpoint'),
      [{ kind: 'checkpoint', ...T1, sequence: 4, facts: { a: 1 } }],
    );
    assert.deepEqual(kinds(session.receive({ kind: 'checkpoint-ack', ...T1, sequence: 4 })), [
      'journal',
      'checkpoint-committed',
    ]);
    session.input({ kind: 'disconnected' });
    session.outputs = [];
    session.connect([directive('keep')]);
    assert.ok(!kinds(session.outputs).includes('send checkpoint'));
  });

  test('a checkpoint that the control plane will not have fails the step that made it', () => {
    const session = new Session();
    session.connect();
    session.run();
    session.input({ kind: 'checkpoint', ...T1, sequence: 4, facts: {} });
    const outputs = session.receive({
      kind: 'refused',
      ...T1,
      code: 'invalid',
      what: 'checkpoint',
      message: 'too big',
    });
    assert.deepEqual(kinds(outputs), ['checkpoint-failed']);
  });

  test('a result is kept, waits for its log, and goes away when it is acknowledged', () => {
    const session = new Session();
    session.connect();
    session.run();
    assert.deepEqual(kinds(session.input({ kind: 'work-ended', ...T1, end: succeed({ x: 1 }) })), [
      'journal',
      'settle-log',
    ]);
    const outputs = session.input({ kind: 'log-settled', ...T1, log: LOG });
    assert.deepEqual(sent(outputs), [
      {
        kind: 'result',
        ...T1,
        result: { outcome: 'succeeded', output: { x: 1 } },
        logBytes: 10,
        logSha256: 'abc',
        logFrom: 0,
      },
    ]);
    const acknowledged = session.receive({ kind: 'result-ack', ...T1, status: 'committed', logOffset: 10 });
    assert.deepEqual(kinds(acknowledged), ['journal', 'lease-over', 'forget']);
    assert.equal(session.state.tasks.size, 0);
    assert.equal(session.state.retained.size, 1);
  });

  test('a result whose log is not whole waits again, and is sent again', () => {
    const session = new Session();
    session.connect();
    session.run();
    session.input({ kind: 'work-ended', ...T1, end: succeed() });
    session.input({ kind: 'log-settled', ...T1, log: LOG });
    const outputs = session.receive({ kind: 'result-ack', ...T1, status: 'log-incomplete', logOffset: 4 });
    assert.deepEqual(outputs, [
      { kind: 'resume-log', ...T1, offset: 4, began: true },
      { kind: 'settle-log', ...T1 },
    ]);
    assert.deepEqual(kinds(session.input({ kind: 'log-settled', ...T1, log: LOG })), ['send result']);
  });

  test('a result that came too late is given up', () => {
    const session = new Session();
    session.connect();
    session.run();
    session.input({ kind: 'work-ended', ...T1, end: succeed() });
    session.input({ kind: 'log-settled', ...T1, log: LOG });
    session.receive({ kind: 'result-ack', ...T1, status: 'stale', logOffset: 0 });
    assert.equal(session.state.tasks.size + session.state.retained.size, 0);
  });

  test('a result that cannot be sent becomes a failure that says so, and that is the end of it', () => {
    const session = new Session();
    session.connect();
    session.run();
    session.input({ kind: 'work-ended', ...T1, end: succeed() });
    session.input({ kind: 'log-settled', ...T1, log: LOG });
    session.input({ kind: 'unsendable', ...T1, what: 'result', why: 'it is too large' });
    const [message] = sent(session.input({ kind: 'log-settled', ...T1, log: LOG }));
    assert.ok(message?.kind === 'result' && message.result.outcome === 'failed');
    assert.match(message.result.failure.message, /it is too large/);
    session.receive({ kind: 'refused', ...T1, code: 'invalid', what: 'result', message: 'no' });
    assert.equal(session.state.tasks.size, 0);
  });

  test('a cancel stops the work, once, and its end is told as stopped', () => {
    const session = new Session();
    session.connect();
    session.run();
    const cancel = { kind: 'cancel', ...T1, reason: 'aborted', message: 'm' } as const;
    assert.deepEqual(session.receive(cancel), [{ kind: 'stop', ...T1, reason: 'aborted' }]);
    assert.deepEqual(session.receive(cancel), []);
    session.input({ kind: 'work-ended', ...T1, end: { kind: 'stopped', reason: 'aborted', message: 'gone' } });
    const [message] = sent(session.input({ kind: 'log-settled', ...T1, log: LOG }));
    assert.ok(message?.kind === 'result');
    assert.deepEqual(message.result, { outcome: 'stopped', message: 'gone' });
  });

  test('a cancel of work that stands still says in its log that it was stopped', () => {
    const session = new Session();
    session.connect();
    session.run();
    session.input({ kind: 'work-ended', ...T1, end: { kind: 'stopped', reason: 'lease-lost', message: '' } });
    const outputs = session.receive({ kind: 'cancel', ...T1, reason: 'aborted', message: 'm' });
    assert.deepEqual(kinds(outputs), ['say', 'journal', 'settle-log']);
    assert.match(outputs[0]?.kind === 'say' ? outputs[0].text : '', /^Stopped: the execution was aborted/);
  });

  test('work that ended well before the cancel reached it has succeeded', () => {
    const session = new Session();
    session.connect();
    session.run();
    session.receive({ kind: 'cancel', ...T1, reason: 'aborted', message: '' });
    session.input({ kind: 'work-ended', ...T1, end: succeed() });
    const [message] = sent(session.input({ kind: 'log-settled', ...T1, log: LOG }));
    assert.ok(message?.kind === 'result' && message.result.outcome === 'succeeded');
  });

  test('a step that ran out of its time by itself has failed', () => {
    const session = new Session();
    session.connect();
    session.run();
    session.input({ kind: 'work-ended', ...T1, end: { kind: 'stopped', reason: 'timed-out', message: 'late' } });
    const task = session.state.tasks.get('t1');
    assert.ok(task?.stage.kind === 'finished' && task.stage.outcome.outcome === 'failed');
    assert.equal(task.stage.outcome.failure.code, 'step-timed-out');
    assert.equal(task.stage.outcome.failure.failureType, 'timeout');
  });

  test('work that stopped because the lease could not be shown to hold goes on when it does', () => {
    const session = new Session();
    session.connect();
    session.run();
    session.input({ kind: 'checkpoint', ...T1, sequence: 4, facts: { saved: 1 } });
    session.receive({ kind: 'checkpoint-ack', ...T1, sequence: 4 });
    session.input({ kind: 'disconnected' });
    session.input({ kind: 'work-ended', ...T1, end: { kind: 'stopped', reason: 'lease-lost', message: '' } });
    session.outputs = [];
    session.connect([directive('keep')]);
    assert.ok(!kinds(session.outputs).includes('start'), 'not before the lease is confirmed');
    const outputs = session.receive({ kind: 'heartbeat-ack', sequence: 1, extended: [T1], lost: [] });
    assert.deepEqual(kinds(outputs), ['lease', 'start']);
    const start = outputs.find((output) => output.kind === 'start');
    assert.deepEqual([start?.facts, start?.checkpointSequence], [{ given: true, saved: 1 }, 4]);
  });

  test('work does not begin again before its checkpoints are committed', () => {
    const records: JournalRecord[] = [
      {
        kind: 'accepted',
        offer: { ...T1, task: { type: 'shell' }, deadlineMs: 1, facts: {}, checkpointSequence: 0, logOffset: 0 },
      },
      { kind: 'started', ...T1 },
      { kind: 'checkpoint', ...T1, sequence: 1, facts: { a: 1 } },
    ];
    const session = new Session(records);
    session.connect([directive('keep')]);
    assert.deepEqual(kinds(session.outputs).filter((kind) => kind === 'send checkpoint').length, 1);
    session.receive({ kind: 'heartbeat-ack', sequence: 1, extended: [T1], lost: [] });
    assert.ok(!kinds(session.outputs).includes('start'));
    session.pass(1_000);
    assert.ok(
      kinds(session.receive({ kind: 'checkpoint-ack', ...T1, sequence: 1 })).includes('send heartbeat'),
      'it asks at once',
    );
    assert.ok(
      kinds(session.receive({ kind: 'heartbeat-ack', sequence: 2, extended: [T1], lost: [] })).includes('start'),
    );
  });

  test('work that is somebody else’s stops, and says nothing any more', () => {
    for (const loss of [
      (session: Session) => {
        session.input({ kind: 'heartbeat-due', at: session.at });
        session.receive({ kind: 'heartbeat-ack', sequence: 1, extended: [], lost: [T1] });
      },
      (session: Session) =>
        session.receive({ kind: 'refused', ...T1, code: 'stale-epoch', what: 'checkpoint', message: '' }),
      (session: Session) => session.input({ kind: 'log-refused', ...T1, because: 'stale' }),
      (session: Session) => {
        session.input({ kind: 'disconnected' });
        session.connect([directive('stop')]);
      },
    ]) {
      const session = new Session();
      session.connect();
      session.run();
      session.outputs = [];
      loss(session);
      assert.deepEqual(
        session.outputs.filter((output) => output.kind === 'stop'),
        [{ kind: 'stop', ...T1, reason: 'lease-lost' }],
      );
      assert.ok(kinds(session.outputs).includes('lease-over'));
      session.outputs = [];
      session.input({ kind: 'checkpoint', ...T1, sequence: 9, facts: {} });
      session.input({ kind: 'counts', ...T1, services: [] });
      session.input({ kind: 'work-ended', ...T1, end: succeed() });
      assert.deepEqual(sent(session.outputs), []);
      assert.equal(session.state.tasks.size, 0);
    }
  });

  test('a task that is offered again while its lost work still ends waits for that end', () => {
    const session = new Session();
    session.connect();
    session.run();
    const again = { taskId: 't1', epoch: 2 };
    const outputs = session.pass(100).offer(again);
    assert.deepEqual(kinds(outputs), ['lease-over', 'stop']);
    const ended = session
      .pass(900)
      .input({ kind: 'work-ended', ...T1, end: { kind: 'stopped', reason: 'lease-lost', message: '' } });
    assert.deepEqual(sent(ended), [{ kind: 'accept', ...again }]);
    const started = session.receive({ kind: 'lease', ...again, ttlMs: 30_000 });
    assert.deepEqual(started.find((output) => output.kind === 'lease')?.sentAt, at(100), 'counted from the offer');
    assert.ok(kinds(started).includes('start'));
  });

  test('tells after a restart what it holds', () => {
    const offer = (ref: TaskRef): JournalRecord => ({
      kind: 'accepted',
      offer: { ...ref, task: { type: 'shell' }, deadlineMs: 1, facts: {}, checkpointSequence: 0, logOffset: 3 },
    });
    const [a, b, c, d] = ['a', 'b', 'c', 'd'].map((taskId) => ({ taskId, epoch: 2 }));
    assert.ok(a && b && c && d);
    const outcome = outcomeJson({ outcome: 'stopped', message: '' });
    const session = new Session([
      offer(a),
      offer(b),
      offer(c),
      offer(d),
      { kind: 'started', ...b },
      ...[c, d].map((ref) => ({ kind: 'result', ...ref, outcome }) as const),
      { kind: 'acknowledged', ...d, atMs: 1 },
    ]);
    const [hello] = sent(session.input({ kind: 'connected', logEnds: new Map([['b', 77]]) }));
    assert.ok(hello?.kind === 'hello');
    assert.deepEqual(
      hello.inventory.map(({ taskId, phase, logOffset }) => [taskId, phase, logOffset]),
      [
        ['a', 'accepted', 3],
        ['b', 'running', 77],
        ['c', 'finished', 3],
        ['d', 'finished', 0],
      ],
    );
    assert.match(hello.inventory[2]?.resultSha256 ?? '', /^[0-9a-f]{64}$/);
    assert.equal(hello.inventory[2]?.resultSha256, hello.inventory[3]?.resultSha256);
    session.receive({
      kind: 'welcome',
      sessionId: 's',
      protocol: 1,
      leaseTtlMs: 30_000,
      heartbeatMs: 1,
      serverTimeMs: 0,
      directives: [
        directive('keep', a),
        directive('keep', b),
        directive('resend-result', c),
        directive('resend-result', d),
      ],
    });
    assert.ok(sent(session.outputs).some((message) => message.kind === 'accept' && message.taskId === 'a'));
    // The result that the control plane once had and has lost is sent again.
    const [result] = sent(session.input({ kind: 'log-settled', ...d, log: LOG }));
    assert.ok(result?.kind === 'result' && result.taskId === 'd');
  });

  test('draining declines offers, hands back what can go elsewhere and finishes what cannot', () => {
    const session = new Session([], { slots: 5 });
    session.connect();
    const [a, b, c] = ['a', 'b', 'c'].map((taskId) => ({ taskId, epoch: 1 }));
    assert.ok(a && b && c);
    session.run(a);
    session.run(b, 'shell');
    session.offer(c);
    const outputs = session.input({ kind: 'drain', reason: 'bye' });
    assert.deepEqual(kinds(outputs), ['send draining', 'stop', 'send reject', 'lease-over', 'journal', 'forget']);
    session.input({ kind: 'work-ended', ...a, end: { kind: 'stopped', reason: 'draining', message: '' } });
    const back = session.input({ kind: 'log-settled', ...a, log: LOG });
    assert.deepEqual(sent(back), [{ kind: 'reject', ...a, code: 'draining', message: 'it is shutting down' }]);
    session.input({ kind: 'work-ended', ...b, end: succeed() });
    session.input({ kind: 'log-settled', ...b, log: LOG });
    const last = session.receive({ kind: 'result-ack', ...b, status: 'committed', logOffset: 0 });
    assert.ok(kinds(last).includes('drained'));
    assert.deepEqual(
      sent(session.offer({ taskId: 'd', epoch: 1 })).map((message) => message.kind),
      ['reject'],
    );
  });

  test('a control plane that goes is called again after the time it says', () => {
    const session = new Session();
    session.connect();
    const outputs = session.receive({ kind: 'drain', reconnectAfterMs: 1_234, reason: 'update' });
    assert.deepEqual(outputs, [{ kind: 'reconnect-after', milliseconds: 1_234, reason: 'update' }]);
  });
});
