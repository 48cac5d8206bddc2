import type { TaskId } from '@outrider/shared/ids.ts';
import type { JsonObject } from '@outrider/shared/json.ts';
import type {
  DelegateMessage,
  ServerMessage,
  ServiceCounts,
  TaskOutcome,
  TaskRef,
} from '@outrider/shared/protocol/messages.ts';
import { HEARTBEAT_MS, LEASE_TTL_MS } from '@outrider/shared/protocol/timings.ts';
import type { ProtocolRange } from '@outrider/shared/protocol/versions.ts';
import type { StopReason } from '../steps/contract.ts';
import type { Instant } from './instant.ts';
import type { JournalRecord, OfferRecord } from './journal-format.ts';
import type { JournalState } from './journal-state.ts';
import type { SpoolSummary } from './log-spool.ts';

/** What the session is made of: session.ts decides over it, agent.ts does what is decided. */

export interface SessionState {
  readonly identity: DelegateIdentity;
  readonly link: 'down' | 'greeting' | 'open';
  /** SIGTERM came: no offers are taken, and what can go elsewhere is handed back. */
  readonly draining: boolean;
  readonly leaseTtlMs: number;
  readonly heartbeatMs: number;
  /** What the control plane's clock is ahead of ours. */
  readonly serverAheadMs: number;
  readonly heartbeatSequence: number;
  /** Sent and not answered, oldest first. */
  readonly heartbeats: readonly { readonly sequence: number; readonly sentAt: Instant }[];
  readonly tasks: ReadonlyMap<TaskId, HeldTask>;
  /** What of each task waited for an answer when the last heartbeat was due. */
  readonly unanswered: ReadonlyMap<TaskId, string>;
  /** Results that were acknowledged, kept for a control plane that may have lost them: newest last. */
  readonly retained: ReadonlyMap<TaskId, RetainedResult>;
}

export interface DelegateIdentity {
  readonly delegateName: string;
  /** Random per start of the process. */
  readonly instanceId: string;
  readonly version: string;
  readonly tags: readonly string[];
  readonly stepTypes: readonly string[];
  readonly slots: number;
  readonly region: string;
  /** Types that another delegate may go on with. */
  readonly repeatableTypes: readonly string[];
  /** What it speaks. Default: PROTOCOL_RANGE. */
  readonly protocol?: ProtocolRange;
}

export interface HeldTask {
  readonly offer: OfferRecord;
  readonly facts: JsonObject;
  readonly checkpointSequence: number;
  /** Checkpoints that were not acknowledged, oldest first. */
  readonly pending: readonly { readonly sequence: number; readonly facts: JsonObject }[];
  readonly stage: Stage;
}

export type Stage =
  /** Accepted; nothing has been done, and nothing may be before the lease comes. Null: not accepted on this stream. */
  | { readonly kind: 'accepting'; readonly sentAt: Instant | null }
  /** Begun before and standing still: after a restart, or since the lease could not be shown to hold. */
  | { readonly kind: 'waiting' }
  | { readonly kind: 'running'; readonly order: StopOrder | null }
  /** Lost to somebody else while its work is still ending. `next`: it was offered again meanwhile. */
  | { readonly kind: 'abandoned'; readonly next: { readonly offer: OfferRecord; readonly offeredAt: Instant } | null }
  /** Done; the result is sent each time the control plane is found to have the whole log. */
  | { readonly kind: 'finished'; readonly outcome: TaskOutcome }
  /** Stopped half way because this delegate drains; `ready` once the control plane has the whole log. */
  | { readonly kind: 'handing-back'; readonly ready: boolean };

export interface StopOrder {
  readonly reason: StopReason;
  /** Who asked: the control plane, or this delegate itself. */
  readonly by: 'control-plane' | 'delegate';
  readonly message: string;
}

export interface RetainedResult extends TaskRef {
  readonly outcome: TaskOutcome;
}

export type WorkEnd =
  | { readonly kind: 'outcome'; readonly outcome: TaskOutcome }
  | { readonly kind: 'stopped'; readonly reason: StopReason; readonly message: string };

