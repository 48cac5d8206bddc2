import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { applyExample, execution, REPLICA, runDetached, untilEnded, untilResizeWaits } from '../support/deployments.ts';
import { eventually } from '../support/processes.ts';
import { type Stack, startStack } from '../support/stack.ts';
import { holdTasksBack, letTasksGo, servicesOf } from '../support/world.ts';

describe('a canary that is paused in the middle of its first phase', () => {
  let stack: Stack;
  beforeEach(async () => {
    stack = await startStack();
    await applyExample(stack, 'replica-canary');
  });
  afterEach(() => stack.close());

  test('stands at half of its instances, also over a restart of the control plane, until it is resumed', async () => {
    holdTasksBack(stack);
    const id = await runDetached(stack, REPLICA.workflow, '--artifact', `${REPLICA.service}=:1.28`);
    await untilResizeWaits(stack, id);
    const paused = await stack.outrider('pause', id, '--reason', 'look at the dashboards');
    assert.equal(paused.exitCode, 0, paused.stderr);
    letTasksGo(stack);
    await eventually('it is held', async () => ((await execution(stack, id)).status === 'paused' ? true : undefined));
    await stack.controlPlane.kill();
    await stack.controlPlane.start();
    const held = await execution(stack, id);
    assert.equal(held.status, 'paused');
    assert.deepEqual(
      held.phases.map((phase) => phase.steps.map((step) => step.status)),
      [['succeeded', 'succeeded'], ['paused']],
    );
    assert.deepEqual(servicesOf(stack, REPLICA.cluster), [{ name: `${REPLICA.family}__1`, desired: 1, running: 1 }]);
    const resumed = await stack.outrider('resume', id);
    assert.equal(resumed.exitCode, 0, resumed.stderr);
    assert.equal((await untilEnded(stack, id)).status, 'succeeded');
    assert.deepEqual(servicesOf(stack, REPLICA.cluster), [{ name: `${REPLICA.family}__1`, desired: 2, running: 2 }]);
  });
});
