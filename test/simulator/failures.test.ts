import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RegisterScalableTargetCommand } from '@aws-sdk/client-application-auto-scaling';
import {
  DescribeTasksCommand,
  ListTasksCommand,
  RunTaskCommand,
  type Task,
  UpdateServiceCommand,
} from '@aws-sdk/client-ecs';
import { createScaled, IDENTITY } from './autoscaling-cases.ts';
import { createBalanced } from './elbv2-cases.ts';
import {
  createWeb,
  describe,
  eventTexts,
  NETWORK,
  registerFargate,
  registerWeb,
  type SimulatedAws,
  startSimulatedAws,
} from './simulated-aws.ts';

async function stoppedTasks(aws: SimulatedAws, cluster = 'example'): Promise<Task[]> {
  const { taskArns } = await aws.ecs.send(new ListTasksCommand({ cluster, desiredStatus: 'STOPPED' }));
  const { tasks } = await aws.ecs.send(new DescribeTasksCommand({ cluster, tasks: taskArns }));
  return tasks ?? [];
}

test('an image that cannot be pulled stops each task before it runs, and starts come ever more slowly', async (context) => {
  const aws = await startSimulatedAws();
  context.after(aws.close);
  await createWeb(aws, await registerWeb(aws, 'shop/web:broken'), { desiredCount: 1 });
  aws.advance(120);
  const [task] = await stoppedTasks(aws);
  assert.equal(task?.stopCode, 'TaskFailedToStart');
  assert.equal(task?.stoppedReason, 'Task failed to start');
  assert.match(
    task?.containers?.[0]?.reason ?? '',
    /^CannotPullContainerError: .*docker\.io\/shop\/web:broken: not found$/,
  );
  assert.equal(task?.startedAt, undefined);
  aws.advance(1800);
  const service = await describe(aws);
  assert.equal(service.runningCount, 0);
  assert.ok((service.deployments?.[0]?.failedTasks ?? 0) >= 4);
  const texts = eventTexts(service);
  assert.equal(
    texts.filter((text) => text.startsWith('is unable to consistently start tasks successfully.')).length,
    1,
  );
  const starts = (service.events ?? [])
    .filter(({ message }) => message?.includes('has started'))
    .map(({ createdAt }) => createdAt?.getTime() ?? 0);
  const gaps = starts.slice(1).map((at, index) => (starts[index] ?? 0) - at);
  assert.ok((gaps[0] ?? 0) > 4 * (gaps.at(-1) ?? 0), `gaps, newest first: ${gaps.join(', ')}`);
});

test('on Fargate the pull failure is the reason the task stopped', async (context) => {
  const aws = await startSimulatedAws();
  context.after(aws.close);
  const definition = await registerFargate(aws, 'shop/web:does-not-exist');
  await createWeb(aws, definition, {
    cluster: 'fargate',
    launchType: 'FARGATE',
    networkConfiguration: NETWORK,
    desiredCount: 1,
  });
  aws.advance(60);
  assert.match((await stoppedTasks(aws, 'fargate'))[0]?.stoppedReason ?? '', /^CannotPullContainerError: /);
});

test('a crash loop stops each task with its exit code', async (context) => {
  const aws = await startSimulatedAws();
  context.after(aws.close);
  await createWeb(aws, await registerWeb(aws, 'shop/web:crash-3'), { desiredCount: 1 });
  aws.advance(120);
  const [task] = await stoppedTasks(aws);
  assert.equal(task?.stopCode, 'EssentialContainerExited');
  assert.equal(task?.stoppedReason, 'Essential container in task exited');
  assert.equal(task?.containers?.[0]?.exitCode, 3);
  assert.ok(!eventTexts(await describe(aws)).includes('has reached a steady state.'));
});

test('a container that runs out of memory says so', async (context) => {
  const aws = await startSimulatedAws({ faults: [{ kind: 'out-of-memory', image: 'nginx:*', count: 1 }] });
  context.after(aws.close);
  await createWeb(aws, await registerWeb(aws), { desiredCount: 1 });
  aws.advance(120);
  const [task] = await stoppedTasks(aws);
  assert.equal(task?.containers?.[0]?.exitCode, 137);
  assert.equal(task?.containers?.[0]?.reason, 'OutOfMemoryError: Container killed due to memory usage');
  assert.equal((await describe(aws)).runningCount, 1);
});

