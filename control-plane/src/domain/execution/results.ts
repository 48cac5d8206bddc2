import { ERRORS, type Failure } from '@outrider/shared/errors.ts';
import type { TaskOutcome } from '@outrider/shared/protocol/messages.ts';
import type { StepPlace } from '../planning/walk.ts';
import type { ExecutionEvent, TaskInput } from './events.ts';
import type { ExecutionState, LivingStep } from './state.ts';
import { failedEvent } from './strategies.ts';

type TaskWord = Exclude<TaskInput, { kind: 'task-deadline-passed' }>;

/** What a word from or about a delegate means for the step. The step is living and the attempt is the current one. */
export function taskEvents(
  state: ExecutionState,
  place: StepPlace,
  step: LivingStep,
  input: TaskWord,
  now: number,
): readonly ExecutionEvent[] {
  const { stepId, attempt } = input;
  switch (input.kind) {
    case 'task-accepted':
      return [{ type: 'step-started', stepId, attempt, delegate: input.delegate }];
    case 'task-checkpointed':
      return [{ type: 'step-checkpointed', stepId, attempt, facts: input.facts }];
    case 'task-requeued':
      return [{ type: 'step-requeued', stepId, attempt, because: input.because }];
    case 'task-undeliverable':
      return [
        stepStopped(state, place, step, input.failure.message, now) ??
          failedEvent(state, place, attempt, input.failure, now),
      ];
    case 'task-ended':
      return [stepEnded(state, place, step, input.result, now)];
  }
}

function stepEnded(
  state: ExecutionState,
  place: StepPlace,
  step: LivingStep,
  result: TaskOutcome,
  now: number,
): ExecutionEvent {
  switch (result.outcome) {
    case 'succeeded':
      return { type: 'step-succeeded', stepId: place.step.id, attempt: step.attempt, output: result.output };
    case 'failed':
      return failedEvent(state, place, step.attempt, result.failure, now);
    case 'stopped':
      return (
        stepStopped(state, place, step, result.message, now) ??
        failedEvent(state, place, step.attempt, stoppedUnasked(result.message), now)
      );
  }
}

/** The end of a step that was told to stop: aborted, or failed where its time had run out. Undefined: nobody told it. */
function stepStopped(
  state: ExecutionState,
  place: StepPlace,
  step: LivingStep,
  message: string,
  now: number,
): ExecutionEvent | undefined {
  if (step.kind !== 'cancelling') return undefined;
  if (step.reason === 'timed-out') return failedEvent(state, place, step.attempt, timedOut(place, step, message), now);
  const text = message === '' ? step.message : `${step.message} (${message})`;
  return { type: 'step-aborted', stepId: place.step.id, attempt: step.attempt, message: text };
}

function timedOut(place: StepPlace, step: LivingStep, message: string): Failure {
  const neverStarted = step.startedAtMs === null ? ', and no delegate had taken it' : '';
  return {
    code: 'step-timed-out',
    message: `${place.step.name} did not end within ${place.step.timeoutSeconds} s${neverStarted}`,
    hint: ERRORS['step-timed-out'].hint,
    evidence: message === '' ? [] : [message],
    failureType: 'timeout',
  };
}

function stoppedUnasked(message: string): Failure {
  return {
    code: 'delegate-lost',
    message: `the delegate stopped the step without being told to${message === '' ? '' : `: ${message}`}`,
    hint: ERRORS['delegate-lost'].hint,
    evidence: [],
    failureType: 'delegate',
  };
}
