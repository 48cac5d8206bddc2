import type { ExecutionId } from '@outrider/shared/ids.ts';
import type { Json } from '@outrider/shared/json.ts';
import type { ExecutionInput } from '../domain/execution/events.ts';
import type { Blocker, ExecutionState } from '../domain/execution/state.ts';
import type { ExecutionPlan } from '../domain/planning/plan.ts';
import type { IdempotencyKey, TaskChange } from './ports.ts';

/**
 * The one way to change an execution: load, decide, commit, evolve, perform effects. Inputs of one execution are
 * handled one after the other; a conflict in the store is loaded and decided again (bounded).
 *
 * Throws an OutriderError `store-failed` when the store does not answer: whether the change happened is then unknown,
 * and the same call may be made again.
 */
export interface Engine {
  /** Creates an execution and begins it, or lets it wait for others. */
  start(execution: NewExecution): Promise<StartOutcome>;
  /**
   * `task` is committed in the same transaction and fences the input: with a stale epoch nothing is changed. Resolves
   * after the commit is durable and its effects were performed; effects that failed are tried again by `recover` and
   * before the next input of the same execution.
   */
  submit(executionId: ExecutionId, input: ExecutionInput, task?: TaskChange): Promise<SubmitOutcome>;
  load(executionId: ExecutionId): Promise<ExecutionState | undefined>;
  /**
   * Performs outbox rows that a crash or a failing store left behind. Called at start, before delegates are let in, and
   * then every few seconds; with an empty outbox it is one read.
   */
  recover(): Promise<void>;
  /** After every commit: the execution, its newest seq and state. For watchers; nothing is lost if a listener throws. */
  onCommitted(listener: (executionId: ExecutionId, seq: number, state: ExecutionState) => void): () => void;
  /** After an effect changed the tasks: there may be something to offer or to cancel. */
  onTasksChanged(listener: (taskId: string) => void): () => void;
}

export interface NewExecution {
  readonly plan: ExecutionPlan;
  readonly startedBy: string;
  readonly reason: string;
  readonly artifacts: Readonly<Record<string, string>>;
  readonly variables: Readonly<Record<string, Json>>;
  /** It waits until these have ended; empty: it begins at once. */
  readonly behind?: readonly Blocker[];
  readonly supersedes?: boolean;
  readonly idempotency?: IdempotencyKey;
}

export type StartOutcome =
  | { readonly kind: 'ok'; readonly state: ExecutionState }
  /** The key was used before: for this execution. `sameRequest` false: for another request. */
  | { readonly kind: 'replayed'; readonly executionId: ExecutionId; readonly sameRequest: boolean };

export type SubmitOutcome =
  | { readonly kind: 'ok'; readonly state: ExecutionState }
  | { readonly kind: 'refused'; readonly because: string }
  | { readonly kind: 'stale'; readonly epoch: number }
  | { readonly kind: 'duplicate' }
  | { readonly kind: 'unknown' };
