import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { type SetupOutput, setupOutput } from '@outrider/shared/steps/ecs-service-setup.ts';
import {
  outputOf,
  type StepRun,
  type StepWorld,
  startStepWorld,
  stepTask,
  type TaskOptions,
} from '../../support/step-harness.ts';
import { deployVersion, NEW_IMAGE, named, runSetup, undoneBy } from '../../support/step-stories.ts';

/** A step that failed half way and is tried again: its facts are new, and the world is not as it was. */
describe('a second attempt', () => {
  let world: StepWorld;
  beforeEach(async () => {
    world = await startStepWorld();
  });
  afterEach(async () => {
    await world.close();
  });

  const desired = async (name: string) => (await world.aws.ecs.describeService('example', name))?.desired;
  const again = (options: TaskOptions, first: StepRun): TaskOptions => ({
    ...options,
    attempt: 2,
    prior: { ...options.prior, earlier: first.facts },
  });
  const cutAtWait = (wait: number) =>
    ({ stopAtWait: (now: number) => (now === wait ? 'timed-out' : undefined) }) as const;

  test('of a setup keeps a version that ran before, although the first attempt has brought it to 0', async () => {
    const older = await deployVersion(world, { execution: 1 });
    const newer = await runSetup(world, { execution: 2, image: 'library/nginx:1.1' });
    await world.aws.ecs.updateService('example', newer.serviceName, { desiredCount: 1 });
    world.advance(120_000);
    const options: TaskOptions = { execution: 3, image: NEW_IMAGE };
    const first = await world.run(stepTask('ecs-service-setup', options), cutAtWait(1));
    assert.equal(first.outcome.outcome, 'stopped');
    assert.equal(await desired(older.serviceName), 0);
    world.advance(120_000);
    const second = await world.run(stepTask('ecs-service-setup', again(options, first)));
    const { previous, total } = setupOutput.parse(outputOf(second));
    assert.deepEqual(previous, [
      { name: older.serviceName, desired: 2 },
      { name: newer.serviceName, desired: 1 },
    ]);
    assert.equal(total, first.facts['total']);
    assert.equal((await world.aws.ecs.describeService('example', older.serviceName))?.status, 'ACTIVE');
  });

  async function secondVersion(): Promise<SetupOutput> {
    await deployVersion(world, { execution: 1, instances: 4 });
    return await runSetup(world, { execution: 2, image: NEW_IMAGE });
  }

  test('of an upgrade shrinks the old version as the first one was to', async () => {
    const setup = await secondVersion();
    const half: TaskOptions = { execution: 2, stepId: 'p1.2', with: { desiredInstances: '50%' }, prior: { setup } };
    const first = await world.run(stepTask('ecs-upgrade-containers', half), cutAtWait(2));
    assert.equal(first.outcome.outcome, 'stopped');
    assert.equal(await desired(setup.serviceName), 2);
    const second = await world.run(stepTask('ecs-upgrade-containers', again(half, first)));
    assert.deepEqual(outputOf(second)['oldServices'], [{ name: setup.previous[0]?.name, desired: 2 }]);
    assert.deepEqual(second.facts['undo'], first.facts['undo']);
  });

  test('of a rollback gives no instances beyond those that the first one was to give', async () => {
    const setup = await secondVersion();
    const all: TaskOptions = { execution: 2, stepId: 'p1.2', with: { desiredInstances: '100%' }, prior: { setup } };
    const undo = [undoneBy(await world.run(stepTask('ecs-upgrade-containers', all)), 'ecs-upgrade-containers')];
    // Load came meanwhile, and auto scaling brought the new version to 7.
    await world.aws.ecs.updateService('example', setup.serviceName, { desiredCount: 7 });
    world.advance(120_000);
    const back: TaskOptions = { execution: 2, stepId: 'r1.1', rollback: true, prior: { setup, undo } };
    const first = await world.run(stepTask('ecs-rollback-containers', back), cutAtWait(2));
    assert.equal(first.outcome.outcome, 'stopped');
    const second = await world.run(stepTask('ecs-rollback-containers', again(back, first)));
    assert.deepEqual(outputOf(second)['oldServices'], [{ name: setup.previous[0]?.name, desired: 7 }]);
  });

  test('of a rolling deployment puts auto scaling back as it was before the first one', async () => {
    outputOf(await world.run(stepTask('ecs-rolling-deploy', named('library/nginx:1'))));
    await world.aws.autoScaling.registerScalableTarget('fargate', 'myapp', { MinCapacity: 1, MaxCapacity: 4 });
    // A delegate that may not tag services leaves no mark of what it suspended.
    world.simulator.control.addFault({
      kind: 'error',
      operation: 'TagResource',
      code: 'AccessDeniedException',
      message: 'not allowed',
    });
    const options: TaskOptions = { ...named(NEW_IMAGE), execution: 2 };
    const first = await world.run(stepTask('ecs-rolling-deploy', options), cutAtWait(1));
    assert.equal(first.outcome.outcome, 'stopped');
    outputOf(await world.run(stepTask('ecs-rolling-deploy', again(options, first))));
    const [scaling] = await world.aws.autoScaling.describe('fargate', ['myapp']);
    assert.equal(scaling?.scalableTarget['MinCapacity'], 1);
  });
});
