import assert from 'node:assert/strict';
import net from 'node:net';
import { after, before, describe, test } from 'node:test';
import { encodeJoinRequest } from '@outrider/shared/protocol/codec.ts';
import type { TaskRef } from '@outrider/shared/protocol/messages.ts';
import { CHECKPOINTS_MAX, TRANSPORT_MAX_MESSAGE_BYTES } from '@outrider/shared/protocol/timings.ts';
import { BadDelegate, encoded, encodedLog, type Held, only } from './bad-delegate.ts';
import { message, RawPeer } from './frames.ts';
import { type Call, Peer } from './peer.ts';
import { SCALE } from './seed.ts';
import { besiege, type Tally } from './siege.ts';
import { Victim } from './victim.ts';

/** A glance in the usual check, the whole in the long run. */
const LONG = SCALE > 1;
const HEARTBEATS = LONG ? 100_000 : 2_000;
const CHECKPOINTS = LONG ? 10_000 : 1_100;
const LOG_MIB = LONG ? 128 : 8;
const PROGRESS = LONG ? 100_000 : 2_000;
const JOIN_ROUNDS = LONG ? 100 : 4;
const CONNECTIONS = LONG ? 500 : 200;
const DEAF_MS = 20_000;
const MIB = 2 ** 20;

/** Calls that are over have ended with a word; or with HTTP/2's for whoever goes on sending what is not wanted. */
const ENDINGS = /^(OK|[A-Z]+_[A-Z_]+|UNAVAILABLE|ABORTED|no status \(HTTP\/2 code 11\))$/;

function note(tally: Tally, call: Call): void {
  if (call.ended === undefined) return;
  tally.note(`${call.name} ${call.ended.name}`);
  assert.match(call.ended.name, ENDINGS, `${call.name}: ${call.ended.details}`);
}

/** Sends until there were enough of them and a step has ended beside. */
async function pour(
  tally: Tally,
  siege: { readonly deployed: boolean },
  call: Call,
  count: number,
  make: (index: number) => Buffer,
): Promise<void> {
  for (let index = 0; (index < count || !siege.deployed) && call.ended === undefined; index++) {
    await call.send(make(index));
    tally.sent += 1;
    if (index % 64 === 0) await turn();
  }
}

/** Everything that was sent before has been dealt with, or the call is over. */
async function settled(control: Call, ref?: TaskRef): Promise<void> {
  const running = ref === undefined ? [] : [ref];
  await control.send(encoded({ kind: 'heartbeat', sequence: LAST, running, slotsFree: 0 }));
  await control.nextOrEnd('the last answer', (told) =>
    only('heartbeat-ack')(told)?.sequence === LAST ? true : undefined,
  );
}

const LAST = 987_654_321;
const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

