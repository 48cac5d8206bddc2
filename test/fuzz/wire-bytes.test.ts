import { after, before, describe, test } from 'node:test';
import { DELEGATE_SERVICE } from '@outrider/shared/protocol/service.ts';
import {
  ACK,
  type Address,
  callHeaders,
  END_HEADERS,
  END_STREAM,
  FRAME,
  frame,
  headerBlock,
  message,
  PREFACE,
  RawPeer,
} from './frames.ts';
import { chance, randomBytes, SCALE } from './seed.ts';
import { type Attack, besiege } from './siege.ts';
import { Victim } from './victim.ts';

const JOIN = DELEGATE_SERVICE.join.path;
/** A flood that the other side has not ended by then has shown what it can do. */
const FLOOD_MS = 300 * SCALE;

type Flood = (round: number) => Buffer;

/** Sends until the connection is ended or time is over, then again over the next one, as long as the siege lasts. */
function flood(address: () => Address, next: Flood): Attack {
  return async (tally, siege) => {
    const end = performance.now() + FLOOD_MS;
    const wanted = () => performance.now() < end || !siege.deployed;
    while (wanted()) {
      const peer = await RawPeer.greet(address());
      for (let round = 0; !peer.closed && peer.goaway === undefined && wanted(); round++) {
        await peer.write(next(round));
        tally.sent += 1;
        if (round % 16 === 0) await turn();
      }
      if (peer.goaway !== undefined) tally.note(`ended with GOAWAY ${peer.goaway}`);
      else tally.note(peer.closed ? 'connection closed' : 'let be to the end');
      peer.destroy();
      await turn();
    }
  };
}

const turn = () => new Promise<void>((resolve) => setImmediate(resolve));
const times = (count: number, make: (index: number) => Buffer) =>
  Buffer.concat(Array.from({ length: count }, (_, i) => make(i)));

/** One after the other, so that it is seen which of them hurts. */
const FLOODS: Readonly<Record<string, Flood>> = {
  'calls that are given up at once (rapid reset)': (round) =>
    times(50, (index) => {
      const stream = (round * 50 + index) * 2 + 1;
      return Buffer.concat([
        frame(FRAME.headers, END_HEADERS, stream, callHeaders(JOIN)),
        frame(FRAME.rst, 0, stream, Buffer.from([0, 0, 0, 8])),
      ]);
    }),
  'calls that make the server give them up (made reset)': (round) =>
    times(50, (index) => {
      const stream = (round * 50 + index) * 2 + 1;
      return Buffer.concat([
        frame(FRAME.headers, END_HEADERS, stream, callHeaders(JOIN)),
        // A window of nothing more is an error of the stream, not of the connection.
        frame(FRAME.windowUpdate, 0, stream, Buffer.alloc(4)),
      ]);
    }),
  'SETTINGS without end': () => times(100, () => frame(FRAME.settings, 0, 0, Buffer.from([0, 4, 0, 0, 255, 255]))),
  'PING without end': () => times(100, () => frame(FRAME.ping, 0, 0, Buffer.alloc(8))),
  'acknowledgements of what was never asked': () =>
    times(100, (index) =>
      frame(index % 2 === 0 ? FRAME.ping : FRAME.settings, ACK, 0, Buffer.alloc(index % 2 === 0 ? 8 : 0)),
    ),
  'WINDOW_UPDATE without end': () => times(100, () => frame(FRAME.windowUpdate, 0, 0, Buffer.from([0, 0, 0, 1]))),
  'PRIORITY without end': (round) =>
    times(100, (index) => frame(FRAME.priority, 0, (round + index) * 2 + 1, Buffer.alloc(5))),
  'headers without end (CONTINUATION)': (round) =>
    round === 0
      ? frame(FRAME.headers, 0, 1, callHeaders(JOIN))
      : times(20, () => frame(FRAME.continuation, 0, 1, headerBlock([['x-more', 'a'.repeat(200)]]))),
  'empty CONTINUATION without end': (round) =>
    round === 0 ? frame(FRAME.headers, 0, 1, callHeaders(JOIN)) : times(100, () => frame(FRAME.continuation, 0, 1)),
  'a list of headers of 64 KiB in each call': (round) => {
    const block = callHeaders(
      JOIN,
      Array.from({ length: 60 }, (_, index) => [`x-${index}`, 'a'.repeat(1_000)] as const),
    );
    const parts = Array.from({ length: Math.ceil(block.length / 16_000) }, (_, index) =>
      block.subarray(index * 16_000, (index + 1) * 16_000),
    );
    return Buffer.concat(
      parts.map((part, index) =>
        frame(
          index === 0 ? FRAME.headers : FRAME.continuation,
          (index === parts.length - 1 ? END_HEADERS : 0) | (index === 0 ? END_STREAM : 0),
          round * 2 + 1,
          part,
        ),
      ),
    );
  },
  'empty DATA without end': (round) =>
    round === 0 ? frame(FRAME.headers, END_HEADERS, 1, callHeaders(JOIN)) : times(100, () => frame(FRAME.data, 0, 1)),
  'empty messages without end': (round) =>
    round === 0
      ? frame(FRAME.headers, END_HEADERS, 1, callHeaders(JOIN))
      : frame(
          FRAME.data,
          0,
          1,
          times(10, () => message(Buffer.alloc(0))),
        ),
};

/** Both below TLS and inside it. */
function noise(random: () => number, addresses: readonly Address[]): Attack {
  return async (tally, siege) => {
    const end = performance.now() + FLOOD_MS;
    while (performance.now() < end || !siege.deployed) {
      const peer = await RawPeer.dial(addresses[Math.floor(random() * addresses.length)] ?? { port: 0 });
      if (random() < 0.3) await peer.write(PREFACE);
      for (let count = 0; count < 5 && !peer.closed; count++) {
        await peer.write(randomBytes(random, Math.floor(random() * 2_000)));
      }
      tally.sent += 1;
      await turn();
      tally.note(peer.closed ? 'closed' : 'we closed');
      peer.destroy();
    }
  };
}

function randomFrames(random: () => number): Flood {
  return () => {
    const type = Math.floor(random() * 11);
    const stream = Math.floor(random() * 8);
    const body = random() < 0.3 ? callHeaders(JOIN) : randomBytes(random, Math.floor(random() * 64));
    return frame(type, Math.floor(random() * 256), stream, body);
  };
}

for (const tls of [false, true]) {
  describe(`what is no HTTP/2, or too much of it, over ${tls ? 'TLS' : 'plaintext'}`, () => {
    let victim: Victim;
    before(async () => {
      victim = await Victim.start({ tls });
    });
    after(() => victim.close());
    const address = (): Address => ({ port: victim.grpcPort, caPem: victim.caPem });

    test('random bytes', async (context) => {
      await besiege(context, victim, noise(chance(1), [address(), { port: victim.grpcPort }]));
    });

    test('random frames behind a right beginning', async (context) => {
      await besiege(context, victim, flood(address, randomFrames(chance(2))));
    });

    test('everything at once', async (context) => {
      const all = [noise(chance(3), [address()]), ...Object.values(FLOODS).map((next) => flood(address, next))];
      await besiege(context, victim, async (tally, siege) => {
        await Promise.all(all.map((attack) => attack(tally, siege)));
      });
    });

    // What each of them does alone is looked at in the long run.
    if (SCALE <= 1) return;
    for (const [name, next] of Object.entries(FLOODS)) {
      test(name, async (context) => {
        await besiege(context, victim, flood(address, next));
      });
    }
  });
}
