import type { RecordedEvent } from '@outrider/control-plane/domain/execution/events.ts';
import type { JsonObject } from '@outrider/shared/json.ts';
import type { ResultStatus, TaskRef } from '@outrider/shared/protocol/messages.ts';

/**
 * The seams of the deterministic simulation. A **script** says what happens in one history and when; a **plant** is the system
 * under it (control plane core, delegates, simulated AWS, the network between them, operators and watchers) on one virtual clock;
 * a **record** is all that is known about the history afterwards, and what the invariants are checked on. All three are data or
 * decided by data: the same script gives the same record, byte for byte.
 */

// ------------------------------------------------------------------------------------------------ script

/** Times are milliseconds of virtual time since the beginning of the history. */
export interface Script {
  /** Decides everything that the script does not name: latencies, ids, the order of simultaneous events. */
  readonly seed: number;
  /** Names; the protocol versions each process speaks at first. */
  readonly delegates: readonly { readonly name: string; readonly versions: VersionRange }[];
  readonly controlPlaneVersions: VersionRange;
  /** What operators do. */
  readonly requests: readonly OperatorRequest[];
  /** What goes wrong. Shrinking leaves some of them out. */
  readonly faults: readonly Fault[];
  /** From here on nothing goes wrong any more: every fault has ended, every process is up. */
  readonly calmFromMs: number;
  /** Everything must have ended by then. */
  readonly limitMs: number;
}

export interface VersionRange {
  readonly min: number;
  readonly max: number;
}

/** A request is sent again with the same key until it is answered, as the CLI does. */
export type OperatorRequest =
  | {
      readonly kind: 'run';
      readonly atMs: number;
      readonly key: string;
      readonly workflow: SampleWorkflow;
      readonly image: string;
    }
  /** Of the execution that the request `key` started. */
  | { readonly kind: 'abort'; readonly atMs: number; readonly key: string; readonly rollback: boolean }
  | { readonly kind: 'rollback'; readonly atMs: number; readonly key: string };

/** Small workflows of the sample world, each on a service of its own: see the plant's samples. */
export type SampleWorkflow = 'replica-canary' | 'fargate-canary' | 'rolling-canary' | 'daemon';

/** Times: `atMs` when it begins, `forMs` how long it lasts. `delegate` is an index into `Script.delegates`. */
export type Fault =
  // ---- messages between one delegate and the control plane (each way on its own)
  | MessageFault
  /** Nothing gets through in this direction (or both); the streams stay open as far as the two sides can tell. */
  | {
      readonly kind: 'partition';
      readonly atMs: number;
      readonly forMs: number;
      readonly delegate: number;
      readonly direction: Direction | 'both';
    }
  /** The connection breaks; what is under way is lost. `logs`: only that stream. */
  | { readonly kind: 'reset'; readonly atMs: number; readonly delegate: number; readonly stream: 'connection' | 'logs' }
  // ---- processes
  /** kill -9, and a new process with the same directory later. `loseDisk`: with an empty one. */
  | {
      readonly kind: 'crash-delegate';
      readonly atMs: number;
      readonly delegate: number;
      readonly backAfterMs: number;
      readonly loseDisk: boolean;
    }
  /** kill -9 at the n-th effect of this kind from `atMs` on, just before or just after it. */
  | {
      readonly kind: 'crash-delegate-at';
      readonly atMs: number;
      readonly delegate: number;
      readonly effect: DelegateEffect;
      readonly nth: number;
      readonly moment: 'before' | 'after';
      readonly backAfterMs: number;
    }
  /** SIGTERM: it drains, ends, and a new process comes. `versions`: that speaks these. */
  | {
      readonly kind: 'replace-delegate';
      readonly atMs: number;
      readonly delegate: number;
      readonly backAfterMs: number;
      readonly versions?: VersionRange;
    }
  /** SIGSTOP / a suspended machine. `monotonicStops`: its monotonic clock stands still as well. */
  | {
      readonly kind: 'freeze-delegate';
      readonly atMs: number;
      readonly forMs: number;
      readonly delegate: number;
      readonly monotonicStops: boolean;
    }
  | {
      readonly kind: 'jump-clock';
      readonly atMs: number;
      readonly host: number | 'control-plane';
      readonly byMs: number;
    }
  /** A second process with a copy of the delegate's directory, for a while. */
  | { readonly kind: 'clone-delegate'; readonly atMs: number; readonly forMs: number; readonly delegate: number }
  | { readonly kind: 'crash-control-plane'; readonly atMs: number; readonly backAfterMs: number }
  | {
      readonly kind: 'crash-control-plane-at';
      readonly atMs: number;
      readonly operation: string;
      readonly nth: number;
      readonly moment: 'before' | 'after';
      readonly backAfterMs: number;
    }
  /** Drained and replaced, perhaps by another version. */
  | {
      readonly kind: 'replace-control-plane';
      readonly atMs: number;
      readonly backAfterMs: number;
      readonly versions?: VersionRange;
    }
  | { readonly kind: 'freeze-control-plane'; readonly atMs: number; readonly forMs: number }
  // ---- the store
  /** Operations fail without effect, fail after their effect, or are slow. */
  | {
      readonly kind: 'store-fault';
      readonly atMs: number;
      readonly forMs: number;
      readonly how: 'refused' | 'done-but-failed' | 'slow';
      readonly probability: number;
    }
  /** The control plane dies; the store comes back as it was `backMs` earlier, restored as the restore command does. */
  | { readonly kind: 'roll-back-store'; readonly atMs: number; readonly backMs: number; readonly backAfterMs: number }
  // ---- AWS
  | {
      readonly kind: 'aws-fault';
      readonly atMs: number;
      readonly forMs: number;
      readonly how: 'throttled' | 'server-error' | 'response-lost' | 'slow';
      readonly probability: number;
    }
  /** Images cannot be pulled: deployments fail and are rolled back. */
  | { readonly kind: 'image-pull-fails'; readonly atMs: number; readonly forMs: number };

