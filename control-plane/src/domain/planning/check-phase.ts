import type { Scope } from '@outrider/shared/expressions/evaluate.ts';
import type { KnownMembers } from '@outrider/shared/expressions/names.ts';
import { render } from '@outrider/shared/expressions/render.ts';
import type { Json } from '@outrider/shared/json.ts';
import { STEP_SPECS } from '@outrider/shared/steps/index.ts';
import { lenientPointers } from '../execution/lenient.ts';
import { type CheckedPlace, checkCondition, checkValue } from './check-expressions.ts';
import { checkEcsNames } from './ecs-names.ts';
import { type OutlinedSection, type OutlinedStep, outlinedSteps } from './outline.ts';
import { knownContext, knownOutputs } from './outputs.ts';
import type { ResolvedPhase } from './phases.ts';
import type { PlanProblem } from './problems.ts';
import { inPhase } from './structure.ts';

/** Everything about a phase's values that can be known to be wrong before it runs. */
export function checkPhase(phase: ResolvedPhase, phases: readonly ResolvedPhase[]): readonly PlanProblem[] {
  const earlier = phases.filter(
    (other) => other.index < phase.index && other.service.metadata.name === phase.service.metadata.name,
  );
  const published = knownContext(phases.filter((other) => other.index < phase.index).flatMap(outlinedSteps));
  const before = { ...knownOutputs(earlier.flatMap(outlinedSteps)), ...published };
  return [
    ...checkDefinitions(phase, before),
    ...checkSections(phase, phase.sections, before),
    ...checkSections(phase, phase.rollback, knownOutputs(outlinedSteps(phase), before)),
  ];
}

/** The service's AWS documents are rendered for every step, so that they can use no output of the phase's own steps. */
function checkDefinitions(phase: ResolvedPhase, outputs: KnownMembers): readonly PlanProblem[] {
  const { service, scope } = phase;
  const { taskDefinition, serviceDefinition } = service.spec;
  const name = service.metadata.name;
  if (taskDefinition === undefined) {
    const message = `the service "${name}" has no task definition`;
    return [{ code: 'document-invalid', message, hint: 'apply it together with its taskDefinitionFile' }];
  }
  const place = (what: string): CheckedPlace => ({
    where: `service "${name}" in phase "${phase.phase.name}": ${what}`,
    scope,
    outputs,
  });
  const problems = [
    ...checkValue(taskDefinition, place('taskDefinition')).problems,
    ...checkValue(serviceDefinition, place('serviceDefinition')).problems,
  ];
  return problems.length > 0
    ? problems
    : checkEcsNames(phase, phase.environment.metadata.name, (text) => textNow(text, scope));
}

function checkSections(
  phase: ResolvedPhase,
  sections: readonly OutlinedSection[],
  before: KnownMembers,
): readonly PlanProblem[] {
  const problems: PlanProblem[] = [];
  let outputs = before;
  for (const group of sections.flatMap((section) => section.groups)) {
    for (const step of group) problems.push(...checkStep(phase, step, outputs));
    outputs = knownOutputs(group, outputs);
  }
  return problems;
}

function checkStep(phase: ResolvedPhase, step: OutlinedStep, outputs: KnownMembers): readonly PlanProblem[] {
  const values = { ...phase.scope.values, currentStep: { name: step.name, type: step.type } };
  const scope = { ...phase.scope, values };
  const at = (field: string): CheckedPlace => ({
    where: `${inPhase(phase, step)}: ${field}`,
    pointer: `${step.pointer}/${field}`,
    scope,
    outputs,
  });
  const problems = step.when === undefined ? [] : checkCondition(step.when, at('when'));
  const lenient = lenientPointers(step.type);
  const checked = checkValue(step.with, at('with'), lenient);
  if (problems.length > 0 || checked.problems.length > 0) return [...problems, ...checked.problems];
  return checked.isFinal ? checkInput(phase, step, render(step.with, scope, { lenient })) : [];
}

/** What the step will get is known already: its fields are held against what the step takes. */
function checkInput(
  phase: ResolvedPhase,
  step: OutlinedStep,
  rendered: ReturnType<typeof render>,
): readonly PlanProblem[] {
  if ('problems' in rendered) return [];
  const parsed = STEP_SPECS[step.type].rendered.safeParse(rendered.value);
  if (parsed.success) return [];
  return parsed.error.issues.map((issue) => {
    const field = issue.path.map(String).join('.');
    return {
      code: 'step-input-invalid',
      message: `${inPhase(phase, step)}: with.${field}: ${issue.message}`,
      hint: 'mend the value, or the variable that it comes from',
      pointer: `${step.pointer}/with/${issue.path.map(String).join('/')}`,
    };
  });
}

/** The text when it resolves now; undefined when it waits for a step. */
function textNow(value: Json, scope: Scope): string | undefined {
  const rendered = render(value, scope);
  return 'value' in rendered && typeof rendered.value === 'string' ? rendered.value : undefined;
}
