import { ERRORS, type Failure } from '@outrider/shared/errors.ts';
import { stepsOfPhase } from '../planning/walk.ts';
import type { ExecutionEvent } from './events.ts';
import { causeText } from './interrupts.ts';
import { type ExecutionState, type StopCause, stepState } from './state.ts';

/** Lines of evidence that a failure carries at most (shared/src/errors.ts). */
const EVIDENCE_LIMIT = 20;

/** The end of an execution that did not go through. */
export function finishedEvent(
  state: Extract<ExecutionState, { kind: 'stopping' | 'rolling-back' }>,
  rollback: 'none' | 'succeeded' | 'failed',
): ExecutionEvent {
  const { cause } = state;
  const aborted = cause.kind === 'aborted' || (cause.kind === 'step-failed' && cause.action === 'abort');
  const failure = failureOf(cause);
  return {
    type: 'execution-finished',
    status: aborted ? 'aborted' : 'failed',
    rollback,
    failure: rollback === 'failed' ? withRollbackFailure(failure, state) : failure,
  };
}

function failureOf(cause: StopCause): Failure {
  if (cause.kind === 'step-failed') return cause.failure;
  const text = causeText(cause);
  return {
    code: 'aborted',
    message: text.charAt(0).toUpperCase() + text.slice(1),
    hint: ERRORS.aborted.hint,
    evidence: [],
    failureType: 'application',
  };
}

/** The first failure stays the reason; that the way back failed too, and why, must not get lost beside it. */
function withRollbackFailure(failure: Failure, state: ExecutionState): Failure {
  const lines: string[] = [];
  for (const phase of state.plan.rollbackPhases) {
    for (const { id, name } of stepsOfPhase(phase)) {
      const step = stepState(state, id);
      if (step.kind !== 'failed' || step.action === 'ignore') continue;
      lines.push(`${phase.name} failed in ${name}: ${step.failure.message}. ${step.failure.hint}`);
    }
  }
  const kept = failure.evidence.slice(0, Math.max(0, EVIDENCE_LIMIT - lines.length));
  return { ...failure, evidence: [...kept, ...lines].slice(0, EVIDENCE_LIMIT) };
}
