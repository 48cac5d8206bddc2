import type { Failure } from '@outrider/shared/errors.ts';
import type { ExecutionId, StepId, TaskId } from '@outrider/shared/ids.ts';
import type { Json, JsonObject } from '@outrider/shared/json.ts';
import type { CancelReason, TaskRef } from '@outrider/shared/protocol/messages.ts';
import type { StepTask } from '@outrider/shared/steps/task.ts';
import type { Effect, RecordedEvent } from '../domain/execution/events.ts';
import type { Generations, RetiredGeneration } from '../domain/fleet/credential.ts';
import type { TriggerStore } from './triggers/ports.ts';
import type { WebhookStore } from './webhooks/ports.ts';

/** Time and chance, injected so that tests and simulations decide them. */
export interface Clock {
  /** Milliseconds since 1970. */
  now(): number;
  /** Milliseconds that have passed since some moment, whatever `now` was set to meanwhile. */
  monotonic?(): number;
}
export interface Randomness {
  bytes(count: number): Uint8Array;
}

/**
 * The operations that the control plane needs of its store. Not queries: each is one serialisable transaction with a
 * typed outcome, and returns only after the change is durable. Every implementation gives identical answers to the same
 * operations (test/contracts/store). A throw is an OutriderError `store-failed` or `store-locked`; after `store-failed` the caller does
 * not know whether the change happened and must look. Every operation may be called again with the same input.
 */
export interface Store
  extends ResourceStore,
    ExecutionStore,
    TaskStore,
    LogStore,
    FleetStore,
    KeyStore,
    WebhookStore,
    TriggerStore {
  /** Finishes what was begun and releases the file. */
  close(): Promise<void>;
  /** Writes and reads back a row: for /readyz. */
  check(): Promise<void>;
}

/** Makes copies of a store that goes on working meanwhile. */
export interface BackupSource {
  /**
   * A whole store as it was at one moment after the call, checked. It takes room on the disk beside the store until it is
   * discarded. One at a time: `overloaded`. @throws store-failed when there is no room, or the store is not healthy
   */
  makeBackup(): Promise<StoreBackup>;
}
export interface StoreBackup extends StoreFacts {
  readonly bytes: number;
  /** Hex. */
  readonly sha256: string;
  /** Reads it from its beginning, once. */
  content(): AsyncIterable<Uint8Array>;
  /** Gives its room back. May be called again. */
  discard(): Promise<void>;
}
/** What a store file holds, for the person who keeps it. */
export interface StoreFacts {
  readonly executions: number;
  /** Tasks that are queued or at a delegate. */
  readonly livingTasks: number;
  /** How often it was restored. */
  readonly generation: number;
}

// ------------------------------------------------------------------------------------------------ resources

export type ResourceKind = 'Service' | 'Environment' | 'Infrastructure' | 'Workflow';
export interface ResourceRef {
  readonly kind: ResourceKind;
  readonly application: string;
  readonly name: string;
}
export interface StoredResource extends ResourceRef {
  /** Counts from 1; kept for ever. Also the ETag. */
  readonly version: number;
  /** The whole parsed resource: apiVersion, kind, metadata, spec. */
  readonly document: JsonObject;
  readonly updatedAtMs: number;
  readonly updatedBy: string;
}

export interface ResourceStore {
  /**
   * All or nothing. An unchanged document makes no new version (`changed: false`). `ifVersion`: 0 means "must not
   * exist", a number "must be at this version", undefined "whatever is there".
   */
  putResources(
    puts: readonly (ResourceRef & { readonly document: JsonObject; readonly ifVersion?: number })[],
    by: string,
    atMs: number,
  ): Promise<
    | { readonly kind: 'ok'; readonly results: readonly (ResourceRef & { version: number; changed: boolean })[] }
    | { readonly kind: 'conflict'; readonly current: ResourceRef & { version: number } }
  >;
  getResource(ref: ResourceRef, version?: number): Promise<StoredResource | undefined>;
  /** Sorted by application and name. `after` is the last one of the page before. */
  listResources(
    kind: ResourceKind,
    options: { readonly application?: string; readonly after?: ResourceRef; readonly limit: number },
  ): Promise<readonly StoredResource[]>;
  /** Versions stay readable by number. */
  deleteResource(
    ref: ResourceRef,
    ifVersion?: number,
  ): Promise<{ readonly kind: 'ok' } | { readonly kind: 'not-found' } | { readonly kind: 'conflict'; version: number }>;
}

