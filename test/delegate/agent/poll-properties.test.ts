import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { status } from '@grpc/grpc-js';
import type { DelegateGateway, DelegateSession, SessionLink } from '@outrider/control-plane/app/dispatch/ports.ts';
import { PollDesk } from '@outrider/control-plane/grpc/poll-call.ts';
import type { PollCaller } from '@outrider/control-plane/grpc/poll-session.ts';
import type { Timers } from '@outrider/delegate/agent/instant.ts';
import { SILENT } from '@outrider/delegate/agent/logger.ts';
import { type PollAnswer, PollExchange } from '@outrider/delegate/agent/poll-exchange.ts';
import {
  decodeLogReply,
  decodePollRequest,
  decodePollResponse,
  decodeServerMessage,
  encodeDelegateMessage,
  encodeLogMessage,
} from '@outrider/shared/protocol/codec.ts';
import type { DelegateMessage, PollResponse } from '@outrider/shared/protocol/messages.ts';
import fc from 'fast-check';

/** Time that passes only when it is told to. What happens at one moment is over before the next one comes. */
class VirtualTime implements Timers {
  now = 0;
  #number = 0;
  readonly #due: { readonly atMs: number; readonly number: number; readonly run: () => void }[] = [];

  after(milliseconds: number, run: () => void): () => void {
    this.#number += 1;
    const entry = { atMs: this.now + milliseconds, number: this.#number, run };
    this.#due.push(entry);
    return () => {
      const index = this.#due.indexOf(entry);
      if (index >= 0) this.#due.splice(index, 1);
    };
  }

  async passUntil(done: () => boolean, limitMs: number): Promise<void> {
    const endMs = this.now + limitMs;
    for (;;) {
      for (let turn = 0; turn < 12; turn++) await Promise.resolve();
      if (done()) return;
      const [next] = this.#due.toSorted((a, b) => a.atMs - b.atMs || a.number - b.number);
      if (next === undefined || next.atMs > endMs) return;
      this.#due.splice(this.#due.indexOf(next), 1);
      this.now = next.atMs;
      next.run();
    }
  }
}

interface Weather {
  /** Of 100 calls so many never arrive, … */
  readonly lostQuestions: number;
  /** … so many are dealt with and the answer never arrives, … */
  readonly lostAnswers: number;
  /** … so many arrive twice, the second time late, … */
  readonly doubles: number;
  /** … and of what is lost so many are never told of. */
  readonly silences: number;
  readonly delayMs: number;
}

function randomOf(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) | 0;
    return (state >>> 0) / 2 ** 32;
  };
}

/** What the control plane's side of the test hears and says. */
class Gateway implements DelegateGateway {
  readonly heard: number[] = [];
  readonly lines: number[] = [];
  sessions = 0;
  closed = 0;
  link: SessionLink | undefined;
  readonly #time: VirtualTime;
  readonly #random: () => number;

  constructor(time: VirtualTime, random: () => number) {
    this.#time = time;
    this.#random = random;
  }

  drain(): void {}

  async open(_peer: unknown, _hello: unknown, link: SessionLink) {
    await this.#work();
    this.sessions += 1;
    this.link?.close('replaced by a newer connection of the same instance');
    this.link = link;
    const id = `ses_${this.sessions}`;
    link.send({
      kind: 'welcome',
      sessionId: id,
      protocol: 2,
      leaseTtlMs: 30_000,
      heartbeatMs: 10_000,
      serverTimeMs: 0,
      directives: [],
    });
    const session: DelegateSession = {
      id,
      receive: async (message) => {
        assert.ok(message.kind === 'heartbeat');
        this.heard.push(message.sequence);
        await this.#work();
        link.send({ kind: 'heartbeat-ack', sequence: message.sequence, extended: [], lost: [] });
      },
      closed: () => {
        this.closed += 1;
      },
    };
    return { kind: 'ok' as const, session };
  }

  openLogs() {
    return {
      receive: async (message: { readonly taskId: string; readonly epoch: number; readonly offset: number }) => {
        this.lines.push(message.offset);
        await this.#work();
        const { taskId, epoch, offset } = message;
        return { kind: 'ack' as const, taskId, epoch, durableOffset: offset };
      },
    };
  }

