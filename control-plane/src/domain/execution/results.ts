import { ERRORS, type Failure } from '@outrider/shared/errors.ts';
import type { TaskOutcome } from '@outrider/shared/protocol/messages.ts';
import type { StepPlace } from '../planning/walk.ts';
import type { ExecutionEvent, ExecutionInput } from './events.ts';
import type { ExecutionState, LivingStep } from './state.ts';
import { chooseAction } from './strategies.ts';

type TaskInput = Exclude<Extract<ExecutionInput, { stepId: string }>, { kind: 'task-deadline-passed' }>;

/** What a word from or about a delegate means for the step. The step is living and the attempt is the current one. */
export function taskEvents(
  state: ExecutionState,
  place: StepPlace,
  step: LivingStep,
  input: TaskInput,
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
        stepStopped(state, place, step, input.failure.message) ?? stepFailed(state, place, attempt, input.failure),
      ];
    case 'task-ended':
      return [stepEnded(state, place, step, input.result)];
  }
}

function stepEnded(state: ExecutionState, place: StepPlace, step: LivingStep, result: TaskOutcome): ExecutionEvent {
  switch (result.outcome) {
    case 'succeeded':
      return { type: 'step-succeeded', stepId: place.step.id, attempt: step.attempt, output: result.output };
    case 'failed':
      return stepFailed(state, place, step.attempt, result.failure);
    case 'stopped':
      return (
        stepStopped(state, place, step, result.message) ??
        stepFailed(state, place, step.attempt, stoppedUnasked(result.message))
      );
  }
}

/** The end of a step that was told to stop: aborted, or failed where its time had run out. Undefined: nobody told it. */
function stepStopped(
  state: ExecutionState,
  place: StepPlace,
  step: LivingStep,
  message: string,
): ExecutionEvent | undefined {
  if (step.kind !== 'cancelling') return undefined;
  if (step.reason === 'timed-out') return stepFailed(state, place, step.attempt, timedOut(place, step, message));
  const text = message === '' ? step.message : `${step.message} (${message})`;
  return { type: 'step-aborted', stepId: place.step.id, attempt: step.attempt, message: text };
}

function stepFailed(state: ExecutionState, place: StepPlace, attempt: number, failure: Failure): ExecutionEvent {
  const action = chooseAction(state, place, attempt, failure.failureType);
  return { type: 'step-failed', stepId: place.step.id, attempt, failure, action };
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
