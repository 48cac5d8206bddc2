import assert from 'node:assert/strict';
import { test } from 'node:test';
import { UpdateServiceCommand } from '@aws-sdk/client-ecs';
import { createWeb, describe, eventTexts, registerWeb, type SimulatedAws, startSimulatedAws } from './simulated-aws.ts';

async function createDaemon(aws: SimulatedAws, definition: string): Promise<void> {
  await createWeb(aws, definition, { schedulingStrategy: 'DAEMON', desiredCount: undefined });
}

test('a daemon service runs one task on each active instance', async (context) => {
  const aws = await startSimulatedAws();
  context.after(aws.close);
  await createDaemon(aws, await registerWeb(aws));
  aws.advance(60);
  const service = await describe(aws);
  assert.deepEqual([service.desiredCount, service.runningCount], [3, 3]);
  assert.deepEqual(
    [service.deploymentConfiguration?.maximumPercent, service.deploymentConfiguration?.minimumHealthyPercent],
    [100, 0],
  );
  assert.equal(eventTexts(service).at(-1), 'has reached a steady state.');
  const { tasks } = aws.simulator.control.state();
  assert.equal(new Set(Object.values(tasks).map(({ task }) => task.containerInstanceArn)).size, 3);
});

test('a daemon follows its instances: a new one gets a task, a draining one loses it', async (context) => {
  const aws = await startSimulatedAws();
  context.after(aws.close);
  await createDaemon(aws, await registerWeb(aws));
  aws.advance(60);
  const [added] = await aws.simulator.control.addInstances('example', 1);
  aws.advance(60);
  assert.equal((await describe(aws)).runningCount, 4);
  aws.simulator.control.setInstanceStatus(added?.id ?? '', 'DRAINING');
  aws.advance(60);
  const service = await describe(aws);
  assert.deepEqual([service.desiredCount, service.runningCount], [3, 3]);
});

test('a daemon is replaced in place: the old task of an instance stops before the new one starts', async (context) => {
  const aws = await startSimulatedAws();
  context.after(aws.close);
  await createDaemon(aws, await registerWeb(aws));
  aws.advance(60);
  const next = await registerWeb(aws, 'nginx:2');
  await aws.ecs.send(new UpdateServiceCommand({ cluster: 'example', service: 'web', taskDefinition: next }));
  for (let second = 0; second < 90; second += 1) {
    aws.advance(1);
    const { runningCount = 0, pendingCount = 0 } = await describe(aws);
    assert.ok(runningCount + pendingCount <= 3);
  }
  const service = await describe(aws);
  assert.equal(service.runningCount, 3);
  assert.deepEqual(
    service.deployments?.map(({ taskDefinition }) => taskDefinition),
    [next],
  );
});

test('what a daemon cannot have is refused in the words of AWS', async (context) => {
  const aws = await startSimulatedAws();
  context.after(aws.close);
  const definition = await registerWeb(aws);
  const daemon = { schedulingStrategy: 'DAEMON', desiredCount: undefined } as const;
  const refused = async (more: Parameters<typeof createWeb>[2], message: RegExp): Promise<void> => {
    await assert.rejects(createWeb(aws, definition, { ...daemon, ...more }), {
      name: 'InvalidParameterException',
      message,
    });
  };
  await refused(
    { desiredCount: 0 },
    /^The daemon scheduling strategy does not support a desired count for services\. Remove the desired count value and try again$/,
  );
  await refused({ launchType: 'FARGATE' }, /does not support the FARGATE launch type/);
  await refused(
    { placementStrategy: [{ type: 'spread', field: 'instanceId' }] },
    /does not support placement strategies/,
  );
  await refused(
    { deploymentConfiguration: { maximumPercent: 150 } },
    /does not support values above 100 for maximumPercent/,
  );
});
