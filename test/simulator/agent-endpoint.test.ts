import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { test } from 'node:test';
import { DescribeTasksCommand, ListTasksCommand } from '@aws-sdk/client-ecs';
import { startSimulator } from '@outrider/simulator/start.ts';
import { createWeb, registerWeb, startSimulatedAws } from './simulated-aws.ts';

interface Seen {
  readonly status: number;
  readonly text: string;
}

async function get(url: string): Promise<Seen> {
  const response = await fetch(url);
  return { status: response.status, text: await response.text() };
}

test('the agent of an instance answers on the instance’s own address with the ids that DescribeTasks gives', async (context) => {
  const aws = await startSimulatedAws();
  context.after(aws.close);
  await createWeb(aws, await registerWeb(aws), { desiredCount: 1 });
  aws.advance(60);
  const { taskArns } = await aws.ecs.send(new ListTasksCommand({ cluster: 'example' }));
  const { tasks } = await aws.ecs.send(new DescribeTasksCommand({ cluster: 'example', tasks: taskArns }));
  const task = tasks?.[0];
  const dockerId = task?.containers?.[0]?.runtimeId ?? '';
  const instance = aws.simulator.control.state().instances[task?.containerInstanceArn ?? ''];
  const base = `http://${instance?.privateAddress}:${aws.simulator.agentPort}`;
  const all = await get(`${base}/v1/tasks`);
  assert.ok(all.text.includes(`"DockerId":"${dockerId}"`) && all.text.startsWith('{"Tasks":[{"Arn":'));
  assert.match((await get(`${base}/v1/metadata`)).text, /^\{"Cluster":"example","ContainerInstanceArn":"arn:aws:ecs:/);
  assert.equal((await get(`${base}/`)).text, '{"AvailableCommands":["/v1/metadata","/v1/tasks","/license"]}');
  const arn = encodeURIComponent(task?.taskArn ?? '');
  for (const query of [`taskarn=${arn}`, `dockerid=${dockerId}`, `dockerid=${dockerId.slice(0, 12)}`]) {
    const one = await get(`${base}/v1/tasks?${query}`);
    assert.equal(one.status, 200);
    assert.ok(one.text.startsWith(`{"Arn":"${task?.taskArn}"`));
  }
  const nothing = '{"Arn":"","KnownStatus":"","Family":"","Version":"","Containers":null}';
  assert.deepEqual(await get(`${base}/v1/tasks?dockerid=ffffffffffff0`), { status: 404, text: nothing });
  assert.deepEqual(await get(`${base}/v1/tasks?dockerid=a&taskarn=b`), { status: 400, text: nothing });
});

test('a blocked agent does not answer, the others do', async (context) => {
  const aws = await startSimulatedAws();
  context.after(aws.close);
  const base = (address: string): string => `http://${address}:${aws.simulator.agentPort}/v1/tasks`;
  const id = aws.simulator.control.addFault({ kind: 'agent-blocked', instance: '127.0.0.11' });
  await assert.rejects(fetch(base('127.0.0.11')));
  assert.equal((await get(base('127.0.0.12'))).text, '{"Tasks":[]}');
  aws.simulator.control.removeFault(id);
  assert.equal((await get(base('127.0.0.11'))).status, 200);
});

test('a taken agent port is an error that leaves nothing behind', async (context) => {
  const squatter = createServer();
  await new Promise<void>((resolve) => squatter.listen(0, '127.0.0.11', resolve));
  context.after(() => squatter.close());
  const address = squatter.address();
  const agentPort = typeof address === 'object' && address !== null ? address.port : 0;
  const options = { agentPort, speed: 'manual', clusters: [{ name: 'example', instances: 1 }] } as const;
  await assert.rejects(startSimulator(options), {
    code: 'EADDRINUSE',
    message: /cannot listen on 127\.0\.0\.11:\d+: the port is taken/,
  });
});
