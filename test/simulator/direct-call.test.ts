import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import {
  DescribeScalableTargetsCommand,
  DescribeScalingPoliciesCommand,
  DescribeScheduledActionsCommand,
  PutScalingPolicyCommand,
  PutScheduledActionCommand,
  RegisterScalableTargetCommand,
} from '@aws-sdk/client-application-auto-scaling';
import {
  DescribeContainerInstancesCommand,
  DescribeServicesCommand,
  DescribeTaskDefinitionCommand,
  DescribeTasksCommand,
  ListServicesCommand,
  ListTaskDefinitionsCommand,
  ListTasksCommand,
} from '@aws-sdk/client-ecs';
import {
  CreateLoadBalancerCommand,
  CreateTargetGroupCommand,
  DescribeTargetGroupsCommand,
  DescribeTargetHealthCommand,
} from '@aws-sdk/client-elastic-load-balancing-v2';
import type { ServiceName } from '@outrider/simulator/validation/models.ts';
import { AwsError } from '@outrider/simulator/wire/aws-error.ts';
import { callDirectly, directOperation } from '@outrider/simulator/wire/direct-call.ts';
import { createWeb, registerWeb, type SimulatedAws, startSimulatedAws } from './simulated-aws.ts';

const SCOPE = {
  ServiceNamespace: 'ecs',
  ResourceId: 'service/example/web',
  ScalableDimension: 'ecs:service:DesiredCount',
} as const;

