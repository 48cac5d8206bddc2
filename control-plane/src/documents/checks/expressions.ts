import type { ExpressionProblem } from '@outrider/shared/expressions/ast.ts';
import { type Known, type KnownMembers, knownMembers, unknownNames } from '@outrider/shared/expressions/names.ts';
import { parseCondition } from '@outrider/shared/expressions/parser.ts';
import { expressionsIn, pointerStep } from '@outrider/shared/expressions/render.ts';
import type { Json } from '@outrider/shared/json.ts';
import type { Environment } from '@outrider/shared/model/environment.ts';
import { keyOf } from '@outrider/shared/model/resource.ts';
import type { Service } from '@outrider/shared/model/service.ts';
import { nearestNames } from '@outrider/shared/nearest.ts';
import { lenientPointers } from '../../domain/execution/lenient.ts';
import { type OutlinedSection, outlinedSteps } from '../../domain/planning/outline.ts';
import { knownContext, knownOutputs } from '../../domain/planning/outputs.ts';
import type { Catalog } from './catalog.ts';
import type { Checkable, Report } from './report.ts';
import { anyPhase, CURRENT_STEP, type Deployment, ROOT_NAMES, sampleScope } from './sample-scope.ts';

/** Names in the expressions of a workflow and, as far as they are given, of the services that it deploys. */
export function checkWorkflowExpressions(
  document: Checkable,
  deployment: Deployment,
  catalog: Catalog,
  report: Report,
): void {
  const { workflow, phases } = deployment;
  const defaults = new NameCheck(document, report, anyPhase());
  workflow.spec.variables.forEach((variable, index) => {
    if (variable.default !== undefined) defaults.value(`/spec/variables/${index}/default`, variable.default);
  });
  for (const phase of phases) {
    const scope = sampleScope(deployment, phase);
    const names = { ...knownMembers(scope.values), currentStep: CURRENT_STEP };
    const check = new NameCheck(document, report, names, scope.absent);
    const earlier = phases.filter(
      (other) => other.index < phase.index && other.service.metadata.name === phase.service.metadata.name,
    );
    const published = knownContext(
      phases.filter((other) => other.index < phase.index).flatMap((other) => outlinedSteps(other)),
    );
    const before = { ...knownOutputs(earlier.flatMap((other) => outlinedSteps(other))), ...published };
    check.value(`${phase.pointer}/serviceVariableOverrides`, phase.phase.serviceVariableOverrides);
    checkSections(check, phase.sections, before);
    checkSections(check, phase.rollback, knownOutputs(outlinedSteps(phase), before));
    const given = catalog.given(keyOf(phase.service));
    if (given !== undefined) {
      checkDefinitions(new NameCheck(given, report, names, scope.absent).with(before), phase.service);
    }
  }
}

/** A service by itself: which variables and steps there will be where it is deployed is not known. */
export function checkServiceExpressions(document: Checkable, service: Service, report: Report): void {
  const names = { ...anyPhase(), serviceVariable: variableNames(service) };
  checkDefinitions(new NameCheck(document, report, names), service, { outputsUnknown: true });
}

export function checkEnvironmentExpressions(
  document: Checkable,
  environment: Environment,
  catalog: Catalog,
  report: Report,
): void {
  const { variables, serviceOverrides } = environment.spec;
  const own = Object.fromEntries(variables.map((variable): [string, Known] => [variable.name, 'leaf']));
  const names: KnownMembers = { ...anyPhase(), environmentVariable: own };
  const check = new NameCheck(document, report, names);
  variables.forEach((variable, index) => {
    check.value(`/spec/variables/${index}/value`, variable.value);
  });
  for (const [name, values] of Object.entries(serviceOverrides)) {
    const service = catalog.service(environment.metadata.application, name);
    const serviceVariable = service === undefined ? 'any' : variableNames(service);
    new NameCheck(document, report, { ...names, serviceVariable }).value(
      `/spec/serviceOverrides${pointerStep(name)}`,
      values,
    );
  }
}

function checkDefinitions(check: NameCheck, service: Service, options: CheckOptions = {}): void {
  const { taskDefinition, serviceDefinition, variables } = service.spec;
  if (taskDefinition !== undefined) check.value('/spec/taskDefinition', taskDefinition, options);
  check.value('/spec/serviceDefinition', serviceDefinition, options);
  variables.forEach((variable, index) => {
    check.value(`/spec/variables/${index}/value`, variable.value, options);
  });
}

/** A step sees the outputs of the steps before it; those that run beside it have none yet. */
function checkSections(check: NameCheck, sections: readonly OutlinedSection[], before: KnownMembers): void {
  let outputs = before;
  for (const group of sections.flatMap((section) => section.groups)) {
    const here = check.with(outputs);
    for (const step of group) {
      if (typeof step.when === 'string') here.condition(`${step.pointer}/when`, step.when);
      here.value(`${step.pointer}/with`, step.with, { lenient: lenientPointers(step.type) });
    }
    outputs = knownOutputs(group, outputs);
  }
}

interface CheckOptions {
  /** Pointers of texts whose expressions may fail. */
  readonly lenient?: readonly string[];
  /** A root that nothing has may be a step whose output will be there. */
  readonly outputsUnknown?: boolean;
}

/** Checks the names in values of one document against those that are there. */
class NameCheck {
  readonly #document: Checkable;
  readonly #report: Report;
  readonly #names: KnownMembers;
  readonly #reasons: Readonly<Record<string, string>> | undefined;

  constructor(document: Checkable, report: Report, names: KnownMembers, reasons?: Readonly<Record<string, string>>) {
    this.#document = document;
    this.#report = report;
    this.#names = names;
    this.#reasons = reasons;
  }

  /** The same with outputs of steps, which hide none of the other names. */
  with(outputs: KnownMembers): NameCheck {
    return new NameCheck(this.#document, this.#report, { ...outputs, ...this.#names }, this.#reasons);
  }

  value(pointer: string, value: Json, options: CheckOptions = {}): void {
    const { lenient = [], outputsUnknown = false } = options;
    const { expressions, problems } = expressionsIn(value);
    const wrong = [...problems, ...expressions.flatMap((found) => unknownNames(found, this.#names, this.#reasons))];
    for (const problem of wrong) {
      if (lenient.includes(problem.pointer) || (outputsUnknown && mayBeOutput(problem))) continue;
      this.#report.addExpression(this.#document, pointer, problem);
    }
  }

  condition(pointer: string, condition: string): void {
    const parsed = parseCondition(condition);
    const problems =
      'problem' in parsed
        ? [parsed.problem]
        : unknownNames({ expression: parsed.value, source: condition, pointer: '' }, this.#names, this.#reasons);
    for (const problem of problems) this.#report.addExpression(this.#document, pointer, problem);
  }
}

/** `Some__Step.key`: a root with a member that is not a misspelt name of ours. */
function mayBeOutput({ source, span }: ExpressionProblem): boolean {
  const name = source.slice(span.offset, span.offset + span.length);
  const isRoot = source.charAt(span.offset - 1) !== '.' && source.charAt(span.offset + span.length) === '.';
  return isRoot && nearestNames(name, ROOT_NAMES).length === 0;
}

function variableNames(service: Service): KnownMembers {
  return Object.fromEntries(service.spec.variables.map((variable): [string, Known] => [variable.name, 'leaf']));
}
