import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { containerLine, containerLines } from '@outrider/delegate/steps/container-ids.ts';
import { familyOf, totalInstances } from '@outrider/delegate/steps/family.ts';
import { placeFor } from '@outrider/delegate/steps/load-balancers.ts';
import {
  createServiceRequest,
  restoreServiceRequest,
  updateServiceRequest,
} from '@outrider/delegate/steps/service-request.ts';
import { taskDefinitionRequest } from '@outrider/delegate/steps/task-definition.ts';
import type { JsonObject } from '@outrider/shared/json.ts';
import type { DeploymentTarget } from '@outrider/shared/steps/target.ts';
import { ec2Target, FARGATE_TARGET } from '../../support/step-harness.ts';

const taskDefinition: JsonObject = { containerDefinitions: [{ name: 'web', image: 'nginx:1', memory: 64 }] };
const shape = (
  serviceDefinition: JsonObject = {},
  target: DeploymentTarget = ec2Target(),
  desired: number | undefined = 0,
) => ({
  name: 'web__1',
  taskDefinitionArn: 'td:1',
  desired,
  service: { taskDefinition, serviceDefinition },
  target,
  loadBalancers: [],
  role: undefined,
});
const fargate = ec2Target(FARGATE_TARGET);

describe('the request that creates a service', () => {
  test('has the usual percentages, the launch type and what the author gave', () => {
    const request = createServiceRequest(
      shape({ enableExecuteCommand: true, placementStrategy: [], cluster: 'no', desiredCount: 7 }),
    );
    assert.deepEqual(request, {
      enableExecuteCommand: true,
      serviceName: 'web__1',
      taskDefinition: 'td:1',
      schedulingStrategy: 'REPLICA',
      deploymentConfiguration: { maximumPercent: 200, minimumHealthyPercent: 100 },
      desiredCount: 0,
      launchType: 'EC2',
    });
  });

  test("follows the author's percentages only when both are given", () => {
    const both = { maximumPercent: 150, minimumHealthyPercent: 50 };
    assert.deepEqual(createServiceRequest(shape({ deploymentConfiguration: both }))['deploymentConfiguration'], both);
    const one = { maximumPercent: 150, deploymentCircuitBreaker: { enable: true, rollback: false } };
    assert.deepEqual(createServiceRequest(shape({ deploymentConfiguration: one }))['deploymentConfiguration'], {
      ...one,
      maximumPercent: 200,
      minimumHealthyPercent: 100,
    });
  });

  test('leaves the count of a daemon to ECS', () => {
    const request = createServiceRequest({ ...shape(), desired: undefined });
    assert.equal(request['schedulingStrategy'], 'DAEMON');
    assert.equal('desiredCount' in request, false);
    assert.deepEqual(request['deploymentConfiguration'], { maximumPercent: 100, minimumHealthyPercent: 50 });
  });

  test('takes the network of the infrastructure on Fargate', () => {
    const request = createServiceRequest(
      shape({ networkConfiguration: { awsvpcConfiguration: { subnets: ['mine'] } } }, fargate),
    );
    assert.deepEqual(request['networkConfiguration'], {
      awsvpcConfiguration: {
        subnets: fargate.network?.subnets,
        securityGroups: fargate.network?.securityGroups,
        assignPublicIp: 'DISABLED',
      },
    });
  });

  test('names a strategy or a launch type, never both', () => {
    const capacityProviderStrategy = [{ capacityProvider: 'FARGATE_SPOT', weight: 1 }];
    const { launchType: _none, ...plain } = fargate;
    const request = createServiceRequest(shape({ launchType: 'EC2' }, { ...plain, capacityProviderStrategy }));
    assert.equal('launchType' in request, false);
    assert.deepEqual(request['capacityProviderStrategy'], capacityProviderStrategy);
  });

  test('keeps the grace period only where there is a check to wait for', () => {
    const given = { healthCheckGracePeriodSeconds: 30 };
    assert.equal('healthCheckGracePeriodSeconds' in createServiceRequest(shape(given)), false);
    const loadBalancers = [{ targetGroupArn: 'tg', containerName: 'web', containerPort: 80 }];
    assert.equal(createServiceRequest({ ...shape(given), loadBalancers })['healthCheckGracePeriodSeconds'], 30);
  });
});

test('an update carries only what AWS takes of it', () => {
  const keys = Object.keys(
    updateServiceRequest(shape({ tags: [{ key: 'a', value: 'b' }], role: 'r', launchType: 'EC2' }, ec2Target(), 2)),
  );
  assert.deepEqual(keys.toSorted(), ['deploymentConfiguration', 'desiredCount', 'taskDefinition']);
});