for (const tls of [false, true]) {
  describe(`floods, over ${tls ? 'TLS' : 'plaintext'}`, () => {
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

    async function holding(): Promise<
      { readonly peer: Peer; readonly control: Call; readonly sessionId: string } & Held
    > {
      const peer = await bad.connect();
      const session = await bad.session(peer);
      return { peer, ...session, ...(await bad.hold(session.control)) };
    }

    test(`${CONNECTIONS} of them say Hello at once`, async (context) => {
      const tally = await besiege(
        context,
        victim,
        async (counted) => {
          const peers = await Promise.all(Array.from({ length: CONNECTIONS }, () => bad.connect()));
          const calls = await Promise.all(
            peers.map(async (peer, index) => {
              const call = bad.control(peer);
              await call.send(
                bad.hello(tls ? { instanceId: `i${index}` } : { instanceId: `i${index}`, delegateName: `b${index}` }),
              );
              counted.sent += 1;
              return call;
            }),
          );
          await Promise.all(calls.map((call) => call.nextOrEnd('an answer', only('welcome'))));
          for (const call of calls) {
            if (call.ended === undefined) counted.note('welcomed');
            else note(counted, call);
          }
          bad.close();
        },
        { peakMiB: 400, keptMiB: 40 },
      );
      // With TLS all of them have one credential, which has one instance.
      assert.ok(tls ? tally.count('welcomed') <= 1 : tally.count('welcomed') === CONNECTIONS);
    });

    test('requests to join without end', async (context) => {
      const request = { joinToken: 'ojt_1_2', delegateName: 'x', instanceId: 'i', version: '1', secretSha256: '' };
      const encodedRequest = encodeJoinRequest(request);
      assert.ok(encodedRequest.kind === 'ok');
      await besiege(context, victim, async (counted, siege) => {
        for (let round = 0; round < JOIN_ROUNDS || !siege.deployed; round++) {
          const peer = await Peer.connect(victim.address);
          const calls = Array.from({ length: 90 }, () => peer.call('join'));
          for (const call of calls) {
            await call.send(encodedRequest.bytes);
            call.end();
          }
          counted.sent += calls.length;
          await Promise.all(calls.map((call) => call.status()));
          for (const call of calls) note(counted, call);
          peer.destroy();
        }
      });
    });

    test('messages that are begun and never ended, on as many calls as there can be', async (context) => {
      await besiege(context, victim, async (counted, siege) => {
        const begun = message(Buffer.alloc(TRANSPORT_MAX_MESSAGE_BYTES - 10), TRANSPORT_MAX_MESSAGE_BYTES);
        const peers = await Promise.all(Array.from({ length: 4 }, () => Peer.connect(victim.address)));
        const calls = peers.flatMap((peer) => Array.from({ length: 60 }, () => peer.call('join')));
        counted.sent += calls.length;
        const written = Promise.all(calls.map((call) => call.write(begun)));
        await Promise.race([written, new Promise((resolve) => setTimeout(resolve, 3_000))]);
        while (!siege.deployed) await turn();
        for (const call of calls) {
          if (call.ended === undefined) counted.note('held');
          else note(counted, call);
        }
        for (const peer of peers) peer.destroy();
      });
    });

    test('sockets that say nothing, or begin and say nothing more', async (context) => {
      await besiege(context, victim, async (counted, siege) => {
        const address = victim.address;
        const silent = Array.from({ length: 300 }, () => net.connect(address.port, '127.0.0.1').on('error', () => {}));
        const greeted = await Promise.all(Array.from({ length: 100 }, () => RawPeer.greet(address)));
        const sleepers = await Promise.all(Array.from({ length: 20 }, () => bad.connect()));
        for (const peer of sleepers) for (let count = 0; count < 20; count++) bad.control(peer);
        counted.sent += 300 + 100 + 400;
        while (!siege.deployed) await turn();
        for (const socket of silent) socket.destroy();
        for (const peer of greeted) peer.destroy();
        bad.close();
      });
    });

    // What a session makes of its messages does not depend on what carries them.
    if (tls && !LONG) return;

    test('heartbeats without end', async (context) => {
      const tally = await besiege(context, victim, async (counted, siege) => {
        const { control, ref } = await holding();
        await pour(counted, siege, control, HEARTBEATS, (index) =>
          encoded({ kind: 'heartbeat', sequence: index, running: index % 4 === 0 ? [ref] : [], slotsFree: 1 }),
        );
        await settled(control, ref);
        counted.note('answered', control.messages);
        note(counted, control);
        bad.close();
      });
      assert.ok(tally.count('answered') >= tally.sent, 'each was answered');
    });

    test('checkpoints without end', async (context) => {
      const tally = await besiege(context, victim, async (counted, siege) => {
        const { control, ref } = await holding();
        const facts = { saved: 'x'.repeat(1_000) };
        await pour(counted, siege, control, CHECKPOINTS, (index) =>
          encoded({ kind: 'checkpoint', ...ref, sequence: index + 1, facts }),
        );
        await settled(control);
        for (const told of control.received) counted.note(Object(told).kind);
        bad.close();
      });
      assert.ok(tally.sent <= CHECKPOINTS_MAX || tally.count('refused') > 0, 'there is a last one');
    });

    test('log lines without end, over many streams of one session', async (context) => {
      await besiege(context, victim, async (counted, siege) => {
        const { peer, control, sessionId, ref } = await holding();
        const streams = Array.from({ length: 8 }, () => bad.logs(peer, sessionId));
        const line = `${JSON.stringify({ at: '2026-01-02T03:04:05.000Z', level: 'INFO', text: 'x'.repeat(8_000) })}\n`;
        const data = Buffer.from(line.repeat(7));
        const each = Math.ceil((LOG_MIB * MIB) / data.length / streams.length);
        let offset = 0;
        await Promise.all(
          streams.map((logs) =>
            pour(counted, siege, logs, each, () => {
              const bytes = encodedLog({ kind: 'batch', ...ref, offset, data });
              offset += data.length;
              return bytes;
            }),
          ),
        );
        await settled(control);
        for (const logs of streams) note(counted, logs);
        bad.close();
      });
    });

    test('counts without end, and watchers that do not read them', async (context) => {
      await besiege(context, victim, async (counted, siege) => {
        const { control, ref, executionId } = await holding();
        // They speak plain HTTP.
        const watchers = await Promise.all(
          Array.from({ length: tls ? 0 : 10 }, () => deafWatcher(victim, executionId)),
        );
        const services = Array.from({ length: 100 }, (_, index) => ({
          service: `service ${index}`,
          role: 'new' as const,
          desired: index,
          running: index,
          pending: 0,
        }));
        await pour(counted, siege, control, PROGRESS, () => encoded({ kind: 'progress', ...ref, services }));
        await settled(control);
        for (const watcher of watchers) watcher.destroy();
        bad.close();
      });
    });

    test('one that never reads what it asks for is let go', async (context) => {
      await besiege(context, victim, async (counted, siege) => {
        const others = await victim.sessions();
        const { control, ref } = await holding();
        control.stream.pause();
        const running = Array.from({ length: 1_000 }, () => ({ taskId: ref.taskId, epoch: 999 }));
        const heartbeat = encoded({ kind: 'heartbeat', sequence: 1, running, slotsFree: 0 });
        const end = performance.now() + DEAF_MS;
        for (let gone = false; !gone || !siege.deployed; gone = (await victim.sessions()) <= others) {
          assert.ok(performance.now() < end, 'it is still there');
          for (let count = 0; count < 20 && control.stream.writableLength < MIB; count++) {
            control.stream.write(message(heartbeat));
            counted.sent += 1;
          }
        }
        control.stream.resume();
        await control.status();
        note(counted, control);
        bad.close();
      });
    });
  });
}

async function deafWatcher(victim: Victim, executionId: string): Promise<net.Socket> {
  const { hostname, port } = new URL(victim.httpUrl);
  const socket = net.connect(Number(port), hostname).on('error', () => {});
  socket.pause();
  socket.write(
    `GET /v1/executions/${executionId}/events HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: text/event-stream\r\n\r\n`,
  );
  await new Promise((resolve) => socket.once('connect', resolve));
  return socket;
}
