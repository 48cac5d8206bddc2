import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { type Encoded, encodePollRequest } from '@outrider/shared/protocol/codec.ts';
import type { DelegateMessage, LogMessage, TaskRef } from '@outrider/shared/protocol/messages.ts';
import { BadDelegate, encoded, encodedLog, only } from './bad-delegate.ts';
import { oddMessage, type Pool } from './odd-messages.ts';
import { bearer, type Call } from './peer.ts';
import { chance, SCALE } from './seed.ts';
import { besiege, type Tally } from './siege.ts';
import { type Neighbour, Victim } from './victim.ts';

const SESSIONS = 12 * SCALE;
const MESSAGES = 60;
const ENDINGS = /^(OK|INVALID_ARGUMENT|FAILED_PRECONDITION|RESOURCE_EXHAUSTED|UNAVAILABLE|ABORTED)$/;

type Random = () => number;
const pick = <T>(random: Random, from: readonly [T, ...T[]]): T => from[Math.floor(random() * from.length)] ?? from[0];

/** Tasks that one may speak of: one's own, another's, and ones that never were, under all kinds of epochs. */
function someRef(random: Random, own: TaskRef, another: TaskRef): TaskRef {
  const { taskId } = pick(random, [own, own, another, { taskId: 'exe_00000000000000000000000009/p1.1/1', epoch: 1 }]);
  return { taskId, epoch: pick(random, [own.epoch, another.epoch, 0, own.epoch + 1, Number.MAX_SAFE_INTEGER]) };
}

/** A message that is right in itself; whether it is in its place is another matter. */
function someMessage(random: Random, ref: TaskRef): DelegateMessage {
  const log = { logBytes: pick(random, [0, 1, 4_096]), logSha256: '', logFrom: pick(random, [0, 1, 9_999]) };
  return pick<DelegateMessage>(random, [
    { kind: 'accept', ...ref },
    { kind: 'reject', ...ref, code: 'no-slot', message: 'not now' },
    { kind: 'heartbeat', sequence: pick(random, [0, 1, 1, 99]), running: [ref, ref], slotsFree: 3 },
    { kind: 'checkpoint', ...ref, sequence: pick(random, [0, 1, 2, 1_000, 2 ** 40]), facts: { stolen: true } },
    {
      kind: 'progress',
      ...ref,
      services: [{ service: 's', role: 'new', desired: 1, running: 2 ** 32 - 1, pending: 0 }],
    },
    { kind: 'result', ...ref, result: { outcome: 'succeeded', output: {} }, ...log },
    { kind: 'result', ...ref, result: { outcome: 'stopped', message: '' }, ...log },
  ]);
}

function someLines(random: Random, ref: TaskRef): LogMessage {
  const offset = pick(random, [0, 1, 64, 2 ** 30, Number.MAX_SAFE_INTEGER]);
  if (random() < 0.3) return { kind: 'gap', ...ref, offset, droppedLines: 1, droppedBytes: 2, atMs: 0 };
  return { kind: 'batch', ...ref, offset, data: Buffer.from('{"at":"x","level":"INFO","text":"stolen"}\n') };
}

function note(tally: Tally, call: Call): void {
  for (const told of call.received) {
    const { kind, code, status } = Object(told);
    tally.note([kind, code, status].filter((word) => word !== undefined).join(' '));
  }
  if (call.ended === undefined) return;
  tally.note(`${call.name} ended ${call.ended.name}`);
  assert.match(call.ended.name, ENDINGS, `${call.name}: ${call.ended.details}`);
}

