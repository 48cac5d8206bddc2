import { type DeploymentFacts, deploymentScope } from '@outrider/shared/expressions/scope.ts';
import { isJsonObject, type Json } from '@outrider/shared/json.ts';
import type { VariableValues } from '@outrider/shared/model/common.ts';
import { resolveWorkflowVariables } from '@outrider/shared/model/variables.ts';
import type { Workflow } from '@outrider/shared/model/workflow.ts';
import { checkPhase } from './check-phase.ts';
import { plannedStrategies } from './failure-strategies.ts';
import { type ApplicationResources, findResources } from './find-resources.ts';
import { chooseImages } from './images.ts';
import { notesOn } from './notes.ts';
import { outlinePhases } from './outline.ts';
import { plannedPhases, type ResolvedPhase } from './phases.ts';
import type { ExecutionPlan, StartInput } from './plan.ts';
import { type PlanProblem, PROBLEMS_LIMIT } from './problems.ts';
import { checkStructure } from './structure.ts';

export interface PlanRequest {
  readonly workflow: Workflow;
  readonly workflowVersion: number;
  readonly resources: ApplicationResources;
  readonly start: StartInput;
  readonly startedBy: string;
}

export type Planned = { readonly plan: ExecutionPlan } | { readonly problems: readonly PlanProblem[] };

/**
 * What an execution of the workflow will do, or everything that keeps it from starting. Pure. A plan that was made can
 * be carried out: its references exist, its build is sound, and each expression that waits for no step resolves.
 */
export function plan(request: PlanRequest): Planned {
  const { workflow, start } = request;
  const found = findResources(workflow, request.resources);
  const services = new Map(found.phases.map(({ service }) => [service.metadata.name, service]));
  const images = chooseImages([...services.values()], start.artifacts);
  const variables = chooseVariables(workflow, start.variables);
  const outline = outlinePhases(workflow, found.phases);
  const problems = [...found.problems, ...images.problems, ...variables.problems, ...checkStructure(workflow, outline)];
  const { environment } = found;
  if (problems.length > 0 || environment === undefined) return { problems: problems.slice(0, PROBLEMS_LIMIT) };

  const facts: DeploymentFacts = {
    workflow,
    environment,
    workflowVariables: variables.values,
    startedBy: request.startedBy,
    outputs: [],
  };
  const scope = deploymentScope(facts);
  const resolved: ResolvedPhase[] = [];
  for (const outlined of outline) {
    const { phase, index, service, infrastructure } = outlined;
    const image = images.byService.get(service.metadata.name);
    if (image === undefined) continue;
    const { serviceVariableOverrides } = phase;
    const inPhase = { index, name: phase.name, service, infrastructure, serviceVariableOverrides, image };
    resolved.push({ ...outlined, environment, image, scope: deploymentScope({ ...facts, phase: inPhase }) });
  }
  const unresolved = resolved.flatMap((phase) => checkPhase(phase, resolved));
  if (unresolved.length > 0) return { problems: unresolved.slice(0, PROBLEMS_LIMIT) };
  const phases = plannedPhases(resolved, scope);
  return {
    plan: {
      workflow: {
        name: workflow.metadata.name,
        application: workflow.metadata.application,
        version: request.workflowVersion,
      },
      type: workflow.spec.type,
      ...phases,
      failureStrategies: plannedStrategies(workflow.spec.failureStrategies ?? []),
      scope,
      notes: notesOn(resolved, start),
    },
  };
}

/** Values of the run's variables; what a caller gives must be text, a number, or true or false. */
function chooseVariables(
  workflow: Workflow,
  given: Readonly<Record<string, Json>>,
): { readonly values: VariableValues; readonly problems: readonly PlanProblem[] } {
  const problems: PlanProblem[] = [];
  const plain: Record<string, string | number | boolean> = {};
  for (const [name, value] of Object.entries(given)) {
    if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean') plain[name] = value;
    else {
      const what = value === null ? 'null' : isJsonObject(value) ? 'an object' : 'a list';
      const message = `the variable "${name}" is ${what}`;
      problems.push({ code: 'request-invalid', message, hint: 'give a text, a number, or true or false' });
    }
  }
  const resolved = resolveWorkflowVariables(workflow.spec.variables, plain);
  if ('values' in resolved) return { values: resolved.values, problems };
  const wrong = resolved.problems.map(({ message, hint }): PlanProblem => ({ code: 'request-invalid', message, hint }));
  return { values: {}, problems: [...problems, ...wrong] };
}
