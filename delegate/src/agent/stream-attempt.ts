import { type ClientDuplexStream, type StatusObject, status } from '@grpc/grpc-js';
import type { Decoded } from '@outrider/shared/protocol/codec.ts';
import type { LogReply, ServerMessage } from '@outrider/shared/protocol/messages.ts';
import { SendQueue } from '@outrider/shared/protocol/send-queue.ts';
import { DELEGATE_SERVICE, SESSION_METADATA } from '@outrider/shared/protocol/service.ts';
import { LOGS_OPEN_TIMEOUT_MS, LOGS_RETRY_MS, SEND_QUEUE_MAX_BYTES } from '@outrider/shared/protocol/timings.ts';
import type { Attempt, AttemptEvents, Dialling } from './attempt.ts';
import type { Channel } from './channel.ts';
import type { Timers } from './instant.ts';
import type { Logger } from './logger.ts';

type ControlCall = ClientDuplexStream<Buffer, Decoded<ServerMessage>>;
type LogsCall = ClientDuplexStream<Buffer, Decoded<LogReply>>;

/** One channel with its two streams. */
export class StreamAttempt implements Attempt {
  readonly #dialling: Dialling;
  readonly #timers: Timers;
  readonly #logger: Logger;
  readonly #events: AttemptEvents;
  #parts: { readonly channel: Channel; readonly control: ControlCall; readonly queue: SendQueue } | undefined;
  #logs: { readonly call: LogsCall; blocked: boolean } | undefined;
  #over = false;
  #cancelLogsTimer: () => void = () => {};

  constructor(
    options: { readonly dialling: Dialling; readonly timers: Timers; readonly logger: Logger },
    events: AttemptEvents,
  ) {
    this.#dialling = options.dialling;
    this.#timers = options.timers;
    this.#logger = options.logger;
    this.#events = events;
  }

  get made(): boolean {
    return this.#parts?.channel.made ?? false;
  }

  begin(): void {
    const channel = this.#dialling.channel();
    const { path, requestSerialize, responseDeserialize } = DELEGATE_SERVICE.control;
    const metadata = this.#dialling.metadata();
    const control: ControlCall = channel.client.makeBidiStreamRequest(
      path,
      requestSerialize,
      responseDeserialize,
      metadata,
    );
    const queue = new SendQueue(control, SEND_QUEUE_MAX_BYTES, () =>
      this.#lose(status.UNAVAILABLE, 'the control plane does not read'),
    );
    this.#parts = { channel, control, queue };
    control.on('metadata', () => {
      if (!this.#over) this.#events.opened();
    });
    control.on('data', (decoded: Decoded<ServerMessage>) => {
      if (!this.#over) this.#events.message(decoded);
    });
    control.on('error', () => {});
    control.on('status', (ended: StatusObject) => this.#lose(ended.code, ended.details));
  }

  send(bytes: Buffer): boolean {
    return this.#parts?.queue.send(bytes) ?? false;
  }

  openLogs(sessionId: string): void {
    if (this.#over || this.#parts === undefined) return;
    const metadata = this.#dialling.metadata();
    metadata.set(SESSION_METADATA, sessionId);
    const { path, requestSerialize, responseDeserialize } = DELEGATE_SERVICE.logs;
    const { client } = this.#parts.channel;
    const call: LogsCall = client.makeBidiStreamRequest(path, requestSerialize, responseDeserialize, metadata);
    const logs = { call, blocked: false };
    this.#logs = logs;
    const lost = (why: string, code: status) => this.#logsLost(logs, sessionId, why, code);
    this.#cancelLogsTimer();
    this.#cancelLogsTimer = this.#timers.after(LOGS_OPEN_TIMEOUT_MS, () => lost('no answer', status.DEADLINE_EXCEEDED));
    call.on('data', (decoded: Decoded<LogReply>) => {
      if (this.#logs === logs) this.#takeLogReply(decoded);
    });
    call.on('error', () => {});
    call.on('status', (ended: StatusObject) => lost(ended.details, ended.code));
  }

  sendLog(bytes: Buffer): boolean {
    const logs = this.#logs;
    if (logs === undefined || logs.blocked) return false;
    if (!logs.call.write(bytes)) {
      logs.blocked = true;
      logs.call.once('drain', () => {
        logs.blocked = false;
        if (this.#logs === logs) this.#events.logsRoom();
      });
    }
    return true;
  }

  async finish(): Promise<void> {
    const control = this.#parts?.control;
    if (control === undefined || this.#over) return;
    await new Promise<void>((resolve) => {
      control.on('status', () => resolve());
      this.#logs?.call.end();
      control.end();
    });
  }

  leave(): void {
    if (this.#over) return;
    this.#over = true;
    this.#cancelLogsTimer();
    this.#logs?.call.cancel();
    this.#logs = undefined;
    this.#parts?.queue.end();
    this.#parts?.control.cancel();
    this.#parts?.channel.destroy();
  }

  #takeLogReply(decoded: Decoded<LogReply>): void {
    if (decoded.kind !== 'ok') return;
    const reply = decoded.message;
    if (reply.kind !== 'opened') return this.#events.logReply(reply);
    this.#cancelLogsTimer();
    this.#events.logsOpened(reply.maxUnacknowledgedBytes);
  }

  #logsLost(logs: { readonly call: LogsCall }, sessionId: string, why: string, code: status): void {
    if (this.#over || this.#logs !== logs) return;
    logs.call.cancel();
    this.#logs = undefined;
    this.#cancelLogsTimer();
    this.#events.logsClosed();
    this.#logger.warn({ why }, 'The stream of logs has ended; it is opened again');
    // The control plane does not know our session any more.
    if (code === status.FAILED_PRECONDITION) return this.#lose(status.UNAVAILABLE, why);
    this.#cancelLogsTimer = this.#timers.after(LOGS_RETRY_MS, () => this.openLogs(sessionId));
  }

  #lose(code: status, why: string): void {
    if (this.#over) return;
    this.leave();
    this.#events.lost(code, why);
  }
}
