import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { CreateServiceCommand, RegisterTaskDefinitionCommand, UpdateServiceCommand } from '@aws-sdk/client-ecs';
import { runSimulatorCommand } from '@outrider/simulator/cli.ts';
import { firstVersionRequests } from '@outrider/simulator/sample-world.ts';
import { startSimulator } from '@outrider/simulator/start.ts';
import { createWeb, describe, registerWeb, startSimulatedAws } from './simulated-aws.ts';

async function story(seed: number, withReads: boolean): Promise<string> {
  const aws = await startSimulatedAws({ seed });
  await createWeb(aws, await registerWeb(aws));
  aws.advance(30);
  if (withReads) await describe(aws);
  aws.advance(40);
  const next = await registerWeb(aws, 'nginx:crash');
  await aws.ecs.send(
    new UpdateServiceCommand({ cluster: 'example', service: 'web', taskDefinition: next, desiredCount: 3 }),
  );
  if (withReads) await describe(aws);
  aws.advance(600);
  const state = JSON.stringify(aws.simulator.control.state());
  await aws.close();
  return state;
}

test('the same seed and the same clock give the same world, to the last id and event', async () => {
  const first = await story(7, false);
  assert.equal(await story(7, false), first);
  assert.notEqual(await story(8, false), first);
});

test('looking at the world does not change its future', async () => {
  assert.equal(await story(7, true), await story(7, false));
});

test('simulated time passes as many times faster than real time as asked for', async (context) => {
  let now = 1_000_000;
  let due: { callback: () => void; at: number } | undefined;
  const realTime = {
    now: () => now,
    setTimer: (callback: () => void, milliseconds: number) => {
      due = { callback, at: now + milliseconds };
      return () => {
        due = undefined;
      };
    },
  };
  const aws = await startSimulatedAws({ speed: 100, realTime, startTime: 5_000_000 });
  context.after(aws.close);
  await createWeb(aws, await registerWeb(aws));
  now += 10;
  assert.equal(aws.simulator.control.state().now, 5_001_000);
  assert.ok(due !== undefined && due.at <= now + 20, 'the next thing to do has a timer');
  now += 600;
  due?.callback();
  assert.equal(aws.simulator.clock.now, 5_061_000);
  assert.equal((await describe(aws)).runningCount, 2);
  aws.simulator.control.setClockMode({ kind: 'manual' });
  now += 1_000_000;
  assert.equal(aws.simulator.control.state().now, 5_061_000);
  assert.throws(() => aws.simulator.control.setClockMode({ kind: 'running', speed: 0 }), RangeError);
});

test('a restarted simulator finds its world again and goes on', async (context) => {
  const directory = await mkdtemp(join(tmpdir(), 'outrider-simulator-'));
  context.after(() => rm(directory, { recursive: true, force: true }));
  const dataFile = join(directory, 'data', 'world.json');
  const first = await startSimulatedAws({ dataFile });
  await createWeb(first, await registerWeb(first));
  first.advance(10);
  await first.close();
  const second = await startSimulatedAws({ dataFile });
  context.after(second.close);
  assert.equal(second.simulator.restored, true);
  assert.equal((await describe(second)).pendingCount, 2);
  second.advance(60);
  assert.equal((await describe(second)).runningCount, 2);
});

test('a world that was away for long comes back to the present, without living through all of it', async (context) => {
  const directory = await mkdtemp(join(tmpdir(), 'outrider-simulator-'));
  context.after(() => rm(directory, { recursive: true, force: true }));
  const dataFile = join(directory, 'world.json');
  const first = await startSimulatedAws({ dataFile });
  await createWeb(first, await registerWeb(first, 'nginx:crash'));
  first.advance(300);
  const before = (await describe(first)).events?.length ?? 0;
  await first.close();
  const later = first.simulator.clock.now + 30 * 86_400_000;
  const realTime = { now: () => later, setTimer: () => () => undefined };
  const second = await startSimulatedAws({ dataFile, speed: 1, realTime });
  context.after(second.close);
  assert.equal(second.simulator.clock.now, later);
  const service = await describe(second);
  assert.ok((service.events?.length ?? 0) > before);
  assert.equal((service.runningCount ?? 0) + (service.pendingCount ?? 0), 2);
});

test('a data file that is no world is refused by name and left alone', async (context) => {
  const directory = await mkdtemp(join(tmpdir(), 'outrider-simulator-'));
  context.after(() => rm(directory, { recursive: true, force: true }));
  const dataFile = join(directory, 'world.json');
  await writeFile(dataFile, '{"version":99}');
  await assert.rejects(
    startSimulator({ dataFile, agentPort: 0 }),
    /world\.json does not hold a simulated world of this version/,
  );
  assert.equal(await readFile(dataFile, 'utf8'), '{"version":99}');
});

test('several worlds live side by side in one process', async (context) => {
  const [one, other] = [await startSimulatedAws(), await startSimulatedAws()];
  context.after(one.close);
  context.after(other.close);
  await createWeb(one, await registerWeb(one));
  assert.deepEqual(other.simulator.control.state().services, {});
  assert.notEqual(one.simulator.agentPort, other.simulator.agentPort);
});

test('the command prints its address and the environment that clients need', async (context) => {
  const lines: string[] = [];
  process.env['OUTRIDER_ECS_AGENT_PORT'] = '0';
  context.after(() => delete process.env['OUTRIDER_ECS_AGENT_PORT']);
  const simulator = await runSimulatorCommand({ print: (line) => lines.push(line), speed: 10, seed: 3 });
  context.after(simulator.close);
  assert.match(lines[0] ?? '', /^Simulated AWS at http:\/\/127\.0\.0\.1:\d+ .*nothing touches the real one\.$/);
  assert.ok(lines.includes(`export AWS_ENDPOINT_URL=${simulator.url}`));
  assert.ok(lines.includes(`export OUTRIDER_ECS_AGENT_PORT=${simulator.agentPort}`));
});

test('the sample requests bring a first version into the sample cluster', async (context) => {
  const aws = await startSimulatedAws();
  context.after(aws.close);
  const first = firstVersionRequests({
    family: 'ECS__Example__Default_Replica__stage__ecs',
    image: 'library/nginx:stable-perl',
  });
  const { taskDefinition } = await aws.ecs.send(new RegisterTaskDefinitionCommand(first.taskDefinition));
  assert.equal(taskDefinition?.containerDefinitions?.[0]?.name, 'library_nginx_stable-perl');
  await aws.ecs.send(new CreateServiceCommand(first.service(taskDefinition?.revision ?? 0)));
  aws.advance(60);
  assert.equal((await describe(aws, 'ECS__Example__Default_Replica__stage__ecs__1')).runningCount, 2);
});
