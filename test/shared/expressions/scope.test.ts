import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type KnownMembers, unknownNames } from '@outrider/shared/expressions/names.ts';
import { expressionsIn, render } from '@outrider/shared/expressions/render.ts';
import {
  type DeploymentFacts,
  deploymentScope,
  mainContainerName,
  type StepOutput,
  serviceVariables,
} from '@outrider/shared/expressions/scope.ts';
import type { Json, JsonObject } from '@outrider/shared/json.ts';
import { parseResource } from '@outrider/shared/model/parse-resource.ts';
import { isKind, type Kind, type ResourceOf } from '@outrider/shared/model/resource.ts';

function resource<K extends Kind>(kind: K, name: string, spec: JsonObject, description = ''): ResourceOf<K> {
  const parsed = parseResource({
    apiVersion: 'outrider/v1',
    kind,
    metadata: { application: 'ECS', name, description },
    spec,
  });
  assert.ok('resource' in parsed, 'findings' in parsed ? JSON.stringify(parsed.findings) : '');
  assert.ok(isResourceOf(kind, parsed.resource));
  return parsed.resource;
}

function isResourceOf<K extends Kind>(kind: K, value: { kind: Kind }): value is ResourceOf<K> {
  return isKind(value.kind) && value.kind === kind;
}

const SERVICE = resource(
  'Service',
  'web',
  {
    artifact: { image: 'library/nginx' },
    taskDefinition: { containerDefinitions: [{ name: '${CONTAINER_NAME}', image: '${DOCKER_IMAGE_NAME}' }] },
    variables: [
      { name: 'OWN', value: 'service' },
      { name: 'ENVIRONMENT', value: 'service' },
      { name: 'PHASE', value: 'service' },
    ],
  },
  'A web server',
);
const ENVIRONMENT = resource('Environment', 'stage-ecs', {
  type: 'NON_PROD',
  variables: [{ name: 'REGISTRY', value: 'ecr.example' }],
  serviceOverrides: { web: { ENVIRONMENT: 'env', PHASE: 'env' }, other: { OWN: 'not mine' } },
});
const INFRASTRUCTURE = resource('Infrastructure', 'example', {
  environment: 'stage-ecs',
  region: 'us-east-1',
  cluster: 'example',
  executionRole: 'arn:aws:iam::123456789012:role/exec',
});
const WORKFLOW = resource('Workflow', 'Canary', {
  type: 'CANARY',
  environment: 'stage-ecs',
  phases: [{ name: 'Phase 1', service: 'web', infrastructure: 'example' }],
});

function facts(outputs: readonly StepOutput[] = [], index = 0): DeploymentFacts {
  const image = { repository: 'library/nginx', tag: 'stable-perl' };
  const serviceVariableOverrides = { PHASE: 'phase' };
  return {
    workflow: WORKFLOW,
    environment: ENVIRONMENT,
    phase: {
      index,
      name: 'Phase 1',
      service: SERVICE,
      infrastructure: INFRASTRUCTURE,
      serviceVariableOverrides,
      image,
    },
    workflowVariables: { DesiredInstances: '50%' },
    startedBy: 'ana',
    outputs,
  };
}

function valueOf(text: string, scope = deploymentScope(facts())): Json {
  const rendered = render(text, scope);
  return 'value' in rendered ? rendered.value : `! ${rendered.problems[0]?.message ?? ''}`;
}

