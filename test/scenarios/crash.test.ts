import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, test } from 'node:test';
import {
  applyExample,
  logLines,
  logTexts,
  REPLICA,
  runAndWatch,
  runDetached,
  untilEnded,
  untilResizeWaits,
} from '../support/deployments.ts';
import { goldenLines, isOrderedPart } from '../support/golden-log.ts';
import { eventually } from '../support/processes.ts';
import { type Stack, startStack } from '../support/stack.ts';
import { holdTasksBack, letTasksGo, servicesOf, successfulMutations, taskDefinitionsOf } from '../support/world.ts';

const RESIZE = 'Phase 1/Upgrade Containers';

describe('a crash in the middle of a resize', () => {
  let stack: Stack;
  beforeEach(async () => {
    stack = await startStack();
    await applyExample(stack, 'replica-canary');
    const first = await runAndWatch(stack, REPLICA.workflow, '--artifact', `${REPLICA.service}=:1.28`);
    assert.equal(first.exitCode, 0, first.stderr + first.stdout);
  });
  afterEach(() => stack.close());

  async function assertWholeDeployment(id: string): Promise<void> {
    const view = await untilEnded(stack, id);
    assert.equal(view.status, 'succeeded', JSON.stringify(view.failure));
    assert.deepEqual(servicesOf(stack, REPLICA.cluster), [
      { name: `${REPLICA.family}__1`, desired: 0, running: 0 },
      { name: `${REPLICA.family}__2`, desired: 2, running: 2 },
    ]);
    assert.equal(taskDefinitionsOf(stack, REPLICA.family).length, 2, 'one task definition for each deployment');
    assert.equal(successfulMutations(stack, 'CreateService').length, 2, 'one service for each deployment');
    assert.equal(
      view.phases.flatMap((phase) => phase.steps).every((step) => step.attempt === 1),
      true,
    );
  }

  test('a killed delegate goes on where it stood when it is back, and the log says so', async () => {
    holdTasksBack(stack);
    const id = await runDetached(stack, REPLICA.workflow, '--artifact', `${REPLICA.service}=:1.29`);
    await untilResizeWaits(stack, id);
    const before = await logLines(stack, id, RESIZE);
    await stack.delegate('vpc-stage').kill();
    await stack.delegate('vpc-stage').start();
    letTasksGo(stack);
    await assertWholeDeployment(id);
    const after = await logLines(stack, id, RESIZE);
    assert.deepEqual(after.slice(0, before.length), before, 'nothing that was logged is lost');
    assert.ok(
      after.some((line) => /resum|restart/i.test(line)),
      after.join('\n'),
    );
    isOrderedPart(await logTexts(stack, id, RESIZE), goldenLines('seed-resize'));
  });

  test('while the control plane is away the step goes on, and its log has no hole and no repeat', async () => {
    holdTasksBack(stack);
    const id = await runDetached(stack, REPLICA.workflow, '--artifact', `${REPLICA.service}=:1.29`);
    await untilResizeWaits(stack, id);
    await stack.controlPlane.kill();
    letTasksGo(stack);
    await eventually('the new task runs while nobody controls', () =>
      servicesOf(stack, REPLICA.cluster).some((service) => service.name.endsWith('__2') && service.running === 1)
        ? true
        : undefined,
    );
    await stack.controlPlane.start();
    await assertWholeDeployment(id);
    const texts = await logTexts(stack, id, RESIZE);
    isOrderedPart(texts, goldenLines('seed-resize'));
    for (const line of [
      'Begin execution of command: Resize ECS Service',
      'Service update request successfully submitted.',
      'Command execution finished with status SUCCESS',
    ]) {
      const expected = line === 'Service update request successfully submitted.' ? 2 : 1;
      assert.equal(texts.filter((text) => text === line).length, expected, `${line}\n${texts.join('\n')}`);
    }
  });
});
