import type {
  ExecutionPlan,
  PlannedFailureStrategy,
  PlannedPhase,
  PlannedStep,
} from '@outrider/control-plane/domain/planning/plan.ts';
import type { StepId } from '@outrider/shared/ids.ts';
import type { JsonObject } from '@outrider/shared/json.ts';
import { SECTIONS, type Section } from '@outrider/shared/steps/define.ts';
import { STEP_SPECS, type StepType } from '@outrider/shared/steps/index.ts';

/** A step as tests write it: what is left out is of no matter to the test. */
export interface StepSketch {
  readonly name?: string;
  readonly type?: StepType;
  readonly with?: JsonObject;
  readonly when?: string | boolean;
  readonly timeoutSeconds?: number;
  readonly failureStrategies?: readonly PlannedFailureStrategy[];
  readonly selectors?: readonly string[];
}
export interface PhaseSketch {
  readonly name?: string;
  readonly service?: string;
  readonly infrastructure?: string;
  /** Groups; the steps of one group run at once. */
  readonly steps: readonly (readonly StepSketch[])[];
  /** Steps that undo; left out: none. */
  readonly rollback?: readonly (readonly StepSketch[])[];
  readonly failureStrategies?: readonly PlannedFailureStrategy[];
}

/** Steps that need no setup and undo nothing. */
export const PLAIN: StepSketch = { type: 'ecs-steady-state-check', with: { serviceName: 'web' } };

export function planOf(
  phases: readonly PhaseSketch[],
  options: { readonly failureStrategies?: readonly PlannedFailureStrategy[]; readonly values?: JsonObject } = {},
): ExecutionPlan {
  const forward = phases.map((sketch, index) => plannedPhase(sketch, index, undefined));
  const back = phases.flatMap((sketch, index) => {
    const undone = forward[index];
    return sketch.rollback === undefined || undone === undefined ? [] : [plannedPhase(sketch, index, undone)];
  });
  return {
    workflow: { name: 'Canary', application: 'ECS', version: 1 },
    type: 'CANARY',
    phases: forward,
    rollbackPhases: back,
    failureStrategies: options.failureStrategies ?? [],
    scope: { values: { app: { name: 'ECS' }, ...options.values } },
    notes: [],
  };
}

function plannedPhase(sketch: PhaseSketch, index: number, undone: PlannedPhase | undefined): PlannedPhase {
  const name = sketch.name ?? `Phase ${index + 1}`;
  const service = sketch.service ?? 'web';
  const rollback = undone !== undefined;
  let place = 0;
  const groups = (rollback ? (sketch.rollback ?? []) : sketch.steps).map((group) =>
    group.map((step) => {
      place += 1;
      return plannedStep(step, `${rollback ? 'r' : 'p'}${index + 1}.${place}`, place, undone);
    }),
  );
  return {
    name: rollback ? `Rollback ${name}` : name,
    number: index + 1,
    rollback,
    service: {
      application: 'ECS',
      name: service,
      environment: 'stage-ecs',
      strategy: 'REPLICA',
      image: 'library/nginx:1',
      containerName: 'library_nginx_1',
      family: `ECS__${service}__stage__ecs`,
      taskDefinition: { containerDefinitions: [{ name: 'web', image: '${DOCKER_IMAGE_NAME}' }] },
      serviceDefinition: {},
    },
    target: {
      infrastructure: sketch.infrastructure ?? 'example',
      region: 'us-east-1',
      cluster: 'example',
      launchType: 'EC2',
    },
    scope: { values: { DOCKER_IMAGE_NAME: 'library/nginx:1', service: { name: service } } },
    // Groups of several sections run one after the other as those of one do; the middle section is as good as any.
    sections: SECTIONS.map((section: Section) => ({
      name: section,
      groups: section === 'Deploy Containers' ? groups : [],
    })),
    failureStrategies: rollback ? [] : (sketch.failureStrategies ?? []),
  };
}

function plannedStep(sketch: StepSketch, id: StepId, place: number, undone: PlannedPhase | undefined): PlannedStep {
  const type = sketch.type ?? 'ecs-steady-state-check';
  const candidates = (undone?.sections ?? []).flatMap((section) => section.groups.flat());
  return {
    id,
    name: sketch.name ?? `Step ${place}`,
    type,
    with: sketch.with ?? (type === 'ecs-steady-state-check' ? { serviceName: 'web' } : usualWith(type)),
    ...(sketch.when === undefined ? {} : { when: sketch.when }),
    timeoutSeconds: sketch.timeoutSeconds ?? 900,
    delegateSelectors: sketch.selectors ?? ['vpc-stage'],
    failureStrategies: sketch.failureStrategies ?? [],
    undoes: candidates.filter((step) => STEP_SPECS[step.type].undoneBy === type).map((step) => step.id),
    finalResize: false,
  };
}

function usualWith(type: StepType): JsonObject {
  return type === 'ecs-upgrade-containers' ? { desiredInstances: '100%' } : {};
}

export const SETUP_OUTPUT: JsonObject = {
  serviceName: 'ECS__web__stage__ecs__4',
  clusterName: 'example',
  taskDefinitionArn: 'arn:aws:ecs:us-east-1:123456789012:task-definition/ECS__web__stage__ecs:4',
  family: 'ECS__web__stage__ecs',
  containerName: 'library_nginx_1',
  image: 'library/nginx:1',
  total: 2,
  resizeStrategy: 'resize-new-first',
  steadyStateTimeoutMinutes: 10,
  previous: [{ name: 'ECS__web__stage__ecs__3', desired: 2 }],
  autoScaler: null,
  autoScalingSnapshots: [],
};

/** The seed's canary: setup and half in phase 1, the whole in phase 2, each with its Rollback Containers. */
export const CANARY: readonly PhaseSketch[] = [
  {
    steps: [
      [{ name: 'ECS Service Setup', type: 'ecs-service-setup' }],
      [{ name: 'Upgrade Containers', type: 'ecs-upgrade-containers', with: { desiredInstances: '50%' } }],
    ],
    rollback: [[{ name: 'Rollback Containers', type: 'ecs-rollback-containers' }]],
  },
  {
    steps: [[{ name: 'Upgrade Containers', type: 'ecs-upgrade-containers', with: { desiredInstances: '100%' } }]],
    rollback: [[{ name: 'Rollback Containers', type: 'ecs-rollback-containers' }]],
  },
];

export function retry(retries: number, options: Partial<PlannedFailureStrategy> = {}): PlannedFailureStrategy {
  return {
    failureTypes: ['any'],
    action: 'retry',
    retries,
    retryIntervalsSeconds: [10],
    afterRetries: 'rollback-workflow',
    ...options,
  };
}

export function on(
  action: Exclude<PlannedFailureStrategy['action'], 'retry'>,
  failureTypes: PlannedFailureStrategy['failureTypes'] = ['any'],
): PlannedFailureStrategy {
  return { failureTypes, action, retries: 0, retryIntervalsSeconds: [], afterRetries: action };
}
