import { type handleBidiStreamingCall, Metadata, type ServerDuplexStream, status } from '@grpc/grpc-js';
import { type Decoded, encodeServerMessage } from '@outrider/shared/protocol/codec.ts';
import type { DelegateMessage } from '@outrider/shared/protocol/messages.ts';
import { SendQueue } from '@outrider/shared/protocol/send-queue.ts';
import { SEND_QUEUE_MAX_BYTES, SESSION_MESSAGES_IN_FLIGHT } from '@outrider/shared/protocol/timings.ts';
import type {
  DelegateGateway,
  DelegatePeer,
  DelegateSession,
  HelloMessage,
  OpenOutcome,
  SessionLink,
  Timers,
} from '../app/dispatch/ports.ts';
import type { Logger } from '../app/logger.ts';
import { judgeBroken } from './broken-message.ts';
import type { OpenStream, OpenStreams } from './open-streams.ts';

type ControlCall = ServerDuplexStream<Decoded<DelegateMessage>, Buffer>;

export interface ControlOptions {
  readonly gateway: DelegateGateway;
  readonly logger: Logger;
  readonly timers: Timers;
  readonly helloTimeoutMs: number;
  readonly peerOf: (metadata: Metadata) => DelegatePeer;
  readonly streams: OpenStreams;
}

/** One handler object for each Control stream. */
export function controlHandler(options: ControlOptions): handleBidiStreamingCall<Decoded<DelegateMessage>, Buffer> {
  return (call) => {
    new ControlStream(call, options).begin();
  };
}

/** Where the stream is; `over` is final. */
type Stage =
  | { readonly kind: 'waiting-for-hello' }
  | { readonly kind: 'greeting' }
  | { readonly kind: 'open'; readonly session: DelegateSession }
  | { readonly kind: 'over' };

class ControlStream implements OpenStream {
  readonly #call: ControlCall;
  readonly #options: ControlOptions;
  readonly #peer: DelegatePeer;
  readonly #queue: SendQueue;
  #stage: Stage = { kind: 'waiting-for-hello' };
  #inFlight = 0;
  #cancelHelloTimer: () => void = () => {};

  constructor(call: ControlCall, options: ControlOptions) {
    this.#call = call;
    this.#options = options;
    this.#peer = options.peerOf(call.metadata);
    this.#queue = new SendQueue(call, SEND_QUEUE_MAX_BYTES, () =>
      this.#end(status.RESOURCE_EXHAUSTED, 'the delegate does not read what it is sent'),
    );
  }

  begin(): void {
    const call = this.#call;
    this.#options.streams.add(this);
    // Tells the client at once that the stream is really open.
    call.sendMetadata(new Metadata());
    call.on('data', (decoded: Decoded<DelegateMessage>) => this.#take(decoded));
    call.on('end', () => this.#end(status.OK, ''));
    call.on('cancelled', () => this.#over());
    call.on('error', () => this.#over());
    call.on('close', () => this.#over());
    this.#cancelHelloTimer = this.#options.timers.after(this.#options.helloTimeoutMs, () => {
      if (this.#stage.kind === 'waiting-for-hello') this.#end(status.DEADLINE_EXCEEDED, 'no Hello came in time');
    });
  }

  shutDown(): void {
    this.#end(status.UNAVAILABLE, 'the control plane is shutting down');
  }

  #take(decoded: Decoded<DelegateMessage>): void {
    const stage = this.#stage;
    if (stage.kind === 'over') return;
    if (decoded.kind !== 'ok') return this.#takeBroken(decoded);
    const { message } = decoded;
    if (stage.kind === 'waiting-for-hello') {
      if (message.kind !== 'hello') return this.#end(status.INVALID_ARGUMENT, 'the first message must be Hello');
      void this.#greet(message);
    } else if (stage.kind === 'open' && message.kind !== 'hello') {
      void this.#handle(stage.session, message);
    } else {
      this.#end(status.INVALID_ARGUMENT, 'Hello comes once, and nothing comes before its Welcome');
    }
  }

  /** What cannot be read is refused by name where that is possible; the stream lives on. */
  #takeBroken(decoded: Exclude<Decoded<DelegateMessage>, { kind: 'ok' }>): void {
    const verdict = judgeBroken(decoded, this.#peer.delegateName, this.#options.logger);
    if (verdict.kind === 'refuse') this.#link.send(verdict.message);
    else if (verdict.kind === 'end') this.#end(status.INVALID_ARGUMENT, verdict.why);
    else if (decoded.kind === 'invalid' && this.#stage.kind !== 'open') this.#end(status.INVALID_ARGUMENT, decoded.why);
  }

  readonly #link: SessionLink = {
    send: (message) => {
      if (this.#stage.kind === 'over') return 'closed';
      const encoded = encodeServerMessage(message);
      if (encoded.kind === 'too-large') {
        this.#options.logger.error({ delegate: this.#peer.delegateName, why: encoded.why }, 'A message is too large');
        return 'too-large';
      }
      return this.#queue.send(encoded.bytes) ? 'ok' : 'closed';
    },
    close: (reason, cause) => this.#end(cause === 'credential' ? status.UNAUTHENTICATED : status.UNAVAILABLE, reason),
  };

  async #greet(hello: HelloMessage): Promise<void> {
    this.#stage = { kind: 'greeting' };
    this.#call.pause();
    let outcome: OpenOutcome;
    try {
      outcome = await this.#options.gateway.open(this.#peer, hello, this.#link);
    } catch (thrown) {
      this.#options.logger.error({ err: thrown }, 'A delegate could not be greeted');
      return this.#end(status.UNAVAILABLE, 'the control plane cannot greet a delegate now');
    }
    if (outcome.kind === 'refused') return this.#end(REFUSED[outcome.code], outcome.because);
    // The stream may have ended while the delegate was being greeted.
    if (this.#stage.kind !== 'greeting') return outcome.session.closed();
    this.#stage = { kind: 'open', session: outcome.session };
    this.#call.resume();
  }

  async #handle(session: DelegateSession, message: Exclude<DelegateMessage, HelloMessage>): Promise<void> {
    this.#inFlight += 1;
    if (this.#inFlight >= SESSION_MESSAGES_IN_FLIGHT) this.#call.pause();
    await session.receive(message);
    this.#inFlight -= 1;
    if (this.#inFlight < SESSION_MESSAGES_IN_FLIGHT / 2 && this.#stage.kind === 'open') this.#call.resume();
  }

  #end(code: status, details: string): void {
    if (!this.#over()) return;
    if (code === status.OK) this.#call.end();
    else this.#call.emit('error', { code, details });
  }

  /** False: it was over already. */
  #over(): boolean {
    const stage = this.#stage;
    if (stage.kind === 'over') return false;
    this.#stage = { kind: 'over' };
    this.#options.streams.delete(this);
    this.#cancelHelloTimer();
    this.#queue.end();
    if (stage.kind === 'open') stage.session.closed();
    return true;
  }
}

/** How gRPC says what the gateway says. */
export const REFUSED = {
  'protocol-version': status.FAILED_PRECONDITION,
  'not-permitted': status.PERMISSION_DENIED,
  // Not UNAVAILABLE, which is what networks say: a delegate must not take the answer for a stream that does not hold.
  'not-allowed-now': status.ABORTED,
} as const satisfies Record<Extract<OpenOutcome, { kind: 'refused' }>['code'], status>;
