import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { goldenLines, matchExactly } from '../../support/golden-log.ts';
import { outputOf, SEED_FAMILY, type StepWorld, startStepWorld, stepTask } from '../../support/step-harness.ts';

describe('ECS Service Setup', () => {
  let world: StepWorld;
  before(async () => {
    world = await startStepWorld();
  });
  after(async () => {
    await world.close();
  });

  test('without an older version the log is the page, line for line', async () => {
    const run = await world.run(stepTask('ecs-service-setup', { with: { instances: { fixed: 2 } } }));
    const output = outputOf(run);
    assert.equal(output['serviceName'], `${SEED_FAMILY}__1`);
    assert.equal(output['total'], 2);
    matchExactly(run.texts, goldenLines('seed-setup'));
  });
});
