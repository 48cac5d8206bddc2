import { createHash } from 'node:crypto';
import { ERRORS } from '@outrider/shared/errors.ts';
import type { TaskId } from '@outrider/shared/ids.ts';
import type { JsonObject } from '@outrider/shared/json.ts';
import type { ProducedLogLine } from '@outrider/shared/logs.ts';
import type { ServiceCounts, TaskRef } from '@outrider/shared/protocol/messages.ts';
import { PROGRESS_MIN_MS } from '@outrider/shared/protocol/timings.ts';
import { type StepTask, stepTask } from '@outrider/shared/steps/task.ts';
import type { MutationGate } from '../aws/mutation-gate.ts';
import type { Aws, ContainerMetadata } from '../aws/ports.ts';
import type { Host } from '../host/ports.ts';
import { type PollBounds, StepFailure, type StopReason } from '../steps/contract.ts';
import type { StepRunContext, StepRunOutcome } from '../steps/run-step.ts';
import { stoppedBy } from '../steps/stopped.ts';
import type { Timers } from './instant.ts';
import type { OfferRecord } from './journal-format.ts';
import type { WorkEnd } from './session-state.ts';

/** What one run needs of AWS. */
export interface AwsRequest {
  /** The offer under which it runs. */
  readonly ref: TaskRef;
  readonly task: StepTask;
  readonly gate: MutationGate;
  readonly signal: AbortSignal;
  readonly sleep: (milliseconds: number) => Promise<void>;
}

export interface RunnerOptions {
  readonly runStep: (task: StepTask, facts: JsonObject, ctx: StepRunContext) => Promise<StepRunOutcome>;
  readonly awsFor: (request: AwsRequest) => Aws;
  readonly metadata: ContainerMetadata;
  readonly host: Host;
  readonly gateOf: (taskId: TaskId, signal: AbortSignal) => MutationGate;
  readonly polling: PollBounds;
  readonly timers: Timers;
  readonly clock: { now(): number };
  readonly hooks: RunHooks;
}

/** Where a run's words go. None of them blocks or throws. */
export interface RunHooks {
  log(ref: TaskRef, line: ProducedLogLine): void;
  counts(ref: TaskRef, services: readonly ServiceCounts[]): void;
  checkpoint(ref: TaskRef, sequence: number, facts: JsonObject): void;
  /** The run is over; nothing of it follows. */
  ended(ref: TaskRef, end: WorkEnd): void;
}

export interface RunRequest {
  readonly offer: OfferRecord;
  readonly facts: JsonObject;
  readonly checkpointSequence: number;
  /** Milliseconds since 1970 by our own clock. */
  readonly deadlineMs: number;
  /** Its log has lines of an earlier run. */
  readonly again: boolean;
}

interface Run {
  readonly ref: TaskRef;
  readonly controller: AbortController;
  /** Checkpoints that are not committed yet, by sequence. */
  readonly waiters: Map<number, Waiter>;
}

interface Waiter {
  readonly resolve: () => void;
  readonly reject: (why: Error) => void;
}

/** Runs steps: one run of a task at a time. It knows nothing of the control plane. */
export class Runner {
  readonly #options: RunnerOptions;
  readonly #runs = new Map<TaskId, Run>();
  #dead = false;

  constructor(options: RunnerOptions) {
    this.#options = options;
  }

  /** Runs that have not ended. */
  get size(): number {
    return this.#runs.size;
  }

  start(request: RunRequest): void {
    const { taskId, epoch } = request.offer;
    const run: Run = { ref: { taskId, epoch }, controller: new AbortController(), waiters: new Map() };
    this.#runs.set(taskId, run);
    void this.#perform(run, request);
  }

  stop(ref: TaskRef, reason: StopReason): void {
    this.#runs.get(ref.taskId)?.controller.abort(reason);
  }

  checkpointCommitted(ref: TaskRef, sequence: number): void {
    const waiters = this.#waitersOf(ref);
    for (const [known, waiter] of waiters) {
      if (known > sequence) continue;
      waiters.delete(known);
      waiter.resolve();
    }
  }

  checkpointFailed(ref: TaskRef, sequence: number, why: string): void {
    const waiters = this.#waitersOf(ref);
    const waiter = waiters.get(sequence);
    waiters.delete(sequence);
    const message = `The facts of the step could not be saved: ${why}`;
    waiter?.reject(
      new StepFailure({ code: 'internal', message, hint: ERRORS.internal.hint, evidence: [], failureType: 'delegate' }),
    );
  }

  /** As if the process had been killed: runs get nothing more through to anybody. */
  kill(): void {
    this.#dead = true;
    for (const run of this.#runs.values()) run.controller.abort('lease-lost');
    this.#runs.clear();
  }

  #waitersOf(ref: TaskRef): Run['waiters'] {
    const run = this.#runs.get(ref.taskId);
    return run?.ref.epoch === ref.epoch ? run.waiters : new Map<number, Waiter>();
  }