// ------------------------------------------------------------------------------------------------ executions

/** The projection that lists and filters read; written with the events it was folded from. */
export interface ExecutionSummary {
  readonly id: ExecutionId;
  readonly application: string;
  readonly workflow: string;
  readonly status: string;
  readonly rollback: string;
  readonly currentPhase: string | null;
  readonly startedAtMs: number;
  readonly endedAtMs: number | null;
  readonly startedBy: string;
  readonly reason: string;
  /** `SERVICE@INFRASTRUCTURE` of every phase: one execution at a time for each (place.ts). */
  readonly resourceKeys: readonly string[];
  readonly failure: Failure | null;
  readonly artifacts: Readonly<Record<string, string>>;
  readonly variables: Readonly<Record<string, Json>>;
}

export interface EffectRow {
  /** `EXECUTION/SEQ/INDEX`: performing the same row twice must be harmless. */
  readonly id: string;
  readonly executionId: ExecutionId;
  readonly effect: Effect;
}

/** What the events say about a task row, applied in the same transaction and only if the fence holds. */
export type TaskChange =
  /** offered → leased. Repeated by the same instance: `duplicate`. */
  | ({ readonly kind: 'accepted'; readonly instanceId: string; readonly leaseUntilMs: number } & TaskRef)
  /** leased; `facts` are merged by key; a sequence that is not above the stored one: `duplicate`. */
  | ({ readonly kind: 'checkpointed'; readonly sequence: number; readonly facts: JsonObject } & HolderRef)
  /** leased → ended. Repeated with the same digest: `duplicate`; with another: `stale`. */
  | ({ readonly kind: 'ended'; readonly resultSha256: string } & HolderRef)
  /** leased → queued: the attempt goes on under a later epoch. Repeated: `duplicate`. */
  | ({ readonly kind: 'released'; readonly notBeforeMs: number } & TakenAway & TaskRef)
  /** Any living state → ended, decided by the control plane (never accepted, undeliverable, abandoned). */
  | ({ readonly kind: 'withdrawn'; readonly taskId: TaskId } & TakenAway);

export interface TakenAway {
  readonly seen?: TaskSeen;
  /** Whole lines for the end of its log. Its holder adds nothing behind them. */
  readonly lastWords?: Uint8Array;
}

/** `instanceId` given: `stale` unless this instance has the lease. An earlier instance of the same delegate has not. */
export type HolderRef = TaskRef & { readonly instanceId?: string };

/**
 * The row that the control plane has decided on: `stale` if it has moved on since then, with a renewal at another replica
 * say. `leaseUntilMs` left out: renewals do not matter.
 */
export type TaskSeen = Pick<TaskRow, 'state' | 'epoch' | 'instanceId'> & { readonly leaseUntilMs?: number | null };

export interface CommitInput {
  readonly executionId: ExecutionId;
  /** Last seq the decision was made on; 0 for a new execution. */
  readonly expectedSeq: number;
  readonly events: readonly RecordedEvent[];
  readonly effects: readonly EffectRow[];
  readonly summary: ExecutionSummary;
  readonly task?: TaskChange;
  /** For a new execution: the answer to a repeated request. */
  readonly idempotency?: IdempotencyKey;
}
export interface IdempotencyKey {
  /** Who asked: keys of different callers never meet. */
  readonly scope: string;
  readonly key: string;
  /** SHA-256 of the request. */
  readonly requestDigest: string;
  readonly atMs: number;
}
export type CommitOutcome =
  | { readonly kind: 'ok' }
  /** Somebody else appended first: load again and decide again. */
  | { readonly kind: 'conflict'; readonly seq: number }
  | { readonly kind: 'stale'; readonly epoch: number }
  | { readonly kind: 'duplicate' }
  | { readonly kind: 'unknown-task' }
  /** The idempotency key was used: for this execution. */
  | { readonly kind: 'replayed'; readonly executionId: ExecutionId; readonly sameRequest: boolean };

