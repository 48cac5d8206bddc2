import { type ClientDuplexStream, Metadata, type StatusObject, status } from '@grpc/grpc-js';
import { type Decoded, encodeDelegateMessage, encodeLogMessage } from '@outrider/shared/protocol/codec.ts';
import type { DelegateMessage, LogMessage, LogReply, ServerMessage } from '@outrider/shared/protocol/messages.ts';
import { SendQueue } from '@outrider/shared/protocol/send-queue.ts';
import { AUTHORIZATION_METADATA, DELEGATE_SERVICE, SESSION_METADATA } from '@outrider/shared/protocol/service.ts';
import {
  CONNECT_WATCHDOG_MS,
  CREDENTIAL_RETRY_MS,
  LOGS_OPEN_TIMEOUT_MS,
  RECONNECT_BASE_MS,
  SEND_QUEUE_MAX_BYTES,
} from '@outrider/shared/protocol/timings.ts';
import type { AgentConnection, ConnectionHandlers } from './agent-connection.ts';
import { Backoff } from './backoff.ts';
import { type Channel, openChannel } from './channel.ts';
import { type Address, formatAddress } from './config.ts';
import type { Timers } from './instant.ts';
import type { Logger } from './logger.ts';

export interface ConnectionOptions {
  readonly address: Address;
  /** Asked before every attempt: a new certificate or credential is taken up. */
  readonly access: () => ConnectionAccess;
  readonly timers: Timers;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  readonly logger: Logger;
  readonly handlers: ConnectionHandlers;
  /** The credential is not accepted. True: there is another one now, try it at once. */
  readonly credentialRefused: () => Promise<boolean>;
  readonly timings?: ConnectionTimings;
}

export interface ConnectionTimings {
  readonly watchdogMs?: number;
  readonly reconnectBaseMs?: number;
  readonly credentialRetryMs?: number;
}

export interface ConnectionAccess {
  /** The certificate that is trusted to have signed the control plane's; null: plaintext. */
  readonly caCertificatePem: string | null;
  /** Sent as `Bearer …`; null: nothing is sent. */
  readonly bearer: string | null;
}

type ControlCall = ClientDuplexStream<Buffer, Decoded<ServerMessage>>;
type LogsCall = ClientDuplexStream<Buffer, Decoded<LogReply>>;

/** One channel with its streams, from dialling to the end. What comes from an attempt that is over is passed over. */
interface Attempt {
  readonly channel: Channel;
  readonly metadata: Metadata;
  readonly control: ControlCall;
  readonly queue: SendQueue;
  over: boolean;
  logs: { readonly call: LogsCall; blocked: boolean } | undefined;
  cancelWatchdog: () => void;
  cancelLogsTimer: () => void;
}

/** What only a person can mend: tried again, but slowly. */
const NEEDS_HELP: ReadonlySet<status> = new Set([
  status.UNAUTHENTICATED,
  status.PERMISSION_DENIED,
  status.FAILED_PRECONDITION,
  status.UNIMPLEMENTED,
]);
const LOGS_RETRY_MS = 1_000;
const GOODBYE_MS = 1_000;

/**
 * Keeps a connection to the control plane for as long as the process lives. grpc-js knows no limit for connecting, and
 * shares broken connections between channels of one target: so each attempt has a channel of its own, and a watchdog throws it
 * away when no Welcome came in time.
 */
export class Connection implements AgentConnection {
  readonly #options: ConnectionOptions;
  readonly #backoff: Backoff;
  #attempt: Attempt | undefined;
  #cancelRetry: () => void = () => {};
  #closed = false;
  #failures = 0;
  #lastFailure = '';

  constructor(options: ConnectionOptions) {
    this.#options = options;
    this.#backoff = new Backoff(options.random, options.timings?.reconnectBaseMs ?? RECONNECT_BASE_MS);
  }

