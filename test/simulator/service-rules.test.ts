import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import {
  type CreateServiceCommandInput,
  DeregisterTaskDefinitionCommand,
  RegisterTaskDefinitionCommand,
  type RegisterTaskDefinitionCommandInput,
  UpdateServiceCommand,
} from '@aws-sdk/client-ecs';
import { CreateListenerCommand } from '@aws-sdk/client-elastic-load-balancing-v2';
import { createBalanced, createTargetGroup, forward } from './elbv2-cases.ts';
import {
  createWeb,
  NETWORK,
  registerFargate,
  registerWeb,
  type SimulatedAws,
  startSimulatedAws,
} from './simulated-aws.ts';

describe('CreateService refuses what AWS refuses', () => {
  let aws: SimulatedAws;
  let bridge = '';
  let fargate = '';
  let balanced = '';
  let idle = '';
  let byAddress = '';
  before(async () => {
    aws = await startSimulatedAws();
    bridge = await registerWeb(aws);
    fargate = await registerFargate(aws);
    const front = await createBalanced(aws);
    balanced = front.targetGroup;
    idle = await createTargetGroup(aws, 'idle');
    byAddress = await createTargetGroup(aws, 'by-address', 'ip');
    const listener = { LoadBalancerArn: front.loadBalancer, Protocol: 'HTTP', Port: 81 } as const;
    await aws.elb.send(new CreateListenerCommand({ ...listener, DefaultActions: [forward(byAddress)] }));
  });
  after(async () => aws.close());

  const target = (targetGroupArn: string, containerName = 'web', containerPort = 80) => ({
    targetGroupArn,
    containerName,
    containerPort,
  });
  const ROLE = 'arn:aws:iam::123456789012:role/ecsServiceRole';
  const CASES: readonly [string, () => Partial<CreateServiceCommandInput>, RegExp, string?][] = [
    ['a name that ECS would not take', () => ({ serviceName: 'my web' }), /Service name contains invalid characters/],
    ['a REPLICA service without a desired count', () => ({ desiredCount: undefined }), /Desired count/],
    ['a negative desired count', () => ({ desiredCount: -1 }), /must not be negative/],
    [
      'launch type and capacity providers together',
      () => ({ launchType: 'EC2', capacityProviderStrategy: [{ capacityProvider: 'FARGATE' }] }),
      /Specifying both a launch type and capacity provider strategy is not supported/,
    ],
    [
      'a capacity provider the cluster does not have',
      () => ({ capacityProviderStrategy: [{ capacityProvider: 'mine' }] }),
      /capacity provider 'mine' was not found/,
    ],
    [
      'Fargate with a task definition for EC2',
      () => ({ launchType: 'FARGATE', networkConfiguration: NETWORK }),
      /^Task definition does not support launch_type FARGATE\.$/,
    ],
    [
      'Fargate without a network configuration',
      () => ({ taskDefinition: fargate, launchType: 'FARGATE' }),
      /^Network Configuration must be provided when networkMode 'awsvpc' is specified\.$/,
    ],
    [
      'a network configuration without awsvpc',
      () => ({ networkConfiguration: NETWORK }),
      /^Network Configuration is not valid for the given networkMode of this task definition\.$/,
    ],
    [
      'an empty list of subnets',
      () => ({
        taskDefinition: fargate,
        launchType: 'FARGATE',
        networkConfiguration: { awsvpcConfiguration: { subnets: [] } },
      }),
      /subnets can not be empty/,
    ],
    [
      'placement strategies on Fargate',
      () => ({
        taskDefinition: fargate,
        launchType: 'FARGATE',
        networkConfiguration: NETWORK,
        placementStrategy: [{ type: 'random' }],
      }),
      /not supported with FARGATE/,
    ],
    ['a Fargate platform version on EC2', () => ({ platformVersion: '1.4.0' }), /platform version must be null/],
    [
      'a Fargate platform version that does not exist',
      () => ({ taskDefinition: fargate, launchType: 'FARGATE', networkConfiguration: NETWORK, platformVersion: '9.9' }),
      /9\.9/,
      'PlatformUnknownException',
    ],
    ['a role without a load balancer', () => ({ role: ROLE }), /do not use a load balancer/],
    [
      'a role with several target groups',
      () => ({ role: ROLE, loadBalancers: [target(balanced), target(balanced)] }),
      /^You cannot specify an IAM role for services that require a service linked role\.$/,
    ],
    ['six target groups', () => ({ loadBalancers: Array.from({ length: 6 }, () => target(balanced)) }), /at most 5/],
    ['a target group that does not exist', () => ({ loadBalancers: [target(`${balanced}0`)] }), /does not exist/],
    [
      'a target group without a load balancer',
      () => ({ loadBalancers: [target(idle)] }),
      /^The target group with targetGroupArn .* does not have an associated load balancer\.$/,
    ],
    [
      'a target group of addresses for bridge networking',
      () => ({ loadBalancers: [target(byAddress)] }),
      /target type ip, which is incompatible with the bridge network mode/,
    ],
    [
      'a container the task definition does not have',
      () => ({ loadBalancers: [target(balanced, 'api')] }),
      /^The container api does not exist in the task definition\.$/,
    ],
    [
      'a port the container does not open',
      () => ({ loadBalancers: [target(balanced, 'web', 81)] }),
      /^The container web did not have a container port 81 defined\.$/,
    ],
    [
      'percentages that block every deployment',
      () => ({ deploymentConfiguration: { maximumPercent: 100, minimumHealthyPercent: 100 } }),
      /^Both maximumPercent and minimumHealthyPercent cannot be 100 as this will block deployments\.$/,
    ],
    [
      'a placement expression that is none',
      () => ({ placementConstraints: [{ type: 'memberOf', expression: 'somewhere nice' }] }),
      /Invalid expression/,
    ],
    ['a client token of more than 36 characters', () => ({ clientToken: 'x'.repeat(37) }), /clientToken/],
    [
      '51 tags',
      () => ({ tags: Array.from({ length: 51 }, (_, index) => ({ key: `k${index}`, value: '' })) }),
      /less than or equal to 50/,
    ],
  ];
  for (const [what, more, message, name = 'InvalidParameterException'] of CASES) {
    test(what, async () => {
      await assert.rejects(createWeb(aws, bridge, { ...more() }), { name, message });
      assert.deepEqual(aws.simulator.control.state().services, {});
    });
  }
});