export interface ExecutionStore {
  commit(input: CommitInput): Promise<CommitOutcome>;
  /** Events after `afterSeq` in order, at most `limit` (≤ 10 000). */
  readEvents(id: ExecutionId, afterSeq: number, limit: number): Promise<readonly RecordedEvent[]>;
  getSummary(id: ExecutionId): Promise<ExecutionSummary | undefined>;
  /** Newest first. `before` is the id of the last one of the page before. */
  listSummaries(options: {
    readonly statuses?: readonly string[];
    readonly application?: string;
    readonly workflow?: string;
    readonly before?: ExecutionId;
    readonly limit: number;
  }): Promise<readonly ExecutionSummary[]>;
  /** Oldest first; of one execution or of all. */
  pendingEffects(limit: number, executionId?: ExecutionId): Promise<readonly EffectRow[]>;
  effectDone(id: string): Promise<void>;
  /** The execution an idempotency key stands for; keys are forgotten after 24 h, counted to `atMs`. */
  findIdempotent(
    scope: string,
    key: string,
    atMs: number,
  ): Promise<{ readonly executionId: ExecutionId; readonly requestDigest: string } | undefined>;
  /** Checks the hash chain of the history from its beginning to the last event that was committed. */
  verifyHistory(id: ExecutionId): Promise<HistoryVerdict>;
}

/** `broken`: the event of this seq is the first that is missing or not as it was committed. */
export type HistoryVerdict =
  | { readonly kind: 'ok'; readonly events: number }
  | { readonly kind: 'broken'; readonly seq: number };

// ------------------------------------------------------------------------------------------------ tasks and leases

/** queued → offered → leased → ended; back to queued when an offer or a lease ends. */
export type TaskState = 'queued' | 'offered' | 'leased' | 'ended';
export interface TaskRow {
  readonly taskId: TaskId;
  readonly executionId: ExecutionId;
  readonly stepId: StepId;
  readonly attempt: number;
  readonly stepType: string;
  readonly selectors: readonly string[];
  readonly repeatable: boolean;
  readonly task: StepTask;
  readonly state: TaskState;
  /** Only ever raised, with each offer and with each restore from a backup: see domain/fleet/epochs.ts. */
  readonly epoch: number;
  /** Name of the delegate that has, or last had, the offer or lease. */
  readonly delegate: string | null;
  readonly instanceId: string | null;
  readonly offerUntilMs: number | null;
  readonly leaseUntilMs: number | null;
  /** Not offered before this. */
  readonly notBeforeMs: number;
  readonly queuedAtMs: number;
  /** Offers that ended without an accept. */
  readonly deliveries: number;
  readonly timeoutSeconds: number;
  /** Absolute; set with the first offer. */
  readonly deadlineMs: number | null;
  readonly facts: JsonObject;
  readonly checkpointSequence: number;
  readonly cancel: { readonly reason: CancelReason; readonly message: string } | null;
  readonly logBytes: number;
  readonly resultSha256: string | null;
}

