import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { SERVICES } from '@outrider/simulator/services.ts';
import { AUTOSCALING_CASES } from './autoscaling-cases.ts';
import { ECS_CASES } from './ecs-cases.ts';
import { ELBV2_CASES } from './elbv2-cases.ts';
import type { OperationCases } from './operation-case.ts';
import { startSimulatedAws } from './simulated-aws.ts';

const CASES: Readonly<Record<string, OperationCases>> = {
  ecs: ECS_CASES,
  elbv2: ELBV2_CASES,
  autoscaling: AUTOSCALING_CASES,
};

for (const [service, cases] of Object.entries(CASES)) {
  describe(`${service}, called by the AWS SDK`, () => {
    for (const [operation, { right, wrong, error, message }] of Object.entries(cases)) {
      test(`${operation} answers a right request`, async (context) => {
        const aws = await startSimulatedAws();
        context.after(aws.close);
        await right(aws);
        const calls = aws.simulator.control.calls();
        assert.ok(calls.some((call) => call.operation === operation && call.outcome === 'ok'));
      });

      test(`${operation} refuses a wrong request with ${error}`, async (context) => {
        const aws = await startSimulatedAws();
        context.after(aws.close);
        await assert.rejects(wrong(aws), (thrown: Error) => {
          assert.equal(thrown.name, error, thrown.message);
          if (message !== undefined) assert.match(thrown.message, message);
          return true;
        });
        assert.equal(aws.simulator.control.calls().at(-1)?.operation, operation);
        assert.equal(aws.simulator.control.calls().at(-1)?.applied, false);
      });
    }
  });
}

test('every operation that the simulator speaks through an SDK client has a right and a wrong request here', () => {
  for (const service of SERVICES) {
    if (['sts', 'ec2', 'logs'].includes(service.name)) continue;
    const names = [...service.operations.keys()].toSorted();
    assert.deepEqual(names, Object.keys(CASES[service.name] ?? {}).toSorted());
    assert.deepEqual(names, [...service.model.operations.keys()].toSorted());
  }
});
