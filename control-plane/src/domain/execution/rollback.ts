import type { JsonObject } from '@outrider/shared/json.ts';
import type { StepType } from '@outrider/shared/steps/index.ts';
import { STEP_SPECS } from '@outrider/shared/steps/index.ts';
import type { UndoneStep } from '@outrider/shared/steps/task.ts';
import type { PlannedPhase, PlannedStep } from '../planning/plan.ts';
import { findStep, sameTarget, stepsOfPhase } from '../planning/walk.ts';
import { undoFacts } from './evolve.ts';
import { wantsRollback } from './interrupts.ts';
import { type EndedStep, type ExecutionState, isEnded, stepState } from './state.ts';

/**
 * Names of the rollback phases to run: the reverse of the forward phases that started, the one that failed included.
 * Empty when no rollback is wanted, or there is nothing to roll back.
 */
export function rollbackOrder(state: Extract<ExecutionState, { kind: 'stopping' }>): readonly string[] {
  const { cause, plan } = state;
  if (!wantsRollback(cause)) return [];
  const onlyPhase =
    cause.kind === 'step-failed' && cause.action === 'rollback-phase'
      ? findStep(plan, cause.stepId)?.phase.number
      : undefined;
  const started = plan.phases.filter(
    (phase, index) =>
      state.phases[index]?.kind !== 'pending' && (onlyPhase === undefined || phase.number === onlyPhase),
  );
  return started.toReversed().flatMap((phase) => {
    const undoing = plan.rollbackPhases.find((candidate) => candidate.number === phase.number);
    return undoing === undefined || stepsOfPhase(undoing).length === 0 ? [] : [undoing.name];
  });
}

/** The steps that this one undoes and that changed something, or may have: those that a delegate took. Newest first. */
export function undoneSteps(state: ExecutionState, step: PlannedStep): readonly UndoneStep[] {
  const undone: UndoneStep[] = [];
  for (const stepId of step.undoes) {
    const place = findStep(state.plan, stepId);
    const past = stepState(state, stepId);
    if (place === undefined || !isEnded(past) || past.startedAtMs === null) continue;
    undone.push({
      stepId,
      phase: place.phase.name,
      type: place.step.type,
      // What a person took for a success changed nobody knows what.
      status: isMarked(past) ? 'failed' : past.kind,
      facts: undoFacts(past),
      output: past.kind === 'succeeded' && !isMarked(past) ? past.output : null,
    });
  }
  const order = state.plan.phases.flatMap(stepsOfPhase).map((candidate) => candidate.id);
  return undone.toSorted((one, other) => order.indexOf(other.stepId) - order.indexOf(one.stepId));
}

function isMarked(past: EndedStep): boolean {
  return past.kind === 'succeeded' && past.marked !== undefined;
}

/** A rollback step before this one went back over all phases of this service already. */
export function allPhasesRolledBack(state: ExecutionState, phase: PlannedPhase): boolean {
  return state.plan.rollbackPhases.some(
    (candidate) =>
      sameTarget(candidate, phase) && stepsOfPhase(candidate).some((step) => saysAllPhasesDone(outputOf(state, step))),
  );
}

function outputOf(state: ExecutionState, step: PlannedStep): JsonObject {
  const past = stepState(state, step.id);
  return step.type === 'ecs-rollback-containers' && past.kind === 'succeeded' ? past.output : {};
}

function saysAllPhasesDone(output: JsonObject): boolean {
  return output['allPhasesDone'] === true;
}

/** Whether steps of this type exist to undo others. */
export function isUndoer(type: StepType): boolean {
  return Object.values(STEP_SPECS).some((spec) => spec.undoneBy === type);
}