export interface MessageFault {
  readonly kind: 'messages';
  readonly atMs: number;
  readonly forMs: number;
  readonly delegate: number;
  readonly direction: Direction;
  readonly how: 'drop' | 'double' | 'delay' | 'reorder';
  readonly probability: number;
}

export type Direction = 'to-control-plane' | 'to-delegate';
/** Places at which a delegate may be killed. */
export type DelegateEffect = 'journal-append' | 'aws-mutation' | 'aws-read' | 'send' | 'spool-write';
export type FaultKind = Fault['kind'];

// ------------------------------------------------------------------------------------------------ record

/** Everything that happened, in order, at virtual times. Kinds are closed, so that coverage can be asserted. */
export interface TraceEvent {
  readonly atMs: number;
  /** Such as `store:commit`, `message:offer`, `aws:UpdateService`, `fault:partition`, `event:step-succeeded`, `process:delegate-started`. */
  readonly kind: string;
  readonly host: string;
  readonly detail: string;
}

/** One change of simulated AWS that took effect. */
export interface MutationEntry extends TaskRef {
  readonly atMs: number;
  readonly host: string;
  readonly action: string;
  /** What was changed: a service, a task definition family, a target group, a scalable target. */
  readonly resource: string;
  /** The same for two requests that mean the same: action, resource and what is asked for. */
  readonly logical: string;
  /** False: the world was like that already. */
  readonly changed: boolean;
  /** When the request left its host; `atMs` is when it took effect. */
  readonly sentAtMs: number;
  /** Whether the process that asked was still alive when it took effect. */
  readonly hostAlive: boolean;
}

/** What one process said to the outside about work that it holds, for the lease invariant. */
export interface HolderSpan extends TaskRef {
  readonly host: string;
  readonly instanceId: string;
  /** It believed to be allowed to change AWS from … to …, as it asked for permission or waited for something. */
  readonly fromMs: number;
  readonly untilMs: number;
}

/** The log that steps produced, line by line and encoded, as the delegate's spool was given it, before anything could lose it. */
export interface ProducedLine extends TaskRef {
  readonly atMs: number;
  readonly host: string;
  readonly text: string;
  /** False: the process was killed in the same instant; the line may be lost. */
  readonly inSpool: boolean;
}

export interface OperatorAnswer {
  readonly request: OperatorRequest;
  readonly executionId: string;
  readonly atMs: number;
}

export interface WatchedEvent {
  readonly watcher: string;
  readonly executionId: string;
  readonly seq: number;
  readonly type: string;
}

/** What else the invariants are checked on: promises, and who was given what. `HistoryRecord` has all of it. */
export interface HistoryEvidence {
  /** What the control plane told a delegate that it has, at the moment at which it said so; in order. */
  readonly acknowledgements: readonly Acknowledgement[];
  /** Each time the store let an instance have, keep or lose a task; in order. */
  readonly grants: readonly LeaseGrant[];
  /** Facts that steps asked to have saved before they went on; in order. */
  readonly checkpoints: readonly MadeCheckpoint[];
  /** Events as they were given to the store, in the order in which it took them. */
  readonly committed: readonly CommittedEvents[];
  /** Lines of level `error` (and above) that any process logged. */
  readonly errors: readonly LoggedError[];
  /** Indexes into `Script.faults` of those that really changed something: a message was dropped, a call failed, a process died. */
  readonly faultsInEffect: readonly number[];
  /** Events of the scheduler. */
  readonly steps: number;
}

export type Acknowledgement = TaskRef & { readonly atMs: number } & (
    | { readonly kind: 'lease' }
    | { readonly kind: 'checkpoint'; readonly sequence: number; readonly facts: JsonObject }
    /** `outcome`: of the result that was acknowledged. */
    | { readonly kind: 'result'; readonly status: ResultStatus; readonly outcome: 'succeeded' | 'failed' | 'stopped' }
    | { readonly kind: 'log'; readonly durableOffset: number }
  );

export interface LeaseGrant extends TaskRef {
  readonly atMs: number;
  readonly kind:
    | 'offered'
    | 'returned'
    | 'accepted'
    | 'renewed'
    | 'reattached'
    | 'checkpointed'
    | 'released'
    /** Its holder's result was taken. */
    | 'ended'
    /** The control plane ended it by itself; the epoch is the task's at that moment. */
    | 'withdrawn'
    | 'logged';
  /** Null where the operation does not name one. */
  readonly instanceId: string | null;
  /** Of `logged`: where the log ends then. */
  readonly durableOffset?: number;
}

export interface MadeCheckpoint extends TaskRef {
  readonly atMs: number;
  readonly host: string;
  readonly facts: JsonObject;
}

export interface CommittedEvents {
  readonly atMs: number;
  readonly executionId: string;
  readonly events: readonly RecordedEvent[];
}

export interface LoggedError {
  readonly atMs: number;
  readonly host: string;
  readonly message: string;
  readonly detail: string;
}
