import type { DelegatePeer } from '@outrider/control-plane/app/dispatch/ports.ts';
import type { AgentConnection, ConnectionHandlers } from '@outrider/delegate/agent/agent-connection.ts';
import { Backoff } from '@outrider/delegate/agent/backoff.ts';
import {
  decodeLogReply,
  decodeServerMessage,
  encodeDelegateMessage,
  encodeLogMessage,
} from '@outrider/shared/protocol/codec.ts';
import type { DelegateMessage, LogMessage } from '@outrider/shared/protocol/messages.ts';
import { CONNECT_WATCHDOG_MS, CREDENTIAL_RETRY_MS, LOGS_OPEN_TIMEOUT_MS } from '@outrider/shared/protocol/timings.ts';
import type { ControlStream, Door, LogsStream } from './door.ts';
import type { Roads } from './network.ts';
import type { Process } from './process.ts';
import type { Recorder } from './recorder.ts';
import type { StreamEnd, Wire, WireEnd } from './wire.ts';

export interface SimulatedConnectionOptions {
  readonly process: Process;
  readonly delegateName: string;
  /** Null: it proves nothing. */
  readonly credentialId: string | null;
  readonly roads: Roads;
  readonly door: Door;
  readonly recorder: Recorder;
  readonly handlers: ConnectionHandlers;
  /** What may end the process when something is sent. */
  readonly strikeSend: (act: () => void) => void;
  /** Told of each connection that is made: resets and partitions concern those. */
  readonly onWire: (wire: Wire) => void;
  /** Looks for what must not be in a message. */
  readonly inspect: (where: string, bytes: Buffer) => void;
}

/** One connection with its streams, from dialling to the end. */
interface Attempt {
  over: boolean;
  wire: Wire | undefined;
  control: ControlStream | undefined;
  logs: { server: LogsStream | undefined; blocked: boolean } | undefined;
  cancelWatchdog: () => void;
  cancelLogsTimer: () => void;
}

const NEEDS_HELP: ReadonlySet<StreamEnd['code']> = new Set(['failed-precondition', 'permission-denied']);
const LOGS_RETRY_MS = 1_000;
const GOODBYE_MS = 1_000;

/**
 * The agent's connection over simulated network, with the times and the habits of the real one (delegate/src/agent/connection.ts): a
 * watchdog from dialling to Welcome, the same backoff, a second stream for logs that is opened again by itself.
 */
export class SimulatedConnection implements AgentConnection {
  readonly #options: SimulatedConnectionOptions;
  readonly #backoff: Backoff;
  #attempt: Attempt | undefined;
  #cancelRetry: () => void = () => {};
  #closed = false;
  #goodbye: (() => void) | undefined;

