import type { ExecutionId } from '@outrider/shared/ids.ts';
import type { ExecutionInput } from '../domain/execution/events.ts';
import type { ExecutionState } from '../domain/execution/state.ts';
import type { TaskChange } from './ports.ts';

/**
 * The one way to change an execution: load, decide, commit, evolve, perform effects. Inputs of one execution are
 * handled one after the other; a conflict in the store is loaded and decided again (bounded).
 */
export interface Engine {
  /**
   * `task` is committed in the same transaction and fences the input: with a stale epoch nothing is changed. Resolves
   * after the commit is durable.
   */
  submit(executionId: ExecutionId, input: ExecutionInput, task?: TaskChange): Promise<SubmitOutcome>;
  load(executionId: ExecutionId): Promise<ExecutionState | undefined>;
  /** Performs outbox rows that a crash left behind. Called once at start, before delegates are let in. */
  recover(): Promise<void>;
  /** After every commit: the execution and its newest seq. For watchers; nothing is lost if a listener throws. */
  onCommitted(listener: (executionId: ExecutionId, seq: number) => void): () => void;
  /** After an effect changed the tasks: there may be something to offer or to cancel. */
  onTasksChanged(listener: (taskId: string) => void): () => void;
}

export type SubmitOutcome =
  | { readonly kind: 'ok'; readonly state: ExecutionState }
  | { readonly kind: 'refused'; readonly because: string }
  | { readonly kind: 'stale'; readonly epoch: number }
  | { readonly kind: 'duplicate' }
  | { readonly kind: 'unknown' };
