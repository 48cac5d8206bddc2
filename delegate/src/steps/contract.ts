import type { Failure } from '@outrider/shared/errors.ts';
import type { ExecutionId, StepId } from '@outrider/shared/ids.ts';
import type { LogLevel } from '@outrider/shared/logs.ts';
import type { ServiceCounts } from '@outrider/shared/protocol/messages.ts';
import type { StepInput } from '@outrider/shared/steps/define.ts';
import type { DelegateStepType, FactsOf, OutputOf, RenderedWith } from '@outrider/shared/steps/index.ts';
import type { Prior } from '@outrider/shared/steps/task.ts';
import type { Aws, ContainerMetadata } from '../aws/ports.ts';
import type { Host } from '../host/ports.ts';

/**
 * The contract between the agent loop and a step.
 *
 * A handler is a recipe that can be run again from its start at any time: after a crash, on another delegate, with the
 * facts checkpointed so far in `ctx.resumed`. It looks before it acts and takes "already so" for success. It saves what
 * is needed to undo a change before it makes the change. It returns its output, or throws: StepFailure when the work
 * cannot be done (with the reason), StepStopped when it was told to stop. Anything else that is thrown is a defect and
 * is reported as `internal`.
 */
export type StepHandler<K extends DelegateStepType> = (
  input: StepInput<RenderedWith<K>, Prior>,
  ctx: StepContext<FactsOf<K>>,
) => Promise<OutputOf<K>>;

export type StopReason = 'aborted' | 'timed-out' | 'rolling-back' | 'draining' | 'lease-lost';

export interface StepContext<Facts> {
  readonly aws: Aws;
  readonly metadata: ContainerMetadata;
  /** The delegate's own machine and network. */
  readonly host: Host;
  readonly identity: {
    readonly executionId: ExecutionId;
    readonly stepId: StepId;
    readonly attempt: number;
    readonly stepName: string;
    readonly phaseName: string;
    readonly workflow: string;
    readonly rollback: boolean;
  };
  /** Time; never the process's own clock in a step. */
  readonly clock: { now(): number };
  /** Same execution, step and purpose → same text, on every delegate and after every crash: ≤ 36 of `[A-Za-z0-9-]`. */
  token(purpose: string): string;
  /** Facts from earlier runs of this attempt, merged. Empty on a first run. */
  readonly resumed: Facts;
  /**
   * Facts of attempts before this one, merged; the earliest value of a key holds. Empty for a first attempt. What an
   * attempt decides from the world as it was before its first change, it takes from here.
   */
  readonly earlier: Facts;
  /**
   * Merges these facts (by key) into those that are kept, and resolves after the control plane has committed them. The
   * next mutation must wait for it. Throws StepStopped when the lease is lost meanwhile.
   */
  checkpoint(facts: Facts): Promise<void>;
  /** What the operator reads; one thought per line. An empty text is an empty line. Never blocks. */
  log(text: string, level?: LogLevel): void;
  /** What watchers see move. Never blocks, may be dropped. */
  counts(services: readonly ServiceCounts[]): void;
  /** Waits between two looks, grows from OUTRIDER_POLL_MIN_MS to OUTRIDER_POLL_MAX_MS; see poll(). */
  readonly polling: PollBounds;
  /** Resolves after the time, or throws StepStopped as soon as the step is to stop. */
  sleep(milliseconds: number): Promise<void>;
  /** When the whole step must be over; milliseconds since 1970. The control plane enforces it too. */
  readonly deadlineMs: number;
  /** Its reason is a StopReason. */
  readonly stop: AbortSignal;
}

export interface PollBounds {
  readonly minMs: number;
  readonly maxMs: number;
}

/** The work cannot be done; `failure` says why in the operator's words. */
export class StepFailure extends Error {
  override readonly name = 'StepFailure';
  readonly failure: Failure;
  constructor(failure: Failure) {
    super(failure.message);
    this.failure = failure;
  }
}

/** The step was told to stop and has stopped: nothing is being changed any more. */
export class StepStopped extends Error {
  override readonly name = 'StepStopped';
  readonly reason: StopReason;
  constructor(reason: StopReason) {
    super(`stopped: ${reason}`);
    this.reason = reason;
  }
}
