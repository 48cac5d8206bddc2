import type { StepId } from '@outrider/shared/ids.ts';
import type { ExecutionPlan, PlannedPhase, PlannedStep } from './plan.ts';

/** The steps of a phase in the order in which they run. */
export function stepsOfPhase(phase: PlannedPhase): readonly PlannedStep[] {
  return groupsOfPhase(phase).flat();
}

/** Groups over all sections of a phase, in the order in which they run. */
export function groupsOfPhase(phase: PlannedPhase): readonly (readonly PlannedStep[])[] {
  return phase.sections.flatMap((section) => section.groups);
}

/** Forward phases, then rollback phases, each in plan order. */
export function allPhases(plan: ExecutionPlan): readonly PlannedPhase[] {
  return [...plan.phases, ...plan.rollbackPhases];
}

export function allSteps(plan: ExecutionPlan): readonly PlannedStep[] {
  return allPhases(plan).flatMap(stepsOfPhase);
}

export interface StepPlace {
  readonly phase: PlannedPhase;
  readonly section: string;
  readonly step: PlannedStep;
}

export function findStep(plan: ExecutionPlan, stepId: StepId): StepPlace | undefined {
  for (const phase of allPhases(plan)) {
    for (const section of phase.sections) {
      const step = section.groups.flat().find((candidate) => candidate.id === stepId);
      if (step !== undefined) return { phase, section: section.name, step };
    }
  }
  return undefined;
}

/** Phases that deploy the same service to the same place: they share one setup. */
export function sameTarget(a: PlannedPhase, b: PlannedPhase): boolean {
  return (
    a.service.application === b.service.application &&
    a.service.name === b.service.name &&
    a.target.infrastructure === b.target.infrastructure
  );
}

/** What executions exclude each other by: `SERVICE@INFRASTRUCTURE` of every phase, each once. */
export function resourceKeys(plan: ExecutionPlan): readonly string[] {
  const keys = plan.phases.map(
    (phase) => `${phase.service.application}/${phase.service.name}@${phase.target.infrastructure}`,
  );
  return [...new Set(keys)];
}