  start(): void {
    if (!this.#closed) this.#dial();
  }

  send(
    message: DelegateMessage,
  ): { readonly kind: 'ok' | 'closed' } | { readonly kind: 'too-large'; readonly why: string } {
    const encoded = encodeDelegateMessage(message);
    if (encoded.kind === 'too-large') return encoded;
    const sent = this.#attempt?.queue.send(encoded.bytes) ?? false;
    return { kind: sent ? 'ok' : 'closed' };
  }

  established(): void {
    this.#attempt?.cancelWatchdog();
    this.#backoff.reset();
    this.#failures = 0;
    this.#lastFailure = '';
  }

  openLogs(sessionId: string): void {
    const attempt = this.#attempt;
    if (attempt === undefined || attempt.over) return;
    const metadata = attempt.metadata.clone();
    metadata.set(SESSION_METADATA, sessionId);
    const { path, requestSerialize, responseDeserialize } = DELEGATE_SERVICE.logs;
    const call: LogsCall = attempt.channel.client.makeBidiStreamRequest(
      path,
      requestSerialize,
      responseDeserialize,
      metadata,
    );
    const logs = { call, blocked: false };
    attempt.logs = logs;
    const lost = (why: string, code: status) => this.#logsLost(attempt, logs, sessionId, why, code);
    attempt.cancelLogsTimer();
    attempt.cancelLogsTimer = this.#options.timers.after(LOGS_OPEN_TIMEOUT_MS, () =>
      lost('no answer', status.DEADLINE_EXCEEDED),
    );
    call.on('data', (decoded: Decoded<LogReply>) => {
      if (attempt.logs === logs) this.#takeLogReply(attempt, decoded);
    });
    call.on('error', () => {});
    call.on('status', (ended: StatusObject) => lost(ended.details, ended.code));
  }