export interface TaskStore {
  /** Repeatable: a task that is there already stays as it is. */
  enqueueTask(task: {
    readonly task: StepTask;
    readonly selectors: readonly string[];
    readonly repeatable: boolean;
    readonly timeoutSeconds: number;
    readonly notBeforeMs: number;
    readonly atMs: number;
  }): Promise<void>;
  getTask(taskId: TaskId): Promise<TaskRow | undefined>;
  /** All that are not ended, oldest first. */
  livingTasks(): Promise<readonly TaskRow[]>;
  /** queued and not cancelled → offered under the next epoch; sets the deadline with the first offer. */
  offerTask(
    taskId: TaskId,
    to: { readonly delegate: string; readonly instanceId: string },
    nowMs: number,
    offerUntilMs: number,
  ): Promise<{ readonly kind: 'ok'; readonly task: TaskRow } | { readonly kind: 'not-queued' }>;
  /** offered under this epoch → queued; counts a delivery; not offered again before `notBeforeMs`. */
  returnOffer(ref: TaskRef, notBeforeMs: number): Promise<'ok' | 'stale'>;
  /** Extends the leases that this instance really holds; answers which. */
  renewLeases(
    instanceId: string,
    refs: readonly TaskRef[],
    leaseUntilMs: number,
  ): Promise<{ readonly extended: readonly TaskRef[]; readonly lost: readonly TaskRef[] }>;
  /** leased under this epoch by this delegate's name → leased by another instance of it. */
  reattachTask(
    ref: TaskRef,
    delegate: string,
    instanceId: string,
    leaseUntilMs: number,
  ): Promise<'ok' | 'stale' | 'ended'>;
  /** After a start: no lease ends before this. Answers how many were extended. */
  extendAllLeases(untilMs: number): Promise<number>;
  /** Remembers that the task is to stop; the first reason stays. */
  cancelTask(taskId: TaskId, reason: CancelReason, message: string): Promise<TaskRow | undefined>;
  /**
   * For a store that has just become what it once was: what it gave away since then it does not know. Raises the restore
   * generation, and with it the epoch of every living task above any that was ever given; tasks that are enqueued later
   * start there, too. Nothing is offered before `notBeforeMs`: until then a holder that the store has forgotten may still
   * be at work. What was offered is queued again; what was leased stays so under an epoch that nobody has, until it is
   * released or withdrawn. Deadlines are set anew with the next offer. `above`: a generation that another store of the
   * same tasks has reached. `tasks`: how many are living.
   */
  raiseGeneration(
    atMs: number,
    notBeforeMs: number,
    above?: number,
  ): Promise<{ readonly generation: number; readonly tasks: number }>;
}

// ------------------------------------------------------------------------------------------------ logs

export interface LogChunk {
  /** Byte offset of the chunk within the attempt's log. */
  readonly offset: number;
  readonly bytes: Uint8Array;
}
export interface LogStore {
  /**
   * Appends whole lines at the end of the attempt's log. Bytes that are there already are passed over; a hole is
   * refused with the end as it is. The epoch must be the task's; an instance that is given must have the lease.
   */
  appendLog(
    ref: HolderRef,
    offset: number,
    bytes: Uint8Array,
  ): Promise<
    | { readonly kind: 'ok'; readonly durableOffset: number }
    | { readonly kind: 'stale'; readonly durableOffset: number }
    | { readonly kind: 'gap'; readonly durableOffset: number }
    | { readonly kind: 'unknown-task' }
  >;
  /** Chunks that lie at or after the offset, in order, at most about `maxBytes`. */
  readLog(taskId: TaskId, fromOffset: number, maxBytes: number): Promise<readonly LogChunk[]>;
  /** Length and SHA-256 (hex) of what is stored. */
  logDigest(taskId: TaskId): Promise<{ readonly bytes: number; readonly sha256: string }>;
}

// ------------------------------------------------------------------------------------------------ fleet