describe('a call in the same process', () => {
  let aws: SimulatedAws;
  let group = '';

  before(async () => {
    aws = await startSimulatedAws();
    const target = await aws.elb.send(
      new CreateTargetGroupCommand({
        Name: 'web',
        Port: 80,
        Protocol: 'HTTP',
        VpcId: 'vpc-0a1b2c3d',
        TargetType: 'instance',
      }),
    );
    group = target.TargetGroups?.[0]?.TargetGroupArn ?? '';
    const balancer = await aws.elb.send(
      new CreateLoadBalancerCommand({ Name: 'front', Subnets: ['subnet-0a1b2c3d', 'subnet-0a1b2c3e'] }),
    );
    assert.ok(balancer.LoadBalancers?.[0] !== undefined);
    await createWeb(aws, await registerWeb(aws), { tags: [{ key: 'team', value: 'blue' }] });
    await aws.scaling.send(new RegisterScalableTargetCommand({ ...SCOPE, MinCapacity: 1, MaxCapacity: 4 }));
    await aws.scaling.send(
      new PutScalingPolicyCommand({
        ...SCOPE,
        PolicyName: 'P1',
        PolicyType: 'TargetTrackingScaling',
        TargetTrackingScalingPolicyConfiguration: {
          TargetValue: 60.5,
          PredefinedMetricSpecification: { PredefinedMetricType: 'ECSServiceAverageCPUUtilization' },
        },
      }),
    );
    await aws.scaling.send(
      new PutScheduledActionCommand({
        ...SCOPE,
        ScheduledActionName: 'night',
        Schedule: 'cron(0 20 * * ? *)',
        StartTime: new Date(Date.UTC(2027, 0, 1)),
        ScalableTargetAction: { MinCapacity: 0, MaxCapacity: 1 },
      }),
    );
    aws.advance(120);
  });

  after(async () => {
    await aws.close();
  });

  const directly = (service: ServiceName, operation: string, input: object): object =>
    callDirectly({ world: aws.simulator.world, quotas: undefined }, directOperation(service, operation), input);

  /** Without the SDK's own facts of the exchange. */
  function answerOf(answer: object): object {
    return Object.fromEntries(Object.entries(answer).filter(([name]) => name !== '$metadata'));
  }

  test('gives what the SDK makes of the answer on the wire: the same members, dates and numbers', async () => {
    const { ecs, scaling, elb } = aws;
    const services = { cluster: 'example', services: ['web', 'gone'], include: ['TAGS' as const] };
    const shown = await ecs.send(new DescribeServicesCommand(services));
    assert.ok(shown.services?.[0]?.createdAt instanceof Date);
    assert.deepEqual(directly('ecs', 'DescribeServices', services), answerOf(shown));

    const listed = await ecs.send(new ListTasksCommand({ cluster: 'example', serviceName: 'web' }));
    assert.equal(listed.taskArns?.length, 2);
    assert.deepEqual(directly('ecs', 'ListTasks', { cluster: 'example', serviceName: 'web' }), answerOf(listed));

    const tasks = { cluster: 'example', tasks: listed.taskArns };
    assert.deepEqual(
      directly('ecs', 'DescribeTasks', tasks),
      answerOf(await ecs.send(new DescribeTasksCommand(tasks))),
    );

    const instances = { cluster: 'example', containerInstances: Object.keys(aws.simulator.world.state.instances) };
    assert.deepEqual(
      directly('ecs', 'DescribeContainerInstances', instances),
      answerOf(await ecs.send(new DescribeContainerInstancesCommand(instances))),
    );
    const definition = { taskDefinition: 'web:1', include: ['TAGS' as const] };
    assert.deepEqual(
      directly('ecs', 'DescribeTaskDefinition', definition),
      answerOf(await ecs.send(new DescribeTaskDefinitionCommand(definition))),
    );
    assert.deepEqual(
      directly('ecs', 'ListServices', { cluster: 'example' }),
      answerOf(await ecs.send(new ListServicesCommand({ cluster: 'example' }))),
    );
    assert.deepEqual(
      directly('ecs', 'ListTaskDefinitions', { familyPrefix: 'web' }),
      answerOf(await ecs.send(new ListTaskDefinitionsCommand({ familyPrefix: 'web' }))),
    );
    const wanted = { ServiceNamespace: SCOPE.ServiceNamespace, ResourceIds: [SCOPE.ResourceId] };
    assert.deepEqual(
      directly('autoscaling', 'DescribeScalableTargets', wanted),
      answerOf(await scaling.send(new DescribeScalableTargetsCommand(wanted))),
    );
    assert.deepEqual(
      directly('autoscaling', 'DescribeScalingPolicies', SCOPE),
      answerOf(await scaling.send(new DescribeScalingPoliciesCommand(SCOPE))),
    );
    assert.deepEqual(
      directly('autoscaling', 'DescribeScheduledActions', SCOPE),
      answerOf(await scaling.send(new DescribeScheduledActionsCommand(SCOPE))),
    );
    assert.deepEqual(
      directly('elbv2', 'DescribeTargetGroups', { TargetGroupArns: [group] }),
      answerOf(await elb.send(new DescribeTargetGroupsCommand({ TargetGroupArns: [group] }))),
    );
    assert.deepEqual(
      directly('elbv2', 'DescribeTargetHealth', { TargetGroupArn: group }),
      answerOf(await elb.send(new DescribeTargetHealthCommand({ TargetGroupArn: group }))),
    );
  });

  test('gives a copy: what the world does later does not show in it', async () => {
    const shown = directly('ecs', 'DescribeServices', { cluster: 'example', services: ['web'] });
    const text = JSON.stringify(shown);
    directly('ecs', 'UpdateService', { cluster: 'example', service: 'web', desiredCount: 3 });
    aws.advance(60);
    assert.equal(JSON.stringify(shown), text);
    assert.notEqual(
      JSON.stringify(directly('ecs', 'DescribeServices', { cluster: 'example', services: ['web'] })),
      text,
    );
  });

  test('takes dates as the SDK takes them', () => {
    const StartTime = new Date(Date.UTC(2028, 5, 1));
    const action = { MinCapacity: 1, MaxCapacity: 2 };
    directly('autoscaling', 'PutScheduledAction', {
      ...SCOPE,
      ScheduledActionName: 'summer',
      Schedule: 'rate(1 day)',
      StartTime,
      ScalableTargetAction: action,
    });
    const { scheduledActions } = aws.simulator.world.state;
    const kept = Object.values(scheduledActions).find((one) => one.ScheduledActionName === 'summer');
    assert.equal(kept?.StartTime, StartTime.getTime());
  });

  test('is refused as on the wire: input that AWS does not know, and operations that the world refuses', () => {
    const refusal = (code: string) => (error: unknown) => error instanceof AwsError && error.code === code;
    const service = { cluster: 'example', service: 'gone' };
    assert.throws(() => directly('ecs', 'DeleteService', service), refusal('ServiceNotFoundException'));
    assert.throws(
      () => directly('ecs', 'UpdateService', { ...service, desired: 1 }),
      refusal('SerializationException'),
    );
    assert.throws(() => directly('ecs', 'Nonsense', {}), RangeError);
  });
});
