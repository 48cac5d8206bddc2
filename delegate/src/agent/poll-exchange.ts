import { status } from '@grpc/grpc-js';
import { type Decoded, encodePollRequest } from '@outrider/shared/protocol/codec.ts';
import type { PollResponse } from '@outrider/shared/protocol/messages.ts';
import { PollOutbox } from '@outrider/shared/protocol/poll-outbox.ts';
import {
  MAX_MESSAGE_BYTES,
  POLL_ANSWER_MS,
  POLL_GIVE_UP_MS,
  POLL_HOLD_MS,
  POLL_LOG_MAX_BYTES,
  POLL_PAUSE_MS,
  POLL_REPEAT_BASE_MS,
  SEND_QUEUE_MAX_BYTES,
} from '@outrider/shared/protocol/timings.ts';
import { Backoff } from './backoff.ts';
import type { Timers } from './instant.ts';

export interface PollTimings {
  readonly holdMs?: number;
  readonly answerMs?: number;
  readonly giveUpMs?: number;
  readonly repeatBaseMs?: number;
  readonly pauseMs?: number;
}

export type PollAnswer =
  | { readonly kind: 'ok'; readonly decoded: Decoded<PollResponse> }
  | { readonly kind: 'failed'; readonly code: status; readonly why: string; readonly again?: boolean };

export interface PollExchangeOptions {
  readonly timers: Timers;
  readonly random: () => number;
  readonly timings?: PollTimings;
  /** Makes one call. The function that it gives back ends the call; nothing is answered then. */
  readonly call: (bytes: Buffer, answer: (answer: PollAnswer) => void) => () => void;
  /** A call has failed: the next ones go over another connection. What is under way on this one may still be answered. */
  readonly reconnect: () => void;
  readonly onAnswer: (answer: PollResponse) => void;
  readonly onLogsRoom: () => void;
  /** The session is over. */
  readonly onLost: (code: status, why: string) => void;
}

/** A request without an answer. */
interface Poll {
  readonly sequence: number;
  readonly bytes: Buffer;
  readonly last: boolean;
  /** It has nothing to say and no other has followed it: it is held, and an empty answer that comes at once is odd. */
  idle: boolean;
  answer: PollResponse | undefined;
  /** Its call has failed and is to be made again. */
  failed: boolean;
  end: () => void;
  cancelTimers: () => void;
}

/** The answer may have been lost, or the question: the same one is asked again. */
const REPEATABLE: ReadonlySet<status> = new Set([
  status.UNAVAILABLE,
  status.DEADLINE_EXCEEDED,
  status.CANCELLED,
  status.ABORTED,
  status.INTERNAL,
  status.UNKNOWN,
  status.RESOURCE_EXHAUSTED,
]);

/**
 * The delegate's half of a session over single calls.
 *
 * Q1 Requests are numbered without a gap, and a number always means the same bytes.
 * Q2 Request n is sent only after the answer to n - 2 has come: at most two have none.
 * Q3 Answers are taken in the order of the requests.
 * Q4 While the session lives, one request at least is on its way or held, so that the control plane can speak.
 */
export class PollExchange {
  readonly #options: PollExchangeOptions;
  readonly #timings: Required<PollTimings>;
  readonly #backoff: Backoff;
  readonly #outbox = new PollOutbox(SEND_QUEUE_MAX_BYTES);
  #sessionId = '';
  #next = 0;
  #unanswered: Poll[] = [];
  #over = false;
  #waking = false;
  #paused = false;
  #wantsRoom = false;
  #finished: (() => void) | undefined;
  readonly #cancelTimers: { repeat?: (() => void) | undefined; pause?: () => void; giveUp?: (() => void) | undefined } =
    {};

