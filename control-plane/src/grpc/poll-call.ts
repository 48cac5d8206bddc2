import { type handleUnaryCall, type Metadata, type ServerUnaryCall, type sendUnaryData, status } from '@grpc/grpc-js';
import { type Decoded, decodeDelegateMessage } from '@outrider/shared/protocol/codec.ts';
import type { PollRequest } from '@outrider/shared/protocol/messages.ts';
import {
  POLL_GONE_MS,
  POLL_HOLD_MS,
  POLL_LOOK_MS,
  POLL_SESSIONS_PER_DELEGATE,
  SESSION_LOST_MS,
} from '@outrider/shared/protocol/timings.ts';
import type { DelegateGateway, DelegatePeer, HelloMessage, Timers } from '../app/dispatch/ports.ts';
import type { Logger } from '../app/logger.ts';
import type { OpenStreams } from './open-streams.ts';
import { type PollCaller, PollSession } from './poll-session.ts';

export interface PollOptions {
  readonly gateway: DelegateGateway;
  readonly logger: Logger;
  readonly timers: Timers;
  readonly streams: OpenStreams;
  readonly holdMs?: number | undefined;
  readonly lostMs?: number | undefined;
  readonly goneMs?: number | undefined;
  readonly lookMs?: number | undefined;
}

/** Brings each call to its session. */
export function pollHandler(
  options: PollOptions & { readonly peerOf: (metadata: Metadata) => DelegatePeer },
): handleUnaryCall<Decoded<PollRequest>, Buffer> {
  const desk = new PollDesk(options);
  return (call, callback) => {
    const peer: DelegatePeer = { ...options.peerOf(call.metadata), transport: 'polling' };
    desk.take(call.request, peer, callerOf(call, callback));
  };
}

/** All sessions over Poll, by id. They end by their own timers, with no connection to tell of it. */
export class PollDesk {
  readonly #options: PollOptions;
  readonly #sessions = new Map<string, PollSession>();
  /** Also those that are being greeted. */
  readonly #byDelegate = new Map<string, number>();

  constructor(options: PollOptions) {
    this.#options = options;
  }

  take(decoded: Decoded<PollRequest>, peer: DelegatePeer, caller: PollCaller): void {
    if (decoded.kind !== 'ok') {
      const why = decoded.kind === 'invalid' ? decoded.why : 'it is empty';
      this.#options.logger.warn({ delegate: peer.delegateName, why }, 'A call of a delegate is not valid');
      return caller.refuse(status.INVALID_ARGUMENT, why);
    }
    const request = decoded.message;
    if (request.sessionId === '') return this.#greet(request, peer, caller);
    const session = this.#sessions.get(request.sessionId);
    if (session === undefined || session.peer.delegateName !== peer.delegateName) {
      return caller.refuse(status.FAILED_PRECONDITION, 'there is no such session: begin with Hello');
    }
    session.take(request, caller);
  }

  #greet(request: PollRequest, peer: DelegatePeer, caller: PollCaller): void {
    const hello = helloOf(request);
    if (hello === undefined) {
      return caller.refuse(status.INVALID_ARGUMENT, 'the first call of a session brings Hello and nothing else');
    }
    const name = peer.delegateName ?? hello.delegateName;
    const count = this.#byDelegate.get(name) ?? 0;
    if (count >= POLL_SESSIONS_PER_DELEGATE) {
      return caller.refuse(status.RESOURCE_EXHAUSTED, `${name} has ${count} sessions already`);
    }
    this.#byDelegate.set(name, count + 1);
    const { gateway, logger, timers, streams } = this.#options;
    const { holdMs = POLL_HOLD_MS, lookMs = POLL_LOOK_MS } = this.#options;
    const { lostMs = SESSION_LOST_MS, goneMs = POLL_GONE_MS } = this.#options;
    let id = '';
    const session = new PollSession({
      peer,
      gateway,
      logger,
      timers,
      holdMs,
      lostMs,
      goneMs,
      lookMs,
      onOpen: (sessionId) => {
        id = sessionId;
        this.#sessions.set(sessionId, session);
      },
      onOver: () => {
        streams.delete(session);
        this.#sessions.delete(id);
        const left = (this.#byDelegate.get(name) ?? 1) - 1;
        if (left > 0) this.#byDelegate.set(name, left);
        else this.#byDelegate.delete(name);
      },
    });
    streams.add(session);
    void session.greet(hello, caller);
  }
}

function helloOf({ sequence, control, logs, last }: PollRequest): HelloMessage | undefined {
  const [first, ...more] = control;
  if (sequence !== 0 || first === undefined || more.length + logs.length > 0 || last) return undefined;
  const decoded = decodeDelegateMessage(first);
  return decoded.kind === 'ok' && decoded.message.kind === 'hello' ? decoded.message : undefined;
}

function callerOf(call: ServerUnaryCall<Decoded<PollRequest>, Buffer>, callback: sendUnaryData<Buffer>): PollCaller {
  let answered = false;
  const once = (act: () => void) => {
    if (!answered) act();
    answered = true;
  };
  return {
    answer: (bytes) => once(() => callback(null, bytes)),
    refuse: (code, details) => once(() => callback({ code, details })),
    onGone: (listener) => {
      if (call.cancelled) listener();
      else call.on('cancelled', listener);
    },
  };
}