test('failing container health checks make the scheduler replace the task', async (context) => {
  const aws = await startSimulatedAws({ faults: [{ kind: 'container-unhealthy', image: 'nginx:1', count: 1 }] });
  context.after(aws.close);
  const healthCheck = { command: ['CMD', 'true'], interval: 5, retries: 2 };
  const containerDefinitions = [{ name: 'web', image: 'nginx:1', memory: 64, healthCheck }];
  await createWeb(aws, await registerWeb(aws, '', { containerDefinitions }), { desiredCount: 1 });
  aws.advance(180);
  const [task] = await stoppedTasks(aws);
  assert.equal(task?.stoppedReason, 'Task failed container health checks');
  assert.equal(task?.healthStatus, 'UNHEALTHY');
  const texts = eventTexts(await describe(aws));
  assert.ok(texts.includes('(task ID) failed container health checks.'));
  assert.equal(texts.at(-1), 'has reached a steady state.');
});

test('targets that fail their checks cost the task its place, with the events of AWS', async (context) => {
  const aws = await startSimulatedAws({ faults: [{ kind: 'target-unhealthy', image: 'nginx:1', reason: 'timeout' }] });
  context.after(aws.close);
  const { targetGroup } = await createBalanced(aws);
  const loadBalancers = [{ targetGroupArn: targetGroup, containerName: 'web', containerPort: 80 }];
  await createWeb(aws, await registerWeb(aws), { loadBalancers, desiredCount: 1 });
  aws.advance(140);
  const texts = eventTexts(await describe(aws));
  assert.ok(
    texts.includes(`(port 32768) is unhealthy in (target-group ${targetGroup}) due to (reason Request timed out)`),
    texts.join('\n'),
  );
  assert.equal(
    (await stoppedTasks(aws))[0]?.stoppedReason,
    `Task failed ELB health checks in (target-group ${targetGroup})`,
  );
});

test('the circuit breaker fails the rollout at three failed tasks and rolls back to the last completed one', async (context) => {
  const aws = await startSimulatedAws();
  context.after(aws.close);
  const good = await registerWeb(aws);
  const deploymentConfiguration = { deploymentCircuitBreaker: { enable: true, rollback: true } };
  await createWeb(aws, good, { desiredCount: 1, deploymentConfiguration });
  aws.advance(60);
  const bad = await registerWeb(aws, 'nginx:broken');
  await aws.ecs.send(new UpdateServiceCommand({ cluster: 'example', service: 'web', taskDefinition: bad }));
  aws.advance(400);
  const service = await describe(aws);
  assert.equal(service.taskDefinition, good);
  assert.equal(service.runningCount, 1);
  const texts = eventTexts(service);
  const failed = texts.indexOf('(deployment ecs-svc/N) deployment failed: tasks failed to start.');
  assert.ok(failed > 0);
  assert.equal(texts[failed + 1], 'rolling back to deployment ecs-svc/N.');
  assert.equal(texts.filter((text) => text.startsWith('has started')).length, 5);
});

test('deployments that were overtaken leave the list with their last task', async (context) => {
  const aws = await startSimulatedAws();
  context.after(aws.close);
  await createWeb(aws, await registerWeb(aws, 'nginx:broken'));
  for (const image of ['nginx:broken', 'nginx:broken', 'nginx:broken']) {
    aws.advance(90);
    const taskDefinition = await registerWeb(aws, image);
    await aws.ecs.send(new UpdateServiceCommand({ cluster: 'example', service: 'web', taskDefinition }));
  }
  aws.advance(90);
  assert.deepEqual(
    (await describe(aws)).deployments?.map(({ status, rolloutState }) => [status, rolloutState]),
    [['PRIMARY', 'IN_PROGRESS']],
  );
});

test('without anything to roll back to, a failed first deployment starts nothing more', async (context) => {
  const aws = await startSimulatedAws();
  context.after(aws.close);
  const deploymentConfiguration = { deploymentCircuitBreaker: { enable: true, rollback: true } };
  await createWeb(aws, await registerWeb(aws, 'nginx:broken'), { desiredCount: 1, deploymentConfiguration });
  aws.advance(1000);
  const before = await describe(aws);
  assert.equal(before.deployments?.[0]?.rolloutState, 'FAILED');
  assert.equal(before.deployments?.[0]?.rolloutStateReason, 'ECS deployment circuit breaker: tasks failed to start.');
  aws.advance(3000);
  assert.equal((await describe(aws)).events?.length, before.events?.length);
});

