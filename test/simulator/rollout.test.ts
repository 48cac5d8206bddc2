import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  DeleteServiceCommand,
  DescribeTasksCommand,
  ListTasksCommand,
  UpdateServiceCommand,
} from '@aws-sdk/client-ecs';
import { DescribeTargetHealthCommand } from '@aws-sdk/client-elastic-load-balancing-v2';
import { createBalanced } from './elbv2-cases.ts';
import {
  createWeb,
  describe,
  eventTexts,
  NETWORK,
  registerFargate,
  registerWeb,
  startSimulatedAws,
} from './simulated-aws.ts';

test('a new service starts its tasks in 20 to 40 seconds and then reaches a steady state', async (context) => {
  const aws = await startSimulatedAws();
  context.after(aws.close);
  await createWeb(aws, await registerWeb(aws));
  aws.advance(5);
  const early = await describe(aws);
  assert.deepEqual([early.desiredCount, early.runningCount, early.pendingCount], [2, 0, 2]);
  aws.advance(45);
  const late = await describe(aws);
  assert.deepEqual([late.runningCount, late.pendingCount], [2, 0]);
  assert.deepEqual(eventTexts(late), [
    'has started 2 tasks: (task ID) (task ID).',
    '(deployment ecs-svc/N) deployment completed.',
    'has reached a steady state.',
  ]);
  assert.equal(late.deployments?.[0]?.rolloutState, 'COMPLETED');
  const lasted = (late.events?.[0]?.createdAt?.getTime() ?? 0) - (late.createdAt?.getTime() ?? 0);
  assert.ok(lasted > 20_000 && lasted < 45_000, `steady after ${lasted} ms`);
});

test('a resize is no deployment: the rollout stays COMPLETED while tasks come and go', async (context) => {
  const aws = await startSimulatedAws();
  context.after(aws.close);
  await createWeb(aws, await registerWeb(aws), { desiredCount: 0 });
  aws.advance(10);
  const before = await describe(aws);
  assert.deepEqual(eventTexts(before), ['(deployment ecs-svc/N) deployment completed.', 'has reached a steady state.']);
  await aws.ecs.send(new UpdateServiceCommand({ cluster: 'example', service: 'web', desiredCount: 3 }));
  aws.advance(5);
  const during = await describe(aws);
  assert.equal(during.deployments?.[0]?.id, before.deployments?.[0]?.id);
  assert.equal(during.deployments?.[0]?.rolloutState, 'COMPLETED');
  assert.equal(during.pendingCount, 3);
  aws.advance(60);
  await aws.ecs.send(new UpdateServiceCommand({ cluster: 'example', service: 'web', desiredCount: 1 }));
  aws.advance(60);
  const after = await describe(aws);
  assert.equal(after.runningCount, 1);
  assert.deepEqual(eventTexts(after).slice(2), [
    'has started 3 tasks: (task ID) (task ID) (task ID).',
    'has reached a steady state.',
    'has stopped 2 running tasks: (task ID) (task ID).',
    'has reached a steady state.',
  ]);
  const stopped = await aws.ecs.send(
    new ListTasksCommand({ cluster: 'example', serviceName: 'web', desiredStatus: 'STOPPED' }),
  );
  const { tasks } = await aws.ecs.send(new DescribeTasksCommand({ cluster: 'example', tasks: stopped.taskArns }));
  for (const task of tasks ?? []) {
    assert.equal(task.lastStatus, 'STOPPED');
    assert.equal(task.stopCode, 'ServiceSchedulerInitiated');
    assert.match(task.stoppedReason ?? '', /^Scaling activity initiated by \(deployment ecs-svc\/\d+\)$/);
  }
});

test('a new task definition rolls: new tasks first, old ones only once the new ones are healthy', async (context) => {
  const aws = await startSimulatedAws();
  context.after(aws.close);
  await createWeb(aws, await registerWeb(aws));
  aws.advance(60);
  const next = await registerWeb(aws, 'nginx:2');
  await aws.ecs.send(new UpdateServiceCommand({ cluster: 'example', service: 'web', taskDefinition: next }));
  for (let second = 0; second < 150; second += 1) {
    aws.advance(1);
    const { runningCount = 0, pendingCount = 0 } = await describe(aws);
    assert.ok(runningCount >= 2, `only ${runningCount} tasks ran ${second} s into the rollout`);
    assert.ok(runningCount + pendingCount <= 4);
  }
  const done = await describe(aws);
  assert.deepEqual(
    done.deployments?.map(({ status, taskDefinition }) => [status, taskDefinition]),
    [['PRIMARY', next]],
  );
  assert.deepEqual(eventTexts(done).at(-1), 'has reached a steady state.');
  const order = eventTexts(done).slice(3);
  assert.ok(
    order.findIndex((text) => text.startsWith('has started')) <
      order.findIndex((text) => text.startsWith('has stopped')),
  );
});

test('a service that stays steady says so again after six hours, not before', async (context) => {
  const aws = await startSimulatedAws();
  context.after(aws.close);
  await createWeb(aws, await registerWeb(aws));
  const steady = async (): Promise<number> =>
    eventTexts(await describe(aws)).filter((text) => text === 'has reached a steady state.').length;
  aws.advance(5.9 * 3600);
  assert.equal(await steady(), 1);
  aws.advance(0.2 * 3600);
  assert.equal(await steady(), 2);
});

