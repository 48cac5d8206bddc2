import type { TaskId } from '@outrider/shared/ids.ts';
import type { ProducedLogLine } from '@outrider/shared/logs.ts';
import type { LogMessage, LogReply, TaskRef } from '@outrider/shared/protocol/messages.ts';
import {
  LOG_AGAIN_MS,
  LOG_BATCH_MAX_BYTES,
  LOG_FLUSH_MS,
  LOG_REWINDS_MAX,
  LOG_UNACKNOWLEDGED_MAX_BYTES,
} from '@outrider/shared/protocol/timings.ts';
import type { Timers } from './instant.ts';
import { LogSpool, type SpoolOptions, type SpoolSummary } from './log-spool.ts';
import type { Logger } from './logger.ts';

/** The Logs stream as the sender sees it. */
export interface LogStream {
  /** False: it is over, or it is full and `roomAgain` will be called. */
  send(message: LogMessage): boolean;
}

export interface LogSenderOptions {
  readonly spool: SpoolOptions;
  readonly timers: Timers;
  readonly logger: Logger;
  /** The control plane has the whole log of a task that asked for it (`settle`). */
  readonly onSettled: (ref: TaskRef, summary: SpoolSummary) => void;
  /** The control plane will have nothing more of this task. */
  readonly onRefused: (ref: TaskRef, because: string) => void;
}

interface Entry {
  readonly spool: LogSpool;
  /** Below it everything is durable at the control plane. */
  durable: number;
  /** Below it everything was sent on this stream. */
  sent: number;
  /** Below it everything was sent on any stream: beyond it the control plane can have nothing of ours. */
  reached: number;
  settling: boolean;
  /** Where the control plane sent us back to, until it has more. */
  rewoundTo: number | undefined;
  /** Times we began again there in vain. */
  rewinds: number;
  /** The control plane has more of it than at the last look (LOG_AGAIN_MS), or nothing was under way then. */
  heard: boolean;
}

/**
 * Brings the spools of all tasks to the control plane: batches of whole lines every 250 ms or 64 KiB, at most 1 MiB of a task
 * without an acknowledgement, from where the control plane says its log ends. What is not acknowledged for a while goes out again:
 * a stream that loses a message must not hold a step up.
 */
export class LogSender {
  readonly #options: LogSenderOptions;
  readonly #entries = new Map<TaskId, Entry>();
  #stream: LogStream | undefined;
  #creditBytes = LOG_UNACKNOWLEDGED_MAX_BYTES;
  #cancelFlush: (() => void) | undefined;
  #cancelAgain: (() => void) | undefined;

  constructor(options: LogSenderOptions) {
    this.#options = options;
  }

  /**
   * The log of a task, whose stored end is `offset`: begun there, or found again. `began`: the task has run before, so that a
   * missing file is a loss.
   */
  resume(ref: TaskRef, offset: number, began: boolean): void {
    const known = this.#entryOf(ref);
    if (known !== undefined) {
      // It has more than there is here: that is not ours. What was never sent it cannot have.
      if (offset > known.spool.end) known.spool.divert(known.reached, offset);
      else known.spool.meet(offset, false);
      known.durable = offset;
      known.sent = offset;
      known.reached = Math.max(known.reached, offset);
      known.rewoundTo = undefined;
      known.rewinds = 0;
      return this.#pump();
    }
    this.#close(ref.taskId);
    const { spool, found } = LogSpool.open(this.#options.spool, ref, offset);
    spool.meet(offset, began && !found);
    const at = { durable: offset, sent: offset, reached: Math.max(offset, spool.end) };
    const entry: Entry = { spool, ...at, settling: false, rewoundTo: undefined, rewinds: 0, heard: true };
    this.#entries.set(ref.taskId, entry);
    this.#pump();
  }

  append(ref: TaskRef, line: ProducedLogLine): void {
    const entry = this.#entryOf(ref);
    if (entry === undefined) return;
    entry.spool.append(line);
    if (entry.spool.coming - entry.sent >= LOG_BATCH_MAX_BYTES) this.#pump();
    else this.#flushLater();
  }

  /** No more lines come from this run. */
  finish(ref: TaskRef): void {
    const entry = this.#entryOf(ref);
    if (entry === undefined) return;
    entry.spool.finish();
    entry.spool.sync();
    this.#pump();
  }

  /** Tells once the control plane has all of it; again after every `resume`. */
  settle(ref: TaskRef): void {
    const entry = this.#entryOf(ref);
    if (entry === undefined) return;
    entry.settling = true;
    this.#pump();
    this.#tellIfSettled(ref, entry);
  }

  end(ref: TaskRef): number {
    return this.#entryOf(ref)?.spool.end ?? 0;
  }

  /** The task is over: its spool goes. */
  forget(ref: TaskRef): void {
    const entry = this.#entryOf(ref);
    if (entry === undefined) return;
    this.#entries.delete(ref.taskId);
    entry.spool.remove();
  }

  /** The stream is open; what was sent on the one before and not acknowledged goes out again. */
  opened(stream: LogStream, creditBytes: number): void {
    this.#stream = stream;
    // The control plane may ask for less than we would send, never for more than we keep ready.
    this.#creditBytes = Math.min(Math.max(creditBytes, LOG_BATCH_MAX_BYTES), LOG_UNACKNOWLEDGED_MAX_BYTES);
    for (const entry of this.#entries.values()) entry.sent = entry.durable;
    this.#pump();
  }

  closed(): void {
    this.#stream = undefined;
    this.#cancelAgain?.();
    this.#cancelAgain = undefined;
  }

  /** A full stream takes messages again. */
  roomAgain(): void {
    this.#pump();
  }

  takeReply(reply: Exclude<LogReply, { kind: 'opened' }>): void {
    const entry = this.#entryOf(reply);
    if (entry === undefined) return;
    if (reply.kind === 'ack') {
      if (reply.durableOffset <= entry.durable) return;
      entry.durable = reply.durableOffset;
      entry.sent = Math.max(entry.sent, entry.durable);
      entry.rewoundTo = undefined;
      entry.rewinds = 0;
      entry.heard = true;
      this.#pump();
      return this.#tellIfSettled(reply, entry);
    }
    if (reply.code !== 'invalid') {
      this.#options.logger.warn(
        { taskId: reply.taskId, epoch: reply.epoch, because: reply.message },
        'A log was refused',
      );
      return this.#options.onRefused({ taskId: reply.taskId, epoch: reply.epoch }, reply.message);
    }
    this.#rewind(reply, entry, reply.durableOffset);
  }

  /** Closes all files; they stay for the next process. */
  close(): void {
    this.#cancelFlush?.();
    this.closed();
    for (const entry of this.#entries.values()) entry.spool.close();
    this.#entries.clear();
  }

  #close(taskId: TaskId): void {
    const entry = this.#entries.get(taskId);
    if (entry === undefined) return;
    this.#entries.delete(taskId);
    entry.spool.remove();
  }

  #entryOf({ taskId, epoch }: TaskRef): Entry | undefined {
    const entry = this.#entries.get(taskId);
    return entry?.spool.ref.epoch === epoch ? entry : undefined;
  }

