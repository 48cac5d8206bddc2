import type { Failure } from '@outrider/shared/errors.ts';
import type { ExecutionId, StepId } from '@outrider/shared/ids.ts';
import type { Json, JsonObject } from '@outrider/shared/json.ts';
import type { CancelReason } from '@outrider/shared/protocol/messages.ts';
import type { StepTask } from '@outrider/shared/steps/task.ts';
import type { ExecutionPlan } from '../planning/plan.ts';

/**
 * What an execution is now: folded from its events (evolve.ts), changed by nothing else. Each arm holds what only it
 * knows; what all know stands in ExecutionRecord.
 */
export type ExecutionState =
  /** Created and not begun. */
  | (ExecutionRecord & { readonly kind: 'created' })
  /** Waits for its turn: begins when all that it is behind have ended. */
  | (ExecutionRecord & {
      readonly kind: 'queued';
      /** Those that have not ended, as far as it was told; never itself. */
      readonly behind: readonly Blocker[];
      readonly supersedes: boolean;
    })
  /** Forward phases run. */
  | (ExecutionRecord & { readonly kind: 'deploying' })
  /** What runs forward goes on to its end; nothing begins until somebody lets it go on. */
  | (ExecutionRecord & { readonly kind: 'paused'; readonly pause: Pause })
  /** No new work: living steps are being stopped, then comes the rollback or the end. */
  | (ExecutionRecord & { readonly kind: 'stopping'; readonly cause: StopCause })
  /** Rollback phases run, in `order`. */
  | (ExecutionRecord & {
      readonly kind: 'rolling-back';
      readonly cause: StopCause;
      /** Names of rollback phases. */
      readonly order: readonly string[];
    })
  | (ExecutionRecord & {
      readonly kind: 'ended';
      readonly status: 'succeeded' | 'failed' | 'aborted' | 'rejected';
      readonly rollback: 'none' | 'succeeded' | 'failed';
      readonly failure: Failure | null;
      /** Names of the rollback phases that were to run; empty when there was no rollback. */
      readonly order: readonly string[];
      readonly endedAtMs: number;
    });

export type ExecutionKind = ExecutionState['kind'];

export interface ExecutionRecord {
  readonly id: ExecutionId;
  /** Of the last event folded in. */
  readonly seq: number;
  readonly plan: ExecutionPlan;
  readonly startedBy: string;
  readonly reason: string;
  readonly artifacts: Readonly<Record<string, string>>;
  readonly variables: Readonly<Record<string, Json>>;
  readonly startedAtMs: number;
  /** One for each of `plan.phases`, in their order. */
  readonly phases: readonly PhaseState[];
  /** One for each of `plan.rollbackPhases`, in their order. */
  readonly rollbackPhases: readonly PhaseState[];
  /** One for each step of the plan. */
  readonly steps: Readonly<Record<StepId, StepState>>;
}

/** Another execution that has a place first. */
export interface Blocker {
  readonly executionId: ExecutionId;
  readonly workflow: string;
  /** The place, `SERVICE@INFRASTRUCTURE`. */
  readonly resource: string;
}

/** Who holds an execution, and since when. */
export interface Pause {
  readonly by: string;
  readonly reason: string;
  readonly atMs: number;
}

/** Why an execution stops going forward, and so what follows when its living steps have ended. */
export type StopCause =
  | {
      readonly kind: 'step-failed';
      readonly stepId: StepId;
      readonly failure: Failure;
      readonly action: StopAction;
    }
  | { readonly kind: 'aborted'; readonly by: string; readonly reason: string; readonly rollback: boolean }
  | { readonly kind: 'rolled-back'; readonly by: string; readonly reason: string };

/** What a failed step may do to its execution. */
export type StopAction = 'rollback-workflow' | 'rollback-phase' | 'end' | 'abort';
export type FailureAction = StopAction | 'retry' | 'ignore' | 'manual-intervention';

/** A failed step waits for a person until `untilMs`; then follows `afterTimeout`. */
export interface Intervention {
  readonly untilMs: number;
  readonly afterTimeout: 'rollback-workflow' | 'ignore' | 'end';
}

