import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, test } from 'node:test';
import type { Aws } from '@outrider/delegate/aws/ports.ts';
import { AUTO_SCALING_MARK, SUSPENDED } from '@outrider/delegate/steps/auto-scaling-mark.ts';
import { StepStopped } from '@outrider/delegate/steps/contract.ts';
import type { SetupOutput } from '@outrider/shared/steps/ecs-service-setup.ts';
import type { Prior } from '@outrider/shared/steps/task.ts';
import {
  failureCodeOf,
  outputOf,
  type StepRun,
  type StepWorld,
  startStepWorld,
  stepTask,
} from '../../support/step-harness.ts';
import { AUTO_SCALER, deployVersion, NEW_IMAGE, runSetup, undoneBy } from '../../support/step-stories.ts';

describe('Rollback Containers', () => {
  let world: StepWorld;
  beforeEach(async () => {
    world = await startStepWorld();
  });
  afterEach(async () => {
    await world.close();
  });

  const upgrade = (setup: SetupOutput, stepId: string, amount: string, finalResize = false) =>
    world.run(
      stepTask('ecs-upgrade-containers', {
        execution: 2,
        stepId,
        with: { desiredInstances: amount },
        prior: { setup, finalResize },
      }),
    );
  const rollback = (stepId: string, prior: Partial<Prior>, allPhases = false) =>
    world.run(
      stepTask('ecs-rollback-containers', { execution: 2, stepId, rollback: true, with: { allPhases }, prior }),
    );
  const undo = (run: StepRun) => [undoneBy(run, 'ecs-upgrade-containers')];
  const counts = async (setup: SetupOutput) => {
    const old = await world.aws.ecs.describeService('example', setup.previous[0]?.name ?? '');
    const fresh = await world.aws.ecs.describeService('example', setup.serviceName);
    return { old: [old?.desired, old?.running], new: [fresh?.desired, fresh?.running] };
  };

  test('a bad image in phase 2: phase 2, then phase 1, roll back to two old instances and none new', async () => {
    await deployVersion(world);
    const setup = await runSetup(world, { execution: 2, image: NEW_IMAGE });
    const first = await upgrade(setup, 'p1.2', '50%');
    outputOf(first);
    world.simulator.control.addFault({ kind: 'image-pull-failure', image: NEW_IMAGE });
    const second = await upgrade(setup, 'p2.1', '100%', true);
    assert.equal(failureCodeOf(second), 'image-pull-failed');
    outputOf(await rollback('r2.1', { setup, undo: undo(second) }));
    assert.deepEqual(await counts(setup), { old: [1, 1], new: [1, 1] });
    const last = await rollback('r1.1', { setup, undo: undo(first) });
    assert.deepEqual(await counts(setup), { old: [2, 2], new: [0, 0] });
    assert.equal(last.texts[0], 'Begin execution of command: Rollback ECS Service');
  });

  test('a rollback that was interrupted while the bad version shrank goes on: what failed before is no reason to give up', async () => {
    await deployVersion(world);
    const setup = await runSetup(world, { execution: 2, image: NEW_IMAGE });
    outputOf(await upgrade(setup, 'p1.2', '50%'));
    world.simulator.control.addFault({ kind: 'image-pull-failure', image: NEW_IMAGE });
    const second = await upgrade(setup, 'p2.1', '100%', true);
    assert.equal(failureCodeOf(second), 'image-pull-failed');
    const prior = { setup, undo: undo(second) };
    const task = stepTask('ecs-rollback-containers', { execution: 2, stepId: 'r2.1', rollback: true, prior });
    const begun = await world.run(task, { wrap: (aws) => stoppedAfterResize(aws, setup.serviceName) });
    assert.equal(begun.outcome.outcome, 'stopped');
    outputOf(await world.run(task, { facts: begun.facts, again: true }));
    assert.deepEqual(await counts(setup), { old: [1, 1], new: [1, 1] });
  });

  test('the old version is whole again before the new one shrinks', async () => {
    await deployVersion(world);
    const setup = await runSetup(world, { execution: 2, image: NEW_IMAGE });
    const done = await upgrade(setup, 'p1.2', '100%', true);
    const run = await rollback('r1.1', { setup, undo: undo(done) });
    const resizes = run.texts.filter((text) => text.startsWith('Resize service'));
    assert.match(resizes[0] ?? '', new RegExp(`${setup.previous[0]?.name}.* from 0 to 2`));
    assert.match(resizes[1] ?? '', new RegExp(`${setup.serviceName}.* from 2 to 0`));
  });

  test('all phases at once go back to before the setup', async () => {
    await deployVersion(world);
    const setup = await runSetup(world, { execution: 2, image: NEW_IMAGE });
    outputOf(await upgrade(setup, 'p1.2', '50%'));
    const run = await rollback('r2.1', { setup }, true);
    assert.equal(outputOf(run)['allPhasesDone'], true);
    assert.ok(run.texts.includes('** Rolling back all phases at once **'));
    assert.deepEqual(await counts(setup), { old: [2, 2], new: [0, 0] });
  });

  test('two upgrades in one phase are undone to before the first', async () => {
    await deployVersion(world, { instances: 4 });
    const setup = await runSetup(world, { execution: 2, image: NEW_IMAGE });
    const first = await upgrade(setup, 'p1.2', '25%');
    const second = await upgrade(setup, 'p1.3', '75%');
    const run = await rollback('r1.1', { setup, undo: [...undo(second), ...undo(first)] });
    outputOf(run);
    assert.deepEqual(await counts(setup), { old: [4, 4], new: [0, 0] });
  });

  for (const [why, prior, text] of [
    [
      'all phases were rolled back already',
      { allPhasesRolledBack: true },
      'All phase Rollback already done. Skipping.',
    ],
    ['there was no setup', {}, 'No container setup element found. Skipping.'],
  ] as const) {
    test(`when ${why} it is skipped and says so`, async () => {
      const run = await rollback('r1.1', prior);
      assert.equal(outputOf(run)['skipped'], text);
      assert.ok(run.texts.includes(text));
    });
  }

  test('an upgrade that never began has nothing to undo', async () => {
    const setup = await runSetup(world, { execution: 2, image: NEW_IMAGE });
    const run = await rollback('r1.1', { setup, undo: [] });
    assert.equal(outputOf(run)['skipped'], 'No context found for rollback. Skipping.');
  });

  test('auto scaling of the old version comes back with its policies, that of the new one goes', async () => {
    const scaled = { with: { autoScaler: AUTO_SCALER } };
    const old = await deployVersion(world, scaled);
    const setup = await runSetup(world, { ...scaled, execution: 2, image: NEW_IMAGE });
    const done = await upgrade(setup, 'p1.2', '100%', true);
    outputOf(await rollback('r1.1', { setup, undo: undo(done) }));
    const [restored] = await world.aws.autoScaling.describe('example', [old.serviceName]);
    assert.equal(restored?.scalableTarget['MinCapacity'], 2);
    assert.equal(restored?.scalingPolicies[0]?.['PolicyName'], 'P1');
    assert.deepEqual(await world.aws.autoScaling.describe('example', [setup.serviceName]), []);
  });

  test('auto scaling that a deployment without rollback left suspended comes back as it was before that one', async () => {
    const scaled = { with: { autoScaler: AUTO_SCALER } };
    const old = await deployVersion(world, scaled);
    const flags = { DynamicScalingOutSuspended: false, ScheduledScalingSuspended: false };
    const SuspendedState = { DynamicScalingInSuspended: true, ...flags };
    await world.aws.autoScaling.registerScalableTarget('example', old.serviceName, { SuspendedState });
    const target = async () => (await world.aws.autoScaling.describe('example', [old.serviceName]))[0]?.scalableTarget;
    const before = await target();
    // Aborted after its first phase, by somebody who would look by hand: nothing is put back.
    const aborted = await runSetup(world, { ...scaled, execution: 2, image: NEW_IMAGE });
    await upgrade(aborted, 'p1.2', '50%');
    assert.equal((await target())?.['MinCapacity'], 0);
    await world.aws.ecs.updateService('example', aborted.serviceName, { desiredCount: 0 });
    await world.aws.ecs.updateService('example', old.serviceName, { desiredCount: 2 });
    world.advance(120_000);
    const setup = await runSetup(world, { ...scaled, execution: 3, image: 'library/nginx:3' });
    const done = await upgrade(setup, 'p1.2', '50%');
    outputOf(await rollback('r1.1', { setup, undo: undo(done) }));
    const after = await target();
    assert.equal(after?.['MinCapacity'], 2);
    assert.deepEqual(after?.['SuspendedState'], before?.['SuspendedState']);
    const service = await world.aws.ecs.describeService('example', old.serviceName);
    assert.equal(service?.tags[AUTO_SCALING_MARK], undefined, 'nothing of it stays behind');
  });

  test('auto scaling that a person has suspended is put back suspended', async () => {
    const old = await deployVersion(world, { with: { autoScaler: AUTO_SCALER } });
    const person = { MinCapacity: 0, SuspendedState: SUSPENDED };
    await world.aws.autoScaling.registerScalableTarget('example', old.serviceName, person);
    const setup = await runSetup(world, { execution: 2, image: NEW_IMAGE });
    const done = await upgrade(setup, 'p1.2', '50%');
    outputOf(await rollback('r1.1', { setup, undo: undo(done) }));
    const [after] = await world.aws.autoScaling.describe('example', [old.serviceName]);
    assert.equal(after?.scalableTarget['MinCapacity'], 0);
    assert.deepEqual(after?.scalableTarget['SuspendedState'], SUSPENDED);
  });

  test('a delegate that may not tag services deploys all the same, and says what that means', async () => {
    await deployVersion(world, { with: { autoScaler: AUTO_SCALER } });
    const setup = await runSetup(world, { execution: 2, image: NEW_IMAGE });
    world.simulator.control.addFault({
      kind: 'error',
      operation: 'TagResource',
      code: 'AccessDeniedException',
      message: 'User: arn:aws:sts::1:assumed-role/delegate/x is not authorized to perform: ecs:TagResource',
    });
    const run = await upgrade(setup, 'p1.2', '50%');
    outputOf(run);
    assert.ok(run.texts.some((text) => /ecs:TagResource.*resume its Auto Scaling by hand/.test(text)));
  });

  test('an old version that grew meanwhile keeps what it has', async () => {
    await deployVersion(world);
    const setup = await runSetup(world, { execution: 2, image: NEW_IMAGE });
    const done = await upgrade(setup, 'p1.2', '50%');
    await world.aws.ecs.updateService('example', setup.previous[0]?.name ?? '', { desiredCount: 4 });
    outputOf(await rollback('r1.1', { setup, undo: undo(done) }));
    assert.deepEqual((await counts(setup)).old, [4, 4]);
  });

  test('what the new version grew beyond the total is taken over by the old one', async () => {
    await deployVersion(world);
    const setup = await runSetup(world, { execution: 2, image: NEW_IMAGE });
    const done = await upgrade(setup, 'p1.2', '100%', true);
    await world.aws.ecs.updateService('example', setup.serviceName, { desiredCount: 5 });
    outputOf(await rollback('r1.1', { setup, undo: undo(done) }));
    assert.deepEqual(await counts(setup), { old: [5, 5], new: [0, 0] });
  });

  test('when the old version is gone nothing is scaled down', async () => {
    await deployVersion(world);
    const setup = await runSetup(world, { execution: 2, image: NEW_IMAGE });
    const done = await upgrade(setup, 'p1.2', '100%', true);
    await world.aws.ecs.deleteService('example', setup.previous[0]?.name ?? '', { force: true });
    world.advance(60_000);
    const run = await rollback('r1.1', { setup, undo: undo(done) });
    assert.equal(failureCodeOf(run), 'service-missing');
    assert.deepEqual((await counts(setup)).new, [2, 2]);
  });
});

/** The delegate goes away right after this service was resized. */
function stoppedAfterResize(aws: Aws, service: string): Aws {
  return {
    ...aws,
    ecs: {
      ...aws.ecs,
      updateService: async (cluster, name, change) => {
        const updated = await aws.ecs.updateService(cluster, name, change);
        if (name === service) throw new StepStopped('draining');
        return updated;
      },
    },
  };
}
