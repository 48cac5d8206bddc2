import { status } from '@grpc/grpc-js';
import { OutriderError } from '@outrider/shared/errors.ts';
import {
  decodeDelegateMessage,
  decodeLogMessage,
  encodeLogReply,
  encodePollResponse,
  encodeServerMessage,
} from '@outrider/shared/protocol/codec.ts';
import type { PollRequest } from '@outrider/shared/protocol/messages.ts';
import { PollOutbox } from '@outrider/shared/protocol/poll-outbox.ts';
import {
  LOG_UNACKNOWLEDGED_MAX_BYTES,
  SEND_QUEUE_MAX_BYTES,
  SESSION_MESSAGES_IN_FLIGHT,
} from '@outrider/shared/protocol/timings.ts';
import type {
  DelegateGateway,
  DelegatePeer,
  DelegateSession,
  HelloMessage,
  LogSession,
  OpenOutcome,
  SessionLink,
  Timers,
} from '../app/dispatch/ports.ts';
import type { Logger } from '../app/logger.ts';
import { judgeBroken } from './broken-message.ts';
import { REFUSED } from './control-stream.ts';
import type { OpenStream } from './open-streams.ts';

/** One call of Poll that waits for its answer. Only the first answer or refusal counts. */
export interface PollCaller {
  answer(bytes: Buffer): void;
  refuse(code: status, details: string): void;
  /** The other side has given the call up, or its connection is gone. */
  onGone(listener: () => void): void;
}

export interface PollSessionOptions {
  readonly peer: DelegatePeer;
  readonly gateway: DelegateGateway;
  readonly logger: Logger;
  readonly timers: Timers;
  /** A call is held so long when there is nothing to say. */
  readonly holdMs: number;
  /** Nobody has called for so long: it is over. */
  readonly lostMs: number;
  /** See POLL_LOOK_MS. */
  readonly lookMs: number;
  /** The connection on which a call was held is gone, and nobody has called for so long: the same. */
  readonly goneMs: number;
  /** Before the first answer leaves. */
  readonly onOpen: (sessionId: string) => void;
  /** It is over, and nothing of it counts any more. Called once, also when it never opened. */
  readonly onOver: () => void;
}

/** A request that was taken. At most the two newest are known; only they can be asked for again. */
interface Taken {
  readonly sequence: number;
  caller: PollCaller | undefined;
  /** It is answered even with nothing to say: another one followed it, or it was held for long enough. */
  due: boolean;
  reply: Buffer | undefined;
  cancelHold: () => void;
}

type Stage =
  | { readonly kind: 'greeting' }
  | { readonly kind: 'open'; readonly session: DelegateSession; readonly logs: LogSession }
  | { readonly kind: 'over' };

/**
 * One delegate's session over single calls. To the rest of the control plane it is what a pair of streams is.
 *
 * P1 Requests take effect in the order of their numbers, each once, however often and in whatever order they come.
 * P2 Answers are made in the order of the requests, and an answer once made is never made again differently.
 * P3 Request n is the word that the answer to n - 2 has arrived: it is forgotten then, and not before.
 * P4 At most two requests are unanswered; while too many messages are being dealt with, none is answered.
 */
export class PollSession implements OpenStream {
  readonly #options: PollSessionOptions;
  readonly #outbox = new PollOutbox(SEND_QUEUE_MAX_BYTES);
  #stage: Stage = { kind: 'greeting' };
  #recent: Taken[] = [];
  /** Came before the one that it follows. */
  #early: { readonly request: PollRequest; readonly caller: PollCaller } | undefined;
  #newest = 0;
  /** The request with which the delegate goes. */
  #leaving: Taken | undefined;
  #inFlight = 0;
  #waking = false;
  /** Nobody calls, and somebody should. */
  #gone = false;
  /** Told of the next call. */
  #lookouts: (() => void)[] = [];
  #cancelLost: (() => void) | undefined;

  constructor(options: PollSessionOptions) {
    this.#options = options;
  }

  get peer(): DelegatePeer {
    return this.#options.peer;
  }

