import assert from 'node:assert/strict';
import { createServer, type RequestListener, type Server } from 'node:http';
import { afterEach, describe, test } from 'node:test';
import { createIntrospection, dockerIdsOf, ecsAgentPort } from '@outrider/delegate/ecs-agent/introspection.ts';

const TASK = 'arn:aws:ecs:us-east-1:123456789012:task/example/0f9de17a6465404e8b1b2356dc13c2f8';
const DOCKER_ID = '9581a69a761a557fbfce1d0f6745e4af5b9dbfb86b6b2c5c4df156f1a5932ff1';
const task = {
  Arn: TASK,
  KnownStatus: 'RUNNING',
  Family: 'web',
  Version: '8',
  Containers: [{ DockerId: DOCKER_ID, DockerName: 'x', Name: 'web' }],
};

describe('the ECS agent', () => {
  let server: Server | undefined;
  afterEach(() => {
    server?.closeAllConnections();
    server?.close();
  });

  async function agent(listener: RequestListener) {
    let asked = 0;
    server = createServer((request, response) => {
      asked += 1;
      listener(request, response);
    });
    await new Promise<void>((resolve) => server?.listen(0, '127.0.0.1', resolve));
    const address = server.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    let now = 0;
    const metadata = createIntrospection({ port, clock: { now: () => now } });
    return { metadata, port, asked: () => asked, pass: (ms: number) => (now += ms) };
  }

  test('answers a query by task with the task itself', async () => {
    const { metadata, port } = await agent((request, response) => {
      assert.equal(new URL(request.url ?? '', 'http://x').searchParams.get('taskarn'), TASK);
      response.end(JSON.stringify(task));
    });
    const answer = await metadata.dockerIds('127.0.0.1', TASK);
    assert.ok(answer.kind === 'found');
    assert.equal(answer.byContainer.get('web'), DOCKER_ID);
    assert.equal(answer.url, `http://127.0.0.1:${port}/v1/tasks`);
  });

  test('that knows nothing of the task is said so, and is asked again for another', async () => {
    const empty = JSON.stringify({ Arn: '', KnownStatus: '', Family: '', Version: '', Containers: null });
    const { metadata, asked } = await agent((_request, response) => response.writeHead(404).end(empty));
    const answer = await metadata.dockerIds('127.0.0.1', TASK);
    assert.ok(answer.kind === 'unreachable' && answer.why.includes('404'));
    await metadata.dockerIds('127.0.0.1', TASK);
    assert.equal(asked(), 2);
  });

  test('that keeps silent is given two seconds, and then five minutes of peace', async () => {
    const { metadata, asked, pass } = await agent(() => undefined);
    const started = performance.now();
    const answer = await metadata.dockerIds('127.0.0.1', TASK);
    assert.ok(answer.kind === 'unreachable' && /no answer within 2 s/.test(answer.why), JSON.stringify(answer));
    assert.ok(performance.now() - started < 4_000);
    const second = await metadata.dockerIds('127.0.0.1', TASK);
    assert.ok(second.kind === 'unreachable' && second.why.includes('not asked again'));
    assert.equal(asked(), 1);
    pass(300_001);
    server?.closeAllConnections();
    await metadata.dockerIds('127.0.0.1', TASK);
    assert.equal(asked(), 2);
  });

  test('whose answer is far too large is not read to its end', async () => {
    const { metadata } = await agent((_request, response) => response.end('x'.repeat(3_000_000)));
    const answer = await metadata.dockerIds('127.0.0.1', TASK);
    assert.ok(answer.kind === 'unreachable' && answer.why.includes('larger than'));
  });

  test('on a host where nothing listens is unreachable, with the reason', async () => {
    const { metadata } = await agent(() => undefined);
    server?.close();
    server?.closeAllConnections();
    const answer = await metadata.dockerIds('127.0.0.1', TASK);
    assert.ok(answer.kind === 'unreachable' && answer.why.includes('ECONNREFUSED'), JSON.stringify(answer));
  });
});

describe('answers of the ECS agent', () => {
  test('a list of tasks is read too', () => {
    const other = { ...task, Arn: 'arn:other', Containers: [] };
    assert.equal(dockerIdsOf(JSON.stringify({ Tasks: [other, task] }), TASK)?.get('web'), DOCKER_ID);
  });

  for (const [what, body] of [
    ['another task', JSON.stringify({ ...task, Arn: 'arn:other' })],
    ['no JSON', '<html>'],
    ['a list', '[]'],
    ['a docker id of another form', JSON.stringify({ ...task, Containers: [{ Name: 'web', DockerId: '$(rm)' }] })],
    ['containers without names', JSON.stringify({ ...task, Containers: [{ DockerId: DOCKER_ID }, null, 7] })],
  ] as const) {
    test(`${what} gives no id`, () => {
      assert.equal(dockerIdsOf(body, TASK), undefined);
    });
  }
});

test('the port comes from the environment, and nonsense there means the usual one', () => {
  assert.equal(ecsAgentPort({ OUTRIDER_ECS_AGENT_PORT: '1234' }), 1234);
  for (const value of [undefined, '', 'x', '0', '70000', '-1']) {
    assert.equal(ecsAgentPort(value === undefined ? {} : { OUTRIDER_ECS_AGENT_PORT: value }), 51_678);
  }
});
