import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { CallInterceptor, Interception } from '@outrider/simulator/wire/interceptor.ts';
import { createWeb, describe, registerWeb, startSimulatedAws } from './simulated-aws.ts';

/** Drops calls of one operation at one point, and hears of all. */
function dropping(point: keyof CallInterceptor | undefined, operation: string) {
  const heard: string[] = [];
  const at =
    (here: keyof CallInterceptor) =>
    async (call: { readonly operation: string }): Promise<Interception> => {
      heard.push(`${here} ${call.operation}`);
      return here === point && call.operation === operation ? 'drop' : 'go-on';
    };
  return { heard, interceptor: { arrived: at('arrived'), answered: at('answered') } };
}

test('a call that is dropped when it arrives has no effect, and its caller hears nothing', async (context) => {
  const { heard, interceptor } = dropping('arrived', 'RegisterTaskDefinition');
  const aws = await startSimulatedAws({ interceptor });
  context.after(aws.close);
  await assert.rejects(registerWeb(aws));
  assert.deepEqual(aws.simulator.control.mutations(), []);
  assert.deepEqual(new Set(heard), new Set(['arrived RegisterTaskDefinition']));
  assert.ok(aws.simulator.control.calls().every((call) => call.outcome === 'connection-lost'));
});

test('a call that is dropped before its answer leaves has its effect', async (context) => {
  const { heard, interceptor } = dropping('answered', 'RegisterTaskDefinition');
  const aws = await startSimulatedAws({ interceptor });
  context.after(aws.close);
  await assert.rejects(registerWeb(aws));
  assert.ok(aws.simulator.control.mutations().length > 0);
  assert.ok(heard.includes('answered RegisterTaskDefinition'));
});

test('a world is put back to a snapshot, and goes on from there as it did before', async (context) => {
  const aws = await startSimulatedAws();
  context.after(aws.close);
  const { control } = aws.simulator;
  await createWeb(aws, await registerWeb(aws));
  const before = control.snapshot();
  aws.advance(60);
  const after = control.snapshot();
  assert.equal((await describe(aws)).runningCount, 2);
  await control.restore(before);
  assert.equal((await describe(aws)).runningCount, 0);
  assert.deepEqual(control.snapshot(), before);
  aws.advance(60);
  assert.deepEqual(control.snapshot(), after);
});