  constructor(options: SimulatedConnectionOptions) {
    this.#options = options;
    this.#backoff = new Backoff(() => options.process.random.unit());
    options.process.onEnd(() => this.#processEnded());
  }

  start(): void {
    if (!this.#closed) this.#dial();
  }

  send(message: DelegateMessage): ReturnType<AgentConnection['send']> {
    const encoded = encodeDelegateMessage(message);
    if (encoded.kind === 'too-large') return encoded;
    const attempt = this.#attempt;
    const control = attempt?.control;
    if (attempt === undefined || control === undefined) return { kind: 'closed' };
    const { recorder, process, inspect, strikeSend } = this.#options;
    strikeSend(() => {
      recorder.note(`message:${message.kind}`, process.host, 'taskId' in message ? message.taskId : '');
      inspect(`message:${message.kind}`, encoded.bytes);
      attempt.wire?.sendUp('control', `message:${message.kind}`, () => control.take(encoded.bytes));
    });
    return { kind: 'ok' };
  }

  established(): void {
    this.#attempt?.cancelWatchdog();
    this.#backoff.reset();
  }

  openLogs(sessionId: string): void {
    const attempt = this.#attempt;
    if (attempt === undefined || attempt.over) return;
    const { process, door, handlers, recorder } = this.#options;
    const logs: NonNullable<Attempt['logs']> = { server: undefined, blocked: false };
    attempt.logs = logs;
    const lost = (end: StreamEnd) => this.#logsLost(attempt, logs, sessionId, end);
    attempt.cancelLogsTimer();
    attempt.cancelLogsTimer = process.clock.after(LOGS_OPEN_TIMEOUT_MS, () =>
      lost({ code: 'deadline-exceeded', details: 'no answer' }),
    );
    const { wire } = attempt;
    if (wire === undefined) return;
    wire.logsBroken.client = () => lost({ code: 'unavailable', details: 'the stream was reset' });
    wire.sendUp(
      'logs',
      'open logs',
      () => {
        const serve = door.openLogs(wire, this.#peer, sessionId, {
          reply: (bytes) => {
            if (attempt.over || attempt.logs !== logs) return;
            const decoded = decodeLogReply(bytes);
            if (decoded.kind !== 'ok') return recorder.fail(process.host, 'a reply about logs could not be read');
            if (decoded.message.kind !== 'opened') return handlers.logReply(decoded.message);
            attempt.cancelLogsTimer();
            logs.server = serve;
            handlers.logsOpened(decoded.message.maxUnacknowledgedBytes);
          },
          ended: lost,
        });
      },
      false,
    );
  }

  sendLog(message: LogMessage): boolean {
    const attempt = this.#attempt;
    const logs = attempt?.logs;
    const server = logs?.server;
    if (attempt === undefined || logs === undefined || server === undefined || logs.blocked) return false;
    const encoded = encodeLogMessage(message);
    if (encoded.kind === 'too-large') return false;
    const { process, recorder, inspect, strikeSend, handlers } = this.#options;
    strikeSend(() => {
      recorder.note(`message:log-${message.kind}`, process.host, message.taskId);
      inspect(`message:log-${message.kind}`, encoded.bytes);
      attempt.wire?.sendUp('logs', `message:log-${message.kind}`, () => server.take(encoded.bytes));
    });
    // Now and then the stream is full for a while.
    if (process.random.chance(0.05)) {
      logs.blocked = true;
      process.clock.after(process.random.whole(50, 1_500), () => {
        logs.blocked = false;
        if (this.#attempt?.logs === logs) handlers.logsRoom();
      });
    }
    return true;
  }

  drop(reason: string): void {
    if (this.#attempt !== undefined) this.#lose(this.#attempt, { code: 'unavailable', details: reason });
  }

  reconnectAfter(milliseconds: number): void {
    const attempt = this.#attempt;
    if (attempt === undefined) return;
    this.#leave(attempt);
    this.#retryAfter(milliseconds * (1 + this.#options.process.random.unit()));
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#cancelRetry();
    const control = this.#attempt?.control;
    if (control !== undefined) {
      await new Promise<void>((resolve) => {
        this.#goodbye = resolve;
        this.#options.process.clock.after(GOODBYE_MS, resolve);
        this.#attempt?.wire?.sendUp('control', 'goodbye', () => control.goodbye(), false);
      });
    }
    this.destroy();
  }

  destroy(): void {
    this.#closed = true;
    this.#cancelRetry();
    if (this.#attempt !== undefined) this.#leave(this.#attempt);
  }

  /** Who the control plane finds this delegate to be. */
  get #peer(): DelegatePeer {
    const { delegateName, credentialId } = this.#options;
    return { delegateName, address: delegateName, ...(credentialId === null ? {} : { credentialId }) };
  }

  #dial(): void {
    const { process, roads, door, handlers, recorder, onWire } = this.#options;
    if (!process.alive) return;
    const attempt: Attempt = {
      over: false,
      wire: undefined,
      control: undefined,
      logs: undefined,
      cancelWatchdog: process.clock.after(CONNECT_WATCHDOG_MS, () =>
        this.#lose(attempt, { code: 'deadline-exceeded', details: 'it was not reached in time' }),
      ),
      cancelLogsTimer: () => {},
    };
    this.#attempt = attempt;
    const end: WireEnd = {
      process,
      broken: (details) => this.#lose(attempt, { code: 'unavailable', details }),
    };
    door.dial(roads, end, this.#peer, () => attempt.over, {
      connected: (wire) => {
        attempt.wire = wire;
        onWire(wire);
      },
      opened: (control) => {
        if (attempt.over) return;
        attempt.control = control;
        handlers.opened();
      },
      message: (bytes) => {
        if (attempt.over) return;
        const decoded = decodeServerMessage(bytes);
        if (decoded.kind === 'ok') handlers.message(decoded.message);
        else recorder.fail(process.host, 'a message of the control plane could not be read');
      },
      ended: (ended) => this.#lose(attempt, ended),
    });
  }

  #logsLost(attempt: Attempt, logs: Attempt['logs'], sessionId: string, end: StreamEnd): void {
    if (attempt.over || attempt.logs !== logs) return;
    const server = logs?.server;
    if (server !== undefined) attempt.wire?.sendUp('logs', 'cancel logs', () => server.over(), false);
    attempt.logs = undefined;
    attempt.cancelLogsTimer();
    this.#options.handlers.logsClosed();
    // The control plane does not know our session any more.
    if (end.code === 'failed-precondition') return this.#lose(attempt, { ...end, code: 'unavailable' });
    attempt.cancelLogsTimer = this.#options.process.clock.after(LOGS_RETRY_MS, () => this.openLogs(sessionId));
  }

  #lose(attempt: Attempt, end: StreamEnd): void {
    if (attempt.over) return;
    const { recorder, process } = this.#options;
    recorder.note('connection:lost', process.host, end.details);
    this.#goodbye?.();
    this.#leave(attempt);
    if (this.#closed) return;
    if (!NEEDS_HELP.has(end.code)) return this.#retryAfter(this.#backoff.next());
    this.#retryAfter(CREDENTIAL_RETRY_MS * (1 + process.random.unit() / 2));
  }

  /** Ends the attempt without a word about why. */
  #leave(attempt: Attempt): void {
    if (attempt.over) return;
    attempt.over = true;
    attempt.cancelWatchdog();
    attempt.cancelLogsTimer();
    attempt.wire?.hangUp(attempt.wire.client);
    if (this.#attempt === attempt) this.#attempt = undefined;
    this.#options.handlers.logsClosed();
    this.#options.handlers.closed();
  }

  #retryAfter(milliseconds: number): void {
    this.#cancelRetry();
    if (this.#closed) return;
    this.#cancelRetry = this.#options.process.clock.after(milliseconds, () => this.#dial());
  }

  /** The machine closes what a process leaves behind. */
  #processEnded(): void {
    const { wire, over } = this.#attempt ?? { wire: undefined, over: true };
    if (!over) wire?.hangUp(wire.client);
  }
}