test('percentages that leave no way forward are said once', async (context) => {
  const aws = await startSimulatedAws({ clusters: [{ name: 'example', instances: 1 }] });
  context.after(aws.close);
  await createWeb(aws, await registerWeb(aws), {
    desiredCount: 1,
    deploymentConfiguration: { maximumPercent: 150, minimumHealthyPercent: 100 },
  });
  aws.advance(60);
  const next = await registerWeb(aws, 'nginx:2');
  await aws.ecs.send(new UpdateServiceCommand({ cluster: 'example', service: 'web', taskDefinition: next }));
  aws.advance(600);
  const stuck = eventTexts(await describe(aws)).filter((text) => text.startsWith('was unable to stop or start tasks'));
  assert.equal(stuck.length, 1);
});

test('tasks behind a load balancer are registered, checked and drained', async (context) => {
  const aws = await startSimulatedAws();
  context.after(aws.close);
  const { targetGroup } = await createBalanced(aws);
  const loadBalancers = [{ targetGroupArn: targetGroup, containerName: 'web', containerPort: 80 }];
  await createWeb(aws, await registerWeb(aws), { loadBalancers, desiredCount: 1 });
  aws.advance(70);
  const health = async (): Promise<(string | undefined)[]> => {
    const output = await aws.elb.send(new DescribeTargetHealthCommand({ TargetGroupArn: targetGroup }));
    return (output.TargetHealthDescriptions ?? []).map(({ TargetHealth }) => TargetHealth?.State);
  };
  assert.deepEqual(await health(), ['healthy']);
  const steady = eventTexts(await describe(aws));
  assert.equal(steady[1], `registered 1 targets in (target-group ${targetGroup})`);
  assert.equal(steady.at(-1), 'has reached a steady state.');
  await aws.ecs.send(new UpdateServiceCommand({ cluster: 'example', service: 'web', desiredCount: 0 }));
  aws.advance(10);
  assert.deepEqual(await health(), ['draining']);
  assert.ok(eventTexts(await describe(aws)).includes('has begun draining connections on 1 tasks.'));
  aws.advance(320);
  assert.deepEqual(await health(), []);
});

test('a service without tasks goes from DRAINING to INACTIVE and its name is free again', async (context) => {
  const aws = await startSimulatedAws();
  context.after(aws.close);
  const definition = await registerWeb(aws);
  await createWeb(aws, definition);
  aws.advance(60);
  await aws.ecs.send(new DeleteServiceCommand({ cluster: 'example', service: 'web', force: true }));
  assert.equal((await describe(aws)).status, 'DRAINING');
  await assert.rejects(createWeb(aws, definition), {
    name: 'InvalidParameterException',
    message: 'Unable to Start a service that is still Draining.',
  });
  await assert.rejects(
    aws.ecs.send(new UpdateServiceCommand({ cluster: 'example', service: 'web', desiredCount: 1 })),
    {
      name: 'ServiceNotActiveException',
      message: 'Service was not ACTIVE.',
    },
  );
  aws.advance(30);
  assert.equal((await describe(aws)).status, 'INACTIVE');
  assert.equal((await createWeb(aws, definition)).status, 'ACTIVE');
});

test('a Fargate task has its own network interface and a runtime id of Fargate’s form', async (context) => {
  const aws = await startSimulatedAws();
  context.after(aws.close);
  const definition = await registerFargate(aws);
  await createWeb(aws, definition, {
    cluster: 'fargate',
    launchType: 'FARGATE',
    networkConfiguration: NETWORK,
    desiredCount: 1,
  });
  aws.advance(60);
  const { taskArns } = await aws.ecs.send(new ListTasksCommand({ cluster: 'fargate' }));
  const { tasks } = await aws.ecs.send(new DescribeTasksCommand({ cluster: 'fargate', tasks: taskArns }));
  const task = tasks?.[0];
  const container = task?.containers?.[0];
  assert.equal(task?.lastStatus, 'RUNNING');
  assert.equal(task?.containerInstanceArn, undefined);
  assert.match(container?.runtimeId ?? '', /^[0-9a-f]{32}-\d{10}$/);
  assert.match(container?.imageDigest ?? '', /^sha256:[0-9a-f]{64}$/);
  const address = container?.networkInterfaces?.[0]?.privateIpv4Address;
  assert.equal(task?.attachments?.[0]?.details?.find(({ name }) => name === 'privateIPv4Address')?.value, address);
});

test('tasks leave a draining instance, and never more of them than the percentages allow', async (context) => {
  const aws = await startSimulatedAws();
  context.after(aws.close);
  await createWeb(aws, await registerWeb(aws), { desiredCount: 3 });
  aws.advance(60);
  const [instance] = Object.values(aws.simulator.control.state().instances);
  assert.ok(instance);
  aws.simulator.control.setInstanceStatus(instance.id, 'DRAINING');
  for (let second = 0; second < 150; second += 5) {
    aws.advance(5);
    assert.ok(((await describe(aws)).runningCount ?? 0) >= 3);
  }
  const left = await aws.ecs.send(new ListTasksCommand({ cluster: 'example', containerInstance: instance.arn }));
  assert.deepEqual(left.taskArns, []);
});
