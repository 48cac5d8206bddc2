import { type SetupOutput, setupOutput } from '@outrider/shared/steps/ecs-service-setup.ts';
import type { Prior } from '@outrider/shared/steps/task.ts';
import type { PlannedPhase } from '../planning/plan.ts';
import { sameTarget, stepsOfPhase } from '../planning/walk.ts';
import { undoFacts } from './evolve.ts';
import { allPhasesRolledBack, undoneSteps } from './rollback.ts';
import { type ExecutionState, type StepState, stepState } from './state.ts';
import type { StepInPhase } from './strategies.ts';

/** What the execution knows when a step of the phase starts. */
export function priorOf(state: ExecutionState, { phase, step }: StepInPhase): Prior {
  return {
    setup: setupOf(state, phase),
    undo: [...undoneSteps(state, step)],
    ...earlierOf(stepState(state, step.id)),
    finalResize: step.finalResize,
    allPhasesRolledBack: phase.rollback && allPhasesRolledBack(state, phase),
  };
}

/** What the step is to go back to, or to go on to, was fixed by its first attempt: a later one sees a changed world. */
function earlierOf(past: StepState): Pick<Prior, 'earlier'> {
  const earlier = undoFacts(past);
  return Object.keys(earlier).length === 0 ? {} : { earlier };
}

/** What the setup of this service and infrastructure gave; all their phases share it. Null: there was none. */
export function setupOf(state: ExecutionState, phase: PlannedPhase): SetupOutput | null {
  for (const candidate of state.plan.phases.toReversed()) {
    if (!sameTarget(candidate, phase)) continue;
    for (const step of stepsOfPhase(candidate)) {
      const past = stepState(state, step.id);
      if (step.type !== 'ecs-service-setup' || past.kind !== 'succeeded') continue;
      const output = setupOutput.safeParse(past.output);
      if (output.success) return output.data;
    }
  }
  return null;
}
