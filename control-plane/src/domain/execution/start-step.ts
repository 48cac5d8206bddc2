import type { Failure } from '@outrider/shared/errors.ts';
import { evaluateCondition } from '@outrider/shared/expressions/render.ts';
import type { PlannedStep } from '../planning/plan.ts';
import type { ExecutionEvent } from './events.ts';
import { setupOf } from './prior.ts';
import { expressionFailure, renderTask, scopeOf } from './render.ts';
import { allPhasesRolledBack, isUndoer, undoneSteps } from './rollback.ts';
import { type ExecutionState, isEnded, stepState } from './state.ts';
import { failedEvent, retryAt, type StepInPhase } from './strategies.ts';

/** The first or the next attempt of a step: it is queued with its rendered task, is skipped, or fails for its input (which is not retried: it would fail again). */
export function startStep(state: ExecutionState, place: StepInPhase, now: number): ExecutionEvent {
  const stepId = place.step.id;
  const past = stepState(state, stepId);
  if (!isEnded(past)) {
    const skip = skipReason(state, place);
    if (skip !== undefined) {
      return 'because' in skip
        ? { type: 'step-skipped', stepId, because: skip.because }
        : failedEvent(state, place, 1, skip.failure, now, false);
    }
  }
  const attempt = isEnded(past) ? past.attempt + 1 : 1;
  const rendered = renderTask(state, place, attempt);
  if ('failure' in rendered) return failedEvent(state, place, attempt, rendered.failure, now, false);
  // Whoever asks for another attempt wants it now; only those of the strategy keep its intervals.
  const isOwn = past.kind === 'failed' && past.answered === undefined;
  const notBeforeMs = isOwn ? retryAt(state, place, past.attempt, past.failure.failureType, now) : now;
  return { type: 'step-queued', stepId, attempt, task: rendered.task, notBeforeMs };
}

type Skip = { readonly because: string } | { readonly failure: Failure };

/** Why the step does not run, in the words that operators know; undefined when it does. */
function skipReason(state: ExecutionState, place: StepInPhase): Skip | undefined {
  const { phase, step } = place;
  const because = phase.rollback ? nothingToUndo(state, place) : nothingToResize(state, place);
  if (because !== undefined) return { because };
  if (step.when === undefined) return undefined;
  const condition = evaluateCondition(step.when, scopeOf(state, place));
  if ('problems' in condition) return { failure: expressionFailure(place, 'when', condition.problems) };
  return condition.value ? undefined : { because: `Its condition is false: ${step.when}` };
}

const NO_SETUP = 'No container setup element found. Skipping.';
const NO_CONTEXT = 'No context found for rollback. Skipping.';

function nothingToResize(state: ExecutionState, { phase, step }: StepInPhase): string | undefined {
  return step.type === 'ecs-upgrade-containers' && setupOf(state, phase) === null ? NO_SETUP : undefined;
}

/** A step that exists to undo others has nothing to do when none of them was ever taken by a delegate. */
function nothingToUndo(state: ExecutionState, { phase, step }: StepInPhase): string | undefined {
  if (!isUndoer(step.type)) return undefined;
  if (step.type === 'ecs-rollback-containers' && allPhasesRolledBack(state, phase)) {
    return 'All phase Rollback already done. Skipping.';
  }
  return undoneSteps(state, step).length === 0 ? notExecuted(step) : undefined;
}

function notExecuted(step: PlannedStep): string {
  switch (step.type) {
    case 'ecs-canary-delete':
      return 'Ecs Canary Deploy Step was not executed. Skipping Canary Delete.';
    case 'ecs-rolling-rollback':
      return 'Ecs Rolling Deploy Step was not executed. Skipping Rollback.';
    default:
      return NO_CONTEXT;
  }
}
