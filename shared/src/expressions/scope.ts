import { isJsonArray, isJsonObject, type Json, type JsonObject } from '../json.ts';
import type { VariableValues } from '../model/common.ts';
import type { Environment } from '../model/environment.ts';
import { type ImageReference, imageText } from '../model/image.ts';
import type { Infrastructure } from '../model/infrastructure.ts';
import type { Service } from '../model/service.ts';
import type { Workflow } from '../model/workflow.ts';
import { containerNameOf, normalizeName } from '../names.ts';
import type { Scope } from './evaluate.ts';

/** What a step gave to the steps after it. */
export interface StepOutput {
  /** Index of its phase in the workflow. */
  readonly phase: number;
  readonly service: string;
  readonly stepName: string;
  readonly output: JsonObject;
}

/** What a step's expressions are resolved against. */
export interface DeploymentFacts {
  readonly workflow: Workflow;
  readonly environment: Environment;
  /** Left out where no phase is: names of service, infrastructure and artifact are missing there. */
  readonly phase?: PhaseFacts;
  /** Of this run, defaults filled in; `resolveWorkflowVariables` makes them. */
  readonly workflowVariables: VariableValues;
  /** Who started the run. */
  readonly startedBy: string;
  /** Outputs of the steps that ended so far, in the order in which they ended. */
  readonly outputs: readonly StepOutput[];
  readonly currentStep?: { readonly name: string; readonly type: string };
}

export interface PhaseFacts {
  /** Index of the phase in the workflow; a rollback phase has the index of the phase that it undoes. */
  readonly index: number;
  readonly name: string;
  readonly service: Service;
  readonly infrastructure: Infrastructure;
  readonly serviceVariableOverrides: VariableValues;
  readonly image: ImageReference;
}

/** Where values may hold expressions themselves. */
const TEMPLATES = ['workflow.variables', 'serviceVariable', 'environmentVariable'];

const OUTSIDE_PHASE = 'it is known in phases only';

/** The names that expressions can use in a step of the phase, or in the workflow outside of its phases. */
export function deploymentScope(facts: DeploymentFacts): Scope {
  const { workflow, environment, phase } = facts;
  const values: Record<string, Json> = {
    ...(phase === undefined ? {} : outputsFor(facts.outputs, phase)),
    app: { name: workflow.metadata.application, description: '' },
    env: {
      name: environment.metadata.name,
      description: environment.metadata.description ?? '',
      environmentType: environment.spec.type,
    },
    environmentVariable: byName(environment.spec.variables),
    workflow: {
      name: workflow.metadata.name,
      displayName: workflow.metadata.name,
      description: workflow.metadata.description ?? '',
      variables: facts.workflowVariables,
    },
    deploymentTriggeredBy: facts.startedBy,
    ...(facts.currentStep === undefined ? {} : { currentStep: { ...facts.currentStep } }),
  };
  if (phase === undefined) return { values, templates: TEMPLATES, absent: absentOutsidePhases() };
  const { executionRole } = phase.infrastructure.spec;
  Object.assign(values, phaseValues(phase, environment));
  const absent = { EXECUTION_ROLE: `the infrastructure ${phase.infrastructure.metadata.name} has no executionRole` };
  return { values, templates: TEMPLATES, absent: executionRole === undefined ? absent : {} };
}

/** Values of the service's variables in a phase: the phase's overrides, then the environment's, then its own. */
export function serviceVariables(phase: PhaseFacts, environment: Environment): VariableValues {
  const { service } = phase;
  const overrides = environment.spec.serviceOverrides;
  const ofEnvironment = Object.hasOwn(overrides, service.metadata.name) ? overrides[service.metadata.name] : undefined;
  return { ...byName(service.spec.variables), ...ofEnvironment, ...phase.serviceVariableOverrides };
}

function phaseValues(phase: PhaseFacts, environment: Environment): JsonObject {
  const { service, infrastructure, image } = phase;
  const { region, cluster, executionRole, launchType } = infrastructure.spec;
  const text = imageText(image);
  const version = image.tag ?? image.digest ?? '';
  return {
    service: { name: service.metadata.name, description: service.metadata.description ?? '' },
    serviceVariable: serviceVariables(phase, environment),
    infra: {
      name: infrastructure.metadata.name,
      description: infrastructure.metadata.description ?? '',
      region,
      cluster,
      launchType: launchType ?? '',
      ecs: { region, cluster },
    },
    phase: { name: phase.name },
    artifact: {
      buildNo: version,
      displayName: text,
      description: '',
      revision: version,
      metadata: { image: text, tag: image.tag ?? null, digest: image.digest ?? null },
      source: { repositoryName: image.repository },
    },
    DOCKER_IMAGE_NAME: text,
    CONTAINER_NAME: mainContainerName(service, text),
    ...(executionRole === undefined ? {} : { EXECUTION_ROLE: executionRole }),
  };
}

/**
 * The name of the container that runs the image: what the task definition calls it where that is fixed, else the name
 * made from the image.
 */
export function mainContainerName(service: Service, image: string): string {
  const containers = service.spec.taskDefinition?.['containerDefinitions'];
  const main = isJsonArray(containers) ? containers.filter(isJsonObject).find(runsTheImage) : undefined;
  const name = main?.['name'];
  return typeof name === 'string' && !name.includes('${') ? name : containerNameOf(image);
}

function runsTheImage(container: JsonObject): boolean {
  const { image } = container;
  return typeof image === 'string' && image.includes('${DOCKER_IMAGE_NAME}');
}

/**
 * Outputs by the normalised names of their steps: those of this phase, else the latest of an earlier phase of the same
 * service. Phases after this one do not count: a rollback sees what its phase saw.
 */
function outputsFor(outputs: readonly StepOutput[], phase: PhaseFacts): Record<string, Json> {
  const service = phase.service.metadata.name;
  const visible = outputs
    .filter((output) => output.phase === phase.index || (output.phase < phase.index && output.service === service))
    .toSorted((one, other) => one.phase - other.phase);
  return Object.fromEntries(visible.map((output) => [normalizeName(output.stepName), output.output]));
}

function byName(list: readonly { readonly name: string; readonly value: string | number | boolean }[]): VariableValues {
  return Object.fromEntries(list.map((entry) => [entry.name, entry.value]));
}

function absentOutsidePhases(): Record<string, string> {
  const names = [
    'service',
    'serviceVariable',
    'infra',
    'artifact',
    'DOCKER_IMAGE_NAME',
    'CONTAINER_NAME',
    'EXECUTION_ROLE',
  ];
  return Object.fromEntries(names.map((name) => [name, OUTSIDE_PHASE]));
}
