import type {
  DelegatePeer,
  DelegateSession,
  HelloMessage,
  LogSession,
  OpenOutcome,
  SessionLink,
} from '@outrider/control-plane/app/dispatch/ports.ts';
import {
  decodeDelegateMessage,
  decodeLogMessage,
  encodeLogReply,
  encodeServerMessage,
} from '@outrider/shared/protocol/codec.ts';
import type { DelegateMessage, LogReply, ServerMessage, TaskRef } from '@outrider/shared/protocol/messages.ts';
import { LOG_UNACKNOWLEDGED_MAX_BYTES } from '@outrider/shared/protocol/timings.ts';
import type { Listener } from './door.ts';
import type { Recorder } from './recorder.ts';
import type { StreamEnd, Wire } from './wire.ts';

/** What the delegate's end of a Control stream hears. */
export interface ControlStreamClient {
  opened(stream: ControlStream): void;
  message(bytes: Buffer): void;
  ended(end: StreamEnd): void;
}

export interface LogsStreamClient {
  reply(bytes: Buffer): void;
  ended(end: StreamEnd): void;
}

interface StreamOptions<Client> {
  readonly wire: Wire;
  readonly client: Client;
  readonly listener: Listener;
  readonly recorder: Recorder;
  /** Looks for what must not be in a message. */
  readonly inspect: (where: string, bytes: Buffer) => void;
}

type Stage =
  | { readonly kind: 'waiting-for-hello' }
  | { readonly kind: 'greeting' }
  | { readonly kind: 'open'; readonly session: DelegateSession }
  | { readonly kind: 'over' };

/** What a delegate says while it is greeted waits; more is a flood. */
const WAITING_MAX = 1_000;

/** The control plane's end of a Control stream, as control-plane/src/grpc/control-stream.ts has it. */
export class ControlStream {
  readonly #options: StreamOptions<ControlStreamClient> & { readonly peer: DelegatePeer };
  readonly #waiting: Buffer[] = [];
  /** Outcomes of results by task: what an acknowledgement of a result acknowledges. */
  readonly #results = new Map<string, 'succeeded' | 'failed' | 'stopped'>();
  readonly #checkpoints = new Map<string, Extract<DelegateMessage, { kind: 'checkpoint' }>>();
  #stage: Stage = { kind: 'waiting-for-hello' };
  #cancelHelloTimer: () => void = () => {};

  constructor(options: StreamOptions<ControlStreamClient> & { readonly peer: DelegatePeer }) {
    this.#options = options;
  }

  get wire(): Wire {
    return this.#options.wire;
  }

  begin(helloTimeoutMs: number): void {
    const { listener, wire, client } = this.#options;
    if (this.#stage.kind === 'over') return;
    listener.streams.add(this);
    wire.sendDown('control', 'open', () => client.opened(this), false);
    this.#cancelHelloTimer = listener.process.clock.after(helloTimeoutMs, () => {
      if (this.#stage.kind === 'waiting-for-hello') this.#end('deadline-exceeded', 'no Hello came in time');
    });
  }

  /** Bytes from the delegate have arrived. */
  take(bytes: Buffer): void {
    const stage = this.#stage;
    if (stage.kind === 'over') return;
    if (stage.kind === 'greeting') {
      if (this.#waiting.length < WAITING_MAX) this.#waiting.push(bytes);
      return;
    }
    const decoded = decodeDelegateMessage(bytes);
    const { recorder, listener } = this.#options;
    if (decoded.kind !== 'ok') return recorder.fail(listener.process.host, 'a message of a delegate could not be read');
    const { message } = decoded;
    if (stage.kind === 'waiting-for-hello') {
      if (message.kind !== 'hello') return this.#end('invalid-argument', 'the first message must be Hello');
      void this.#greet(message);
    } else if (message.kind === 'hello') {
      this.#end('invalid-argument', 'Hello comes once');
    } else {
      this.#remember(message);
      void this.#handle(stage.session, message);
    }
  }

  /** The delegate ends the stream in good order. */
  goodbye(): void {
    this.#end('ok', '');
  }

  shutDown(): void {
    this.#end('unavailable', 'the control plane is shutting down');
  }

  /** The process is gone; its machine closes the connection. */
  processEnded(): void {
    const { wire } = this.#options;
    wire.hangUp(wire.server);
  }

  /** False: it was over already. */
  over(): boolean {
    const stage = this.#stage;
    if (stage.kind === 'over') return false;
    this.#stage = { kind: 'over' };
    const { listener } = this.#options;
    listener.streams.delete(this);
    this.#cancelHelloTimer();
    if (stage.kind === 'open') stage.session.closed();
    return true;
  }

  readonly #link: SessionLink = {
    send: (message) => {
      if (this.#stage.kind === 'over') return 'closed';
      const encoded = encodeServerMessage(message);
      if (encoded.kind === 'too-large') return 'too-large';
      const { recorder, listener, wire, client, inspect } = this.#options;
      if (!listener.process.alive) return 'closed';
      recorder.note(`message:${message.kind}`, listener.process.host, 'taskId' in message ? message.taskId : '');
      inspect(`message:${message.kind}`, encoded.bytes);
      this.#acknowledge(message);
      wire.sendDown('control', `message:${message.kind}`, () => client.message(encoded.bytes));
      return 'ok';
    },
    close: (reason) => this.#end('unavailable', reason),
  };

  async #greet(hello: HelloMessage): Promise<void> {
    const { listener, peer, recorder } = this.#options;
    this.#stage = { kind: 'greeting' };
    let outcome: OpenOutcome;
    try {
      outcome = await listener.gateway.open(peer, hello, this.#link);
    } catch (thrown) {
      recorder.note('greeting:failed', listener.process.host, thrown instanceof Error ? thrown.message : '');
      return this.#end('unavailable', 'the control plane cannot greet a delegate now');
    }
    if (outcome.kind === 'refused') return this.#end(REFUSED[outcome.code], outcome.because);
    // The stream may have ended while the delegate was being greeted.
    if (this.#stage.kind !== 'greeting') return outcome.session.closed();
    this.#stage = { kind: 'open', session: outcome.session };
    for (const bytes of this.#waiting.splice(0)) this.take(bytes);
  }

  async #handle(session: DelegateSession, message: Exclude<DelegateMessage, HelloMessage>): Promise<void> {
    try {
      await session.receive(message);
    } catch (thrown) {
      this.#options.recorder.fail(this.#options.listener.process.host, thrown);
    }
  }

  #remember(message: DelegateMessage): void {
    if (message.kind === 'result') this.#results.set(keyOf(message), message.result.outcome);
    if (message.kind === 'checkpoint') this.#checkpoints.set(`${keyOf(message)} ${message.sequence}`, message);
  }

  /** What is promised with a message counts from the moment at which it is sent. */
  #acknowledge(message: ServerMessage): void {
    const { recorder } = this.#options;
    if (message.kind === 'lease') {
      recorder.acknowledge({ kind: 'lease', taskId: message.taskId, epoch: message.epoch });
    } else if (message.kind === 'checkpoint-ack') {
      const { taskId, epoch, sequence } = message;
      const facts = this.#checkpoints.get(`${keyOf(message)} ${sequence}`)?.facts ?? {};
      recorder.acknowledge({ kind: 'checkpoint', taskId, epoch, sequence, facts });
    } else if (message.kind === 'result-ack') {
      const { taskId, epoch, status } = message;
      const outcome = this.#results.get(keyOf(message)) ?? 'stopped';
      recorder.acknowledge({ kind: 'result', taskId, epoch, status, outcome });
    }
  }

