import type { ExecutionEvent, ExecutionInput } from './events.ts';
import type { ExecutionKind, StepKind } from './state.ts';

/**
 * The state machine as data. decide.ts refuses by the input tables; the property tests hold every event against the
 * transition tables; docs/execution-states.md is printed from them (diagram.ts).
 */

export type EventType = ExecutionEvent['type'];
export interface Transition<Kind extends string> {
  readonly event: EventType;
  readonly from: readonly Kind[];
  readonly to: Kind;
  /** What makes the difference, where one event leads to different states. */
  readonly when?: string;
}

export const EXECUTION_TRANSITIONS: readonly Transition<ExecutionKind>[] = [
  { event: 'execution-queued', from: ['created'], to: 'queued', when: 'others have its place' },
  { event: 'place-freed', from: ['queued'], to: 'queued' },
  { event: 'phase-started', from: ['created', 'queued'], to: 'deploying', when: 'the first phase' },
  { event: 'phase-started', from: ['deploying'], to: 'deploying' },
  { event: 'phase-finished', from: ['deploying'], to: 'deploying' },
  { event: 'pause-requested', from: ['deploying'], to: 'paused' },
  { event: 'phase-finished', from: ['paused'], to: 'paused', when: 'its last step had begun before' },
  { event: 'resume-requested', from: ['paused'], to: 'deploying' },
  { event: 'execution-finished', from: ['deploying', 'paused'], to: 'ended', when: 'all phases succeeded' },
  { event: 'step-failed', from: ['deploying', 'paused'], to: 'stopping', when: 'not retried, not ignored' },
  {
    event: 'step-unanswered',
    from: ['deploying', 'paused'],
    to: 'stopping',
    when: 'nobody said in time what follows a failure, and its strategy is to stop then',
  },
  { event: 'abort-requested', from: ['created', 'queued', 'deploying', 'paused'], to: 'stopping' },
  { event: 'rollback-requested', from: ['deploying', 'paused'], to: 'stopping' },
  { event: 'phase-finished', from: ['stopping'], to: 'stopping' },
  { event: 'rollback-started', from: ['stopping'], to: 'rolling-back', when: 'no step lives any more' },
  { event: 'execution-finished', from: ['stopping'], to: 'ended', when: 'nothing to roll back' },
  { event: 'phase-started', from: ['rolling-back'], to: 'rolling-back' },
  { event: 'phase-finished', from: ['rolling-back'], to: 'rolling-back' },
  { event: 'execution-finished', from: ['rolling-back'], to: 'ended', when: 'all rolled back, or one failed' },
];

export const STEP_TRANSITIONS: readonly Transition<StepKind>[] = [
  { event: 'step-skipped', from: ['pending'], to: 'skipped' },
  { event: 'step-queued', from: ['pending'], to: 'queued' },
  { event: 'step-queued', from: ['failed'], to: 'queued', when: 'its strategy is to retry' },
  { event: 'step-failed', from: ['pending', 'failed'], to: 'failed', when: 'its input does not resolve' },
  { event: 'step-started', from: ['queued', 'running'], to: 'running' },
  { event: 'step-requeued', from: ['running'], to: 'queued' },
  { event: 'step-checkpointed', from: ['running'], to: 'running' },
  { event: 'step-succeeded', from: ['running'], to: 'succeeded' },
  { event: 'step-failed', from: ['queued', 'running'], to: 'failed' },
  { event: 'step-cancel-requested', from: ['queued', 'running'], to: 'cancelling' },
  { event: 'step-started', from: ['cancelling'], to: 'cancelling', when: 'accepted before the cancel arrived' },
  { event: 'step-requeued', from: ['cancelling'], to: 'cancelling' },
  { event: 'step-checkpointed', from: ['cancelling'], to: 'cancelling' },
  { event: 'step-succeeded', from: ['cancelling'], to: 'succeeded', when: 'done before the cancel arrived' },
  {
    event: 'step-failed',
    from: ['cancelling'],
    to: 'failed',
    when: 'out of time, or broken before the cancel arrived',
  },
  { event: 'step-aborted', from: ['cancelling'], to: 'aborted' },
  { event: 'step-answered', from: ['failed'], to: 'failed', when: 'retried or ignored by a person' },
  { event: 'step-answered', from: ['failed'], to: 'succeeded', when: 'marked as success by a person' },
  { event: 'step-unanswered', from: ['failed'], to: 'failed', when: 'nobody said in time what follows' },
];

export type InputKind = ExecutionInput['kind'];
export type StepInputKind = Extract<ExecutionInput, { stepId: string }>['kind'];

/** The input is decided on. */
export const TAKEN = Symbol('taken');
/** Taken, or refused with this reason. */
export type Verdict = typeof TAKEN | string;

