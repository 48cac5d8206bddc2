import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, test } from 'node:test';
import type { Failure } from '@outrider/shared/errors.ts';
import { type StepWorld, startStepWorld, stepTask } from '../../support/step-harness.ts';

const ROLE = 'arn:aws:iam::123456789012:role/ecsTaskExecutionRole';

let world: StepWorld;
beforeEach(async () => {
  world = await startStepWorld();
});
afterEach(async () => {
  await world.close();
});

/** The page's setup, with AWS refusing one of its calls every time. */
async function setUp(): Promise<{ failure: Failure; seconds: number; texts: readonly string[] }> {
  const startedAt = world.simulator.clock.now;
  const run = await world.run(stepTask('ecs-service-setup', { with: { instances: { fixed: 2 } } }));
  assert.ok(run.outcome.outcome === 'failed', run.texts.join('\n'));
  const { failure } = run.outcome;
  return { failure, seconds: (world.simulator.clock.now - startedAt) / 1000, texts: run.texts };
}

describe('what AWS refuses ends the step at once, in its own words and with what to do', () => {
  const cases: readonly {
    readonly what: string;
    readonly operation: string;
    readonly error: { readonly code: string; readonly message: string };
    readonly code: Failure['code'];
    readonly failureType: Failure['failureType'];
    readonly hint: string;
  }[] = [
    {
      what: "the delegate's role may not pass the execution role",
      operation: 'ecs:RegisterTaskDefinition',
      error: {
        code: 'ClientException',
        message: `User: arn:aws:sts::123456789012:assumed-role/delegate/d is not authorized to perform: iam:PassRole on resource: ${ROLE} because no identity-based policy allows the iam:PassRole action`,
      },
      code: 'aws-access-denied',
      failureType: 'authorization',
      hint: `Allow iam:PassRole on ${ROLE} for the delegate's role.`,
    },
    {
      what: "the delegate's role may not create services",
      operation: 'ecs:CreateService',
      error: {
        code: 'AccessDeniedException',
        message: 'User: x is not authorized to perform: ecs:CreateService on resource: *',
      },
      code: 'aws-access-denied',
      failureType: 'authorization',
      hint: "Allow ecs:CreateService for the delegate's role.",
    },
    {
      what: 'a quota is used up',
      operation: 'ecs:CreateService',
      error: { code: 'LimitExceededException', message: 'The maximum number of services per cluster was reached.' },
      code: 'quota-exceeded',
      failureType: 'application',
      hint: 'Raise the quota or remove what is not needed.',
    },
  ];
  for (const { what, operation, error, code, failureType, hint } of cases) {
    test(what, async () => {
      world.simulator.control.addFault({ kind: 'error', operation, ...error });
      const { failure, seconds, texts } = await setUp();
      assert.equal(failure.code, code);
      assert.equal(failure.failureType, failureType);
      assert.equal(failure.hint, hint);
      assert.ok(failure.message.includes(error.message));
      assert.ok(texts.includes(`What to do: ${hint}`));
      assert.ok(seconds < 30, `${seconds} s`);
    });
  }

  test('throttling that does not end is told apart from a refusal, after about a minute', async () => {
    world.simulator.control.addFault({ kind: 'throttle', operation: 'ecs:CreateService' });
    const { failure, seconds } = await setUp();
    assert.equal(failure.code, 'aws-throttled');
    assert.ok(seconds > 10 && seconds < 120, `${seconds} s`);
  });
});