for (const tls of [false, true]) {
  describe(`one that was let in says everything at the wrong time, over ${tls ? 'TLS' : 'plaintext'}`, () => {
    let victim: Victim;
    let bad: BadDelegate;
    let neighbour: Neighbour;
    before(async () => {
      victim = await Victim.start({ tls });
      bad = await BadDelegate.join(victim, 'bad one');
      neighbour = await victim.neighbour();
    });
    after(async () => {
      bad.close();
      await victim.close();
    });

    test('over streams', async (context) => {
      const random = chance(20);
      const tally = await besiege(context, victim, async (counted, siege) => {
        for (let round = 0; round < SESSIONS || !siege.deployed; round++) {
          const peer = await bad.connect();
          const { control, sessionId } = await bad.session(peer);
          const { ref } = await bad.hold(control);
          const logs = bad.logs(peer, sessionId);
          const pool: Pool = { texts: [ref.taskId, neighbour.ref.taskId, sessionId], numbers: [ref.epoch, 0, 2] };
          for (let count = 0; count < MESSAGES && control.ended === undefined; count++) {
            const about = someRef(random, ref, neighbour.ref);
            const odd = random() < 0.3;
            if (logs.ended === undefined && random() < 0.3) {
              await logs.send(odd ? oddMessage('LogsRequest', random, pool) : encodedLog(someLines(random, about)));
            } else {
              const bytes = odd ? oddMessage('ControlRequest', random, pool, 'checkpoint') : undefined;
              await control.send(bytes ?? encoded(someMessage(random, about)));
            }
            counted.sent += 1;
          }
          // The last word, or a sign that everything before it was dealt with.
          await control.send(pick(random, [bad.hello(), encoded({ kind: 'draining', reason: 'bye' })]));
          await control.send(encoded({ kind: 'heartbeat', sequence: LAST, running: [], slotsFree: 0 }));
          await control.nextOrEnd('the end', (told) =>
            only('heartbeat-ack')(told)?.sequence === LAST ? told : undefined,
          );
          note(counted, control);
          note(counted, logs);
          bad.close();
        }
      });
      for (const code of ['stale-epoch', 'unknown-task', 'invalid']) {
        assert.ok(tally.count(`refused ${code}`) > 0, `something was refused as ${code}`);
      }
      assert.ok(tally.count('control ended INVALID_ARGUMENT') > 0, 'a second Hello ends the session');
    });

    test('over single calls, in every order of their numbers', async (context) => {
      const random = chance(21);
      const request = (
        sessionId: string,
        sequence: number,
        messages: readonly Buffer[],
        logs: readonly Buffer[] = [],
      ) => bytesOf(encodePollRequest({ sessionId, sequence, control: messages, logs, last: random() < 0.03 }));
      await besiege(context, victim, async (counted, siege) => {
        for (let round = 0; round < SESSIONS || !siege.deployed; round++) {
          const peer = await bad.connect();
          const poll = async (bytes: Buffer) => {
            const call = peer.call('poll', bearer(bad.credential));
            await call.send(bytes);
            call.end();
            counted.sent += 1;
            return call;
          };
          const first = await poll(
            bytesOf(encodePollRequest({ sessionId: '', sequence: 0, control: [bad.hello()], logs: [], last: false })),
          );
          const sessionId = await first.nextOrEnd('a session', (told) => {
            const id: unknown = Object(told).sessionId;
            return typeof id === 'string' ? id : undefined;
          });
          note(counted, first);
          let next = 1;
          for (let count = 0; count < 20 && sessionId !== undefined; count++) {
            const own = { taskId: `exe_0000000000000000000000000${count % 9}/p1.1/1`, epoch: 1 };
            const about = someRef(random, own, neighbour.ref);
            const messages = random() < 0.7 ? [encoded(someMessage(random, about))] : [];
            const lines = random() < 0.3 ? [encodedLog(someLines(random, about))] : [];
            const sequence = random() < 0.7 ? next++ : pick(random, [0, next - 1, next + 1, next + 2, 2 ** 50]);
            const call = await poll(
              request(pick(random, [sessionId, sessionId, sessionId, 'ses_other']), sequence, messages, lines),
            );
            if (random() < 0.2) call.stream.close(8);
            // An answer may be held for long, and a call that is ahead of its turn waits for that.
            else await pause(2);
            note(counted, call);
          }
          // A number that nothing leads to ends the session.
          if (sessionId !== undefined) note(counted, await ended(await poll(request(sessionId, 2 ** 50, []))));
          bad.close();
        }
      });
    });

    test('and all the while its neighbour has worked undisturbed', async () => {
      await neighbour.finish();
    });
  });
}

const LAST = 123_456_789;

async function ended(call: Call): Promise<Call> {
  await call.status();
  return call;
}

function bytesOf(message: Encoded): Buffer {
  assert.ok(message.kind === 'ok');
  return message.bytes;
}
