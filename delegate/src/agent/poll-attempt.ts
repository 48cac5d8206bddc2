import { type ServiceError, status } from '@grpc/grpc-js';
import { type Decoded, decodeLogReply, decodeServerMessage } from '@outrider/shared/protocol/codec.ts';
import type { PollResponse } from '@outrider/shared/protocol/messages.ts';
import { AUTHORIZATION_METADATA, DELEGATE_SERVICE, SESSION_METADATA } from '@outrider/shared/protocol/service.ts';
import type { Attempt, AttemptEvents, Dialling } from './attempt.ts';
import type { Channel } from './channel.ts';
import type { Timers } from './instant.ts';
import { type PollAnswer, PollExchange, type PollTimings } from './poll-exchange.ts';

export interface PollAttemptOptions {
  readonly dialling: Dialling;
  readonly timers: Timers;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  readonly timings?: PollTimings;
}

interface Line {
  readonly channel: Channel;
  /** Calls without an answer. */
  calls: number;
}

/** A session over single calls. It outlives its connections: a call that broke is made again over the next one. */
export class PollAttempt implements Attempt {
  readonly #options: PollAttemptOptions;
  readonly #events: AttemptEvents;
  readonly #exchange: PollExchange;
  /** What new calls go over. */
  #line: Line | undefined;
  /** Also those that are given up and have calls under way. */
  readonly #lines = new Set<Line>();
  #made = false;
  #creditBytes = 0;
  /** Empty until Welcome. */
  #sessionId = '';
  #over = false;
  #cancelOpening: () => void = () => {};

  constructor(options: PollAttemptOptions, events: AttemptEvents) {
    this.#options = options;
    this.#events = events;
    const { timers, random, timings } = options;
    this.#exchange = new PollExchange({
      timers,
      random,
      ...(timings === undefined ? {} : { timings }),
      call: (bytes, answer) => this.#call(bytes, answer),
      reconnect: () => this.#giveUp(),
      onAnswer: (answer) => this.#take(answer),
      onLogsRoom: () => this.#events.logsRoom(),
      onLost: (code, why) => {
        this.leave();
        this.#events.lost(code, why);
      },
    });
  }

  get made(): boolean {
    return this.#made || (this.#line?.channel.made ?? false);
  }

  begin(): void {
    this.#events.opened();
  }

  send(bytes: Buffer): boolean {
    return this.#exchange.send(bytes);
  }

  /** They are open since Welcome; what the control plane said with it about tasks is heeded first. */
  openLogs(): void {
    this.#cancelOpening = this.#options.timers.after(0, () => {
      if (!this.#over) this.#events.logsOpened(this.#creditBytes);
    });
  }

  sendLog(bytes: Buffer): boolean {
    return this.#exchange.sendLog(bytes);
  }

  async finish(): Promise<void> {
    await this.#exchange.finish();
  }

  leave(): void {
    if (this.#over) return;
    this.#over = true;
    this.#cancelOpening();
    this.#exchange.stop();
    for (const line of this.#lines) line.channel.destroy();
  }

  /** Another connection is made for what comes; what is under way on this one may still be answered. */
  #giveUp(): void {
    this.#made = this.made;
    const line = this.#line;
    this.#line = undefined;
    if (line !== undefined) this.#tidy(line);
  }

  #tidy(line: Line): void {
    if (line === this.#line || line.calls > 0) return;
    line.channel.destroy();
    this.#lines.delete(line);
  }

  #newLine(): Line {
    const line = { channel: this.#options.dialling.channel(), calls: 0 };
    this.#lines.add(line);
    return line;
  }

  #call(bytes: Buffer, answer: (answer: PollAnswer) => void): () => void {
    const { dialling } = this.#options;
    this.#line ??= this.#newLine();
    const line = this.#line;
    line.calls += 1;
    const metadata = dialling.metadata();
    if (this.#sessionId !== '') metadata.set(SESSION_METADATA, this.#sessionId);
    const { path, requestSerialize, responseDeserialize } = DELEGATE_SERVICE.poll;
    let ended = false;
    const end = () => {
      if (ended) return false;
      ended = true;
      line.calls -= 1;
      this.#tidy(line);
      return true;
    };
    const take = (error: ServiceError | null, decoded: Decoded<PollResponse> | undefined) => {
      if (!end()) return;
      if (decoded !== undefined) return answer({ kind: 'ok', decoded });
      const { code = status.UNKNOWN, details = 'the call was not answered' } = error ?? {};
      const why = code === status.UNIMPLEMENTED ? NO_POLLING : details;
      const [bearer, newest] = [metadata, dialling.metadata()].map((each) => each.get(AUTHORIZATION_METADATA).at(0));
      // The credential was renewed while the call was on its way.
      answer({ kind: 'failed', code, why, again: code === status.UNAUTHENTICATED && bearer !== newest });
    };
    const { client } = line.channel;
    const call = client.makeUnaryRequest(path, requestSerialize, responseDeserialize, bytes, metadata, {}, take);
    return () => {
      call.cancel();
      end();
    };
  }

  #take({ sessionId, control, logs }: PollResponse): void {
    this.#sessionId = sessionId;
    for (const bytes of control) if (!this.#over) this.#events.message(decodeServerMessage(bytes));
    for (const bytes of logs) {
      const decoded = decodeLogReply(bytes);
      if (this.#over || decoded.kind !== 'ok') continue;
      const reply = decoded.message;
      if (reply.kind === 'opened') this.#creditBytes = reply.maxUnacknowledgedBytes;
      else this.#events.logReply(reply);
    }
  }
}

const NO_POLLING = 'it does not know polling: it is older than this delegate';
