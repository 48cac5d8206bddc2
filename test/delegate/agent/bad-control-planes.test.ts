import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, test } from 'node:test';
import type { ServerMessage } from '@outrider/shared/protocol/messages.ts';
import { DRAIN_RECONNECT_LONGEST_MS, UNDONE_MAX } from '@outrider/shared/protocol/timings.ts';
import { BadControlPlane, told } from '../../fuzz/bad-control-plane.ts';
import { eventually } from '../../support/processes.ts';
import { done, Rig, TIMERS } from './rig.ts';
import { kinds, LOG, Session, sent, T1 } from './session-hand.ts';

const welcome = (terms: { readonly leaseTtlMs: number; readonly heartbeatMs: number }): ServerMessage => ({
  kind: 'welcome',
  sessionId: 's',
  protocol: 1,
  serverTimeMs: 1_000_000,
  directives: [],
  ...terms,
});

describe('a delegate whose control plane says what it should not', () => {
  for (const [leaseTtlMs, heartbeatMs, lease, heartbeat] of [
    [30_000, 0, 30_000, 50],
    [30_000, 0xffff_ffff, 30_000, 15_000],
    [0xffff_ffff, 0xffff_ffff, 600_000, 300_000],
    [0, 0, 0, 50],
  ] as const) {
    test(`told to heartbeat every ${heartbeatMs} ms under leases of ${leaseTtlMs} ms, it does what can be done`, () => {
      const session = new Session();
      session.input({ kind: 'connected', logEnds: new Map() });
      const outputs = session.receive(welcome({ leaseTtlMs, heartbeatMs }));
      const terms = outputs.find((output) => output.kind === 'set-terms');
      assert.deepEqual([terms?.leaseTtlMs, terms?.heartbeatMs], [lease, heartbeat]);
    });
  }

  test('that welcomes it twice is left', () => {
    const session = new Session();
    session.connect();
    assert.deepEqual(kinds(session.receive(welcome({ leaseTtlMs: 1, heartbeatMs: 1 }))), ['drop-connection']);
    assert.deepEqual(session.receive(welcome({ leaseTtlMs: 1, heartbeatMs: 1 })), [], 'once is enough');
    assert.deepEqual(session.offer(), [], 'and nothing more of it counts');
  });

  test('that offers work before it says Welcome is left', () => {
    const session = new Session();
    session.input({ kind: 'connected', logEnds: new Map() });
    assert.deepEqual(kinds(session.offer()), ['drop-connection']);
  });

  test('that acknowledges the same checkpoints for ever, or ones of the future, costs nothing', () => {
    const session = new Session();
    session.connect();
    session.run();
    session.input({ kind: 'checkpoint', ...T1, sequence: 4, facts: {} });
    const ack = (sequence: number) => kinds(session.receive({ kind: 'checkpoint-ack', ...T1, sequence }));
    assert.deepEqual(ack(3), []);
    assert.deepEqual(ack(99), ['journal', 'checkpoint-committed']);
    assert.deepEqual(ack(99), []);
    session.input({ kind: 'checkpoint', ...T1, sequence: 5, facts: {} });
    assert.deepEqual(ack(5), ['journal', 'checkpoint-committed'], 'the next one still waits for its own');
  });

  test('that acknowledges a result of work that runs is not believed', () => {
    const session = new Session();
    session.connect();
    session.run();
    assert.deepEqual(session.receive({ kind: 'result-ack', ...T1, status: 'committed', logOffset: 0 }), []);
    session.input({
      kind: 'work-ended',
      ...T1,
      end: { kind: 'outcome', outcome: { outcome: 'succeeded', output: {} } },
    });
    const [result] = sent(session.input({ kind: 'log-settled', ...T1, log: LOG }));
    assert.equal(result?.kind, 'result');
  });
});

describe('a delegate on the wire with a bad control plane', () => {
  let bad: BadControlPlane;
  let rig: Rig;
  beforeEach(async () => {
    bad = await BadControlPlane.start();
    rig = await Rig.start();
  });
  afterEach(async () => {
    await rig.close();
    await bad.close();
  });
  const started = () =>
    rig.delegate(
      'one',
      async () => done(),
      { controlPlane: { host: '127.0.0.1', port: bad.port } },
      {
        timers: {
          after(milliseconds, run) {
            waits.push(milliseconds);
            return TIMERS.after(milliseconds, run);
          },
        },
      },
    );
  const waits: number[] = [];

  for (const reconnectAfterMs of [0, 0xffff_ffff]) {
    test(`told to come back after ${reconnectAfterMs} ms, it comes back in its own time`, async () => {
      waits.length = 0;
      bad.serve = (call) => {
        call.accept();
        call.listen((message) => {
          if (message.kind !== 'hello') return;
          void call.send(told(welcome({ leaseTtlMs: 3_000, heartbeatMs: 1_000 })));
          void call.send(told({ kind: 'drain', reconnectAfterMs, reason: 'away' }));
        });
      };
      await started();
      await eventually('it has been sent away', () => (bad.connections > 0 && waits.length > 3 ? true : undefined));
      const longest = Math.max(...waits);
      assert.ok(longest <= DRAIN_RECONNECT_LONGEST_MS * 2, `it waits ${longest} ms`);
      if (reconnectAfterMs > 0) {
        assert.ok(longest >= DRAIN_RECONNECT_LONGEST_MS);
        assert.equal(bad.connections, 1);
      } else {
        // 20 ms at least from one to the next, in this test.
        const [before, since] = [bad.connections, performance.now()];
        await eventually('it comes again', () => (bad.connections >= before + 10 ? true : undefined));
        assert.ok(performance.now() - since > 150, 'not without a pause');
      }
    });
  }

  test(`one that says more than it can write down is left`, async () => {
    const task = { type: 'ecs-steady-state-check' };
    let epoch = 0;
    const offer = () =>
      told({
        kind: 'offer',
        taskId: 'exe_00000000000000000000000001/p1.1/1',
        epoch: (epoch += 1),
        task,
        deadlineMs: Date.now(),
        facts: {},
        logOffset: 0,
        acceptWithinMs: 1_000,
        checkpointSequence: 0,
        serverTimeMs: null,
      });
    bad.serve = (call) => {
      call.accept();
      call.listen((message) => {
        if (message.kind !== 'hello') return;
        void call.send(told(welcome({ leaseTtlMs: 30_000, heartbeatMs: 10_000 })));
        for (let count = 0; count < UNDONE_MAX * 2; count++) void call.send(offer());
      });
    };
    await started();
    await eventually('it has gone and come again', () => (bad.connections > 1 ? true : undefined));
  });
});
