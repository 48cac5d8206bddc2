import type { Scope } from '@outrider/shared/expressions/evaluate.ts';
import { mainContainerName } from '@outrider/shared/expressions/scope.ts';
import type { StepId } from '@outrider/shared/ids.ts';
import type { Environment } from '@outrider/shared/model/environment.ts';
import { type ImageReference, imageText } from '@outrider/shared/model/image.ts';
import type { Infrastructure } from '@outrider/shared/model/infrastructure.ts';
import { STEP_SPECS } from '@outrider/shared/steps/index.ts';
import type { DeploymentTarget } from '@outrider/shared/steps/target.ts';
import { familyOf } from './ecs-names.ts';
import { plannedStrategies } from './failure-strategies.ts';
import {
  isSameTarget,
  isSetup,
  type OutlinedPhase,
  type OutlinedSection,
  type OutlinedStep,
  outlinedSteps,
} from './outline.ts';
import type { ExecutionPlan, PlannedPhase, PlannedSection, PlannedService, PlannedStep } from './plan.ts';
import { steadyMinutesOf, timeoutSeconds } from './timeouts.ts';

/** An outlined phase with everything that its expressions can name, step outputs apart. */
export interface ResolvedPhase extends OutlinedPhase {
  readonly environment: Environment;
  readonly image: ImageReference;
  readonly scope: Scope;
}

/** The phases as they will run, forward and back. `planScope` is kept once for all of them. */
export function plannedPhases(
  phases: readonly ResolvedPhase[],
  planScope: Scope,
): Pick<ExecutionPlan, 'phases' | 'rollbackPhases'> {
  const forward = phases.map((phase) => ({
    ...phaseFacts(phase, planScope),
    name: phase.phase.name,
    rollback: false,
    sections: numbered(phase.sections, (step, place) =>
      plannedStep(phase, phases, step, `p${phase.index + 1}.${place}`),
    ),
    failureStrategies: plannedStrategies(phase.phase.failureStrategies ?? []),
  }));
  const back = phases
    .filter((phase) => outlinedSteps({ sections: phase.rollback }).length > 0)
    .map((phase) => ({
      ...phaseFacts(phase, planScope),
      name: rollbackName(phase.phase.name),
      rollback: true,
      sections: numbered(phase.rollback, (step, place) => ({
        ...plannedStep(phase, phases, step, `r${phase.index + 1}.${place}`),
        undoes: undoneBy(
          step,
          forward.find((candidate) => candidate.number === phase.index + 1),
        ),
        finalResize: false,
      })),
      failureStrategies: [],
    }));
  return { phases: forward, rollbackPhases: back };
}

export function rollbackName(phase: string): string {
  return `Rollback ${phase}`;
}

function phaseFacts(phase: ResolvedPhase, planScope: Scope) {
  return {
    number: phase.index + 1,
    service: plannedService(phase),
    target: targetOf(phase.infrastructure),
    scope: ownScope(phase.scope, planScope),
  };
}

/** What a phase's scope has that the whole plan's has not. */
function ownScope(ofPhase: Scope, ofPlan: Scope): Scope {
  const values = Object.entries(ofPhase.values).filter(([name]) => !Object.hasOwn(ofPlan.values, name));
  return { ...ofPhase, values: Object.fromEntries(values) };
}

/** Steps with their places counted from 1 over the whole phase. */
function numbered(
  sections: readonly OutlinedSection[],
  planned: (step: OutlinedStep, place: number) => PlannedStep,
): readonly PlannedSection[] {
  let place = 0;
  return sections.map((section) => ({
    name: section.name,
    groups: section.groups.map((group) =>
      group.map((step) => {
        place += 1;
        return planned(step, place);
      }),
    ),
  }));
}

function plannedStep(
  phase: ResolvedPhase,
  phases: readonly ResolvedPhase[],
  step: OutlinedStep,
  id: StepId,
): PlannedStep {
  const selectors = [...phase.infrastructure.spec.delegate.selectors, ...step.delegateSelectors];
  return {
    id,
    name: step.name,
    type: step.type,
    with: step.with,
    ...(step.when === undefined ? {} : { when: step.when }),
    timeoutSeconds: timeoutSeconds(step, steadyMinutesFor(phase, phases), phase.scope),
    delegateSelectors: [...new Set(selectors)],
    failureStrategies: plannedStrategies(step.failureStrategies),
    undoes: [],
    finalResize: isFinalResize(phase, phases, step),
  };
}

/** The steady state timeout of the setup that the phase's resizes inherit. */
function steadyMinutesFor(phase: ResolvedPhase, phases: readonly ResolvedPhase[]): number {
  const owner = phases.find((other) => isSameTarget(other, phase) && outlinedSteps(other).some(isSetup)) ?? phase;
  return steadyMinutesOf(outlinedSteps(owner).find(isSetup), owner.scope);
}

/** Auto scaling is attached after the last resize of the service: no later step of any phase resizes it. */
function isFinalResize(phase: ResolvedPhase, phases: readonly ResolvedPhase[], step: OutlinedStep): boolean {
  const resizes = phases
    .filter((other) => isSameTarget(other, phase))
    .flatMap((other) => outlinedSteps(other))
    .filter((other) => other.type === 'ecs-upgrade-containers');
  return resizes.at(-1) === step;
}

function undoneBy(step: OutlinedStep, forward: PlannedPhase | undefined): readonly StepId[] {
  const steps = (forward?.sections ?? []).flatMap((section) => section.groups.flat());
  return steps.filter((candidate) => STEP_SPECS[candidate.type].undoneBy === step.type).map(({ id }) => id);
}

function plannedService({ service, environment, image }: ResolvedPhase): PlannedService {
  const { application, name } = service.metadata;
  const text = imageText(image);
  return {
    application,
    name,
    environment: environment.metadata.name,
    strategy: service.spec.strategy,
    image: text,
    containerName: mainContainerName(service, text),
    family: familyOf(application, name, environment.metadata.name),
    taskDefinition: service.spec.taskDefinition ?? {},
    serviceDefinition: service.spec.serviceDefinition,
  };
}

function targetOf({ metadata, spec }: Infrastructure): DeploymentTarget {
  const { region, cluster, launchType, capacityProviderStrategy, executionRole, network, assumeRole } = spec;
  return {
    infrastructure: metadata.name,
    region,
    cluster,
    ...(launchType === undefined ? {} : { launchType }),
    ...(capacityProviderStrategy === undefined
      ? {}
      : { capacityProviderStrategy: capacityProviderStrategy.map(withoutUndefined) }),
    ...(executionRole === undefined ? {} : { executionRole }),
    ...(network === undefined ? {} : { network }),
    ...(assumeRole === undefined
      ? {}
      : {
          assumeRole: {
            arn: assumeRole.arn,
            ...(assumeRole.externalId === undefined ? {} : { externalId: assumeRole.externalId }),
          },
        }),
  };
}

function withoutUndefined(strategy: {
  readonly capacityProvider: string;
  readonly weight?: number | undefined;
  readonly base?: number | undefined;
}) {
  const { capacityProvider, weight, base } = strategy;
  return {
    capacityProvider,
    ...(weight === undefined ? {} : { weight }),
    ...(base === undefined ? {} : { base }),
  };
}