  async #work(): Promise<void> {
    if (this.#random() < 0.5) return;
    await new Promise<void>((resolve) => this.#time.after(this.#random() * 30, resolve));
  }
}

/** Brings calls from one to the other, as the weather allows. */
function network(
  time: VirtualTime,
  random: () => number,
  weather: () => Weather,
  desk: PollDesk,
  welcomed: () => boolean,
  count: (unanswered: number) => void,
) {
  const peer = { delegateName: 'one', address: 'here' };
  const chance = (percent: number) => random() * 100 < percent;
  const delay = () => random() * weather().delayMs;
  let unanswered = 0;
  const deliver = (bytes: Buffer, answer: (answer: PollAnswer) => void, onGone: (listener: () => void) => void) => {
    const caller: PollCaller = {
      answer: (reply) => answer({ kind: 'ok', decoded: decodePollResponse(reply) }),
      refuse: (code, why) => answer({ kind: 'failed', code, why }),
      onGone,
    };
    desk.take(decodePollRequest(bytes), peer, caller);
  };
  return (bytes: Buffer, answer: (answer: PollAnswer) => void): (() => void) => {
    let over = false;
    let gone: (() => void) | undefined;
    unanswered += 1;
    count(unanswered);
    const finish = () => {
      if (over) return false;
      over = true;
      unanswered -= 1;
      return true;
    };
    const arrive = (answered: PollAnswer) => time.after(delay(), () => finish() && answer(answered));
    const fail = () => {
      if (!chance(weather().silences)) arrive({ kind: 'failed', code: status.UNAVAILABLE, why: 'cut' });
    };
    if (chance(weather().lostQuestions)) fail();
    else {
      const lostAnswer = chance(weather().lostAnswers);
      time.after(delay(), () =>
        deliver(
          bytes,
          (answered) => (lostAnswer ? fail() : arrive(answered)),
          (listener) => {
            gone = listener;
          },
        ),
      );
    }
    // Another Hello would begin another session, as it should.
    if (welcomed() && chance(weather().doubles))
      time.after(random() * 3_000, () =>
        deliver(
          bytes,
          () => {},
          () => {},
        ),
      );
    return () => {
      finish();
      // That a connection has ended is heard late, or never.
      if (!chance(weather().silences)) time.after(delay(), () => gone?.());
    };
  };
}

const CALM: Weather = { lostQuestions: 0, lostAnswers: 0, doubles: 0, silences: 0, delayMs: 20 };
const percent = fc.nat({ max: 60 });
const anyWeather: fc.Arbitrary<Weather> = fc.record({
  lostQuestions: percent,
  lostAnswers: percent,
  doubles: percent,
  silences: percent,
  delayMs: fc.nat({ max: 200 }),
});

interface Talk {
  readonly heard: readonly number[];
  readonly lines: readonly number[];
  readonly acknowledged: readonly number[];
  readonly stored: readonly number[];
  readonly offered: readonly number[];
  readonly mostUnanswered: number;
  readonly lost: string | undefined;
  readonly sessions: number;
  readonly closed: number;
}

const MESSAGES = 40;

/** Both sides say as much as they can in bad weather, then it clears up. */
async function talk(bad: Weather, seed: number): Promise<Talk> {
  const random = randomOf(seed);
  const time = new VirtualTime();
  const gateway = new Gateway(time, random);
  const streams = new Set<never>();
  const desk = new PollDesk({
    gateway,
    logger: SILENT,
    timers: time,
    streams,
    holdMs: 2_000,
    lostMs: 100_000,
    goneMs: 100_000,
  });
  let weather = bad;
  let mostUnanswered = 0;
  let lost: string | undefined;
  const acknowledged: number[] = [];
  const stored: number[] = [];
  const offered: number[] = [];
  let welcomed = false;
  const take = ({ control, logs }: PollResponse) => {
    for (const bytes of control) {
      const decoded = decodeServerMessage(bytes);
      assert.ok(decoded.kind === 'ok');
      const { message } = decoded;
      if (message.kind === 'welcome') welcomed = true;
      else if (message.kind === 'heartbeat-ack') acknowledged.push(message.sequence);
      else if (message.kind === 'drain') offered.push(message.reconnectAfterMs);
    }
    for (const bytes of logs) {
      const decoded = decodeLogReply(bytes);
      if (decoded.kind === 'ok' && decoded.message.kind === 'ack') stored.push(decoded.message.durableOffset);
    }
  };
  const begin = () =>
    new PollExchange({
      timers: time,
      random,
      timings: { holdMs: 2_000, answerMs: 800, giveUpMs: 90_000, repeatBaseMs: 20, pauseMs: 100 },
      call: network(
        time,
        random,
        () => weather,
        desk,
        () => welcomed,
        (unanswered) => {
          mostUnanswered = Math.max(mostUnanswered, unanswered);
        },
      ),
      reconnect: () => {},
      onAnswer: take,
      onLogsRoom: () => {},
      onLost: (_code, why) => {
        lost = why;
      },
    });
  // A Hello is not repeated by the exchange: another session is begun.
  let exchange = begin();
  for (let attempt = 0; !welcomed && attempt < 200; attempt++) {
    if (attempt > 0) exchange = begin();
    lost = undefined;
    exchange.send(bytesOf(HELLO));
    await time.passUntil(() => welcomed || lost !== undefined, 2_000);
    if (!welcomed) exchange.stop();
    if (attempt === 100) weather = CALM;
  }
  const speaker = gateway.link;
  for (let number = 1; number <= MESSAGES; number++) {
    const offset = number;
    if (random() < 0.8) await time.passUntil(() => false, random() * 300);
    exchange.send(bytesOf({ kind: 'heartbeat', sequence: number, running: [], slotsFree: 1 }));
    const batch = { kind: 'batch', taskId: 't', epoch: 1, offset, data: Buffer.from('line\n') } as const;
    const encoded = encodeLogMessage(batch);
    assert.ok(encoded.kind === 'ok' && exchange.sendLog(encoded.bytes));
    speaker?.send({ kind: 'drain', reconnectAfterMs: number, reason: '' });
  }
  await time.passUntil(() => false, random() * 5_000);
  weather = CALM;
  const all = () => acknowledged.length === MESSAGES && stored.length === MESSAGES && offered.length === MESSAGES;
  await time.passUntil(() => all() || lost !== undefined, 60_000);
  if (lost === undefined) {
    void exchange.finish();
    await time.passUntil(() => gateway.closed === gateway.sessions, 5_000);
  }
  exchange.stop();
  const { heard, lines, sessions, closed } = gateway;
  return { heard, lines, acknowledged, stored, offered, mostUnanswered, lost, sessions, closed };
}

const HELLO: DelegateMessage = {
  kind: 'hello',
  delegateName: 'one',
  instanceId: 'i',
  protocolMin: 1,
  protocolMax: 2,
  version: '1',
  tags: [],
  stepTypes: [],
  slots: 1,
  inventory: [],
  region: '',
};

function bytesOf(message: DelegateMessage): Buffer {
  const encoded = encodeDelegateMessage(message);
  assert.ok(encoded.kind === 'ok');
  return encoded.bytes;
}

describe('a session over polls in bad weather', () => {
  const whole = Array.from({ length: MESSAGES }, (_, index) => index + 1);

  test('whatever calls and answers are lost, doubled or late, everything is said once, in order, both ways', async () => {
    await fc.assert(
      fc.asyncProperty(anyWeather, fc.integer(), async (weather, seed) => {
        const said = await talk(weather, seed);
        assert.equal(said.lost, undefined);
        assert.deepEqual(said.heard, whole, 'messages take effect once and in order');
        assert.deepEqual(said.lines, whole, 'so do log lines');
        assert.deepEqual(said.offered, whole, 'what the control plane says arrives once and in order');
        assert.deepEqual(
          said.acknowledged.toSorted((a, b) => a - b),
          whole,
        );
        assert.deepEqual(
          said.stored.toSorted((a, b) => a - b),
          whole,
        );
        assert.ok(said.mostUnanswered <= 2, `${said.mostUnanswered} calls at a time`);
        assert.equal(said.closed, said.sessions, 'the goodbye is heard');
      }),
      { numRuns: Number(process.env['POLL_RUNS'] ?? 120), seed: Number(process.env['POLL_SEED'] ?? 7) },
    );
  });
});