  /** Answers the first call, or refuses it. */
  async greet(hello: HelloMessage, caller: PollCaller): Promise<void> {
    let gone = false;
    caller.onGone(() => {
      gone = true;
    });
    const { gateway, peer, logger, onOpen } = this.#options;
    const refuse = (code: status, details: string) => {
      this.#end(code, details);
      caller.refuse(code, details);
    };
    let outcome: OpenOutcome;
    try {
      outcome = await gateway.open(peer, hello, this.#link);
    } catch (thrown) {
      logger.error({ err: thrown }, 'A delegate could not be greeted');
      return refuse(status.UNAVAILABLE, 'the control plane cannot greet a delegate now');
    }
    if (outcome.kind === 'refused') return refuse(REFUSED[outcome.code], outcome.because);
    const { session } = outcome;
    const logs = gateway.openLogs(peer, session.id);
    // It may have been ended meanwhile; and whoever never hears this Welcome begins anew.
    if (this.#stage.kind !== 'greeting' || logs === undefined || gone) {
      session.closed();
      return refuse(status.UNAVAILABLE, 'the session was ended at once');
    }
    this.#stage = { kind: 'open', session, logs };
    onOpen(session.id);
    this.#addLogReply({ kind: 'opened', maxUnacknowledgedBytes: LOG_UNACKNOWLEDGED_MAX_BYTES });
    caller.answer(this.#bundle(0));
    this.#watch();
  }

  take(request: PollRequest, caller: PollCaller): void {
    if (this.#stage.kind !== 'open') return caller.refuse(status.FAILED_PRECONDITION, OVER);
    this.#cancelLost?.();
    this.#cancelLost = undefined;
    this.#gone = false;
    for (const told of this.#lookouts.splice(0)) told();
    const { sequence } = request;
    const known = this.#recent.find((each) => each.sequence === sequence);
    const unanswered = this.#recent.filter((each) => each.reply === undefined);
    if (known !== undefined) {
      this.#again(known, caller);
    } else if (sequence <= this.#newest) {
      caller.refuse(status.ABORTED, 'this was answered long ago');
    } else if (sequence === this.#newest + 1 && unanswered.length < 2) {
      this.#accept(request, caller);
    } else if (sequence === this.#newest + 2 && unanswered.length === 0) {
      this.#early?.caller.refuse(status.ABORTED, REPEATED);
      this.#early = { request, caller };
      caller.onGone(() => {
        if (this.#early?.caller === caller) this.#early = undefined;
      });
    } else {
      const details = 'calls come in the order of their numbers, and two at most are unanswered';
      caller.refuse(status.INVALID_ARGUMENT, details);
      this.#end(status.INVALID_ARGUMENT, details);
    }
    this.#watch();
  }

  shutDown(): void {
    this.#end(status.UNAVAILABLE, 'the control plane is shutting down');
  }

  readonly #link: SessionLink = {
    send: (message) => {
      if (this.#stage.kind === 'over') return 'closed';
      const encoded = encodeServerMessage(message);
      if (encoded.kind === 'too-large') {
        const { peer, logger } = this.#options;
        logger.error({ delegate: peer.delegateName, why: encoded.why }, 'A message is too large');
        return 'too-large';
      }
      return this.#queued(this.#outbox.addControl(encoded.bytes)) ? 'ok' : 'closed';
    },
    close: (reason, cause) =>
      this.#end(cause === 'credential' ? status.UNAUTHENTICATED : status.FAILED_PRECONDITION, reason),
    gone: () => this.#gone,
    look: () => this.#look(),
  };

  #addLogReply(reply: Parameters<typeof encodeLogReply>[0]): void {
    const encoded = encodeLogReply(reply);
    if (encoded.kind === 'ok' && this.#stage.kind !== 'over') this.#queued(this.#outbox.addLog(encoded.bytes));
  }

  #queued(taken: boolean): boolean {
    if (taken) this.#wake();
    else this.#end(status.RESOURCE_EXHAUSTED, 'the delegate does not take what there is for it');
    return taken;
  }

  /** What is said in one moment travels together. */
  #wake(): void {
    if (this.#waking) return;
    this.#waking = true;
    queueMicrotask(() => {
      this.#waking = false;
      this.#answerWhatCanBe();
    });
  }

  /** The answer was lost, or the question waits for it on a connection that is no more. */
  #again(known: Taken, caller: PollCaller): void {
    if (known.reply !== undefined) return caller.answer(known.reply);
    known.caller?.refuse(status.ABORTED, REPEATED);
    this.#hold(known, caller);
    this.#wake();
  }

  #accept(request: PollRequest, caller: PollCaller): void {
    const { sequence } = request;
    for (const each of this.#recent) each.due = true;
    const taken: Taken = { sequence, caller: undefined, due: false, reply: undefined, cancelHold: () => {} };
    this.#recent = [...this.#recent, taken].slice(-2);
    this.#newest = sequence;
    this.#hold(taken, caller);
    this.#receive(request, taken);
    const early = this.#early;
    this.#early = undefined;
    if (early !== undefined && this.#stage.kind === 'open') this.take(early.request, early.caller);
    this.#wake();
  }

  #hold(taken: Taken, caller: PollCaller): void {
    taken.cancelHold();
    taken.caller = caller;
    taken.cancelHold = this.#options.timers.after(this.#options.holdMs, () => {
      taken.due = true;
      this.#wake();
    });
    caller.onGone(() => {
      if (taken.caller !== caller) return;
      taken.caller = undefined;
      taken.cancelHold();
      this.#gone = this.#recent.every((each) => each.caller === undefined);
      this.#watch();
    });
  }

  #receive({ control, logs, last }: PollRequest, taken: Taken): void {
    if (last) this.#leaving = taken;
    for (const bytes of control) void this.#takeMessage(bytes);
    for (const bytes of logs) void this.#takeLines(bytes);
  }