test('the same client token and parameters give the existing service, anything else is not idempotent', async (context) => {
  const aws = await startSimulatedAws();
  context.after(aws.close);
  const definition = await registerWeb(aws);
  const first = await createWeb(aws, definition, { clientToken: 'token' });
  const again = await createWeb(aws, definition, { clientToken: 'token' });
  assert.equal(again.deployments?.[0]?.id, first.deployments?.[0]?.id);
  const refusal = { name: 'InvalidParameterException', message: 'Creation of service was not idempotent.' };
  await assert.rejects(createWeb(aws, definition, { clientToken: 'token', desiredCount: 5 }), refusal);
  await assert.rejects(createWeb(aws, definition, { clientToken: 'other' }), refusal);
  await assert.rejects(createWeb(aws, definition), refusal);
  await assert.rejects(createWeb(aws, definition, { clientToken: 'token', serviceName: 'api' }), refusal);
});

test('an INACTIVE task definition starts nothing new', async (context) => {
  const aws = await startSimulatedAws();
  context.after(aws.close);
  const definition = await registerWeb(aws);
  await createWeb(aws, definition);
  await aws.ecs.send(new DeregisterTaskDefinitionCommand({ taskDefinition: definition }));
  await assert.rejects(createWeb(aws, definition, { serviceName: 'api' }), {
    name: 'ClientException',
    message: 'TaskDefinition is inactive',
  });
  await aws.ecs.send(new UpdateServiceCommand({ cluster: 'example', service: 'web', desiredCount: 3 }));
});

describe('RegisterTaskDefinition refuses what AWS refuses', () => {
  let aws: SimulatedAws;
  before(async () => {
    aws = await startSimulatedAws();
  });
  after(async () => aws.close());
  const web = { name: 'web', image: 'nginx', memory: 128 };
  const FARGATE: Partial<RegisterTaskDefinitionCommandInput> = {
    requiresCompatibilities: ['FARGATE'],
    networkMode: 'awsvpc',
    cpu: '256',
    memory: '512',
  };
  const CASES: readonly [string, Partial<RegisterTaskDefinitionCommandInput>, RegExp][] = [
    ['a family with blanks', { family: 'my web' }, /Family contains invalid characters/],
    ['no container', { containerDefinitions: [] }, /Container list cannot be empty/],
    [
      'eleven containers',
      { containerDefinitions: Array.from({ length: 11 }, (_, index) => ({ ...web, name: `c${index}` })) },
      /more than 10/,
    ],
    [
      'a container without a name',
      { containerDefinitions: [{ image: 'nginx', memory: 1 }] },
      /^Container\.name should not be null or empty\.$/,
    ],
    [
      'a container without an image',
      { containerDefinitions: [{ name: 'web', memory: 1 }] },
      /^Container\.image should not be null or empty\.$/,
    ],
    ['two containers of one name', { containerDefinitions: [web, web] }, /unique/],
    ['no essential container', { containerDefinitions: [{ ...web, essential: false }] }, /marked as essential/],
    [
      'a volume that is not declared',
      { containerDefinitions: [{ ...web, mountPoints: [{ sourceVolume: 'data' }] }] },
      /^Unknown volume 'data'\.$/,
    ],
    ['Fargate without awsvpc', { ...FARGATE, networkMode: 'bridge' }, /Fargate only supports network mode/],
    [
      'Fargate without task cpu',
      { ...FARGATE, cpu: undefined },
      /^Fargate requires that 'cpu' be defined at the task level\.$/,
    ],
    [
      'a size that Fargate does not offer',
      { ...FARGATE, memory: '513' },
      /^No Fargate configuration exists for given values\.$/,
    ],
    [
      'awsvpc with different ports',
      {
        networkMode: 'awsvpc',
        containerDefinitions: [{ ...web, portMappings: [{ containerPort: 80, hostPort: 81 }] }],
      },
      /host ports and container ports in port mappings must match/,
    ],
    [
      'awslogs on Fargate without execution role',
      { ...FARGATE, containerDefinitions: [{ ...web, logConfiguration: { logDriver: 'awslogs' } }] },
      /^Fargate requires task definition to have execution role ARN to support log driver awslogs\.$/,
    ],
    [
      'more than 64 KiB',
      { containerDefinitions: [{ ...web, environment: [{ name: 'A', value: 'x'.repeat(70_000) }] }] },
      /Max allowed length is '65536' bytes/,
    ],
  ];
  for (const [what, more, message] of CASES) {
    test(what, async () => {
      const command = new RegisterTaskDefinitionCommand({ family: 'web', containerDefinitions: [web], ...more });
      await assert.rejects(aws.ecs.send(command), { name: 'ClientException', message });
    });
  }
});