/** What people may say about a failed step that waits for them. To stop its execution is not said about the step. */
export const ANSWERS = ['retry', 'ignore', 'mark-success'] as const;
export interface Answer {
  readonly answer: (typeof ANSWERS)[number];
  readonly by: string;
  readonly reason: string;
}

export type PhaseState =
  | { readonly kind: 'pending' }
  | { readonly kind: 'running'; readonly startedAtMs: number }
  | {
      readonly kind: 'ended';
      readonly outcome: 'succeeded' | 'failed' | 'aborted';
      readonly startedAtMs: number;
      readonly endedAtMs: number;
    };

export type StepState =
  | { readonly kind: 'pending' }
  /** Waits for a delegate: never accepted yet, or handed back. */
  | (StepAttempt & { readonly kind: 'queued' })
  | (StepAttempt & { readonly kind: 'running'; readonly delegate: string })
  /** Told to stop; ends when its delegate says so, or when the task is withdrawn because no delegate has it. */
  | (StepAttempt & {
      readonly kind: 'cancelling';
      /** Who holds it; null: nobody. */
      readonly delegate: string | null;
      readonly reason: CancelReason;
      readonly message: string;
    })
  | (EndedAttempt & {
      readonly kind: 'succeeded';
      readonly output: JsonObject;
      /** It failed, and a person took it for a success: nobody knows what it would have given. */
      readonly marked?: Answer;
    })
  /** With the action `retry` the next attempt follows; with `manual-intervention` it waits for a person. */
  | (EndedAttempt & {
      readonly kind: 'failed';
      readonly failure: Failure;
      readonly action: FailureAction;
      readonly intervention?: Intervention;
      /** What made the action. */
      readonly answered?: Answer;
    })
  | (EndedAttempt & { readonly kind: 'aborted'; readonly message: string })
  | { readonly kind: 'skipped'; readonly because: string; readonly atMs: number };

export type StepKind = StepState['kind'];

interface AttemptRecord {
  /** Counts from 1. */
  readonly attempt: number;
  /** When a delegate first took any attempt of this step; null: none ever did, so that nothing can have changed. */
  readonly startedAtMs: number | null;
  /** What this attempt checkpointed, merged by key; later values win. */
  readonly facts: JsonObject;
  /** What the attempts before it checkpointed; the earliest value of a key wins, as undoing goes back to the start. */
  readonly earlierFacts: JsonObject;
}

interface StepAttempt extends AttemptRecord {
  readonly task: StepTask;
  readonly queuedAtMs: number;
  readonly notBeforeMs: number;
}

interface EndedAttempt extends AttemptRecord {
  /** The last delegate that had it. */
  readonly delegate: string | null;
  readonly endedAtMs: number;
}

export type LivingStep = Extract<StepState, { kind: 'queued' | 'running' | 'cancelling' }>;
export type EndedStep = Extract<StepState, { kind: 'succeeded' | 'failed' | 'aborted' }>;

/** A task for it exists and has not ended. */
export function isLiving(step: StepState): step is LivingStep {
  return step.kind === 'queued' || step.kind === 'running' || step.kind === 'cancelling';
}

/** An attempt of it has ended; a failed one may be followed by another. */
export function isEnded(step: StepState): step is EndedStep {
  return step.kind === 'succeeded' || step.kind === 'failed' || step.kind === 'aborted';
}

/** It failed, and what follows is for a person to say. */
export function isAsking(step: StepState): step is Extract<StepState, { kind: 'failed' }> {
  return step.kind === 'failed' && step.action === 'manual-intervention';
}

/** Nothing more will happen to it in its phase, and its phase may go on. */
export function isPassed(step: StepState): boolean {
  return step.kind === 'succeeded' || step.kind === 'skipped' || (step.kind === 'failed' && step.action === 'ignore');
}

export function stepState(state: ExecutionRecord, stepId: StepId): StepState {
  return state.steps[stepId] ?? PENDING_STEP;
}

export const PENDING_STEP: StepState = { kind: 'pending' };
export const PENDING_PHASE: PhaseState = { kind: 'pending' };
