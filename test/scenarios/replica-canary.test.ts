import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { applyExample, execution, logTexts, newestExecution, REPLICA, runAndWatch } from '../support/deployments.ts';
import { goldenLines, isOrderedPart, matchExactly } from '../support/golden-log.ts';
import { type Stack, startStack } from '../support/stack.ts';
import { assertNothingWasRefused, servicesOf, taskDefinitionsOf } from '../support/world.ts';

const ARTIFACT = ['--artifact', `${REPLICA.service}=:stable-perl`] as const;

describe('a canary of the first page: 50 % of two instances, then all', () => {
  let stack: Stack;
  before(async () => {
    stack = await startStack();
    await applyExample(stack, 'replica-canary');
  });
  after(() => stack.close());

  test("without an older version the logs are the page's own, line for line", async () => {
    const finished = await runAndWatch(stack, REPLICA.workflow, ...ARTIFACT);
    assert.equal(finished.exitCode, 0, finished.stderr + finished.stdout);
    const view = await newestExecution(stack);
    assert.equal(view.status, 'succeeded');
    matchExactly(await logTexts(stack, view.id, 'Phase 1/ECS Service Setup'), goldenLines('seed-setup'));
    matchExactly(await logTexts(stack, view.id, 'Phase 1/Upgrade Containers'), goldenLines('seed-resize'));
    assert.deepEqual(servicesOf(stack, REPLICA.cluster), [{ name: `${REPLICA.family}__1`, desired: 2, running: 2 }]);
  });

  test('with an older version the old one ends at 0 and the page is an ordered part of the log', async () => {
    const finished = await runAndWatch(stack, REPLICA.workflow, ...ARTIFACT);
    assert.equal(finished.exitCode, 0, finished.stderr + finished.stdout);
    const view = await newestExecution(stack);
    isOrderedPart(await logTexts(stack, view.id, 'Phase 1/ECS Service Setup'), goldenLines('seed-setup'));
    const resize = await logTexts(stack, view.id, 'Phase 1/Upgrade Containers');
    isOrderedPart(resize, goldenLines('seed-resize'));
    const old = `${REPLICA.family}__1`;
    assert.ok(
      resize.includes(`Resize service [${old}] in cluster [${REPLICA.cluster}] from 2 to 1 instances`),
      resize.join('\n'),
    );
    assert.deepEqual(servicesOf(stack, REPLICA.cluster), [
      { name: old, desired: 0, running: 0 },
      { name: `${REPLICA.family}__2`, desired: 2, running: 2 },
    ]);
    assert.equal(taskDefinitionsOf(stack, REPLICA.family).length, 2);
    const again = await execution(stack, view.id);
    assert.deepEqual(
      again.phases.map((phase) => [phase.name, phase.status]),
      [
        ['Phase 1', 'succeeded'],
        ['Phase 2', 'succeeded'],
      ],
    );
  });

  test('every request to AWS fits its published model', () => assertNothingWasRefused(stack));
});
