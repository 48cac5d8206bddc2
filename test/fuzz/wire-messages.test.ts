import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import { DELEGATE_SERVICE } from '@outrider/shared/protocol/service.ts';
import { BadDelegate } from './bad-delegate.ts';
import { message } from './frames.ts';
import { oddMessage, type Pool, requestTypes } from './odd-messages.ts';
import { bearer, type Call } from './peer.ts';
import { chance, randomBytes, SCALE } from './seed.ts';
import { besiege, type Tally } from './siege.ts';
import { Victim } from './victim.ts';

const ROUNDS = 10 * SCALE;
/** At once, over one connection. */
const CALLS = 24;
const PATIENCE_MS = 250;
/** Only these say something to the other side; the rest is a defect, or says nothing. */
const REFUSALS = new Set([
  'OK',
  'INVALID_ARGUMENT',
  'DEADLINE_EXCEEDED',
  'PERMISSION_DENIED',
  'RESOURCE_EXHAUSTED',
  'FAILED_PRECONDITION',
  'ABORTED',
  'UNAVAILABLE',
  'UNAUTHENTICATED',
  'UNIMPLEMENTED',
]);

for (const tls of [false, true]) {
  describe(`calls of every method with whatever there is, over ${tls ? 'TLS' : 'plaintext'}`, () => {
    let victim: Victim;
    let bad: BadDelegate;
    before(async () => {
      victim = await Victim.start({ tls });
      bad = await BadDelegate.join(victim, 'bad one');
    });
    after(async () => {
      bad.close();
      await victim.close();
    });

    test('every method gets odd messages, with and without a credential', async (context) => {
      const random = chance(10);
      const pool: Pool = { texts: ['bad one', 'good', bad.instanceId, '0.1.0', 'us-east-1'], numbers: [1, 2, 10] };
      const methods = [...requestTypes()];
      const tally = await besiege(context, victim, async (counted, siege) => {
        for (let round = 0; round < ROUNDS || !siege.deployed; round++) {
          const [name, type] = methods[round % methods.length] ?? ['join', 'JoinRequest'];
          const peer = await bad.connect();
          const calls = times(CALLS, () => peer.call(name, random() < 0.8 ? bearer(bad.credential) : {}));
          await Promise.all(
            calls.map(async (call) => {
              for (let count = 0; count < (DELEGATE_SERVICE[name].requestStream ? 5 : 1); count++) {
                await call.send(oddMessage(type, random, pool));
                counted.sent += 1;
              }
              call.end();
            }),
          );
          await settle(counted, calls);
          bad.close();
        }
      });
      for (const [name] of methods) {
        const refused = [...REFUSALS].reduce((sum, each) => sum + tally.count(`${name} ${each}`), 0);
        assert.ok(refused > 0, `${name} has refused something`);
      }
    });

    test('messages whose frame lies: too long, too short, compressed, not compressed', async (context) => {
      const random = chance(11);
      const names = [...requestTypes().keys()];
      const tally = await besiege(context, victim, async (counted, siege) => {
        for (let round = 0; round < ROUNDS || !siege.deployed; round++) {
          const name = names[round % names.length] ?? 'join';
          const peer = await bad.connect();
          const calls = times(CALLS, () =>
            peer.call(name, { ...bearer(bad.credential), ...(random() < 0.5 ? { 'grpc-encoding': 'gzip' } : {}) }),
          );
          await Promise.all(calls.map((call) => call.write(lyingFrame(random))));
          counted.sent += calls.length;
          for (const call of calls) if (random() < 0.7) call.end();
          await settle(counted, calls, /decompress/);
          bad.close();
        }
      });
      assert.ok(tally.count('join RESOURCE_EXHAUSTED') > 0 && tally.count('control RESOURCE_EXHAUSTED') > 0);
    });
  });
}

function times<T>(count: number, make: () => T): T[] {
  return Array.from({ length: count }, make);
}

/** Each of them ends with a word that means something, or waits for what was not sent. */
async function settle(tally: Tally, calls: readonly Call[], ownWords?: RegExp): Promise<void> {
  const end = performance.now() + PATIENCE_MS;
  while (performance.now() < end && calls.some((call) => call.ended === undefined)) await pause(5);
  for (const { name, ended } of calls) {
    tally.note(`${name} ${ended?.name ?? 'waits'}`);
    // What is not gRPC is refused by the library, in gRPC's own way.
    if (ended === undefined || (ended.name === 'INTERNAL' && ownWords?.test(ended.details) === true)) continue;
    assert.ok(REFUSALS.has(ended.name), `${name} ended with ${ended.name}: ${ended.details}`);
    assert.doesNotMatch(ended.details, /\.ts:|node:|at Object/);
    assert.ok(ended.details.length < 2_000, `${ended.details.length} characters are said back`);
  }
}

function lyingFrame(random: () => number): Buffer {
  const body = randomBytes(random, Math.floor(random() * 300));
  const dice = random();
  if (dice < 0.2) return message(body, body.length + 1 + Math.floor(random() * 1_000));
  if (dice < 0.3) return message(body, 0xffff_ffff);
  if (dice < 0.4) return message(body, 4_194_305);
  if (dice < 0.5) return message(body, Math.floor(body.length / 2));
  if (dice < 0.7) return message(body, body.length, 1);
  if (dice < 0.8) return message(gzipSync(body), undefined, 1);
  if (dice < 0.9) return message(gzipSync(body), undefined, Math.floor(random() * 256));
  return message(body).subarray(0, Math.floor(random() * 5));
}
