import { OutriderError } from '@outrider/shared/errors.ts';
import { HEARTBEAT_JITTER, HEARTBEAT_MS, OFFLINE_DRAIN_MS, UNDONE_MAX } from '@outrider/shared/protocol/timings.ts';
import type { AgentConnection, ConnectionHandlers } from './agent-connection.ts';
import { type InstantClock, steadyClock, type Timers } from './instant.ts';
import type { OpenJournal } from './journal.ts';
import { LeaseClock } from './lease-clock.ts';
import { LogSender } from './log-sender.ts';
import { LogSpool } from './log-spool.ts';
import type { Logger } from './logger.ts';
import { Runner, type RunnerOptions } from './runner.ts';
import { reduce } from './session.ts';
import {
  type DelegateIdentity,
  initialState,
  type SessionInput,
  type SessionOutput,
  type SessionState,
} from './session-state.ts';
import type { SpoolFiles } from './spool-files.ts';

export interface AgentOptions {
  readonly identity: DelegateIdentity;
  /** Where the control plane is said to be, for the log. */
  readonly controlPlane: string;
  /** Makes the one connection of this agent; nothing is dialled before its `start`. */
  readonly connect: (handlers: ConnectionHandlers) => AgentConnection;
  readonly journal: OpenJournal;
  readonly logFiles: SpoolFiles;
  readonly clock: InstantClock;
  readonly timers: Timers;
  readonly random: () => number;
  readonly logger: Logger;
  readonly work: Pick<RunnerOptions, 'runStep' | 'awsFor' | 'metadata' | 'host' | 'polling'>;
  /** The agent has ended itself: its journal cannot be written. */
  readonly onFatal: (error: OutriderError) => void;
}

/**
 * The delegate's loop: whatever happens becomes an input of the session, whatever the session decides is done here, in order.
 * It decides nothing itself.
 */
export class Agent {
  readonly #options: AgentOptions;
  readonly #connection: AgentConnection;
  readonly #leases: LeaseClock;
  readonly #logs: LogSender;
  readonly #runner: Runner;
  /** Steps wait by it: a clock that is set must neither end a wait nor make it last. */
  readonly #steady: { now(): number };
  #state: SessionState;
  /** Decided and not done yet. A message belongs to the connection for which it was decided. */
  readonly #outputs: { readonly output: SessionOutput; readonly connection: number }[] = [];
  #connectionNumber = 0;
  #performing = false;
  #heartbeatMs = HEARTBEAT_MS;
  #cancelHeartbeat: () => void = () => {};
  #over = false;
  #drained: (() => void) | undefined;

