import type { Failure } from '../errors.ts';
import type { TaskId } from '../ids.ts';
import type { JsonObject } from '../json.ts';

/**
 * The messages between delegate and control plane as the rest of the code sees them: tagged unions, times as
 * milliseconds since 1970, epochs and offsets as safe integers. Only codec.ts knows their protobuf form.
 */

export interface TaskRef {
  readonly taskId: TaskId;
  /** Raised in the store with each offer; a message with an older one is refused. */
  readonly epoch: number;
}

export type TaskPhase = 'accepted' | 'running' | 'finished';

export interface InventoryItem extends TaskRef {
  readonly phase: TaskPhase;
  readonly logOffset: number;
  /** Empty unless `finished`. */
  readonly resultSha256: string;
  /** Of the newest facts that it has; left out: an older delegate does not say. */
  readonly checkpointSequence?: number;
}

export interface ServiceCounts {
  readonly service: string;
  readonly role: 'new' | 'old';
  readonly desired: number;
  readonly running: number;
  readonly pending: number;
}

export type TaskOutcome =
  | { readonly outcome: 'succeeded'; readonly output: JsonObject }
  | { readonly outcome: 'failed'; readonly failure: Failure }
  /** Stopped because the control plane asked: no mutation follows. */
  | { readonly outcome: 'stopped'; readonly message: string };

export interface TaskResult extends TaskRef {
  readonly result: TaskOutcome;
  /** End of the attempt's log. */
  readonly logBytes: number;
  /** SHA-256 (hex) of the bytes from `logFrom` to `logBytes`: the part that this holder wrote. */
  readonly logSha256: string;
  readonly logFrom: number;
}

/** Delegate → control plane, on Control. */
export type DelegateMessage =
  | {
      readonly kind: 'hello';
      readonly delegateName: string;
      readonly instanceId: string;
      readonly protocolMin: number;
      readonly protocolMax: number;
      readonly version: string;
      readonly tags: readonly string[];
      readonly stepTypes: readonly string[];
      readonly slots: number;
      readonly inventory: readonly InventoryItem[];
      readonly region: string;
    }
  | ({ readonly kind: 'accept' } & TaskRef)
  /** Declines an offer, or hands back work that has stopped (`draining`). */
  | ({ readonly kind: 'reject'; readonly code: string; readonly message: string } & TaskRef)
  | {
      readonly kind: 'heartbeat';
      readonly sequence: number;
      readonly running: readonly TaskRef[];
      readonly slotsFree: number;
    }
  | ({ readonly kind: 'checkpoint'; readonly sequence: number; readonly facts: JsonObject } & TaskRef)
  | ({ readonly kind: 'progress'; readonly services: readonly ServiceCounts[] } & TaskRef)
  | ({ readonly kind: 'result' } & TaskResult)
  | { readonly kind: 'draining'; readonly reason: string };

export type DirectiveAction = 'keep' | 'stop' | 'resend-result';
export interface Directive extends TaskRef {
  readonly action: DirectiveAction;
  readonly logOffset: number;
}

export type RefusalCode = 'stale-epoch' | 'unknown-task' | 'task-ended' | 'invalid';
export type CancelReason = 'aborted' | 'timed-out' | 'rolling-back';
export type ResultStatus = 'committed' | 'duplicate' | 'stale' | 'log-incomplete';

/** Control plane → delegate, on Control. */
export type ServerMessage =
  | {
      readonly kind: 'welcome';
      readonly sessionId: string;
      readonly protocol: number;
      readonly leaseTtlMs: number;
      readonly heartbeatMs: number;
      readonly serverTimeMs: number;
      readonly directives: readonly Directive[];
    }
  | ({
      readonly kind: 'offer';
      readonly task: JsonObject;
      readonly deadlineMs: number;
      readonly facts: JsonObject;
      readonly logOffset: number;
      readonly acceptWithinMs: number;
      readonly checkpointSequence: number;
      /** When it was sent, by the clock that the deadline goes by; null: an older control plane does not say. */
      readonly serverTimeMs: number | null;
    } & TaskRef)
  | ({ readonly kind: 'lease'; readonly ttlMs: number } & TaskRef)
  | ({
      readonly kind: 'refused';
      readonly code: RefusalCode;
      readonly what: 'accept' | 'checkpoint' | 'result';
      readonly message: string;
    } & TaskRef)
  | {
      readonly kind: 'heartbeat-ack';
      readonly sequence: number;
      readonly extended: readonly TaskRef[];
      readonly lost: readonly TaskRef[];
    }
  | ({ readonly kind: 'cancel'; readonly reason: CancelReason; readonly message: string } & TaskRef)
  | ({ readonly kind: 'checkpoint-ack'; readonly sequence: number } & TaskRef)
  | ({ readonly kind: 'result-ack'; readonly status: ResultStatus; readonly logOffset: number } & TaskRef)
  | { readonly kind: 'drain'; readonly reconnectAfterMs: number; readonly reason: string };

/** Delegate → control plane, on Logs. */
export type LogMessage =
  | ({ readonly kind: 'batch'; readonly offset: number; readonly data: Uint8Array } & TaskRef)
  | ({
      readonly kind: 'gap';
      readonly offset: number;
      readonly droppedLines: number;
      readonly droppedBytes: number;
      readonly atMs: number;
    } & TaskRef);

/** Control plane → delegate, on Logs. */
export type LogReply =
  | { readonly kind: 'opened'; readonly maxUnacknowledgedBytes: number }
  | ({ readonly kind: 'ack'; readonly durableOffset: number } & TaskRef)
  | ({
      readonly kind: 'refused';
      readonly code: RefusalCode;
      readonly durableOffset: number;
      readonly message: string;
    } & TaskRef);

/** Delegate → control plane, one call of Poll. Its messages are in their wire form: each is read, and refused, by itself. */
export interface PollRequest {
  /** Empty in the first request of a session. */
  readonly sessionId: string;
  /** 0 with Hello, then 1, 2, 3 and so on. */
  readonly sequence: number;
  readonly control: readonly Buffer[];
  readonly logs: readonly Buffer[];
  /** The delegate goes when this has been dealt with. */
  readonly last: boolean;
}

/** Control plane → delegate: the answer to the request with the same sequence. */
export interface PollResponse {
  readonly sessionId: string;
  readonly sequence: number;
  readonly control: readonly Buffer[];
  readonly logs: readonly Buffer[];
}

export interface JoinRequest {
  readonly joinToken: string;
  readonly delegateName: string;
  readonly instanceId: string;
  readonly version: string;
  /** SHA-256 (hex) of the secret that the delegate made for itself; empty: the control plane makes it (protocol 1). */
  readonly secretSha256: string;
}
export interface JoinResponse {
  /** Empty when the delegate made the secret: `credentialId` then says the rest. */
  readonly credential: string;
  readonly credentialId: string;
  readonly expiresAtMs: number;
  readonly delegateName: string;
}

/** The credential to renew travels beside it, as with every call. */
export interface RenewRequest {
  /** SHA-256 (hex) of the next secret. It names the request: repeated, it gets the same answer. */
  readonly nextSecretSha256: string;
  readonly instanceId: string;
}
export interface RenewResponse {
  /** 1 with the join, one more with each renewal. */
  readonly generation: number;
  readonly expiresAtMs: number;
}