  async #takeMessage(bytes: Buffer): Promise<void> {
    const stage = this.#stage;
    if (stage.kind !== 'open') return;
    const { peer, logger } = this.#options;
    const decoded = decodeDelegateMessage(bytes);
    if (decoded.kind !== 'ok') {
      const verdict = judgeBroken(decoded, peer.delegateName, logger);
      if (verdict.kind === 'refuse') this.#link.send(verdict.message);
      else if (verdict.kind === 'end') this.#end(status.INVALID_ARGUMENT, verdict.why);
      return;
    }
    const { message } = decoded;
    if (message.kind === 'hello') return this.#end(status.INVALID_ARGUMENT, 'Hello comes once');
    await this.#counted(stage.session.receive(message));
  }

  async #takeLines(bytes: Buffer): Promise<void> {
    const stage = this.#stage;
    if (stage.kind !== 'open') return;
    const { peer, logger } = this.#options;
    const decoded = decodeLogMessage(bytes);
    if (decoded.kind === 'unknown-arm') {
      logger.warn({ delegate: peer.delegateName }, 'A log message of a newer protocol was left out of account');
      return;
    }
    if (decoded.kind === 'invalid') {
      const { why, task } = decoded;
      logger.warn({ delegate: peer.delegateName, task, why }, 'A log message of a delegate is not valid');
      return this.#end(status.INVALID_ARGUMENT, why);
    }
    const { taskId } = decoded.message;
    try {
      this.#addLogReply(await this.#counted(stage.logs.receive(decoded.message)));
    } catch (thrown) {
      if (OutriderError.from(thrown).code === 'not-allowed-now') return this.#end(status.FAILED_PRECONDITION, OVER);
      logger.error({ err: thrown, delegate: peer.delegateName, task: taskId }, 'Log lines could not be stored');
      this.#end(status.UNAVAILABLE, 'log lines cannot be stored now');
    }
  }

  async #counted<T>(work: Promise<T>): Promise<T> {
    this.#inFlight += 1;
    try {
      return await work;
    } finally {
      this.#inFlight -= 1;
      this.#wake();
    }
  }

  #answerWhatCanBe(): void {
    if (this.#leaving !== undefined && this.#inFlight === 0) this.#leaving.due = true;
    for (const taken of this.#recent) {
      if (taken.reply !== undefined) continue;
      if (this.#stage.kind !== 'open' || this.#inFlight >= SESSION_MESSAGES_IN_FLIGHT) return;
      if (!taken.due && (taken.caller === undefined || this.#outbox.empty)) return;
      taken.cancelHold();
      taken.reply = this.#bundle(taken.sequence);
      const { caller } = taken;
      taken.caller = undefined;
      caller?.answer(taken.reply);
    }
    if (this.#leaving?.reply !== undefined) this.#end(status.FAILED_PRECONDITION, 'the delegate has gone');
    this.#watch();
  }

  #bundle(sequence: number): Buffer {
    const sessionId = this.#stage.kind === 'open' ? this.#stage.session.id : '';
    const encoded = encodePollResponse({ sessionId, sequence, ...this.#outbox.take() });
    // The outbox gives no more than fits.
    return encoded.kind === 'ok' ? encoded.bytes : Buffer.alloc(0);
  }

  /** Who lives has a call under way, or makes one within a round trip. */
  async #look(): Promise<void> {
    const calls = this.#recent.some(({ caller }) => caller !== undefined);
    if (this.#stage.kind !== 'open' || this.#gone || calls) return;
    const { timers, lookMs } = this.#options;
    await new Promise<void>((resolve) => {
      const cancel = timers.after(lookMs, () => {
        this.#gone = true;
        resolve();
      });
      this.#lookouts.push(() => {
        cancel();
        resolve();
      });
    });
  }

  /** While nobody waits for an answer, the time runs after which nobody will. */
  #watch(): void {
    if (this.#stage.kind === 'over' || this.#recent.some(({ caller }) => caller !== undefined)) return;
    const { timers, lostMs, goneMs } = this.#options;
    this.#cancelLost ??= timers.after(this.#gone ? goneMs : lostMs, () =>
      this.#end(status.FAILED_PRECONDITION, 'nobody has called for too long'),
    );
  }

  #end(code: status, details: string): void {
    const stage = this.#stage;
    if (stage.kind === 'over') return;
    this.#stage = { kind: 'over' };
    this.#cancelLost?.();
    for (const told of this.#lookouts.splice(0)) told();
    for (const { caller, cancelHold } of this.#recent) {
      cancelHold();
      caller?.refuse(code, details);
    }
    this.#early?.caller.refuse(code, details);
    this.#early = undefined;
    this.#options.onOver();
    if (stage.kind === 'open') stage.session.closed();
  }
}

const OVER = 'the session is over';
const REPEATED = 'the same call has come again';