  constructor(options: AgentOptions) {
    this.#options = options;
    const { clock, timers, logger, journal } = options;
    this.#steady = steadyClock(clock);
    this.#state = initialState(options.identity, journal.state);
    LogSpool.removeOthers(
      options.logFiles,
      [...this.#state.tasks.values()].map((task) => task.offer),
    );
    this.#leases = new LeaseClock(clock, timers, () => this.#take({ kind: 'renewal-wanted', at: clock.instant() }));
    this.#logs = new LogSender({
      spool: { files: options.logFiles, now: () => clock.instant().wallMs },
      timers,
      logger,
      onSettled: (ref, log) => this.#take({ kind: 'log-settled', ...ref, log }),
      onRefused: (ref, because) => this.#take({ kind: 'log-refused', ...ref, because }),
    });
    this.#runner = new Runner({
      ...options.work,
      timers,
      clock: this.#steady,
      gateOf: (taskId, signal) => this.#leases.gate(taskId, signal),
      hooks: {
        log: (ref, line) => this.#logs.append(ref, { ...line, at: this.#timeText() }),
        counts: (ref, services) => this.#take({ kind: 'counts', ...ref, services }),
        checkpoint: (ref, sequence, facts) => this.#take({ kind: 'checkpoint', ...ref, sequence, facts }),
        ended: (ref, end) => {
          if (this.#over) return;
          this.#logs.finish(ref);
          this.#take({ kind: 'work-ended', ...ref, end });
        },
      },
    });
    this.#connection = options.connect({
      opened: () => this.#opened(),
      message: (message) => this.#take({ kind: 'received', message, at: clock.instant(), mayTakeWork: !journal.full }),
      closed: () => {
        this.#cancelHeartbeat();
        this.#take({ kind: 'disconnected' });
      },
      logsOpened: (credit) => this.#logs.opened({ send: (message) => this.#connection.sendLog(message) }, credit),
      logReply: (reply) => this.#logs.takeReply(reply),
      logsRoom: () => this.#logs.roomAgain(),
      logsClosed: () => this.#logs.closed(),
    });
  }

  /** Whether the control plane has welcomed this delegate and the session lasts. */
  get connected(): boolean {
    return this.#state.link === 'open';
  }

  start(): void {
    this.#connection.start();
  }

  /** Takes no more work, hands back what can go elsewhere, finishes the rest within the limit, and says goodbye. */
  async stop(limitMs: number): Promise<void> {
    if (this.#over) return;
    const { timers } = this.#options;
    await new Promise<void>((resolve) => {
      let cancelOffline: () => void = () => {};
      const done = () => {
        cancelLimit();
        cancelOffline();
        resolve();
      };
      const cancelLimit = timers.after(limitMs, done);
      const look = () => {
        if (!this.connected && this.#runner.size === 0) return done();
        cancelOffline = timers.after(OFFLINE_DRAIN_MS, look);
      };
      cancelOffline = timers.after(OFFLINE_DRAIN_MS, look);
      this.#drained = done;
      this.#take({ kind: 'drain', reason: 'it is shutting down' });
    });
    await this.#connection.close();
    await this.#end();
  }

  /** Ends at once and says nothing to anybody, as a kill would. Files are left as they are. */
  async kill(): Promise<void> {
    if (this.#over) return;
    this.#runner.kill();
    this.#connection.destroy();
    await this.#end();
  }

  async #end(): Promise<void> {
    this.#over = true;
    this.#cancelHeartbeat();
    this.#runner.kill();
    this.#logs.close();
    await this.#options.journal.close();
  }

  #opened(): void {
    this.#connectionNumber += 1;
    const ends = [...this.#state.tasks.values()].map(({ offer }) => [offer.taskId, this.#logs.end(offer)] as const);
    // Of those that nothing was written for, the offer knows where the log goes on.
    const logEnds = new Map(ends.filter(([, end]) => end > 0));
    this.#take({ kind: 'connected', logEnds });
  }

  #take(input: SessionInput): void {
    if (this.#over) return;
    if (input.kind === 'received' && this.#outputs.length >= UNDONE_MAX) {
      return this.#connection.drop('it says more at once than this delegate can deal with');
    }
    const { state, outputs } = reduce(this.#state, input);
    this.#state = state;
    for (const output of outputs) this.#outputs.push({ output, connection: this.#connectionNumber });
    void this.#perform();
  }

  async #perform(): Promise<void> {
    if (this.#performing) return;
    this.#performing = true;
    try {
      for (let next = this.#outputs.shift(); next !== undefined && !this.#over; next = this.#outputs.shift()) {
        if (next.output.kind === 'journal') await this.#options.journal.append(next.output.record);
        else this.#do(next.output, next.connection);
      }
    } catch (thrown) {
      // What cannot be remembered must not be done. The next process begins with what was.
      await this.kill();
      this.#options.onFatal(OutriderError.from(thrown));
    }
    this.#performing = false;
  }

  #do(output: Exclude<SessionOutput, { kind: 'journal' }>, connection: number): void {
    switch (output.kind) {
      case 'send':
        return this.#send(output, connection);
      case 'set-terms':
        this.#connection.established();
        this.#leases.setTtl(output.leaseTtlMs);
        this.#heartbeatMs = output.heartbeatMs;
        this.#options.logger.info({ controlPlane: this.#options.controlPlane }, 'Connected to the control plane');
        return;
      case 'open-logs':
        if (connection === this.#connectionNumber) this.#connection.openLogs(output.sessionId);
        return;
      case 'arm-heartbeat':
        return this.#armHeartbeat();
      case 'lease':
        return this.#leases.renew(output.taskId, output.sentAt);
      case 'lease-over':
        return this.#leases.end(output.taskId);
      case 'resume-log':
        return this.#logs.resume(output, output.offset, output.began);
      case 'say':
        return this.#logs.append(output, { at: this.#timeText(), level: 'WARN', text: output.text });
      case 'settle-log':
        return this.#logs.settle(output);
      case 'start': {
        const leftMs = output.deadlineMs - this.#options.clock.instant().wallMs;
        const again = this.#logs.end(output.offer) > 0;
        return this.#runner.start({ ...output, deadlineMs: this.#steady.now() + leftMs, again });
      }
      case 'stop':
        return this.#runner.stop(output, output.reason);
      case 'checkpoint-committed':
        return this.#runner.checkpointCommitted(output, output.sequence);
      case 'checkpoint-failed':
        return this.#runner.checkpointFailed(output, output.sequence, output.why);
      case 'forget':
        return this.#logs.forget(output);
      case 'drop-connection':
        return this.#connection.drop(output.reason);
      case 'reconnect-after':
        return this.#connection.reconnectAfter(output.milliseconds, output.reason);
      case 'note':
        return this.#options.logger[output.level](output.fields, output.message);
      case 'drained':
        return this.#drained?.();
    }
  }

  #send({ message }: Extract<SessionOutput, { kind: 'send' }>, connection: number): void {
    // Decided for a connection that is gone: the next Welcome brings it up again.
    if (connection !== this.#connectionNumber) return;
    const sent = this.#connection.send(message);
    if (sent.kind !== 'too-large') return;
    const what = message.kind === 'checkpoint' || message.kind === 'result' ? message.kind : 'other';
    if ('taskId' in message) {
      this.#take({ kind: 'unsendable', taskId: message.taskId, epoch: message.epoch, what, why: sent.why });
    } else {
      this.#options.logger.error({ message: message.kind, why: sent.why }, 'A message is too large to be sent');
    }
  }

  #timeText(): string {
    return new Date(this.#options.clock.instant().wallMs).toISOString();
  }

  #armHeartbeat(): void {
    const { timers, random, clock } = this.#options;
    this.#cancelHeartbeat();
    const waitMs = this.#heartbeatMs * (1 + HEARTBEAT_JITTER * (2 * random() - 1));
    this.#cancelHeartbeat = timers.after(waitMs, () => this.#take({ kind: 'heartbeat-due', at: clock.instant() }));
  }
}
