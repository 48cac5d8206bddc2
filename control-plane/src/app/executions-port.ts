import type { Failure } from '@outrider/shared/errors.ts';
import type { ExecutionId, StepId, TaskId } from '@outrider/shared/ids.ts';
import type { Json, JsonObject } from '@outrider/shared/json.ts';
import type { ServiceCounts } from '@outrider/shared/protocol/messages.ts';
import type { RecordedEvent } from '../domain/execution/events.ts';
import type { Answer, Blocker, Intervention } from '../domain/execution/state.ts';

/**
 * What operators do with executions, as the HTTP API offers it. Every refusal is a thrown OutriderError whose code,
 * message, hint and problems are meant for the operator.
 */
export interface Executions {
  /**
   * Plans, sees that delegates can do it, and starts; or, as the workflow's `concurrency` says, lets it wait for the one
   * that is at a place of it. The same idempotency key gives the same execution again. */
  start(request: StartRequest, by: Actor): Promise<StartedExecution>;
  /** Stops what runs; by default it is rolled back. */
  abort(
    id: ExecutionId,
    request: { readonly rollback: boolean; readonly reason: string },
    by: Actor,
  ): Promise<ExecutionView>;
  /** Stops what runs and rolls it back; the execution ends as failed. */
  rollback(id: ExecutionId, request: { readonly reason: string }, by: Actor): Promise<ExecutionView>;
  /** What runs goes on to its end; nothing begins until it is resumed. */
  pause(id: ExecutionId, request: { readonly reason: string }, by: Actor): Promise<ExecutionView>;
  resume(id: ExecutionId, request: { readonly reason: string }, by: Actor): Promise<ExecutionView>;
  /** Says what follows the failure of a step that waits for a person; the step as in `step`. */
  answer(
    id: ExecutionId,
    reference: string,
    request: { readonly answer: Answer['answer']; readonly reason: string },
    by: Actor,
  ): Promise<ExecutionView>;
  get(id: ExecutionId): Promise<ExecutionView>;
  /** Newest first. `limit` 1–200. */
  list(filter: ExecutionFilter): Promise<ExecutionPage>;
  /** Events after `afterSeq`, oldest first; `limit` 1–1000. `ended`: the execution has ended and no event follows these. */
  events(
    id: ExecutionId,
    afterSeq: number,
    limit: number,
  ): Promise<{ events: readonly RecordedEvent[]; ended: boolean }>;
  /** A step by its id (`p1.2`) or as PHASE/NAME, or by its NAME alone where only one step has it. */
  step(id: ExecutionId, reference: string): Promise<StepDetails>;
}

/** Who acts: the name of an API key, or `local` in insecure mode. */
export interface Actor {
  readonly name: string;
}

export interface StartRequest {
  readonly workflow: string;
  readonly application?: string | undefined;
  /** IMAGE by service name. */
  readonly artifacts: Readonly<Record<string, string>>;
  readonly variables: Readonly<Record<string, Json>>;
  readonly reason?: string | undefined;
  readonly idempotencyKey?: string | undefined;
}

export interface StartedExecution {
  readonly execution: ExecutionView;
  /** The idempotency key was used before, for the same request. */
  readonly replayed: boolean;
}

export interface ExecutionFilter {
  readonly statuses?: readonly ExecutionStatus[] | undefined;
  readonly application?: string | undefined;
  readonly workflow?: string | undefined;
  /** `nextCursor` of the page before. */
  readonly cursor?: string | undefined;
  readonly limit: number;
}

export interface ExecutionPage {
  readonly items: readonly ExecutionSummaryView[];
  /** Null: that was the last page. */
  readonly nextCursor: string | null;
}

export type ExecutionStatus =
  | 'queued'
  | 'running'
  | 'waiting'
  | 'paused'
  | 'succeeded'
  | 'failed'
  | 'aborted'
  | 'rejected';
export type RollbackStatus = 'none' | 'running' | 'succeeded' | 'failed';
export type PhaseStatus = 'pending' | 'running' | 'succeeded' | 'failed' | 'aborted' | 'skipped';
export type StepStatus =
  | 'pending'
  | 'queued'
  | 'running'
  | 'waiting'
  | 'paused'
  | 'succeeded'
  | 'failed'
  | 'skipped'
  | 'aborted';

/** Times are RFC 3339 in UTC with milliseconds. */
export interface ExecutionSummaryView {
  readonly id: ExecutionId;
  readonly workflow: string;
  readonly application: string;
  readonly status: ExecutionStatus;
  readonly rollback: RollbackStatus;
  readonly currentPhase: string | null;
  readonly startedAt: string;
  readonly endedAt: string | null;
  readonly startedBy: string;
  readonly reason: string;
  readonly artifacts: Readonly<Record<string, string>>;
  readonly variables: Readonly<Record<string, Json>>;
  readonly failure?: Failure;
}

export interface ExecutionView extends ExecutionSummaryView {
  /** Of the last event folded in: watch from here. */
  readonly seq: number;
  readonly environment: string;
  readonly workflowVersion: number;
  /** The forward phases, then the rollback phases that ran or will run, in the order in which they run. */
  readonly phases: readonly PhaseView[];
  /** Remarks of the planner. */
  readonly notes: readonly string[];
  /** Present while it is queued: those that it waits for, the one whose turn is next first. */
  readonly waitsFor?: readonly Blocker[];
  /** Present while it is held: its status is `running` until what runs has ended, then `paused`. */
  readonly pause?: { readonly by: string; readonly reason: string; readonly at: string };
  /** Present while an abort or rollback that somebody asked for, or a failure, is being carried out. */
  readonly stopping?: { readonly because: string };
}

export interface PhaseView {
  readonly name: string;
  readonly status: PhaseStatus;
  readonly rollback: boolean;
  readonly service: string;
  readonly infrastructure: string;
  readonly startedAt: string | null;
  readonly endedAt: string | null;
  readonly steps: readonly StepView[];
}

export interface StepView {
  readonly id: StepId;
  readonly name: string;
  readonly type: string;
  readonly section: string;
  readonly status: StepStatus;
  /** 0 before the first. */
  readonly attempt: number;
  readonly delegate?: string;
  readonly startedAt: string | null;
  readonly endedAt: string | null;
  readonly output?: JsonObject;
  readonly failure?: Failure;
  /** Why it was skipped, is held or being stopped, or is taken for what it was not. */
  readonly because?: string;
  /** Present while it waits for a person, who says what follows its failure. */
  readonly intervention?: { readonly until: string; readonly afterTimeout: Intervention['afterTimeout'] };
  /** The step failed and the execution went on as if it had not. */
  readonly ignored?: boolean;
  /** What the services that it moves run now, while it runs and where it is known. */
  readonly counts?: readonly ServiceCounts[];
}

export interface StepDetails {
  readonly stepId: StepId;
  readonly phase: string;
  readonly step: StepView;
  /** The attempts so far, oldest first: each has a log of its own. */
  readonly tasks: readonly TaskId[];
  /** Nothing more will be written to the logs of these tasks. */
  readonly ended: boolean;
}