  /** The control plane's log ends elsewhere than we thought. */
  #rewind(ref: TaskRef, entry: Entry, offset: number): void {
    // Of what was under way behind a hole, every batch is refused: the first refusal has sent us back.
    if (entry.rewoundTo === offset) return;
    entry.rewoundTo = offset;
    entry.rewinds = 0;
    entry.heard = true;
    entry.spool.meet(offset, false);
    entry.durable = offset;
    entry.sent = offset;
    this.#pump();
    this.#tellIfSettled(ref, entry);
  }

  /** What has been under way for a while and is not acknowledged, nor anything of its task, goes out again. */
  #lookAgain(): void {
    this.#cancelAgain = undefined;
    for (const [taskId, entry] of this.#entries) {
      if (entry.sent <= entry.durable) continue;
      this.#lookLater();
      const { heard } = entry;
      entry.heard = false;
      if (heard) continue;
      if (entry.rewoundTo !== undefined) entry.rewinds += 1;
      if (entry.rewinds > LOG_REWINDS_MAX) this.#disagree({ taskId, epoch: entry.spool.ref.epoch }, entry.durable);
      else entry.sent = entry.durable;
    }
    this.#pump();
  }

  #disagree(ref: TaskRef, offset: number): void {
    this.#options.logger.error({ ...ref, offset }, 'The control plane and this delegate do not agree on a log');
    this.#options.onRefused(ref, 'the two sides do not agree on where the log ends');
  }

  #flushLater(): void {
    this.#cancelFlush ??= this.#options.timers.after(LOG_FLUSH_MS, () => {
      this.#cancelFlush = undefined;
      this.#pump();
    });
  }

  #pump(): void {
    for (const [taskId, entry] of this.#entries) {
      while (entry.sent - entry.durable + LOG_BATCH_MAX_BYTES <= this.#creditBytes) {
        const piece = this.#stream === undefined ? undefined : entry.spool.read(entry.sent);
        if (piece === undefined) break;
        const ref = { taskId, epoch: entry.spool.ref.epoch, offset: entry.sent };
        const message: LogMessage =
          piece.kind === 'lines'
            ? { kind: 'batch', ...ref, data: piece.bytes }
            : { kind: 'gap', ...ref, ...piece.mark };
        if (this.#stream?.send(message) !== true) return;
        // It is the first that is under way: it has its time.
        if (entry.sent === entry.durable) entry.heard = true;
        this.#lookLater();
        entry.sent += piece.kind === 'lines' ? piece.bytes.length : piece.length;
        entry.reached = Math.max(entry.reached, entry.sent);
      }
    }
  }

  #lookLater(): void {
    this.#cancelAgain ??= this.#options.timers.after(LOG_AGAIN_MS, () => this.#lookAgain());
  }

  #tellIfSettled(ref: TaskRef, entry: Entry): void {
    if (!entry.settling || entry.durable < entry.spool.end) return;
    entry.settling = false;
    this.#options.onSettled({ taskId: ref.taskId, epoch: ref.epoch }, entry.spool.summary());
  }
}