  constructor(options: PollExchangeOptions) {
    this.#options = options;
    this.#timings = {
      holdMs: POLL_HOLD_MS,
      answerMs: POLL_ANSWER_MS,
      giveUpMs: POLL_GIVE_UP_MS,
      repeatBaseMs: POLL_REPEAT_BASE_MS,
      pauseMs: POLL_PAUSE_MS,
      ...options.timings,
    };
    this.#backoff = new Backoff(options.random, this.#timings.repeatBaseMs);
  }

  /** The first message must be Hello, and nothing may follow it before Welcome. False: it is over. */
  send(bytes: Buffer): boolean {
    if (this.#over) return false;
    if (!this.#outbox.addControl(bytes)) {
      this.#lose(status.UNAVAILABLE, 'the control plane does not take what there is for it');
      return false;
    }
    this.#wake();
    return true;
  }

  /** False: too much waits already, or it is over. */
  sendLog(bytes: Buffer): boolean {
    if (this.#over) return false;
    if (this.#outbox.logBytes + bytes.length > MAX_MESSAGE_BYTES || !this.#outbox.addLog(bytes)) {
      this.#wantsRoom = true;
      return false;
    }
    this.#wake();
    return true;
  }

  /** Says goodbye behind everything that waits; resolves when it has arrived or the session is over. */
  async finish(): Promise<void> {
    if (this.#over || this.#sessionId === '') return;
    await new Promise<void>((resolve) => {
      this.#finished = resolve;
      this.#wake();
    });
  }

  stop(): void {
    if (this.#over) return;
    this.#over = true;
    for (const poll of this.#unanswered) end(poll);
    this.#cancelTimers.repeat?.();
    this.#cancelTimers.pause?.();
    this.#cancelTimers.giveUp?.();
    this.#finished?.();
  }

  /** What is said in one moment travels together. */
  #wake(): void {
    if (this.#waking) return;
    this.#waking = true;
    queueMicrotask(() => {
      this.#waking = false;
      this.#pump();
    });
  }

  #pump(): void {
    while (!this.#over && this.#mayAsk()) this.#ask();
    if (!this.#wantsRoom || this.#over || this.#outbox.logBytes > MAX_MESSAGE_BYTES / 2) return;
    this.#wantsRoom = false;
    this.#options.onLogsRoom();
  }

  #mayAsk(): boolean {
    const [oldest, newer] = this.#unanswered;
    if (newer !== undefined || oldest?.last === true || oldest?.failed === true) return false;
    if (this.#sessionId === '') return oldest === undefined && !this.#outbox.empty;
    if (!this.#outbox.empty || this.#finished !== undefined) return true;
    return oldest === undefined && !this.#paused;
  }

  #ask(): void {
    const idle = this.#outbox.empty;
    const bundle = this.#outbox.take(POLL_LOG_MAX_BYTES);
    const last = this.#finished !== undefined && this.#outbox.empty;
    const sequence = this.#next;
    const encoded = encodePollRequest({ sessionId: this.#sessionId, sequence, ...bundle, last });
    // The outbox gives no more than fits.
    if (encoded.kind !== 'ok') return this.#lose(status.INTERNAL, encoded.why);
    this.#next += 1;
    const { bytes } = encoded;
    const nothing = { answer: undefined, failed: false, end: () => {}, cancelTimers: () => {} };
    const poll: Poll = { sequence, bytes, last, idle, ...nothing };
    const [before] = this.#unanswered;
    this.#unanswered.push(poll);
    // What was held is answered now.
    if (before !== undefined && before.answer === undefined) this.#expect(before);
    this.#transmit(poll);
  }

  #transmit(poll: Poll): void {
    poll.failed = false;
    this.#expect(poll);
    poll.end = this.#options.call(poll.bytes, (answer) => {
      if (!this.#over) this.#answered(poll, answer);
    });
  }

  /** Counts on an answer in time. */
  #expect(poll: Poll): void {
    const { timers } = this.#options;
    const { answerMs, holdMs, pauseMs } = this.#timings;
    poll.cancelTimers();
    const held = newest(this.#unanswered) === poll && poll.sequence > 0 && !poll.last;
    if (!held) poll.idle = false;
    const cancelLate = timers.after(held ? holdMs + answerMs : answerMs, () =>
      this.#failed(poll, status.DEADLINE_EXCEEDED, 'no answer came in time'),
    );
    const cancelIdle = timers.after(pauseMs, () => {
      poll.idle = false;
    });
    poll.cancelTimers = () => {
      cancelLate();
      cancelIdle();
    };
  }

  #answered(poll: Poll, answer: PollAnswer): void {
    if (answer.kind === 'failed') {
      if (answer.again === true) return this.#failed(poll, status.UNAVAILABLE, answer.why);
      return this.#failed(poll, answer.code, answer.why);
    }
    const { decoded } = answer;
    if (decoded.kind !== 'ok') return this.#lose(status.INTERNAL, 'the control plane gave an answer that is not valid');
    const response = decoded.message;
    const strange = this.#sessionId !== '' && response.sessionId !== this.#sessionId;
    if (strange || response.sequence !== poll.sequence) {
      return this.#lose(status.INTERNAL, 'the control plane answered something else than it was asked');
    }
    poll.cancelTimers();
    poll.answer = response;
    this.#backoff.reset();
    this.#cancelTimers.giveUp?.();
    this.#cancelTimers.giveUp = undefined;
    this.#deliver();
  }

  #deliver(): void {
    for (let [poll] = this.#unanswered; poll?.answer !== undefined && !this.#over; [poll] = this.#unanswered) {
      this.#unanswered.shift();
      this.#sessionId = poll.answer.sessionId;
      if (poll.idle && poll.answer.control.length + poll.answer.logs.length === 0) this.#pause();
      this.#options.onAnswer(poll.answer);
      if (poll.last) return this.stop();
    }
    this.#wake();
  }

  #pause(): void {
    this.#paused = true;
    this.#cancelTimers.pause = this.#options.timers.after(this.#timings.pauseMs, () => {
      this.#paused = false;
      this.#pump();
    });
  }

  #failed(poll: Poll, code: status, why: string): void {
    if (this.#over) return;
    // A Hello that was perhaps heard is not said again: another session is begun.
    if (poll.sequence === 0) return this.#lose(code, why);
    // The session is over, not the delegate turned away.
    if (code === status.FAILED_PRECONDITION) return this.#lose(status.UNAVAILABLE, why);
    if (!REPEATABLE.has(code)) return this.#lose(code, why);
    end(poll);
    poll.failed = true;
    const { timers, reconnect } = this.#options;
    this.#cancelTimers.giveUp ??= timers.after(this.#timings.giveUpMs, () => this.#lose(status.UNAVAILABLE, why));
    reconnect();
    this.#cancelTimers.repeat ??= timers.after(this.#backoff.next(), () => {
      this.#cancelTimers.repeat = undefined;
      for (const each of this.#unanswered) if (each.failed) this.#transmit(each);
      this.#pump();
    });
  }

  #lose(code: status, why: string): void {
    if (this.#over) return;
    this.stop();
    this.#options.onLost(code, why);
  }
}

function newest(polls: readonly Poll[]): Poll | undefined {
  return polls.at(-1);
}

function end(poll: Poll): void {
  poll.cancelTimers();
  poll.end();
  poll.end = () => {};
}
