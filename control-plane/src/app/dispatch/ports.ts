import type { TaskId } from '@outrider/shared/ids.ts';
import type {
  DelegateMessage,
  LogMessage,
  LogReply,
  ServerMessage,
  ServiceCounts,
} from '@outrider/shared/protocol/messages.ts';
import type { ProtocolRange } from '@outrider/shared/protocol/versions.ts';
import type { DelegateView } from '../../domain/fleet/match.ts';
import type { Engine } from '../engine-port.ts';
import type { Logger } from '../logger.ts';
import type { Clock, Randomness, Store } from '../ports.ts';
import type { DispatchTimings } from './timings.ts';

/** What runs when time passes, injected so that tests drive it. */
export interface Timers {
  /** Runs once after the time; answers how to prevent it. */
  after(milliseconds: number, run: () => void): () => void;
}

export interface DispatcherDependencies {
  readonly store: Store;
  readonly engine: Engine;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly randomness: Randomness;
  readonly logger: Logger;
  /** Defaults: shared/src/protocol/timings.ts. Tests shorten them. */
  readonly timings?: Partial<DispatchTimings>;
  /** Versions that are spoken. Default: PROTOCOL_RANGE. Tests of upgrades give another. */
  readonly protocol?: ProtocolRange;
}

/** Brings tasks to delegates and their words back. One in a process; several replicas are a later matter. */
export interface Dispatcher extends DelegateGateway {
  /**
   * Reads the fleet, extends every lease (so that delegates find the time to come back) and begins to offer work. Call it
   * after `engine.recover()` and before delegates are let in.
   */
  start(): Promise<void>;
  /** Ends all sessions and waits for what is being written. Leases stay: delegates go on and find the next process. */
  stop(): Promise<void>;
  /** Every known delegate, connected or not, by name. */
  fleet(): readonly DelegateView[];
  /** The newest counts of a running task; undefined: none came, or it has ended. */
  progressOf(taskId: TaskId): readonly ServiceCounts[] | undefined;
  onProgress(listener: (taskId: TaskId, services: readonly ServiceCounts[]) => void): () => void;
  /** After lines of a task became durable. */
  onLogAppended(listener: (taskId: TaskId, durableOffset: number) => void): () => void;
  /** A delegate that is held back gets no offers; what it runs goes on. False: there is no such delegate. */
  holdBack(delegateName: string, heldBack: boolean): boolean;
  /** Ends the delegate's sessions. Answers how many there were. */
  disconnect(delegateName: string, reason: string): number;
  /**
   * Revokes the credentials of a delegate, ends its sessions and forgets it. What it was at goes on elsewhere when its leases
   * end. With a join token that still counts it may come again.
   */
  removeDelegate(delegateName: string): Promise<'ok' | 'unknown'>;
  /** Looks at once whether the delegate is locked: its sessions end then. Otherwise that is seen with the next tick. */
  lockChanged(delegateName: string): Promise<void>;
}

/** What a transport needs of the dispatcher. Nothing here throws for what a delegate says. */
export interface DelegateGateway {
  /**
   * Greets a delegate. On `ok` the welcome has been sent through the link and the session lives until `closed`. `refused`
   * says why in words for the operator of the delegate.
   */
  open(peer: DelegatePeer, hello: HelloMessage, link: SessionLink): Promise<OpenOutcome>;
  /** Tells every delegate to come back after the time; offers nothing more and greets nobody more. What runs goes on. */
  drain(reconnectAfterMs: number, reason: string): void;
  /** Undefined: there is no such session of this peer. */
  openLogs(peer: DelegatePeer, sessionId: string): LogSession | undefined;
}

export type HelloMessage = Extract<DelegateMessage, { kind: 'hello' }>;

/** Who the transport has found the other side to be. */
export interface DelegatePeer {
  /** Null: nobody proved anything (plaintext on loopback), the name is the one in Hello. */
  readonly delegateName: string | null;
  readonly address: string;
  /** Left out: streams. */
  readonly transport?: 'polling';
  /** The credential that it proved its name with: the same through all its renewals. Left out: with none. */
  readonly credentialId?: string;
}

export type OpenOutcome =
  | { readonly kind: 'ok'; readonly session: DelegateSession }
  | {
      readonly kind: 'refused';
      readonly code: 'protocol-version' | 'not-permitted' | 'not-allowed-now';
      readonly because: string;
    };

export interface SessionLink {
  /** Queues a message. `closed`: the session is over. `too-large`: it was not sent and never can be. Never blocks. */
  send(message: ServerMessage): 'ok' | 'closed' | 'too-large';
  /**
   * Ends the stream; the delegate comes back by itself. `credential`: what it proved its name with is of no use any more,
   * so that it looks for another first.
   */
  close(reason: string, cause?: 'credential'): void;
  /**
   * Of a session that outlives its connections: nobody has been on the other side of late, and soon it ends by itself.
   * Left out: a session ends with its connection.
   */
  gone?(): boolean;
  /** Resolves, within POLL_LOOK_MS, when `gone` can be relied on. */
  look?(): Promise<void>;
}

export interface DelegateSession {
  readonly id: string;
  /** Resolves when the message has been dealt with; the transport reads on while a bounded number of them is open. */
  receive(message: Exclude<DelegateMessage, { kind: 'hello' }>): Promise<void>;
  /** The stream has ended. */
  closed(): void;
}

export interface LogSession {
  /** Resolves after the lines are durable, with what to answer. @throws not-allowed-now when the session is over */
  receive(message: LogMessage): Promise<LogReply>;
}
