import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { applyExample, logTexts, newestExecution, runAndWatch } from '../support/deployments.ts';
import { goldenLines, isOrderedPart } from '../support/golden-log.ts';
import { type Stack, startStack } from '../support/stack.ts';
import { assertNothingWasRefused, failPullsAfter, servicesOf } from '../support/world.ts';

const WORKFLOW = 'ECS/ECS Daemon Strategy';
const SERVICE = 'ECS__agent__stage__ecs';

describe('a daemon service: one task on each container instance', () => {
  let stack: Stack;
  before(async () => {
    stack = await startStack();
    await applyExample(stack, 'daemon');
  });
  after(() => stack.close());

  test('is created under its own name and reaches every instance', async () => {
    const finished = await runAndWatch(stack, WORKFLOW, '--artifact', 'agent=:1.0');
    assert.equal(finished.exitCode, 0, finished.stderr + finished.stdout);
    assert.deepEqual(servicesOf(stack, 'example'), [{ name: SERVICE, desired: 3, running: 3 }]);
    const view = await newestExecution(stack);
    const log = await logTexts(stack, view.id, 'Daemon/ECS Daemon Service Setup');
    isOrderedPart(log, [
      'Cluster Name: example',
      `Creating ECS service ${SERVICE} in cluster example`,
      'Service has reached a steady state',
      'Container IDs:',
      'Command execution finished with status SUCCESS',
    ]);
    const containers = goldenLines('seed-resize').filter((line) => line.endsWith('(new)'));
    isOrderedPart(log, containers);
  });

  test('a new version that does not start is put back as it was', async () => {
    failPullsAfter(stack, 'agent:1.1', 0);
    const failed = await runAndWatch(stack, WORKFLOW, '--artifact', 'agent=:1.1');
    assert.equal(failed.exitCode, 3, failed.stderr + failed.stdout);
    assert.deepEqual(servicesOf(stack, 'example'), [{ name: SERVICE, desired: 3, running: 3 }]);
    const images = Object.values(stack.aws.control.state().tasks)
      .filter(({ task }) => task.group === `service:${SERVICE}` && task.lastStatus === 'RUNNING')
      .map(({ task }) => task.containers[0]?.image ?? '');
    assert.equal(images.length, 3);
    assert.ok(
      images.every((image) => image.endsWith('agent:1.0')),
      images.join(', '),
    );
  });

  test('a first launch that fails leaves no service behind', async () => {
    const fresh = await startStack();
    try {
      await applyExample(fresh, 'daemon');
      failPullsAfter(fresh, 'agent:1.1', 0);
      const failed = await runAndWatch(fresh, WORKFLOW, '--artifact', 'agent=:1.1');
      assert.equal(failed.exitCode, 3, failed.stderr + failed.stdout);
      assert.deepEqual(servicesOf(fresh, 'example'), []);
    } finally {
      await fresh.close();
    }
  });

  test('every request to AWS fits its published model', () => assertNothingWasRefused(stack));
});
