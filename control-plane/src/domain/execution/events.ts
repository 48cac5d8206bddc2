import type { Failure } from '@outrider/shared/errors.ts';
import type { ExecutionId, StepId } from '@outrider/shared/ids.ts';
import type { Json, JsonObject } from '@outrider/shared/json.ts';
import type { CancelReason, TaskOutcome } from '@outrider/shared/protocol/messages.ts';
import type { StepTask } from '@outrider/shared/steps/task.ts';
import type { ExecutionPlan } from '../planning/plan.ts';
import type { Notification } from './notifications.ts';
import type { Answer, Blocker, FailureAction, Intervention } from './state.ts';

/**
 * What has happened to an execution: the truth from which its state is folded. Append-only. Leases, heartbeats and
 * progress are not here; they are rows (app/ports.ts).
 */
export type ExecutionEvent =
  | {
      readonly type: 'execution-created';
      readonly plan: ExecutionPlan;
      readonly startedBy: string;
      readonly reason: string;
      readonly artifacts: Readonly<Record<string, string>>;
      readonly variables: Readonly<Record<string, Json>>;
    }
  /** Others run, or wait, at a place of it: it begins when all of them have ended. */
  | { readonly type: 'execution-queued'; readonly behind: readonly Blocker[]; readonly supersedes: boolean }
  /** One that it waited for has ended. */
  | { readonly type: 'place-freed'; readonly executionId: ExecutionId }
  | { readonly type: 'phase-started'; readonly phase: string; readonly rollback: boolean }
  /** `task` is the rendered work; `notBeforeMs` is set for a retry that waits. */
  | {
      readonly type: 'step-queued';
      readonly stepId: StepId;
      readonly attempt: number;
      readonly task: StepTask;
      readonly notBeforeMs: number;
    }
  | { readonly type: 'step-started'; readonly stepId: StepId; readonly attempt: number; readonly delegate: string }
  /** The same attempt goes on elsewhere: its lease ended, or its delegate handed it back. */
  | { readonly type: 'step-requeued'; readonly stepId: StepId; readonly attempt: number; readonly because: string }
  | {
      readonly type: 'step-checkpointed';
      readonly stepId: StepId;
      readonly attempt: number;
      readonly facts: JsonObject;
    }
  | {
      readonly type: 'step-cancel-requested';
      readonly stepId: StepId;
      readonly attempt: number;
      readonly reason: CancelReason;
      readonly message: string;
    }
  | { readonly type: 'step-succeeded'; readonly stepId: StepId; readonly attempt: number; readonly output: JsonObject }
  | {
      readonly type: 'step-failed';
      readonly stepId: StepId;
      readonly attempt: number;
      readonly failure: Failure;
      /** What the failure strategy decided. */
      readonly action: FailureAction;
      /** With the action `manual-intervention`. */
      readonly intervention?: Intervention;
    }
  /** A person said what follows a failure. */
  | ({ readonly type: 'step-answered'; readonly stepId: StepId; readonly attempt: number } & Answer)
  /** Nobody did in time. */
  | {
      readonly type: 'step-unanswered';
      readonly stepId: StepId;
      readonly attempt: number;
      readonly action: FailureAction;
    }
  | { readonly type: 'step-aborted'; readonly stepId: StepId; readonly attempt: number; readonly message: string }
  | { readonly type: 'step-skipped'; readonly stepId: StepId; readonly because: string }
  | {
      readonly type: 'phase-finished';
      readonly phase: string;
      readonly rollback: boolean;
      readonly outcome: 'succeeded' | 'failed' | 'aborted';
    }
  | {
      readonly type: 'abort-requested';
      readonly by: string;
      readonly reason: string;
      readonly rollback: boolean;
    }
  | { readonly type: 'rollback-requested'; readonly by: string; readonly reason: string }
  /** What runs goes on to its end; nothing begins. */
  | { readonly type: 'pause-requested'; readonly by: string; readonly reason: string }
  | { readonly type: 'resume-requested'; readonly by: string; readonly reason: string }
  /** Rollback phases in the order in which they will run: the reverse of the deployment. */
  | { readonly type: 'rollback-started'; readonly phases: readonly string[]; readonly because: string }
  | {
      readonly type: 'execution-finished';
      readonly status: 'succeeded' | 'failed' | 'aborted' | 'rejected';
      readonly rollback: 'none' | 'succeeded' | 'failed';
      readonly failure: Failure | null;
    };

/** An event with its place in the history of its execution. */
export interface RecordedEvent {
  /** Counts from 1 without holes within an execution. */
  readonly seq: number;
  readonly atMs: number;
  readonly event: ExecutionEvent;
}

/** What is said from or about a delegate that has a task. */
export type TaskInput = Extract<ExecutionInput, { kind: `task-${string}` }>;

/** What can be put to an execution. `decide` answers with events, or refuses with a reason. */
export type ExecutionInput =
  | { readonly kind: 'begin' }
  /** Instead of `begin`. `behind` is not empty; `supersedes`: those in it are being stopped for its sake. */
  | { readonly kind: 'queue'; readonly behind: readonly Blocker[]; readonly supersedes: boolean }
  | { readonly kind: 'place-freed'; readonly executionId: ExecutionId }
  | { readonly kind: 'task-accepted'; readonly stepId: StepId; readonly attempt: number; readonly delegate: string }
  | {
      readonly kind: 'task-checkpointed';
      readonly stepId: StepId;
      readonly attempt: number;
      readonly facts: JsonObject;
    }
  | { readonly kind: 'task-ended'; readonly stepId: StepId; readonly attempt: number; readonly result: TaskOutcome }
  | { readonly kind: 'task-requeued'; readonly stepId: StepId; readonly attempt: number; readonly because: string }
  /** Nobody could do it: no delegate, delivery limit, lost in an attempt that must not be repeated. */
  | {
      readonly kind: 'task-undeliverable';
      readonly stepId: StepId;
      readonly attempt: number;
      readonly failure: Failure;
    }
  | { readonly kind: 'task-deadline-passed'; readonly stepId: StepId; readonly attempt: number }
  /** What a person says about a failed step that waits for it. */
  | ({ readonly kind: 'answer'; readonly stepId: StepId } & Answer)
  /** The time for it is over. */
  | { readonly kind: 'answer-overdue'; readonly stepId: StepId; readonly attempt: number }
  | { readonly kind: 'abort'; readonly by: string; readonly reason: string; readonly rollback: boolean }
  | { readonly kind: 'rollback'; readonly by: string; readonly reason: string }
  | { readonly kind: 'pause'; readonly by: string; readonly reason: string }
  | { readonly kind: 'resume'; readonly by: string; readonly reason: string };

/** What is to be done because of an event: data, performed at least once, idempotent by id. */
export type Effect =
  | {
      readonly kind: 'enqueue-task';
      readonly task: StepTask;
      readonly selectors: readonly string[];
      readonly timeoutSeconds: number;
      readonly notBeforeMs: number;
    }
  | {
      readonly kind: 'cancel-task';
      readonly stepId: StepId;
      readonly attempt: number;
      readonly reason: CancelReason;
      readonly message: string;
    }
  /** To be told to every receiver that wants to hear of it. */
  | { readonly kind: 'notify'; readonly notification: Notification };