describe('the names that the pages use', () => {
  const names: readonly (readonly [string, Json])[] = [
    ['${app.name}', 'ECS'],
    ['${service.name}', 'web'],
    ['${service.description}', 'A web server'],
    ['${env.name}', 'stage-ecs'],
    ['${env.environmentType}', 'NON_PROD'],
    ['${infra.name}', 'example'],
    ['${infra.region}', 'us-east-1'],
    ['${infra.cluster}', 'example'],
    ['${infra.ecs.cluster}', 'example'],
    ['${infra.ecs.region}', 'us-east-1'],
    ['${workflow.name}', 'Canary'],
    ['${workflow.variables.DesiredInstances}', '50%'],
    ['${environmentVariable.REGISTRY}', 'ecr.example'],
    ['${artifact.metadata.image}', 'library/nginx:stable-perl'],
    ['${artifact.metadata.tag}', 'stable-perl'],
    ['${artifact.buildNo}', 'stable-perl'],
    ['${artifact.displayName}', 'library/nginx:stable-perl'],
    ['${DOCKER_IMAGE_NAME}', 'library/nginx:stable-perl'],
    ['${CONTAINER_NAME}', 'library_nginx_stable-perl'],
    ['${EXECUTION_ROLE}', 'arn:aws:iam::123456789012:role/exec'],
    ['${deploymentTriggeredBy}', 'ana'],
  ];
  for (const [text, expected] of names) {
    test(`${text} is ${JSON.stringify(expected)}`, () => {
      assert.deepEqual(valueOf(text), expected);
    });
  }

  test("a service's variable comes from the phase, then the environment, then the service", () => {
    const { phase } = facts();
    assert.ok(phase);
    assert.deepEqual(serviceVariables(phase, ENVIRONMENT), { OWN: 'service', ENVIRONMENT: 'env', PHASE: 'phase' });
  });

  test('without an execution role the placeholder says which infrastructure lacks it', () => {
    const { executionRole: _role, ...spec } = INFRASTRUCTURE.spec;
    const { phase } = facts();
    assert.ok(phase);
    const scope = deploymentScope({ ...facts(), phase: { ...phase, infrastructure: { ...INFRASTRUCTURE, spec } } });
    assert.match(
      JSON.stringify(valueOf('${EXECUTION_ROLE}', scope)),
      /the infrastructure example has no executionRole/,
    );
  });

  test('outside of phases the names of service and infrastructure are missing, with the reason', () => {
    const { phase: _phase, ...outside } = facts();
    const scope = deploymentScope(outside);
    assert.equal(valueOf('${env.name}', scope), 'stage-ecs');
    assert.match(JSON.stringify(valueOf('${service.name}', scope)), /known in phases only/);
  });

  test('the main container is called what the task definition calls it, when that is fixed', () => {
    const named = structuredClone(SERVICE);
    assert.equal(mainContainerName(named, 'library/nginx:1'), 'library_nginx_1');
    const taskDefinition = {
      containerDefinitions: [
        { name: 'log-router', image: 'fluent-bit' },
        { name: 'web', image: '${DOCKER_IMAGE_NAME}' },
      ],
    };
    assert.equal(mainContainerName({ ...named, spec: { ...named.spec, taskDefinition } }, 'library/nginx:1'), 'web');
  });
});

describe('outputs of steps', () => {
  const output = (phase: number, service: string, stepName: string, serviceName: string): StepOutput => ({
    phase,
    service,
    stepName,
    output: { serviceName },
  });
  const OUTPUTS = [
    output(0, 'web', 'ECS Service Setup', 'web__1'),
    output(1, 'other', 'ECS Service Setup', 'other__9'),
    output(2, 'web', 'ECS Service Setup', 'web__2'),
    output(3, 'web', 'ECS Service Setup', 'web__3'),
  ];
  const cases: readonly (readonly [number, string])[] = [
    [0, 'web__1'],
    [1, 'other__9'],
    [2, 'web__2'],
    [4, 'web__3'],
  ];
  for (const [index, expected] of cases) {
    test(`phase ${index + 1} sees its own setup, else the latest before it of the same service: ${expected}`, () => {
      assert.equal(valueOf('${ECS__Service__Setup.serviceName}', deploymentScope(facts(OUTPUTS, index))), expected);
    });
  }

  test('a step cannot hide a name that is always there', () => {
    const scope = deploymentScope(facts([{ phase: 0, service: 'web', stepName: 'app', output: { name: 'mine' } }]));
    assert.equal(valueOf('${app.name}', scope), 'ECS');
  });
});

describe('names before their values are known', () => {
  const NAMES: KnownMembers = { app: { name: 'leaf' }, Setup: { serviceName: 'any' }, variables: 'any' };
  const cases: readonly (readonly [string, RegExp | undefined])[] = [
    ['${app.name}', undefined],
    ['${Setup.serviceName}', undefined],
    ['${Setup.serviceName.anything[0]}', undefined],
    ['${variables.X.trim()}', undefined],
    ['${app.get("name")}', undefined],
    ['${app["name"]}', undefined],
    ['${app.nam}', /"nam" is not known in app/],
    ['${app["nam"]}', /"nam" is not known in app/],
    ['${app.get("nam")}', /"nam" is not known in app/],
    ['${Stup.serviceName}', /"Stup" is not known here/],
    ['${app.name.x}', /app\.name has no members/],
    ['${app.name == Stup.x}', /"Stup" is not known/],
    ['${json.select("a", nope)}', /"nope" is not known/],
    ['${variables[nope]}', /"nope" is not known/],
    ['${app.name.trim(1)}', /trim takes 0 arguments, not 1/],
    ['${app.name.shout()}', /no function "shout"/],
    ['${secret.name}', /secret has no value: because/],
  ];
  for (const [text, says] of cases) {
    test(`${text} ${says === undefined ? 'can resolve' : 'cannot resolve'}`, () => {
      const problems = expressionsIn(text).expressions.flatMap((found) =>
        unknownNames(found, NAMES, { secret: 'because' }),
      );
      if (says === undefined) assert.deepEqual(problems, []);
      else assert.match(problems[0]?.message ?? '', says);
    });
  }
});