  async #perform(run: Run, request: RunRequest): Promise<void> {
    const { signal } = run.controller;
    const release = () => {
      for (const waiter of run.waiters.values()) waiter.reject(stoppedBy(signal));
      run.waiters.clear();
    };
    signal.addEventListener('abort', release);
    const untilDeadline = Math.min(Math.max(request.deadlineMs - this.#options.clock.now(), 0), LONGEST_TIMER_MS);
    const cancelDeadline = this.#options.timers.after(untilDeadline, () => run.controller.abort('timed-out'));
    const end = await this.#outcomeOf(run, request);
    cancelDeadline();
    if (this.#dead) return;
    this.#runs.delete(run.ref.taskId);
    this.#options.hooks.ended(run.ref, end);
  }

  async #outcomeOf(run: Run, request: RunRequest): Promise<WorkEnd> {
    const parsed = stepTask.safeParse(request.offer.task);
    if (!parsed.success) return unreadable(parsed.error.message);
    try {
      const context = this.#contextOf(run, request, parsed.data);
      const outcome = await this.#options.runStep(parsed.data, request.facts, context);
      if (outcome.outcome !== 'stopped') return { kind: 'outcome', outcome };
      return { kind: 'stopped', reason: outcome.reason, message: outcome.message };
    } catch (thrown) {
      return unreadable(thrown instanceof Error ? thrown.message : String(thrown));
    }
  }

  #contextOf(run: Run, request: RunRequest, task: StepTask): StepRunContext {
    const { ref, controller } = run;
    const { signal } = controller;
    const { hooks, clock, timers, polling, metadata, host, gateOf, awsFor } = this.#options;
    const sleep = (milliseconds: number) => sleepUnlessStopped(timers, signal, milliseconds);
    let sequence = request.checkpointSequence;
    return {
      aws: awsFor({ ref, task, gate: gateOf(ref.taskId, signal), signal, sleep }),
      metadata,
      host,
      clock,
      polling,
      deadlineMs: request.deadlineMs,
      again: request.again,
      stop: signal,
      token: (purpose) => tokenOf(task, purpose),
      sleep,
      log: (text, level = 'INFO') => {
        if (!this.#dead) hooks.log(ref, { at: new Date(clock.now()).toISOString(), level, text });
      },
      counts: throttle(timers, (services) => {
        if (!this.#dead) hooks.counts(ref, services);
      }),
      checkpoint: async (facts) => {
        if (signal.aborted || this.#dead) throw stoppedBy(signal);
        sequence += 1;
        const own = sequence;
        await new Promise<void>((resolve, reject) => {
          run.waiters.set(own, { resolve, reject });
          hooks.checkpoint(ref, own, facts);
        });
      },
    };
  }
}

/** setTimeout takes no longer time; the control plane keeps the deadline as well. */
const LONGEST_TIMER_MS = 2_147_483_647;

/** The same for every delegate and every run of the step: 32 hexadecimal digits. */
function tokenOf(task: StepTask, purpose: string): string {
  return createHash('sha256').update(`${task.executionId}/${task.stepId}/${purpose}`).digest('hex').slice(0, 32);
}

async function sleepUnlessStopped(timers: Timers, signal: AbortSignal, milliseconds: number): Promise<void> {
  if (signal.aborted) throw stoppedBy(signal);
  await new Promise<void>((resolve, reject) => {
    const stop = () => {
      cancel();
      reject(stoppedBy(signal));
    };
    const cancel = timers.after(milliseconds, () => {
      signal.removeEventListener('abort', stop);
      resolve();
    });
    signal.addEventListener('abort', stop, { once: true });
  });
}

/** The first at once, then the newest of each interval. */
function throttle(timers: Timers, tell: (services: readonly ServiceCounts[]) => void) {
  let newest: readonly ServiceCounts[] | undefined;
  let resting = false;
  const rest = () => {
    resting = true;
    timers.after(PROGRESS_MIN_MS, () => {
      resting = false;
      const waiting = newest;
      newest = undefined;
      if (waiting === undefined) return;
      tell(waiting);
      rest();
    });
  };
  return (services: readonly ServiceCounts[]) => {
    if (resting) {
      newest = services;
      return;
    }
    tell(services);
    rest();
  };
}

function unreadable(why: string): WorkEnd {
  const message = `The delegate could not run the step: ${why}`;
  const failure = {
    code: 'internal',
    message,
    hint: ERRORS.internal.hint,
    evidence: [],
    failureType: 'delegate',
  } as const;
  return { kind: 'outcome', outcome: { outcome: 'failed', failure } };
}