test('a cluster without room says what is missing, once', async (context) => {
  const aws = await startSimulatedAws({ clusters: [{ name: 'example' }] });
  context.after(aws.close);
  await createWeb(aws, await registerWeb(aws));
  aws.advance(300);
  const [text, ...more] = eventTexts(await describe(aws));
  assert.match(
    text ?? '',
    /^was unable to place a task because no container instance met all of its requirements\. Reason: No Container Instances were found in your cluster\./,
  );
  assert.deepEqual(more, []);
  const [instance] = await aws.simulator.control.addInstances('example', 1, { memoryMiB: 400 });
  aws.advance(60);
  const texts = eventTexts(await describe(aws));
  assert.ok(texts.includes('has started 1 tasks: (task ID).'));
  const closest = `The closest matching (container-instance ID) has insufficient memory available.`;
  assert.ok(instance !== undefined && texts.some((one) => one.includes(closest)), texts.join('\n'));
});

test('a fixed host port allows one task per instance', async (context) => {
  const aws = await startSimulatedAws();
  context.after(aws.close);
  const containerDefinitions = [
    { name: 'web', image: 'nginx', memory: 64, portMappings: [{ containerPort: 80, hostPort: 8080 }] },
  ];
  await createWeb(aws, await registerWeb(aws, '', { containerDefinitions }), { desiredCount: 4 });
  aws.advance(60);
  const service = await describe(aws);
  assert.equal(service.runningCount, 3);
  assert.ok(eventTexts(service).some((text) => text.includes('is already using a port required by your task.')));
});

test('Fargate without capacity says so and recovers when capacity is back', async (context) => {
  const aws = await startSimulatedAws({ faults: [{ kind: 'no-capacity', cluster: 'fargate', count: 1 }] });
  context.after(aws.close);
  const definition = await registerFargate(aws);
  await createWeb(aws, definition, {
    cluster: 'fargate',
    launchType: 'FARGATE',
    networkConfiguration: NETWORK,
    desiredCount: 1,
  });
  aws.advance(120);
  const service = await describe(aws, 'web', 'fargate');
  assert.match(
    eventTexts(service)[0] ?? '',
    /^was unable to place a task\. Reason: Capacity is unavailable at this time\./,
  );
  assert.equal(service.runningCount, 1);
});

test('an autoscaler that fights pulls the count back, until its target is suspended', async (context) => {
  const aws = await startSimulatedAws();
  context.after(aws.close);
  await createScaled(aws, 2, 6);
  aws.simulator.control.addFault({ kind: 'autoscaler', service: 'web', desired: 4, everySeconds: 60 });
  aws.advance(61);
  assert.equal((await describe(aws)).desiredCount, 4);
  const SuspendedState = {
    DynamicScalingInSuspended: true,
    DynamicScalingOutSuspended: true,
    ScheduledScalingSuspended: true,
  };
  await aws.scaling.send(new RegisterScalableTargetCommand({ ...IDENTITY, MinCapacity: 0, SuspendedState }));
  await aws.ecs.send(new UpdateServiceCommand({ cluster: 'example', service: 'web', desiredCount: 1 }));
  aws.advance(300);
  assert.equal((await describe(aws)).desiredCount, 1);
  await aws.scaling.send(new RegisterScalableTargetCommand({ ...IDENTITY, MinCapacity: 2 }));
  assert.equal(
    (await describe(aws)).desiredCount,
    2,
    'registering moves the count into the range even while suspended',
  );
});

test('a one-off task with a command ends by itself, and a reused token starts nothing twice', async (context) => {
  const aws = await startSimulatedAws();
  context.after(aws.close);
  await registerWeb(aws);
  const overrides = { containerOverrides: [{ name: 'web', command: ['migrate'] }] };
  const request = { cluster: 'example', taskDefinition: 'web', clientToken: 'token-1', overrides };
  const first = await aws.ecs.send(new RunTaskCommand(request));
  const again = await aws.ecs.send(new RunTaskCommand(request));
  assert.deepEqual(
    again.tasks?.map(({ taskArn }) => taskArn),
    first.tasks?.map(({ taskArn }) => taskArn),
  );
  await assert.rejects(aws.ecs.send(new RunTaskCommand({ ...request, count: 2 })), { name: 'ConflictException' });
  aws.advance(90);
  const [task] = await stoppedTasks(aws);
  assert.equal(task?.containers?.[0]?.exitCode, 0);
});