test('putting a service back clears what the deployment added', () => {
  const snapshot = {
    taskDefinition: 'td:1',
    desiredCount: 2,
    loadBalancers: [],
    serviceRegistries: [],
    platformVersion: 'LATEST',
    status: 'ACTIVE',
  };
  const live = { loadBalancers: [{ targetGroupArn: 'tg' }], serviceRegistries: [] };
  assert.deepEqual(restoreServiceRequest(snapshot, live), {
    taskDefinition: 'td:1',
    platformVersion: 'LATEST',
    loadBalancers: [],
  });
});

describe('the task definition', () => {
  test('gets the family, the execution role and no empty secrets', () => {
    const given = {
      family: 'theirs',
      containerDefinitions: [{ name: 'web', secrets: [] }],
      revision: 7,
      status: 'ACTIVE',
    };
    assert.deepEqual(taskDefinitionRequest({ taskDefinition: given }, ec2Target(), 'ours'), {
      family: 'ours',
      containerDefinitions: [{ name: 'web' }],
      executionRoleArn: 'arn:aws:iam::123456789012:role/ecsTaskExecutionRole',
    });
  });

  test('without containers is refused', () => {
    assert.throws(() => taskDefinitionRequest({ taskDefinition: {} }, ec2Target(), 'x'), /no containerDefinitions/);
  });
});

describe('the place behind a target group', () => {
  const web = { name: 'web', portMappings: [{ containerPort: 80 }, { containerPort: 9_000, hostPort: 8_080 }] };
  const side = { name: 'side', portMappings: [{ containerPort: 80 }] };
  for (const [what, input, port, containers, found] of [
    [
      'is what was given',
      { containerName: 'web', containerPort: 81 },
      80,
      [web, side],
      { containerName: 'web', containerPort: 81 },
    ],
    ['is found by container port', {}, 80, [web], { containerName: 'web', containerPort: 80 }],
    ['is found by host port', {}, 8_080, [web], { containerName: 'web', containerPort: 9_000 }],
    [
      'is found within the named container',
      { containerName: 'side' },
      80,
      [web, side],
      { containerName: 'side', containerPort: 80 },
    ],
    ['is the only port there is', {}, 443, [side], { containerName: 'side', containerPort: 80 }],
  ] as const) {
    test(what, () => {
      assert.deepEqual(placeFor({ targetGroupArn: 'tg', ...input }, port, containers), found);
    });
  }

  for (const [what, input, port, said] of [
    ['a port without a container', { containerPort: 80 }, 80, /containerName cannot be empty/],
    ['an unknown container', { containerName: 'other' }, 80, /no container "other"/],
    ['a port that two containers have', {}, 80, /Only one port mapping should match the target port: 80/],
    ['a port that none has', {}, 443, /No container definition has port mapping that matches the target port: 443/],
  ] as const) {
    test(`${what} is refused`, () => {
      assert.throws(() => placeFor({ targetGroupArn: 'tg', ...input }, port, [web, side]), said);
    });
  }
});

describe('names and totals', () => {
  test('a blank service name means the default, another one is normalised, and what ECS would refuse is refused', () => {
    assert.equal(familyOf(undefined, 'app__web'), 'app__web');
    assert.equal(familyOf('  ', 'app__web'), 'app__web');
    assert.equal(familyOf('my shop', 'x'), 'my__shop');
    assert.throws(() => familyOf('a'.repeat(250), 'x'), /cannot be the stem/);
  });

  test('the total is the fixed count, what runs, or the maximum, and 2 where those say 0', () => {
    const total = (instances: Parameters<typeof totalInstances>[0]['instances'], running: number) =>
      totalInstances({ instances, running, fallback: 2 });
    assert.deepEqual(
      [
        total({ fixed: 3 }, 9),
        total({ fixed: 0 }, 9),
        total({ fixed: 0, max: 4 }, 9),
        total(undefined, 9),
        total({ max: 0 }, 0),
        total({ max: 4 }, 0),
      ],
      [3, 2, 4, 9, 2, 4],
    );
  });
});

test('containers are listed as on the page', () => {
  const container = { dockerId: '6452d4b0ef39', ip: '10.0.0.53', taskArn: 't', new: true };
  assert.equal(containerLine(container), '  6452d4b0ef39 - 10.0.0.53 (new)');
  assert.equal(containerLine({ ...container, new: false, ip: '' }), '  6452d4b0ef39');
  assert.equal(containerLine({ ...container, dockerId: '' }), '  (id unknown) - 10.0.0.53 (new)');
  assert.deepEqual(containerLines([]), ['']);
});
