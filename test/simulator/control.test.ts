import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createWeb, describe, registerWeb, type SimulatedAws, startSimulatedAws } from './simulated-aws.ts';

async function call(
  aws: SimulatedAws,
  method: string,
  path: string,
  body?: unknown,
): Promise<{ status: number; text: string }> {
  const init = body === undefined ? { method } : { method, body: JSON.stringify(body) };
  const response = await fetch(`${aws.simulator.url}/_simulator/${path}`, init);
  return { status: response.status, text: await response.text() };
}

test('the control endpoint lists calls and mutations, and moves the clock', async (context) => {
  const aws = await startSimulatedAws();
  context.after(aws.close);
  await createWeb(aws, await registerWeb(aws));
  await describe(aws);
  assert.match((await call(aws, 'GET', 'calls')).text, /"operation":"DescribeServices","mutates":false/);
  const mutations = (await call(aws, 'GET', 'mutations?after=1')).text;
  assert.ok(mutations.includes('CreateService') && !mutations.includes('RegisterTaskDefinition'));
  assert.match((await call(aws, 'POST', 'advance', { milliseconds: 60_000 })).text, /2026-01-01T00:01:00\.000Z/);
  assert.equal((await describe(aws)).runningCount, 2);
  assert.match((await call(aws, 'GET', 'state')).text, /"version":1/);
  assert.match((await call(aws, 'POST', 'clock', { speed: 5 })).text, /"kind":"running","speed":5/);
});

test('faults come and go through the control endpoint, and nonsense is refused with a reason', async (context) => {
  const aws = await startSimulatedAws();
  context.after(aws.close);
  const added = await call(aws, 'POST', 'faults', { kind: 'throttle', operation: 'RegisterTaskDefinition' });
  assert.equal(added.text, '{"id":"fault-1"}');
  await assert.rejects(registerWeb(aws), { name: 'ThrottlingException' });
  assert.equal((await call(aws, 'DELETE', 'faults/fault-1')).status, 200);
  await registerWeb(aws);
  const refusals: readonly [unknown, RegExp][] = [
    [{ kind: 'gremlins' }, /kind must be one of/],
    [{ kind: 'crash' }, /crash needs image/],
    [{ kind: 'throttle', opperation: 'x' }, /throttle has no field opperation/],
    [{ kind: 'delay', milliseconds: 'long' }, /milliseconds must be a number/],
    [{ kind: 'throttle', count: 0 }, /count must be at least 1/],
    [[], /a fault is a JSON object/],
  ];
  for (const [body, message] of refusals) {
    const { status, text } = await call(aws, 'POST', 'faults', body);
    assert.equal(status, 400);
    assert.match(text, message);
  }
  assert.equal((await call(aws, 'DELETE', 'faults/fault-9')).status, 404);
  assert.equal((await call(aws, 'GET', 'nonsense')).status, 404);
  assert.equal((await call(aws, 'POST', 'advance', { milliseconds: -1 })).status, 400);
});

test('instances are added, drained and terminated while the world runs', async (context) => {
  const aws = await startSimulatedAws({ clusters: [{ name: 'example', instances: 1 }] });
  context.after(aws.close);
  await createWeb(aws, await registerWeb(aws));
  aws.advance(60);
  assert.equal((await call(aws, 'POST', 'instances', { cluster: 'example', count: 1 })).status, 200);
  assert.equal((await call(aws, 'POST', 'instances', { instance: '127.0.0.11', status: 'TERMINATED' })).status, 200);
  aws.advance(90);
  assert.equal((await describe(aws)).runningCount, 2);
  const stopped = Object.values(aws.simulator.control.state().tasks).filter(
    ({ task }) => task.lastStatus === 'STOPPED',
  );
  assert.match(stopped[0]?.task.stoppedReason ?? '', /^Host EC2 \(instance i-[0-9a-f]{17}\) terminated\.$/);
  assert.equal((await call(aws, 'POST', 'instances', { instance: 'nobody', status: 'DRAINING' })).status, 404);
});
