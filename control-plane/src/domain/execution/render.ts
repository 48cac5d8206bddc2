import { ERRORS, type ErrorCode, type Failure } from '@outrider/shared/errors.ts';
import { caretLines, type ExpressionProblem } from '@outrider/shared/expressions/ast.ts';
import type { Scope } from '@outrider/shared/expressions/evaluate.ts';
import { type Rendered, render } from '@outrider/shared/expressions/render.ts';
import { isJsonObject, type Json, type JsonObject } from '@outrider/shared/json.ts';
import { awsJson } from '@outrider/shared/model/aws-definitions.ts';
import { normalizeName } from '@outrider/shared/names.ts';
import { STEP_SPECS } from '@outrider/shared/steps/index.ts';
import { publishedBy } from '@outrider/shared/steps/shell-script.ts';
import type { StepTask } from '@outrider/shared/steps/task.ts';
import { CONTEXT } from '../planning/outputs.ts';
import type { ExecutionPlan, PlannedPhase } from '../planning/plan.ts';
import { allSteps, stepsOfPhase } from '../planning/walk.ts';
import { lenientPointers } from './lenient.ts';
import { priorOf } from './prior.ts';
import { type ExecutionState, stepState } from './state.ts';
import type { StepInPhase } from './strategies.ts';

/** Problems that a failure lists at most. */
const LISTED_PROBLEMS = 5;

/** The work of one attempt, ready for a delegate, or why the step's input does not resolve. */
export function renderTask(
  state: ExecutionState,
  place: StepInPhase,
  attempt: number,
): { readonly task: StepTask } | { readonly failure: Failure } {
  const { phase, step } = place;
  const scope = scopeOf(state, place);
  const fields = renderedObject(render(step.with, scope, { lenient: lenientPointers(step.type) }));
  if ('problems' in fields) return { failure: expressionFailure(place, 'with', fields.problems) };
  const taskDefinition = renderedObject(render(phase.service.taskDefinition, scope));
  if ('problems' in taskDefinition) {
    return { failure: expressionFailure(place, 'taskDefinition of the service', taskDefinition.problems) };
  }
  const serviceDefinition = renderedObject(render(phase.service.serviceDefinition, scope));
  if ('problems' in serviceDefinition) {
    return { failure: expressionFailure(place, 'serviceDefinition of the service', serviceDefinition.problems) };
  }
  const parsed = STEP_SPECS[step.type].rendered.safeParse(fields.value);
  if (!parsed.success) {
    const texts = parsed.error.issues.map((issue) => `${['with', ...issue.path].join('.')}: ${issue.message}`);
    return { failure: inputFailure('step-input-invalid', place, texts, []) };
  }
  return {
    task: {
      type: step.type,
      executionId: state.id,
      stepId: step.id,
      attempt,
      stepName: step.name,
      phaseName: phase.name,
      workflow: state.plan.workflow.name,
      rollback: phase.rollback,
      with: fields.value,
      target: phase.target,
      service: {
        ...phase.service,
        taskDefinition: awsJson(taskDefinition.value),
        serviceDefinition: awsJson(serviceDefinition.value),
      },
      prior: priorOf(state, place),
    },
  };
}

/** Everything that expressions of the step can name now. */
export function scopeOf(state: ExecutionState, { phase, step }: StepInPhase): Scope {
  const known = phaseScope(state.plan, phase);
  const currentStep = { name: step.name, type: step.type };
  const values = { ...outputsFor(state, phase), ...known.values, currentStep, [CONTEXT]: publishedIn(state) };
  return { ...known, values };
}

/** What a phase can name without the outputs of its steps. */
export function phaseScope(plan: ExecutionPlan, phase: PlannedPhase): Scope {
  return {
    values: { ...plan.scope.values, ...phase.scope.values },
    templates: [...(plan.scope.templates ?? []), ...(phase.scope.templates ?? [])],
    absent: phase.scope.absent ?? {},
  };
}

/**
 * Outputs by the normalised names of their steps: those of this phase, else the latest of an earlier phase of the same
 * service. A rollback sees besides what the phase saw that it undoes.
 */
function outputsFor(state: ExecutionState, phase: PlannedPhase): JsonObject {
  const visible = state.plan.phases.filter(
    (candidate) =>
      candidate.number === phase.number ||
      (candidate.number < phase.number && candidate.service.name === phase.service.name),
  );
  const outputs: [string, Json][] = [];
  for (const step of [...visible, ...(phase.rollback ? [phase] : [])].flatMap(stepsOfPhase)) {
    const past = stepState(state, step.id);
    if (past.kind === 'succeeded') outputs.push([normalizeName(step.name), past.output]);
  }
  return Object.fromEntries(outputs);
}

/** What the steps that have succeeded publish, whatever phase they stand in; of two under one name the later one counts. */
function publishedIn(state: ExecutionState): JsonObject {
  const published: [string, Json][] = [];
  for (const step of allSteps(state.plan)) {
    const past = stepState(state, step.id);
    const name = past.kind === 'succeeded' ? publishedBy(step)?.name : undefined;
    if (past.kind === 'succeeded' && name !== undefined) published.push([name, past.output['outputVariables'] ?? {}]);
  }
  return Object.fromEntries(published);
}

/** An expression does not resolve: each with the text it stands in and carets below it. */
export function expressionFailure(place: StepInPhase, where: string, problems: readonly ExpressionProblem[]): Failure {
  const texts = problems.map((problem) => `${where}${problem.pointer.replaceAll('/', '.')}: ${problem.message}`);
  const evidence = problems.slice(0, LISTED_PROBLEMS).flatMap((problem) => caretLines(problem));
  return { ...inputFailure('expression-unresolved', place, texts, evidence), hint: problems[0]?.hint ?? '' };
}

function inputFailure(
  code: Extract<ErrorCode, 'expression-unresolved' | 'step-input-invalid'>,
  { step }: StepInPhase,
  texts: readonly string[],
  evidence: readonly string[],
): Failure {
  const more = texts.length > LISTED_PROBLEMS ? `; and ${texts.length - LISTED_PROBLEMS} more` : '';
  return {
    code,
    message: `${step.name} cannot start: ${texts.slice(0, LISTED_PROBLEMS).join('; ')}${more}`,
    hint: ERRORS[code].hint,
    evidence,
    failureType: 'application',
  };
}

type RenderedObject = { readonly value: JsonObject } | { readonly problems: readonly ExpressionProblem[] };

/** An object renders to an object. */
function renderedObject(rendered: Rendered): RenderedObject {
  if ('problems' in rendered) return rendered;
  return { value: isJsonObject(rendered.value) ? rendered.value : {} };
}
