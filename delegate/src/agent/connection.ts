import { Metadata, status } from '@grpc/grpc-js';
import { type Decoded, encodeDelegateMessage, encodeLogMessage } from '@outrider/shared/protocol/codec.ts';
import type { DelegateMessage, LogMessage, ServerMessage } from '@outrider/shared/protocol/messages.ts';
import { AUTHORIZATION_METADATA } from '@outrider/shared/protocol/service.ts';
import {
  CONNECT_WATCHDOG_MS,
  CREDENTIAL_RETRY_MS,
  DRAIN_RECONNECT_LONGEST_MS,
  GOODBYE_MS,
  HEARTBEAT_JITTER,
  RECONNECT_BASE_MS,
  STREAM_HOLDS_MS,
  STREAM_PROBE_MS,
  STREAM_RETRY_MS,
} from '@outrider/shared/protocol/timings.ts';
import type { AgentConnection, ConnectionHandlers } from './agent-connection.ts';
import type { Attempt, AttemptEvents, Dialling } from './attempt.ts';
import { Backoff } from './backoff.ts';
import { openChannel } from './channel.ts';
import { type Address, formatAddress } from './config.ts';
import type { Timers } from './instant.ts';
import type { Logger } from './logger.ts';
import { PollAttempt } from './poll-attempt.ts';
import type { PollTimings } from './poll-exchange.ts';
import { StreamAttempt } from './stream-attempt.ts';
import { probeStreams } from './stream-probe.ts';
import {
  afterLoss,
  firstChoice,
  held,
  type Loss,
  type Transport,
  type TransportChoice,
  type TransportMode,
  tryStreams,
  welcomed,
} from './transport-choice.ts';

export interface ConnectionOptions {
  readonly address: Address;
  /** Default `auto`: streams, and polling where they do not hold. */
  readonly transport?: TransportMode;
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
  readonly streamHoldsMs?: number;
  readonly streamRetryMs?: number;
  readonly streamProbeMs?: number;
  readonly poll?: PollTimings;
}

export interface ConnectionAccess {
  /** The certificate that is trusted to have signed the control plane's; null: plaintext. */
  readonly caCertificatePem: string | null;
  /** Sent as `Bearer …`; null: nothing is sent. */
  readonly bearer: string | null;
}

/** What is under way. What comes of an attempt that is over is passed over. */
interface Current {
  readonly attempt: Attempt;
  readonly transport: Transport;
  stage: Loss['stage'];
  over: boolean;
  cancelWatchdog: () => void;
  /** Of what looks ahead: that the streams have held, or that they are worth another try. */
  cancelOutlook: () => void;
}

/** What only a person can mend: tried again, but slowly. */
const NEEDS_HELP: ReadonlySet<status> = new Set([
  status.UNAUTHENTICATED,
  status.PERMISSION_DENIED,
  status.FAILED_PRECONDITION,
  status.UNIMPLEMENTED,
]);
/**
 * Keeps a connection to the control plane for as long as the process lives. grpc-js knows no limit for connecting, and
 * shares broken connections between channels of one target: so each attempt has a channel of its own, and a watchdog throws it
 * away when no Welcome came in time. What the next attempt goes over is decided in transport-choice.ts.
 */
export class Connection implements AgentConnection {
  readonly #options: ConnectionOptions;
  readonly #backoff: Backoff;
  readonly #dialling: Dialling;
  #choice: TransportChoice;
  #current: Current | undefined;
  #cancelRetry: () => void = () => {};
  #closed = false;
  #failures = 0;
  #lastFailure = '';

