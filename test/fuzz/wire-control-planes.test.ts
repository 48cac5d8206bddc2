// takes minutes
import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, type TestContext, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { parseJsonObject } from '@outrider/shared/json.ts';
import { encodeLogReply } from '@outrider/shared/protocol/codec.ts';
import type { LogReply, TaskRef } from '@outrider/shared/protocol/messages.ts';
import { DELEGATE_SERVICE } from '@outrider/shared/protocol/service.ts';
import { stepTaskOf } from '../delegate/agent/rig.ts';
import { eventually } from '../support/processes.ts';
import { BadControlPlane, type Served, told } from './bad-control-plane.ts';
import { armsOf, oddMessage, type Pool } from './odd-messages.ts';
import { Patient } from './patient.ts';
import { chance, randomBytes, SCALE } from './seed.ts';

const CALLS = 40 * SCALE;
/** A delegate that is well has some 15 MiB; it may not grow by more than this. */
const GROWTH_MIB = 32;
/** More than its log spool may hold in memory, by far. */
const LINES_OF_A_FLOOD = 20_000 * SCALE;
const MIB = 2 ** 20;
const STEP = stepTaskOf('p1.1');
const OFFERED = parseJsonObject(JSON.stringify(STEP)) ?? {};
const REF: TaskRef = { taskId: `${STEP.executionId}/${STEP.stepId}/${STEP.attempt}`, epoch: 1 };

describe('a delegate process at the mercy of a bad control plane', () => {
  let bad: BadControlPlane;
  let patient: Patient | undefined;
  beforeEach(async () => {
    bad = await BadControlPlane.start();
  });
  afterEach(async () => {
    await patient?.close();
    await bad.close();
  });

  /** Serves so many calls badly, and then well: the delegate must do a step as if nothing had been. */
  async function survives(
    context: TestContext,
    mistreat: (call: Served) => void | Promise<void>,
    environment: Readonly<Record<string, string>> = {},
  ): Promise<void> {
    let served = 0;
    bad.serve = (call) => {
      served += 1;
      void mistreat(call);
    };
    patient = await Patient.start(bad.port, environment);
    const before = await patient.condition('mark');
    const living = patient;
    await eventually(
      `it has come ${CALLS} times`,
      () => {
        assert.ok(living.alive, living.printed);
        return served >= CALLS ? true : undefined;
      },
      100_000,
    );
    // By polls alone nothing serves it well here: that it goes on asking is enough.
    const seen = served;
    if (environment['PATIENT_TRANSPORT'] === 'poll') {
      await eventually('it asks again', () => (served > seen + 3 ? true : undefined));
    } else {
      const { ended } = serveWell(bad);
      bad.cut();
      assert.equal(await ended, 'succeeded');
    }
    const after = await living.condition();
    const grownMiB = (after.heapBytes + after.externalBytes - before.heapBytes - before.externalBytes) / MIB;
    context.diagnostic(`${served} calls, ${grownMiB.toFixed(1)} MiB more, longest pause ${after.loopDelayMaxMs} ms`);
    assert.ok(grownMiB < GROWTH_MIB, `it has grown by ${grownMiB} MiB`);
    assert.ok(after.loopDelayMaxMs < 2_000, `it stood still for ${after.loopDelayMaxMs} ms`);
    assert.equal(
      after.mutations.filter(({ taskId }) => taskId !== REF.taskId).length,
      0,
      'it changed what nobody gave it',
    );
  }

  test('that answers with random bytes, or none', async (context) => {
    const random = chance(51);
    await survives(context, async (call) => {
      const dice = random();
      if (dice < 0.2) return call.stream.close(Math.floor(random() * 14));
      if (dice < 0.3) return call.end({ 'grpc-status': '0' });
      call.accept(random() < 0.2 ? { ':status': 200 + Math.floor(random() * 400) } : {});
      await call.write(randomBytes(random, 1 + Math.floor(random() ** 4 * 200_000)));
      if (random() < 0.7) call.end({ 'grpc-status': '0' });
      else setTimeout(() => call.stream.close(), 50);
    });
  });

  test('that refuses with every status there is, and some that there are not', async (context) => {
    const random = chance(52);
    await survives(context, (call) => {
      const status = random() < 0.8 ? String(Math.floor(random() * 20)) : 'x'.repeat(Math.floor(random() * 2_000));
      const words = '%F0%9F%99%80'.repeat(Math.floor(random() * 300));
      if (random() < 0.5) call.accept();
      call.end({ 'grpc-status': status, 'grpc-message': words });
    });
  });

  for (const transport of ['stream', 'poll']) {
    test(`that says odd things, by ${transport}`, async (context) => {
      const random = chance(53);
      const texts = [REF.taskId, 'patient', 'ecs-steady-state-check', JSON.stringify(STEP)];
      const pool: Pool = { texts, numbers: [0, 1, 2, 3_000] };
      await survives(
        context,
        async (call) => {
          call.accept();
          const type = typeOf(call.path);
          // A minute's pause, whenever it is told: nothing that this test could wait for.
          const arms = armsOf(type).filter((arm) => arm !== 'drain');
          const odd = () => oddMessage(type, random, pool, arms[Math.floor(random() * arms.length)]);
          if (type === 'PollResponse') {
            await call.send(odd());
            return call.end({ 'grpc-status': '0' });
          }
          if (type === 'ControlResponse' && random() < 0.9) await call.send(told(WELCOME));
          for (let count = Math.floor(random() * 40); count > 0; count--) {
            await call.send(odd());
          }
          if (random() < 0.5) call.end({ 'grpc-status': '0' });
          else setTimeout(() => call.stream.close(), 100);
        },
        transport === 'poll' ? { PATIENT_TRANSPORT: 'poll' } : {},
      );
    });
  }

  test('that sends what is too long, or longer than it says', async (context) => {
    const random = chance(54);
    const long = Buffer.alloc(6 * MIB);
    await survives(context, async (call) => {
      call.accept();
      const head = Buffer.alloc(5);
      head.writeUInt32BE(random() < 0.5 ? long.length : 0xffff_ffff, 1);
      await call.write(head);
      if (random() < 0.2) await call.write(long);
      setTimeout(() => call.stream.close(), 20);
    });
  });

  test(`that takes no log: a step writes ${LINES_OF_A_FLOOD * 10} lines and waits for nobody`, async (context) => {
    patient = await Patient.start(bad.port, { PATIENT_LINES: String(LINES_OF_A_FLOOD) });
    const before = await patient.condition('mark');
    const { deaf } = serveWell(bad, { logs: 'deaf' });
    await eventually('the log is not taken', () => (deaf() ? true : undefined), 60_000);
    const living = patient;
    await eventually('the step has done its work', async () =>
      (await living.condition()).mutations.length > 0 ? true : undefined,
    );
    await pause(3_000);
    const { heapBytes, externalBytes, peakRssBytes } = await living.condition();
    const grownMiB = (heapBytes + externalBytes - before.heapBytes - before.externalBytes) / MIB;
    context.diagnostic(`${grownMiB.toFixed(1)} MiB more, at most ${(peakRssBytes / MIB).toFixed(0)} MiB of it all`);
    assert.ok(grownMiB < GROWTH_MIB, `it has grown by ${grownMiB} MiB`);
  });
});

