import type { Failure, FailureType } from '@outrider/shared/errors.ts';
import { DEFAULT_AFTER_TIMEOUT, INTERVENTION_SECONDS } from '@outrider/shared/model/step.ts';
import type { PlannedFailureStrategy, PlannedPhase, PlannedStep } from '../planning/plan.ts';
import type { ExecutionEvent } from './events.ts';
import { actionOf } from './interrupts.ts';
import type { ExecutionState, FailureAction } from './state.ts';

/** A step and the phase in which it stands. */
export interface StepInPhase {
  readonly phase: PlannedPhase;
  readonly step: PlannedStep;
}

/**
 * What follows a failure. The step's strategies go before the phase's and those before the workflow's; in each the
 * first that matches counts; without a match the workflow is rolled back.
 *
 * `repeatable` false: the same would happen again, so that retrying is passed over.
 */
export function chooseAction(
  state: ExecutionState,
  place: StepInPhase,
  attempt: number,
  failureType: FailureType,
  repeatable = true,
): FailureAction {
  // The first cause stays: what fails while the execution is being stopped does not change what follows.
  if (state.kind === 'stopping') return actionOf(state.cause);
  const chosen = firstMatch(state, place, failureType);
  const action = chosen === undefined ? 'rollback-workflow' : actionAfter(chosen, attempt, repeatable);
  if (!place.phase.rollback) return action;
  // A rollback has no rollback of its own: it goes on, or it stops there.
  return action === 'retry' || action === 'ignore' || action === 'manual-intervention' ? action : 'end';
}

/** The failure of an attempt with what follows it. `now`: milliseconds since 1970; `repeatable` as in `chooseAction`. */
export function failedEvent(
  state: ExecutionState,
  place: StepInPhase,
  attempt: number,
  failure: Failure,
  now: number,
  repeatable = true,
): ExecutionEvent {
  const action = chooseAction(state, place, attempt, failure.failureType, repeatable);
  const event = { type: 'step-failed', stepId: place.step.id, attempt, failure, action } as const;
  if (action !== 'manual-intervention') return event;
  const { timeoutSeconds, afterTimeout } = firstMatch(state, place, failure.failureType)?.intervention ?? USUAL;
  return { ...event, intervention: { untilMs: now + timeoutSeconds * 1000, afterTimeout } };
}

const USUAL = { timeoutSeconds: INTERVENTION_SECONDS.usual, afterTimeout: DEFAULT_AFTER_TIMEOUT };

/** When the next attempt may be offered; milliseconds since 1970. `attempt` is the one that failed. */
export function retryAt(
  state: ExecutionState,
  place: StepInPhase,
  attempt: number,
  failureType: FailureType,
  now: number,
): number {
  const intervals = firstMatch(state, place, failureType)?.retryIntervalsSeconds ?? [];
  const seconds = intervals[Math.min(attempt, intervals.length) - 1] ?? 0;
  return now + seconds * 1000;
}

function actionAfter(strategy: PlannedFailureStrategy, attempt: number, repeatable: boolean): FailureAction {
  if (strategy.action !== 'retry') return strategy.action;
  return repeatable && attempt <= strategy.retries ? 'retry' : strategy.afterRetries;
}

function firstMatch(
  state: ExecutionState,
  { phase, step }: StepInPhase,
  failureType: FailureType,
): PlannedFailureStrategy | undefined {
  const workflow = phase.rollback ? [] : state.plan.failureStrategies;
  for (const level of [step.failureStrategies, phase.failureStrategies, workflow]) {
    const match = level.find((strategy) =>
      strategy.failureTypes.some((type) => type === 'any' || type === failureType),
    );
    if (match !== undefined) return match;
  }
  return undefined;
}