  #end(code: StreamEnd['code'], details: string): void {
    if (!this.over()) return;
    const { wire, client, listener } = this.#options;
    if (!listener.process.alive) return;
    wire.sendDown('control', 'end', () => client.ended({ code, details }), false);
  }
}

const REFUSED = {
  'protocol-version': 'failed-precondition',
  'not-permitted': 'permission-denied',
  'not-allowed-now': 'unavailable',
} as const satisfies Record<Extract<OpenOutcome, { kind: 'refused' }>['code'], StreamEnd['code']>;

function keyOf({ taskId, epoch }: TaskRef): string {
  return `${taskId} ${epoch}`;
}

/** The control plane's end of a Logs stream. */
export class LogsStream {
  readonly #options: StreamOptions<LogsStreamClient> & { readonly session: LogSession };
  #ended = false;

  constructor(options: StreamOptions<LogsStreamClient> & { readonly session: LogSession }) {
    this.#options = options;
  }

  get wire(): Wire {
    return this.#options.wire;
  }

  begin(): void {
    this.#options.listener.streams.add(this);
    this.#reply({ kind: 'opened', maxUnacknowledgedBytes: LOG_UNACKNOWLEDGED_MAX_BYTES });
  }

  take(bytes: Buffer): void {
    if (!this.#ended) void this.#store(bytes);
  }

  shutDown(): void {
    this.#end('unavailable', 'the control plane is shutting down');
  }

  processEnded(): void {
    this.over();
  }

  /** False: it was over already. */
  over(): boolean {
    if (this.#ended) return false;
    this.#ended = true;
    this.#options.listener.streams.delete(this);
    return true;
  }

  async #store(bytes: Buffer): Promise<void> {
    const { recorder, listener, session } = this.#options;
    const decoded = decodeLogMessage(bytes);
    if (decoded.kind !== 'ok') return recorder.fail(listener.process.host, 'lines of a delegate could not be read');
    try {
      this.#reply(await session.receive(decoded.message));
    } catch (thrown) {
      recorder.note('log:not-stored', listener.process.host, thrown instanceof Error ? thrown.message : '');
      this.#end('unavailable', 'log lines cannot be stored now');
    }
  }

  #reply(reply: LogReply): void {
    const encoded = encodeLogReply(reply);
    const { wire, client, recorder, listener } = this.#options;
    if (encoded.kind !== 'ok' || this.#ended || !listener.process.alive) return;
    recorder.note(`message:log-${reply.kind}`, listener.process.host, 'taskId' in reply ? reply.taskId : '');
    if (reply.kind === 'ack') {
      const { taskId, epoch, durableOffset } = reply;
      recorder.acknowledge({ kind: 'log', taskId, epoch, durableOffset });
    }
    wire.sendDown('logs', `message:log-${reply.kind}`, () => client.reply(encoded.bytes));
  }

  #end(code: StreamEnd['code'], details: string): void {
    if (!this.over()) return;
    const { wire, client, listener } = this.#options;
    if (!listener.process.alive) return;
    wire.sendDown('logs', 'end logs', () => client.ended({ code, details }), false);
  }
}