  constructor(options: ConnectionOptions) {
    this.#options = options;
    this.#backoff = new Backoff(options.random, options.timings?.reconnectBaseMs ?? RECONNECT_BASE_MS);
    this.#choice = firstChoice(options.transport ?? 'auto');
    const { address, access } = options;
    this.#dialling = {
      channel: () => openChannel(address, access().caCertificatePem),
      metadata: () => {
        const metadata = new Metadata();
        const { bearer } = access();
        if (bearer !== null) metadata.set(AUTHORIZATION_METADATA, `Bearer ${bearer}`);
        return metadata;
      },
    };
  }

  start(): void {
    if (!this.#closed) this.#dial();
  }

  send(
    message: DelegateMessage,
  ): { readonly kind: 'ok' | 'closed' } | { readonly kind: 'too-large'; readonly why: string } {
    const encoded = encodeDelegateMessage(message);
    if (encoded.kind === 'too-large') return encoded;
    const sent = this.#current?.attempt.send(encoded.bytes) ?? false;
    return { kind: sent ? 'ok' : 'closed' };
  }

  established(): void {
    const current = this.#current;
    if (current === undefined) return;
    current.cancelWatchdog();
    current.stage = 'welcomed';
    this.#backoff.reset();
    this.#failures = 0;
    this.#lastFailure = '';
    this.#announce(current);
    this.#choice = welcomed(this.#choice);
    if (current.transport === 'streams') this.#watchStreams(current);
    else if (this.#choice.mode === 'auto') this.#watchForStreams(current);
  }

  openLogs(sessionId: string): void {
    this.#current?.attempt.openLogs(sessionId);
  }

  sendLog(message: LogMessage): boolean {
    const encoded = encodeLogMessage(message);
    if (encoded.kind === 'too-large') return false;
    return this.#current?.attempt.sendLog(encoded.bytes) ?? false;
  }

  drop(reason: string): void {
    if (this.#current !== undefined) this.#lose(this.#current, status.UNAVAILABLE, reason);
  }

  reconnectAfter(milliseconds: number, reason: string): void {
    const current = this.#current;
    if (current === undefined) return;
    this.#options.logger.info({ reason, milliseconds }, 'The control plane asks to be called again later');
    this.#leave(current);
    // It may ask for any time, and again each time that it is called.
    const shortest = this.#options.timings?.reconnectBaseMs ?? RECONNECT_BASE_MS;
    const asked = Math.max(Math.min(milliseconds, DRAIN_RECONNECT_LONGEST_MS), shortest);
    this.#retryAfter(asked * (1 + this.#options.random()));
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#cancelRetry();
    const current = this.#current;
    if (current === undefined) return;
    await new Promise<void>((resolve) => {
      const cancel = this.#options.timers.after(GOODBYE_MS, resolve);
      void current.attempt.finish().then(() => {
        cancel();
        resolve();
      });
    });
    this.destroy();
  }

  destroy(): void {
    this.#closed = true;
    this.#cancelRetry();
    if (this.#current !== undefined) this.#leave(this.#current);
  }

  #dial(): void {
    const { timers, timings, random } = this.#options;
    const { transport, onTrial } = this.#choice;
    const dialling = this.#dialling;
    const events = this.#eventsOf(() => current);
    const attempt =
      transport === 'streams'
        ? new StreamAttempt({ dialling, timers, logger: this.#options.logger }, events)
        : new PollAttempt({ dialling, timers, random, ...pollTimings(timings) }, events);
    // Polling works: streams that are tried again are not waited for as long.
    const patienceMs = onTrial ? this.#probeMs() : (timings?.watchdogMs ?? CONNECT_WATCHDOG_MS);
    const current: Current = {
      attempt,
      transport,
      stage: 'before-welcome',
      over: false,
      cancelWatchdog: timers.after(patienceMs, () =>
        this.#lose(current, status.DEADLINE_EXCEEDED, 'it was not reached in time'),
      ),
      cancelOutlook: () => {},
    };
    this.#current = current;
    attempt.begin();
  }

  #eventsOf(current: () => Current): AttemptEvents {
    const { handlers } = this.#options;
    const alive = () => !current().over;
    return {
      opened: () => alive() && handlers.opened(),
      message: (decoded) => alive() && this.#takeMessage(decoded),
      logsOpened: (creditBytes) => alive() && handlers.logsOpened(creditBytes),
      logReply: (reply) => alive() && handlers.logReply(reply),
      logsRoom: () => alive() && handlers.logsRoom(),
      logsClosed: () => alive() && handlers.logsClosed(),
      lost: (code, why) => this.#lose(current(), code, why),
    };
  }

  #takeMessage(decoded: Decoded<ServerMessage>): void {
    if (decoded.kind === 'ok') return this.#options.handlers.message(decoded.message);
    if (decoded.kind === 'unknown-arm') {
      this.#options.logger.warn({}, 'A message of a newer protocol was left out of account');
    } else {
      this.#options.logger.error({ arm: decoded.arm, task: decoded.task, why: decoded.why }, 'A message is not valid');
    }
  }

  #lose(current: Current, code: status, why: string): void {
    if (current.over) return;
    const loss: Loss = { code, why, made: current.attempt.made, stage: current.stage };
    this.#leave(current);
    if (this.#closed) return;
    const before = this.#choice;
    this.#choice = afterLoss(before, loss);
    const { transport, streamsFailed } = this.#choice;
    // Whether the other way is any better is seen first, and then told of.
    if (before.transport === 'streams' && transport === 'polling') return this.#retryAfter(0);
    // It was no better: what is wrong is what was wrong before.
    const gaveUpPolls = before.transport === 'polling' && transport === 'streams' && streamsFailed === null;
    this.#retry(gaveUpPolls ? (before.streamsFailed ?? loss) : loss);
  }

  #retry({ code, why }: Loss): void {
    this.#report(code, why);
    if (!NEEDS_HELP.has(code)) return this.#retryAfter(this.#backoff.next());
    const slowlyMs = this.#options.timings?.credentialRetryMs ?? CREDENTIAL_RETRY_MS;
    const waitMs = slowlyMs * (1 + this.#options.random() / 2);
    if (code !== status.UNAUTHENTICATED) return this.#retryAfter(waitMs);
    void this.#options.credentialRefused().then((renewed) => this.#retryAfter(renewed ? 0 : waitMs));
  }

  /** Ends the attempt without a word about why. */
  #leave(current: Current): void {
    if (current.over) return;
    current.over = true;
    current.cancelWatchdog();
    current.cancelOutlook();
    current.attempt.leave();
    if (this.#current === current) this.#current = undefined;
    this.#options.handlers.logsClosed();
    this.#options.handlers.closed();
  }

  #retryAfter(milliseconds: number): void {
    this.#cancelRetry();
    if (this.#closed) return;
    this.#cancelRetry = this.#options.timers.after(milliseconds, () => this.#dial());
  }

  #probeMs(): number {
    return this.#options.timings?.streamProbeMs ?? STREAM_PROBE_MS;
  }

  /** One line when the way changes, for whoever wonders why. */
  #announce({ transport }: Current): void {
    const { address, logger } = this.#options;
    const { streamsFailed, pollingWorks, untold } = this.#choice;
    if (!untold || transport !== 'polling' || streamsFailed === null) return;
    const fields = { controlPlane: formatAddress(address), why: streamsFailed.why };
    if (pollingWorks) return logger.info(fields, `Streams still do not hold (${streamsFailed.why}); polling goes on`);
    logger.warn(
      fields,
      `Something on the way to the control plane does not let streams live (${streamsFailed.why}): the delegate polls ` +
        'instead, nothing is lost by it, and looks every 10 minutes whether streams hold (OUTRIDER_TRANSPORT)',
    );
  }

  #watchStreams(current: Current): void {
    const { timers, timings, logger } = this.#options;
    current.cancelOutlook = timers.after(timings?.streamHoldsMs ?? STREAM_HOLDS_MS, () => {
      current.stage = 'held';
      if (this.#choice.onTrial) logger.info({}, 'Streams to the control plane hold again; polling has ended');
      this.#choice = held(this.#choice);
    });
  }

  /** Looks now and then whether a stream would live. The session goes on meanwhile, and is moved only if so. */
  #watchForStreams(current: Current): void {
    const { timers, timings, random } = this.#options;
    const waitMs = (timings?.streamRetryMs ?? STREAM_RETRY_MS) * (1 + HEARTBEAT_JITTER * (2 * random() - 1));
    current.cancelOutlook = timers.after(waitMs, () => {
      current.cancelOutlook = probeStreams(this.#dialling, timers, this.#probeMs(), (open) => {
        if (!open) return this.#watchForStreams(current);
        this.#choice = tryStreams(this.#choice);
        this.#leave(current);
        this.#dial();
      });
    });
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

function pollTimings(timings: ConnectionTimings | undefined): { readonly timings?: PollTimings } {
  return timings?.poll === undefined ? {} : { timings: timings.poll };
}