export type SessionInput =
  /** The Control stream is open. `logEnds`: ends of the logs that are written here. */
  | { readonly kind: 'connected'; readonly logEnds: ReadonlyMap<TaskId, number> }
  | { readonly kind: 'disconnected' }
  /** `mayTakeWork` false: there is no room to remember more. */
  | { readonly kind: 'received'; readonly message: ServerMessage; readonly at: Instant; readonly mayTakeWork: boolean }
  | { readonly kind: 'heartbeat-due'; readonly at: Instant }
  /** Somebody waits for a renewal ahead of its time. */
  | { readonly kind: 'renewal-wanted'; readonly at: Instant }
  | ({ readonly kind: 'checkpoint'; readonly sequence: number; readonly facts: JsonObject } & TaskRef)
  | ({ readonly kind: 'counts'; readonly services: readonly ServiceCounts[] } & TaskRef)
  /** The run has ended and its last line is in the spool. */
  | ({ readonly kind: 'work-ended'; readonly end: WorkEnd } & TaskRef)
  /** The control plane has the whole log. */
  | ({ readonly kind: 'log-settled'; readonly log: SpoolSummary } & TaskRef)
  | ({ readonly kind: 'log-refused'; readonly because: string } & TaskRef)
  /** A message about the task cannot be sent: it is too large. */
  | ({ readonly kind: 'unsendable'; readonly what: 'checkpoint' | 'result' | 'other'; readonly why: string } & TaskRef)
  | { readonly kind: 'drain'; readonly reason: string };

/** Performed in their order; what stands behind a `journal` waits until the record is on the disk. */
export type SessionOutput =
  | { readonly kind: 'journal'; readonly record: JournalRecord }
  | { readonly kind: 'send'; readonly message: DelegateMessage }
  | { readonly kind: 'set-terms'; readonly leaseTtlMs: number; readonly heartbeatMs: number }
  | { readonly kind: 'open-logs'; readonly sessionId: string }
  | { readonly kind: 'arm-heartbeat' }
  /** Changes of AWS are allowed for a share of the lease from this moment on. */
  | { readonly kind: 'lease'; readonly taskId: TaskId; readonly sentAt: Instant }
  | { readonly kind: 'lease-over'; readonly taskId: TaskId }
  | ({ readonly kind: 'resume-log'; readonly offset: number; readonly began: boolean } & TaskRef)
  /** A line of ours at the end of the task's log. */
  | ({ readonly kind: 'say'; readonly text: string } & TaskRef)
  | ({ readonly kind: 'settle-log' } & TaskRef)
  | {
      readonly kind: 'start';
      readonly offer: OfferRecord;
      readonly facts: JsonObject;
      readonly checkpointSequence: number;
      /** By our own clock. */
      readonly deadlineMs: number;
    }
  | ({ readonly kind: 'stop'; readonly reason: StopReason } & TaskRef)
  | ({ readonly kind: 'checkpoint-committed'; readonly sequence: number } & TaskRef)
  | ({ readonly kind: 'checkpoint-failed'; readonly sequence: number; readonly why: string } & TaskRef)
  /** Its spool goes, and nothing of it is of interest any more. */
  | ({ readonly kind: 'forget' } & TaskRef)
  | { readonly kind: 'drop-connection'; readonly reason: string }
  | { readonly kind: 'reconnect-after'; readonly milliseconds: number; readonly reason: string }
  | {
      readonly kind: 'note';
      readonly level: 'info' | 'warn' | 'error';
      readonly fields: object;
      readonly message: string;
    }
  /** Draining is done: nothing is held any more. */
  | { readonly kind: 'drained' };

export interface Decision {
  readonly state: SessionState;
  readonly outputs: readonly SessionOutput[];
}

/** How a session begins: with what the journal of an earlier process knows. */
export function initialState(identity: DelegateIdentity, journal: JournalState): SessionState {
  const tasks = new Map<TaskId, HeldTask>();
  const retained = new Map<TaskId, RetainedResult>();
  for (const [taskId, task] of journal) {
    const { offer, facts, checkpointSequence, pending, outcome } = task;
    if (outcome !== null && task.acknowledgedAtMs !== null) {
      retained.set(taskId, { taskId, epoch: offer.epoch, outcome });
      continue;
    }
    const stage: Stage =
      outcome !== null
        ? { kind: 'finished', outcome }
        : task.started
          ? { kind: 'waiting' }
          : { kind: 'accepting', sentAt: null };
    tasks.set(taskId, { offer, facts, checkpointSequence, pending, stage });
  }
  return {
    identity,
    link: 'down',
    draining: false,
    leaseTtlMs: LEASE_TTL_MS,
    heartbeatMs: HEARTBEAT_MS,
    serverAheadMs: 0,
    heartbeatSequence: 0,
    heartbeats: [],
    tasks,
    unanswered: new Map(),
    retained,
  };
}
