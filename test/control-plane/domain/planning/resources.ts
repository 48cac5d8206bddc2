import assert from 'node:assert/strict';
import type { ApplicationResources } from '@outrider/control-plane/domain/planning/find-resources.ts';
import type { ExecutionPlan } from '@outrider/control-plane/domain/planning/plan.ts';
import { type Planned, plan } from '@outrider/control-plane/domain/planning/planner.ts';
import type { PlanProblem } from '@outrider/control-plane/domain/planning/problems.ts';
import type { JsonObject } from '@outrider/shared/json.ts';
import { environmentSchema } from '@outrider/shared/model/environment.ts';
import { infrastructureSchema } from '@outrider/shared/model/infrastructure.ts';
import { serviceSchema } from '@outrider/shared/model/service.ts';
import { type Workflow, workflowSchema } from '@outrider/shared/model/workflow.ts';

/** The seed's resources (contract.md §3), as documents. */

export const SERVICE_NAME = 'Example Default_Replica';

function header(kind: string, name: string): JsonObject {
  return { apiVersion: 'outrider/v1', kind, metadata: { application: 'ECS', name } };
}

export function serviceDocument(name: string, spec: JsonObject = {}): JsonObject {
  return {
    ...header('Service', name),
    spec: {
      strategy: 'REPLICA',
      artifact: { image: 'library/nginx' },
      taskDefinition: {
        containerDefinitions: [{ name: '${CONTAINER_NAME}', image: '${DOCKER_IMAGE_NAME}', memory: 256 }],
        executionRoleArn: '${EXECUTION_ROLE}',
      },
      serviceDefinition: { healthCheckGracePeriodSeconds: 30 },
      variables: [{ name: 'LOG_LEVEL', value: 'info' }],
      ...spec,
    },
  };
}

export function environmentDocument(spec: JsonObject = {}): JsonObject {
  return {
    ...header('Environment', 'stage-ecs'),
    spec: { type: 'NON_PROD', serviceOverrides: { [SERVICE_NAME]: { LOG_LEVEL: 'debug' } }, ...spec },
  };
}

export function infrastructureDocument(name: string, spec: JsonObject = {}): JsonObject {
  return {
    ...header('Infrastructure', name),
    spec: {
      environment: 'stage-ecs',
      region: 'us-east-1',
      cluster: 'example',
      launchType: 'EC2',
      executionRole: 'arn:aws:iam::123456789012:role/ecsTaskExecutionRole',
      delegate: { selectors: ['vpc-stage'] },
      ...spec,
    },
  };
}

export function workflowDocument(spec: JsonObject): JsonObject {
  return {
    ...header('Workflow', 'ECS Replica Strategy'),
    spec: { type: 'CANARY', environment: 'stage-ecs', ...spec },
  };
}

export function phaseDocument(name: string, rest: JsonObject = {}): JsonObject {
  return { name, service: SERVICE_NAME, infrastructure: 'example', ...rest };
}

export const UPGRADE = (desiredInstances: string | number): JsonObject => ({
  name: 'Upgrade Containers',
  type: 'ecs-upgrade-containers',
  with: { desiredInstances },
});
export const SETUP: JsonObject = {
  name: 'ECS Service Setup',
  type: 'ecs-service-setup',
  with: { serviceName: '${app.name}__${service.name}__${env.name}', instances: { fixed: 2 } },
};

/** The seed's canary: half of the instances, then all. */
export const SEED_CANARY: JsonObject = workflowDocument({
  variables: [{ name: 'DesiredInstances', type: 'text', default: '50%' }],
  phases: [
    phaseDocument('Phase 1', {
      serviceVariableOverrides: { LOG_LEVEL: 'warn' },
      sections: {
        'Setup Container': [SETUP],
        'Deploy Containers': [UPGRADE('${workflow.variables.DesiredInstances}')],
        'Verify Service': [],
        'Wrap Up': [],
      },
    }),
    phaseDocument('Phase 2', { sections: { 'Deploy Containers': [UPGRADE('100%')] } }),
  ],
});

export function workflowOf(document: JsonObject): Workflow {
  return workflowSchema.parse(document);
}

export interface World {
  readonly services?: readonly JsonObject[];
  readonly infrastructures?: readonly JsonObject[];
  readonly environment?: JsonObject;
  readonly artifacts?: Readonly<Record<string, string>>;
  readonly variables?: JsonObject;
}

export function resourcesOf(world: World = {}): ApplicationResources {
  const environment = environmentSchema.parse(world.environment ?? environmentDocument());
  const services = (world.services ?? [serviceDocument(SERVICE_NAME)]).map((each) => serviceSchema.parse(each));
  const infrastructures = (world.infrastructures ?? [infrastructureDocument('example')]).map((each) =>
    infrastructureSchema.parse(each),
  );
  return {
    environments: new Map([[environment.metadata.name, environment]]),
    services: new Map(services.map((each) => [each.metadata.name, each])),
    infrastructures: new Map(infrastructures.map((each) => [each.metadata.name, each])),
  };
}

export function planned(document: JsonObject, world: World = {}): Planned {
  return plan({
    workflow: workflowOf(document),
    workflowVersion: 3,
    resources: resourcesOf(world),
    start: { artifacts: world.artifacts ?? { [SERVICE_NAME]: ':stable-perl' }, variables: world.variables ?? {} },
    startedBy: 'ana',
  });
}

export function planMade(document: JsonObject, world: World = {}): ExecutionPlan {
  const made = planned(document, world);
  assert.ok('plan' in made, JSON.stringify('problems' in made && made.problems, null, 1));
  return made.plan;
}

export function problemsOf(document: JsonObject, world: World = {}): readonly PlanProblem[] {
  const made = planned(document, world);
  assert.ok('problems' in made, 'there is a plan');
  assert.ok(made.problems.length > 0);
  for (const problem of made.problems) assert.ok(problem.hint, `no hint: ${problem.message}`);
  return made.problems;
}
