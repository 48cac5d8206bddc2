import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { applyExample, logTexts, newestExecution, runAndWatch } from '../support/deployments.ts';
import { goldenLines, isOrderedPart, matchExactly } from '../support/golden-log.ts';
import { type Stack, startStack } from '../support/stack.ts';
import { assertNothingWasRefused, failPullsAfter, servicesOf, successfulMutations } from '../support/world.ts';

const WORKFLOW = 'ECS/ECS Rolling Canary';

describe('a canary of the second page: one task beside the service, then a rolling deployment', () => {
  let stack: Stack;
  before(async () => {
    stack = await startStack();
    await applyExample(stack, 'rolling-canary');
  });
  after(() => stack.close());

  test("deploys the canary, deletes it and deploys the service with the page's log lines", async () => {
    const finished = await runAndWatch(stack, WORKFLOW, '--artifact', 'myapp=:1.28');
    assert.equal(finished.exitCode, 0, finished.stderr + finished.stdout);
    const view = await newestExecution(stack);
    matchExactly(await logTexts(stack, view.id, 'Canary/ECS Canary Deploy'), goldenLines('seed-canary-deploy'));
    isOrderedPart(await logTexts(stack, view.id, 'Canary/ECS Canary Delete'), goldenLines('seed-canary-delete'));
    assert.deepEqual(servicesOf(stack, 'fargate'), [{ name: 'myapp', desired: 2, running: 2 }]);
  });

  test('updates the service in place the second time', async () => {
    const finished = await runAndWatch(stack, WORKFLOW, '--artifact', 'myapp=:1.29');
    assert.equal(finished.exitCode, 0, finished.stderr + finished.stdout);
    const view = await newestExecution(stack);
    const log = (await logTexts(stack, view.id, 'Canary/ECS Rolling Deploy')).join('\n');
    assert.match(log, /Updating Service myapp with task definition /);
    assert.deepEqual(servicesOf(stack, 'fargate'), [{ name: 'myapp', desired: 2, running: 2 }]);
    assert.equal(successfulMutations(stack, 'CreateService').length, 3, 'two canaries and the service itself');
  });

  test('a rolling deployment whose image is gone goes back to what ran before', async () => {
    failPullsAfter(stack, 'nginx:1.30', 1);
    const failed = await runAndWatch(stack, WORKFLOW, '--artifact', 'myapp=:1.30');
    assert.equal(failed.exitCode, 3, failed.stderr + failed.stdout);
    assert.match(failed.stderr + failed.stdout, /CannotPullContainerError/);
    assert.deepEqual(servicesOf(stack, 'fargate'), [{ name: 'myapp', desired: 2, running: 2 }]);
    const images = Object.values(stack.aws.control.state().tasks)
      .filter(({ task }) => task.group === 'service:myapp' && task.lastStatus === 'RUNNING')
      .map(({ task }) => task.containers[0]?.image);
    assert.deepEqual(images, ['library/nginx:1.29', 'library/nginx:1.29']);
  });

  test('every request to AWS fits its published model', () => assertNothingWasRefused(stack));
});