const WELCOME = {
  kind: 'welcome',
  sessionId: 's',
  protocol: 2,
  leaseTtlMs: 30_000,
  heartbeatMs: 200,
  serverTimeMs: 0,
  directives: [],
} as const;

function typeOf(path: string): string {
  const name = path.split('/').at(-1) ?? '';
  return `${name}Response`;
}

/** From now on everything is answered as it should be, and one step is offered until it has ended. */
function serveWell(
  bad: BadControlPlane,
  { logs = 'taken' }: { readonly logs?: 'taken' | 'deaf' } = {},
): { readonly ended: Promise<string>; readonly deaf: () => boolean } {
  const ended = Promise.withResolvers<string>();
  let epoch = 1_000;
  let deaf = false;
  bad.serve = (call) => {
    if (call.path === DELEGATE_SERVICE.logs.path) {
      call.accept();
      void call.send(reply({ kind: 'opened', maxUnacknowledgedBytes: 256 * 1024 }));
      if (logs === 'deaf') {
        deaf = true;
        call.stream.pause();
        return;
      }
      call.listen((message) => {
        if (message.kind !== 'batch' && message.kind !== 'gap') return;
        const durableOffset = message.offset + (message.kind === 'batch' ? message.data.length : 0);
        const { taskId, epoch: of } = message;
        void call.send(reply({ kind: 'ack', taskId, epoch: of, durableOffset }));
      });
      return;
    }
    if (call.path !== DELEGATE_SERVICE.control.path) return call.end({ 'grpc-status': '12' });
    call.accept();
    call.listen((message) => {
      switch (message.kind) {
        case 'hello': {
          const directives = message.inventory.map(({ taskId, epoch: of }) => ({
            taskId,
            epoch: of,
            action: 'stop' as const,
            logOffset: 0,
          }));
          void call.send(told({ ...WELCOME, protocol: message.protocolMax, serverTimeMs: Date.now(), directives }));
          epoch += 1;
          const deadlineMs = Date.now() + 600_000;
          const terms = { deadlineMs, facts: {}, logOffset: 0, acceptWithinMs: 10_000, checkpointSequence: 0 };
          const ref = { taskId: REF.taskId, epoch };
          void call.send(told({ kind: 'offer', ...ref, task: OFFERED, ...terms, serverTimeMs: Date.now() }));
          return;
        }
        case 'accept':
          void call.send(told({ kind: 'lease', taskId: message.taskId, epoch: message.epoch, ttlMs: 30_000 }));
          return;
        case 'heartbeat':
          void call.send(
            told({ kind: 'heartbeat-ack', sequence: message.sequence, extended: message.running, lost: [] }),
          );
          return;
        case 'checkpoint': {
          const { taskId, epoch: of, sequence } = message;
          void call.send(told({ kind: 'checkpoint-ack', taskId, epoch: of, sequence }));
          return;
        }
        case 'result': {
          const { taskId, epoch: of, logBytes } = message;
          void call.send(told({ kind: 'result-ack', taskId, epoch: of, status: 'committed', logOffset: logBytes }));
          if (taskId === REF.taskId && of === epoch) ended.resolve(message.result.outcome);
          return;
        }
        default:
      }
    });
  };
  return { ended: ended.promise, deaf: () => deaf };
}

function reply(said: LogReply): Buffer {
  const encoded = encodeLogReply(said);
  assert.ok(encoded.kind === 'ok', 'it can be sent');
  return encoded.bytes;
}
