import { wrongValue } from '@outrider/shared/model/variables.ts';
import type { Workflow } from '@outrider/shared/model/workflow.ts';
import { isStepType } from '@outrider/shared/steps/index.ts';
import { findResources } from '../../domain/planning/find-resources.ts';
import { type OutlinedPhase, outlinePhases } from '../../domain/planning/outline.ts';
import type { PlanProblem } from '../../domain/planning/problems.ts';
import { checkStructure } from '../../domain/planning/structure.ts';
import type { Catalog } from './catalog.ts';
import { checkFixedNames } from './ecs-names.ts';
import { checkWorkflowExpressions } from './expressions.ts';
import { checkNetwork } from './network.ts';
import type { Checkable, Report } from './report.ts';
import { checkSteps } from './steps.ts';
import { checkDuplicateVariables, unknownVariable } from './variables.ts';

/** A workflow's references, its build, and its expressions. */
export function checkWorkflow(document: Checkable, workflow: Workflow, catalog: Catalog, report: Report): void {
  const found = findResources(workflow, catalog.referencedBy(workflow));
  const outline = outlinePhases(workflow, found.phases);
  const add = (problem: PlanProblem) => addPlanProblem(document, problem, report);
  found.problems.forEach(add);
  checkShape(document, workflow, report);
  checkVariables(document, workflow, report);
  checkStructure(workflow, outline).forEach(add);
  for (const phase of outline) {
    checkOverrides(document, phase, report);
    checkNetwork(document, phase, catalog, report);
  }
  checkSteps(document, outline, report);
  if (found.environment === undefined) return;
  const deployment = { workflow, environment: found.environment, phases: outline };
  checkWorkflowExpressions(document, deployment, catalog, report);
  checkFixedNames(deployment).forEach(add);
}

function addPlanProblem(document: Checkable, problem: PlanProblem, report: Report): void {
  const code = problem.code === 'reference-missing' ? 'reference-missing' : 'document-invalid';
  const { message, hint = '', pointer = '' } = problem;
  report.add(document, { pointer, message, hint, code });
}

/** What the type of a workflow asks for. */
function checkShape(document: Checkable, workflow: Workflow, report: Report): void {
  const { type, phases } = workflow.spec;
  if (type === 'BASIC' && phases.length > 1) {
    const message = `a BASIC workflow has one phase, and this one has ${phases.length}`;
    report.add(document, { pointer: '/spec/phases/1', message, hint: 'make it CANARY, or keep one phase' });
  }
  if (type === 'BLUE_GREEN' && !isStepType('ecs-blue-green-setup')) {
    const message = 'BLUE_GREEN workflows are not available in this version: their steps are missing';
    report.add(document, { pointer: '/spec/type', message, hint: 'use BASIC, CANARY or ROLLING' });
  }
}

function checkVariables(document: Checkable, workflow: Workflow, report: Report): void {
  const { variables } = workflow.spec;
  checkDuplicateVariables(document, variables, report);
  variables.forEach((variable, index) => {
    const pointer = `/spec/variables/${index}`;
    if (variable.fixed && variable.default === undefined) {
      const message = `the variable "${variable.name}" is fixed and has no value`;
      report.add(document, { pointer, message, hint: 'give it a default' });
    }
    if (variable.default === undefined) return;
    const wrong = wrongValue(variable, variable.default, true);
    if (wrong !== undefined) report.add(document, { pointer: `${pointer}/default`, ...wrong });
  });
}

function checkOverrides(document: Checkable, phase: OutlinedPhase, report: Report): void {
  const { name } = phase.service.metadata;
  const known = phase.service.spec.variables.map((variable) => variable.name);
  for (const variable of Object.keys(phase.phase.serviceVariableOverrides)) {
    if (known.includes(variable)) continue;
    report.add(
      document,
      unknownVariable(`${phase.pointer}/serviceVariableOverrides/${variable}`, name, variable, known),
    );
  }
}