  sendLog(message: LogMessage): boolean {
    const logs = this.#attempt?.logs;
    if (logs === undefined || logs.blocked) return false;
    const encoded = encodeLogMessage(message);
    if (encoded.kind === 'too-large') return false;
    if (!logs.call.write(encoded.bytes)) {
      logs.blocked = true;
      logs.call.once('drain', () => {
        logs.blocked = false;
        if (this.#attempt?.logs === logs) this.#options.handlers.logsRoom();
      });
    }
    return true;
  }

  drop(reason: string): void {
    if (this.#attempt !== undefined) this.#lose(this.#attempt, status.UNAVAILABLE, reason);
  }

  reconnectAfter(milliseconds: number, reason: string): void {
    const attempt = this.#attempt;
    if (attempt === undefined) return;
    this.#options.logger.info({ reason, milliseconds }, 'The control plane asks to be called again later');
    this.#leave(attempt);
    this.#retryAfter(milliseconds * (1 + this.#options.random()));
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#cancelRetry();
    const attempt = this.#attempt;
    if (attempt === undefined) return;
    await new Promise<void>((resolve) => {
      const cancel = this.#options.timers.after(GOODBYE_MS, resolve);
      attempt.control.on('status', () => {
        cancel();
        resolve();
      });
      attempt.logs?.call.end();
      attempt.control.end();
    });
    this.destroy();
  }

  destroy(): void {
    this.#closed = true;
    this.#cancelRetry();
    if (this.#attempt !== undefined) this.#leave(this.#attempt);
  }

  #dial(): void {
    const { address, access, handlers, timers, timings } = this.#options;
    const { caCertificatePem, bearer } = access();
    const channel = openChannel(address, caCertificatePem);
    const { client } = channel;
    const metadata = new Metadata();
    if (bearer !== null) metadata.set(AUTHORIZATION_METADATA, `Bearer ${bearer}`);
    const { path, requestSerialize, responseDeserialize } = DELEGATE_SERVICE.control;
    const control: ControlCall = client.makeBidiStreamRequest(path, requestSerialize, responseDeserialize, metadata);
    const queue = new SendQueue(control, SEND_QUEUE_MAX_BYTES, () => this.drop('the control plane does not read'));
    const attempt: Attempt = {
      channel,
      metadata,
      control,
      queue,
      over: false,
      logs: undefined,
      cancelWatchdog: timers.after(timings?.watchdogMs ?? CONNECT_WATCHDOG_MS, () =>
        this.#lose(attempt, status.DEADLINE_EXCEEDED, 'it was not reached in time'),
      ),
      cancelLogsTimer: () => {},
    };
    this.#attempt = attempt;
    control.on('metadata', () => {
      if (!attempt.over) handlers.opened();
    });
    control.on('data', (decoded: Decoded<ServerMessage>) => this.#takeMessage(attempt, decoded));
    control.on('error', () => {});
    control.on('status', (ended: StatusObject) => this.#lose(attempt, ended.code, ended.details));
  }

  #takeMessage(attempt: Attempt, decoded: Decoded<ServerMessage>): void {
    if (attempt.over) return;
    if (decoded.kind === 'ok') return this.#options.handlers.message(decoded.message);
    if (decoded.kind === 'unknown-arm') {
      this.#options.logger.warn({}, 'A message of a newer protocol was left out of account');
    } else {
      this.#options.logger.error({ arm: decoded.arm, task: decoded.task, why: decoded.why }, 'A message is not valid');
    }
  }

  #takeLogReply(attempt: Attempt, decoded: Decoded<LogReply>): void {
    if (decoded.kind !== 'ok') return;
    const reply = decoded.message;
    if (reply.kind !== 'opened') return this.#options.handlers.logReply(reply);
    attempt.cancelLogsTimer();
    this.#options.handlers.logsOpened(reply.maxUnacknowledgedBytes);
  }

  #logsLost(attempt: Attempt, logs: Attempt['logs'], sessionId: string, why: string, code: status): void {
    if (attempt.over || attempt.logs !== logs) return;
    logs?.call.cancel();
    attempt.logs = undefined;
    attempt.cancelLogsTimer();
    this.#options.handlers.logsClosed();
    this.#options.logger.warn({ why }, 'The stream of logs has ended; it is opened again');
    // The control plane does not know our session any more.
    if (code === status.FAILED_PRECONDITION) return this.#lose(attempt, status.UNAVAILABLE, why);
    attempt.cancelLogsTimer = this.#options.timers.after(LOGS_RETRY_MS, () => this.openLogs(sessionId));
  }

  #lose(attempt: Attempt, code: status, why: string): void {
    if (attempt.over) return;
    this.#leave(attempt);
    if (this.#closed) return;
    this.#report(code, why);
    if (!NEEDS_HELP.has(code)) return this.#retryAfter(this.#backoff.next());
    const slowlyMs = this.#options.timings?.credentialRetryMs ?? CREDENTIAL_RETRY_MS;
    const waitMs = slowlyMs * (1 + this.#options.random() / 2);
    if (code !== status.UNAUTHENTICATED) return this.#retryAfter(waitMs);
    void this.#options.credentialRefused().then((renewed) => this.#retryAfter(renewed ? 0 : waitMs));
  }

  /** Ends the attempt without a word about why. */
  #leave(attempt: Attempt): void {
    if (attempt.over) return;
    attempt.over = true;
    attempt.cancelWatchdog();
    attempt.cancelLogsTimer();
    attempt.queue.end();
    attempt.logs?.call.cancel();
    attempt.control.cancel();
    attempt.channel.destroy();
    if (this.#attempt === attempt) this.#attempt = undefined;
    this.#options.handlers.logsClosed();
    this.#options.handlers.closed();
  }

  #retryAfter(milliseconds: number): void {
    this.#cancelRetry();
    if (this.#closed) return;
    this.#cancelRetry = this.#options.timers.after(milliseconds, () => this.#dial());
  }

  /** Every new reason, and a standing one now and then. */
  #report(code: status, why: string): void {
    this.#failures += 1;
    if (why === this.#lastFailure && this.#failures % 20 !== 0) return;
    this.#lastFailure = why;
    const { address, logger } = this.#options;
    const fields = { controlPlane: formatAddress(address), why, failures: this.#failures };
    if (NEEDS_HELP.has(code)) logger.error(fields, `The control plane turns this delegate away: ${why}`);
    else logger.warn(fields, `The control plane is not reached (${why}); it is tried again`);
  }
}