export interface DelegateRow {
  readonly name: string;
  readonly tags: readonly string[];
  readonly version: string;
  readonly region: string;
  readonly stepTypes: readonly string[];
  readonly firstSeenMs: number;
  readonly lastSeenMs: number;
  /** Nobody comes in under this name until an operator lifts it. */
  readonly lock: DelegateLock | null;
}
export interface DelegateLock {
  readonly atMs: number;
  readonly because: string;
}
export interface JoinTokenRow {
  readonly id: string;
  /** SHA-256 of the secret, hex. The secret itself is never stored. */
  readonly secretSha256: string;
  /** The only delegate name that may use it; null: any. */
  readonly delegateName: string | null;
  /** Uses left; null: any number. */
  readonly usesLeft: number | null;
  readonly createdAtMs: number;
  readonly createdBy: string;
  readonly expiresAtMs: number;
  readonly revokedAtMs: number | null;
}
/** One line of generations (domain/fleet/credential.ts); the id stays, the secret changes with each renewal. */
export interface CredentialRow extends Generations {
  readonly id: string;
  readonly delegateName: string;
  readonly issuedAtMs: number;
}
export type RenewalOutcome =
  /** `repeated`: this very renewal was done before. */
  | { readonly kind: 'renewed' | 'repeated'; readonly credential: CredentialRow }
  | { readonly kind: 'retired'; readonly credential: CredentialRow; readonly generation: RetiredGeneration }
  | { readonly kind: 'unknown' | 'revoked' | 'expired' | 'reused' };

export interface FleetStore {
  /** First or later sight of a delegate: one row per name, whatever its instances. */
  seeDelegate(row: Omit<DelegateRow, 'firstSeenMs' | 'lock'>): Promise<void>;
  getDelegate(name: string): Promise<DelegateRow | undefined>;
  listDelegates(): Promise<readonly DelegateRow[]>;
  removeDelegate(name: string): Promise<boolean>;
  /** Revokes its credentials too. False: it was locked before, and stays so for the first reason. */
  lockDelegate(name: string, because: string, atMs: number): Promise<boolean>;
  /** Its credentials stay revoked. False: it was not locked. */
  unlockDelegate(name: string): Promise<boolean>;
  createJoinToken(row: JoinTokenRow): Promise<void>;
  listJoinTokens(): Promise<readonly JoinTokenRow[]>;
  revokeJoinToken(id: string, atMs: number): Promise<boolean>;
  /** Spends one use and stores the credential, or says why not. One transaction. */
  redeemJoinToken(
    id: string,
    secretSha256: string,
    delegateName: string,
    credential: CredentialRow,
    atMs: number,
  ): Promise<'ok' | 'unknown' | 'expired' | 'revoked' | 'used-up' | 'other-name' | 'locked'>;
  findCredential(id: string): Promise<CredentialRow | undefined>;
  /** Those that are there, in any order. */
  findCredentials(ids: readonly string[]): Promise<readonly CredentialRow[]>;
  /** The presented generation ends and the next begins, in one transaction. */
  renewCredential(
    id: string,
    secretSha256: string,
    next: { readonly secretSha256: string; readonly expiresAtMs: number },
    atMs: number,
  ): Promise<RenewalOutcome>;
  /** All credentials of a delegate. */
  revokeCredentials(delegateName: string, atMs: number): Promise<number>;
}

// ------------------------------------------------------------------------------------------------ API keys and settings

export type Role = 'viewer' | 'operator' | 'admin';
export interface ApiKeyRow {
  readonly id: string;
  readonly name: string;
  readonly secretSha256: string;
  readonly role: Role;
  readonly createdAtMs: number;
  readonly createdBy: string;
  readonly expiresAtMs: number | null;
  readonly revokedAtMs: number | null;
  readonly lastUsedAtMs: number | null;
}
export interface KeyStore {
  createApiKey(row: ApiKeyRow): Promise<'ok' | 'exists'>;
  findApiKey(id: string): Promise<ApiKeyRow | undefined>;
  listApiKeys(): Promise<readonly ApiKeyRow[]>;
  revokeApiKey(id: string, atMs: number): Promise<boolean>;
  touchApiKey(id: string, atMs: number): Promise<void>;
  /** Small values of the installation: the CA, the bootstrap mark. `setSetting` never overwrites. */
  getSetting(key: string): Promise<string | undefined>;
  setSetting(key: string, value: string): Promise<'ok' | 'exists'>;
}
