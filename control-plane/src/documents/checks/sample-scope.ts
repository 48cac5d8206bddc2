import type { Scope } from '@outrider/shared/expressions/evaluate.ts';
import { type KnownMembers, knownMembers } from '@outrider/shared/expressions/names.ts';
import { deploymentScope } from '@outrider/shared/expressions/scope.ts';
import { API_VERSION } from '@outrider/shared/model/common.ts';
import type { Environment } from '@outrider/shared/model/environment.ts';
import type { Infrastructure } from '@outrider/shared/model/infrastructure.ts';
import type { Service } from '@outrider/shared/model/service.ts';
import type { Workflow } from '@outrider/shared/model/workflow.ts';
import type { OutlinedPhase } from '../../domain/planning/outline.ts';
import { CONTEXT } from '../../domain/planning/outputs.ts';

/** A workflow with what it refers to, as far as it is there. */
export interface Deployment {
  readonly workflow: Workflow;
  readonly environment: Environment;
  readonly phases: readonly OutlinedPhase[];
}

export const CURRENT_STEP: KnownMembers = { name: 'leaf', type: 'leaf' };

/** What expressions can name in the phase; values that a run decides are samples. */
export function sampleScope(
  { workflow, environment }: Pick<Deployment, 'workflow' | 'environment'>,
  phase: SamplePhase,
): Scope {
  return deploymentScope({
    workflow,
    environment,
    phase: {
      index: phase.index,
      name: phase.phase.name,
      service: phase.service,
      infrastructure: phase.infrastructure,
      serviceVariableOverrides: phase.phase.serviceVariableOverrides,
      image: { repository: phase.service.spec.artifact.image, tag: 'latest' },
    },
    workflowVariables: Object.fromEntries(workflow.spec.variables.map((variable) => [variable.name, ''])),
    startedBy: '',
    outputs: [],
  });
}

type SamplePhase = Pick<OutlinedPhase, 'index' | 'phase' | 'service' | 'infrastructure'>;

/** The names of a phase that is not known: the groups of variables may hold any. */
export function anyPhase(): KnownMembers {
  const { workflow, environment, service, infrastructure } = SAMPLES;
  const phase = { name: '', service: '', infrastructure: '', serviceVariableOverrides: {} };
  const scope = sampleScope({ workflow, environment }, { index: 0, phase, service, infrastructure });
  const known = knownMembers(scope.values);
  const workflowNames = known['workflow'];
  return {
    ...known,
    serviceVariable: 'any',
    environmentVariable: 'any',
    workflow: typeof workflowNames === 'object' ? { ...workflowNames, variables: 'any' } : 'any',
    currentStep: CURRENT_STEP,
    [CONTEXT]: 'any',
  };
}

const METADATA = { name: '', application: '' };
const SAMPLES: { workflow: Workflow; environment: Environment; service: Service; infrastructure: Infrastructure } = {
  workflow: {
    apiVersion: API_VERSION,
    kind: 'Workflow',
    metadata: METADATA,
    spec: { type: 'BASIC', environment: '', variables: [], phases: [] },
  },
  environment: {
    apiVersion: API_VERSION,
    kind: 'Environment',
    metadata: METADATA,
    spec: { type: 'NON_PROD', variables: [], serviceOverrides: {} },
  },
  service: {
    apiVersion: API_VERSION,
    kind: 'Service',
    metadata: METADATA,
    spec: { strategy: 'REPLICA', artifact: { image: '' }, serviceDefinition: {}, variables: [] },
  },
  infrastructure: {
    apiVersion: API_VERSION,
    kind: 'Infrastructure',
    metadata: METADATA,
    spec: { environment: '', region: '', cluster: '', executionRole: '', delegate: { selectors: [] } },
  },
};

/** Names that expressions have in every phase: no step may hide one. */
export const ROOT_NAMES: readonly string[] = Object.keys(anyPhase());
