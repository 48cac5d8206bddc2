import { pointerStep } from '@outrider/shared/expressions/render.ts';
import { isJsonObject, type JsonObject } from '@outrider/shared/json.ts';
import type { Infrastructure } from '@outrider/shared/model/infrastructure.ts';
import type { Service } from '@outrider/shared/model/service.ts';
import { isParallelGroup, type Step } from '@outrider/shared/model/step.ts';
import type { Phase, Sections, Workflow, WorkflowType } from '@outrider/shared/model/workflow.ts';
import { SECTIONS, type Section } from '@outrider/shared/steps/define.ts';
import { isStepType, STEP_SPECS, type StepType } from '@outrider/shared/steps/index.ts';
import type { FailureStrategies } from './failure-strategies.ts';

/** The phases of a workflow with all their steps, the generated ones included, before anything is resolved. */
export interface OutlinedPhase {
  readonly phase: Phase;
  readonly index: number;
  /** JSON pointer into the workflow. */
  readonly pointer: string;
  readonly service: Service;
  readonly infrastructure: Infrastructure;
  readonly sections: readonly OutlinedSection[];
  readonly rollback: readonly OutlinedSection[];
  /** The sections were not written but are the usual ones. */
  readonly generated: boolean;
}
export interface OutlinedSection {
  readonly name: Section;
  readonly groups: readonly (readonly OutlinedStep[])[];
}
export interface OutlinedStep {
  readonly name: string;
  readonly type: StepType;
  readonly with: JsonObject;
  readonly when?: string | boolean | undefined;
  readonly timeoutSeconds?: number | undefined;
  readonly delegateSelectors: readonly string[];
  readonly failureStrategies: FailureStrategies;
  /** Of a generated step: its phase. */
  readonly pointer: string;
}

interface PhaseResources {
  readonly phase: Phase;
  readonly index: number;
  readonly service: Service;
  readonly infrastructure: Infrastructure;
}

export function outlinePhases(workflow: Workflow, resources: readonly PhaseResources[]): readonly OutlinedPhase[] {
  const outlined: OutlinedPhase[] = [];
  for (const found of resources) {
    const { phase, index } = found;
    const pointer = `/spec/phases/${index}`;
    const hasSetup = outlined.some((former) => isSameTarget(former, found) && outlinedSteps(former).some(isSetup));
    const sections =
      phase.sections === undefined
        ? usualSections(workflow.spec.type, found.service, hasSetup, pointer)
        : writtenSections(phase.sections, `${pointer}/sections`);
    const rollback =
      phase.rollback === undefined
        ? usualRollback(sections, pointer)
        : writtenSections(phase.rollback, `${pointer}/rollback`);
    outlined.push({ ...found, pointer, sections, rollback, generated: phase.sections === undefined });
  }
  return outlined;
}

export function outlinedSteps(phase: { readonly sections: readonly OutlinedSection[] }): readonly OutlinedStep[] {
  return phase.sections.flatMap((section) => section.groups.flat());
}

export function isSameTarget(one: PhaseResources, other: PhaseResources): boolean {
  return (
    one.service.metadata.name === other.service.metadata.name &&
    one.infrastructure.metadata.name === other.infrastructure.metadata.name
  );
}

/** Makes what later steps of the same service resize or keep: one for each service and infrastructure. */
export function isSetup(step: { readonly type: StepType }): boolean {
  return step.type === 'ecs-service-setup' || step.type === 'ecs-daemon-service-setup';
}

/** The sections of a phase that names none (ECS workflows page). */
function usualSections(type: WorkflowType, service: Service, hasSetup: boolean, pointer: string): OutlinedSection[] {
  const usual = (stepType: StepType): OutlinedStep[][] => [[usualStep(stepType, [], pointer)]];
  if (service.spec.strategy === 'DAEMON') {
    return sectionsOf({ 'Setup Container': hasSetup ? [] : usual('ecs-daemon-service-setup') });
  }
  if (type === 'ROLLING') return sectionsOf({ 'Deploy Containers': usual('ecs-rolling-deploy') });
  if (type === 'BLUE_GREEN') return sectionsOf({});
  return sectionsOf({
    'Setup Container': hasSetup ? [] : usual('ecs-service-setup'),
    'Deploy Containers': usual('ecs-upgrade-containers'),
  });
}

/** Each step that needs undoing is undone, the last one first; one step undoes all that it is the undoing of. */
function usualRollback(sections: readonly OutlinedSection[], pointer: string): OutlinedSection[] {
  const selectors = new Map<StepType, string[]>();
  for (const step of outlinedSteps({ sections }).toReversed()) {
    const { undoneBy } = STEP_SPECS[step.type];
    if (!isStepType(undoneBy)) continue;
    selectors.set(undoneBy, [...(selectors.get(undoneBy) ?? []), ...step.delegateSelectors]);
  }
  const groups: Partial<Record<Section, OutlinedStep[][]>> = {};
  for (const [type, needed] of selectors) {
    const section = STEP_SPECS[type].sections[0] ?? 'Deploy Containers';
    groups[section] = [...(groups[section] ?? []), [usualStep(type, [...new Set(needed)], pointer)]];
  }
  return sectionsOf(groups);
}

/** All four sections, empty ones too, in the order in which they run. */
function sectionsOf(groups: Partial<Record<Section, OutlinedStep[][]>>): OutlinedSection[] {
  return SECTIONS.map((name) => ({ name, groups: groups[name] ?? [] }));
}

function usualStep(type: StepType, delegateSelectors: readonly string[], pointer: string): OutlinedStep {
  const spec = STEP_SPECS[type];
  return {
    name: spec.defaultName,
    type,
    with: defaultsOf(type),
    delegateSelectors,
    failureStrategies: [],
    pointer,
  };
}

/** The fields that a step type fills in by itself. */
function defaultsOf(type: StepType): JsonObject {
  const parsed = STEP_SPECS[type].author.safeParse({});
  return parsed.success && isJsonObject(parsed.data) ? parsed.data : {};
}

function writtenSections(sections: Sections, pointer: string): OutlinedSection[] {
  return SECTIONS.map((name) => {
    const place = pointer + pointerStep(name);
    const entries = sections[name] ?? [];
    const groups = entries.map((entry, index) =>
      isParallelGroup(entry)
        ? entry.parallel.map((step, inner) => writtenStep(step, `${place}/${index}/parallel/${inner}`))
        : [writtenStep(entry, `${place}/${index}`)],
    );
    return { name, groups };
  });
}

function writtenStep(step: Step, pointer: string): OutlinedStep {
  return {
    name: step.name,
    type: step.type,
    with: step.with,
    when: step.when,
    timeoutSeconds: step.timeoutSeconds,
    delegateSelectors: step.delegateSelectors ?? [],
    failureStrategies: step.failureStrategies ?? [],
    pointer,
  };
}