const HAS_NO_TURN = 'it waits for no other';
const WAITS = 'it waits for its turn';
const HAS_BEGUN = 'it has begun already';
const NOT_HELD = 'its rollback runs already; it is not held up half way';
const NOT_PAUSED = 'it is not paused';
const HAS_ENDED = 'it has ended';
const NOT_BEGUN = 'it has not begun; abort it';
const NO_TASKS = 'it has not begun and has no tasks';
const IS_STOPPING = 'it is being stopped already';
const ROLLS_BACK = 'its rollback runs already; it cannot be stopped half way';

const ALL_TAKEN: { readonly [Kind in StepInputKind]: Verdict } = {
  'task-accepted': TAKEN,
  'task-checkpointed': TAKEN,
  'task-ended': TAKEN,
  'task-requeued': TAKEN,
  'task-undeliverable': TAKEN,
  'task-deadline-passed': TAKEN,
  answer: TAKEN,
  'answer-overdue': TAKEN,
};

function answersRefused(because: string): { readonly [Kind in 'answer' | 'answer-overdue']: Verdict } {
  return { answer: because, 'answer-overdue': because };
}

function allRefused(because: string): { readonly [Kind in StepInputKind]: Verdict } {
  return {
    'task-accepted': because,
    'task-checkpointed': because,
    'task-ended': because,
    'task-requeued': because,
    'task-undeliverable': because,
    'task-deadline-passed': because,
    ...answersRefused(because),
  };
}

/** How an execution begins is settled once. */
function begun(because: string): { readonly [Kind in 'begin' | 'queue' | 'place-freed']: Verdict } {
  return { begin: because, queue: because, 'place-freed': because };
}

function interruptsRefused(because: string): {
  readonly [Kind in 'abort' | 'rollback' | 'pause' | 'resume']: Verdict;
} {
  return { abort: because, rollback: because, pause: because, resume: because };
}

/** What an execution in each state does with each input. */
export const EXECUTION_INPUTS: { readonly [State in ExecutionKind]: { readonly [Input in InputKind]: Verdict } } = {
  created: {
    begin: TAKEN,
    queue: TAKEN,
    'place-freed': HAS_NO_TURN,
    abort: TAKEN,
    rollback: NOT_BEGUN,
    pause: NOT_BEGUN,
    resume: NOT_PAUSED,
    ...allRefused(NO_TASKS),
  },
  queued: {
    begin: WAITS,
    queue: WAITS,
    'place-freed': TAKEN,
    abort: TAKEN,
    rollback: NOT_BEGUN,
    pause: NOT_BEGUN,
    resume: NOT_PAUSED,
    ...allRefused(NO_TASKS),
  },
  deploying: {
    ...begun(HAS_BEGUN),
    abort: TAKEN,
    rollback: TAKEN,
    pause: TAKEN,
    resume: NOT_PAUSED,
    ...ALL_TAKEN,
  },
  paused: {
    ...begun(HAS_BEGUN),
    abort: TAKEN,
    rollback: TAKEN,
    pause: 'it is paused already',
    resume: TAKEN,
    ...ALL_TAKEN,
  },
  stopping: {
    ...begun(HAS_BEGUN),
    ...interruptsRefused(IS_STOPPING),
    resume: NOT_PAUSED,
    ...ALL_TAKEN,
    ...answersRefused(IS_STOPPING),
  },
  'rolling-back': {
    ...begun(HAS_BEGUN),
    ...interruptsRefused(ROLLS_BACK),
    pause: NOT_HELD,
    resume: NOT_PAUSED,
    ...ALL_TAKEN,
  },
  ended: { ...begun(HAS_ENDED), ...interruptsRefused(HAS_ENDED), ...allRefused(HAS_ENDED) },
};

const NOT_QUEUED = 'the step has no task yet';
const NOBODY_HOLDS = 'no delegate has accepted the task';
const STILL_RUNS = 'the step has not failed: it waits for a delegate or runs';
const STEP_ENDED = 'the step has ended';

/** What a step in each state does with each input about it or its task. */
export const STEP_INPUTS: { readonly [State in StepKind]: { readonly [Input in StepInputKind]: Verdict } } = {
  pending: { ...allRefused(NOT_QUEUED), ...answersRefused('the step has not begun') },
  queued: {
    'task-accepted': TAKEN,
    'task-checkpointed': NOBODY_HOLDS,
    'task-ended': NOBODY_HOLDS,
    'task-requeued': NOBODY_HOLDS,
    'task-undeliverable': TAKEN,
    'task-deadline-passed': TAKEN,
    ...answersRefused(STILL_RUNS),
  },
  running: { ...ALL_TAKEN, ...answersRefused(STILL_RUNS) },
  cancelling: {
    ...ALL_TAKEN,
    'task-deadline-passed': 'the step is being stopped already',
    ...answersRefused('the step is being stopped already'),
  },
  succeeded: allRefused(STEP_ENDED),
  failed: { ...allRefused(STEP_ENDED), answer: TAKEN, 'answer-overdue': TAKEN },
  aborted: allRefused(STEP_ENDED),
  skipped: allRefused('the step was skipped'),
};
