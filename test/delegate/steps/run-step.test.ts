import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { StepStopped } from '@outrider/delegate/steps/contract.ts';
import {
  failureCodeOf,
  outputOf,
  SEED_FAMILY,
  type StepWorld,
  startStepWorld,
  stepTask,
} from '../../support/step-harness.ts';
import { NEW_IMAGE, runSetup } from '../../support/step-stories.ts';

let world: StepWorld;
beforeEach(async () => {
  world = await startStepWorld();
});
afterEach(async () => {
  await world.close();
});

describe('running a step', () => {
  test('input that does not fit is refused by field, before anything is done', async () => {
    const run = await world.run(stepTask('ecs-service-setup', { with: { instances: { fixed: 'many' }, colour: 1 } }));
    assert.equal(failureCodeOf(run), 'step-input-invalid');
    assert.match(JSON.stringify(run.outcome), /instances\.fixed/);
    assert.equal(run.texts.at(-1), 'Command execution finished with status FAILURE');
    assert.equal(world.simulator.control.calls().length, 0);
  });

  test('text that an expression gave counts as the number it spells', async () => {
    const run = await world.run(stepTask('ecs-service-setup', { with: { instances: { fixed: '3' } } }));
    assert.equal(outputOf(run)['total'], 3);
  });

  test('facts that do not fit are a defect, and nothing is done', async () => {
    const run = await world.run(stepTask('ecs-service-setup'), { facts: { total: 'x' } });
    assert.equal(failureCodeOf(run), 'internal');
    assert.equal(world.simulator.control.calls().length, 0);
  });

  test('a run that goes on from saved facts says so instead of beginning again', async () => {
    const first = await world.run(stepTask('ecs-service-setup'));
    const again = await world.run(stepTask('ecs-service-setup'), { facts: first.facts });
    assert.match(again.texts[0] ?? '', /^Resuming command: Setup ECS Service/);
  });

  test('so does a run after one that ended before it had saved anything', async () => {
    const again = await world.run(stepTask('ecs-service-setup'), { again: true });
    assert.match(again.texts[0] ?? '', /^Resuming command: Setup ECS Service/);
    assert.ok(!again.texts.some((text) => text.startsWith('Begin execution')));
  });

  for (const reason of ['aborted', 'timed-out', 'rolling-back', 'draining', 'lease-lost'] as const) {
    test(`told to stop (${reason}) it says so, and claims neither success nor failure`, async () => {
      const setup = await runSetup(world, { image: NEW_IMAGE });
      const task = stepTask('ecs-upgrade-containers', {
        stepId: 'p1.2',
        with: { desiredInstances: '50%' },
        prior: { setup },
      });
      const run = await world.run(task, { stopAtWait: () => reason });
      assert.ok(run.outcome.outcome === 'stopped' && run.outcome.reason === reason);
      assert.match(run.texts.at(-1) ?? '', /^Stopped/);
      // A rollback may follow: nothing is promised but for this step.
      assert.doesNotMatch(run.texts.at(-1) ?? '', /stays as it is/);
    });
  }

  test('without a lease it looks, but changes nothing', async () => {
    const gate = {
      permit: async () => {
        throw new StepStopped('lease-lost');
      },
      holds: () => false,
    };
    const run = await world.run(stepTask('ecs-service-setup'), { gate });
    assert.ok(run.outcome.outcome === 'stopped' && run.outcome.reason === 'lease-lost');
    assert.equal(world.simulator.control.mutations().length, 0);
    assert.ok(world.simulator.control.calls().length > 0);
  });

  test('a refusal of AWS is told in its words, with the request id', async () => {
    world.simulator.control.addFault({
      kind: 'error',
      operation: 'CreateService',
      code: 'AccessDeniedException',
      message: 'User: arn:aws:sts::1:assumed-role/delegate/x is not authorized to perform: ecs:CreateService',
    });
    const run = await world.run(stepTask('ecs-service-setup'));
    assert.equal(failureCodeOf(run), 'aws-access-denied');
    assert.ok(run.outcome.outcome === 'failed');
    assert.match(run.outcome.failure.message, /is not authorized to perform: ecs:CreateService/);
    assert.match(run.outcome.failure.hint, /Allow ecs:CreateService/);
    assert.equal(run.outcome.failure.failureType, 'authorization');
    assert.ok(run.lines.some((line) => line.level === 'ERROR' && line.text.startsWith('What to do: Allow')));
  });

  test('answers that lag behind are waited for', async () => {
    world.simulator.control.addFault({ kind: 'stale-read', operation: 'DescribeServices', seconds: 20 });
    const setup = await runSetup(world, { image: NEW_IMAGE });
    const task = stepTask('ecs-upgrade-containers', {
      stepId: 'p1.2',
      with: { desiredInstances: '50%' },
      prior: { setup },
    });
    assert.equal(outputOf(await world.run(task))['newService'] !== undefined, true);
  });

  test('a canary whose service AWS does not show at first is waited for', async () => {
    world.simulator.control.addFault({ kind: 'stale-read', operation: 'DescribeServices', seconds: 15 });
    const daemon = stepTask('ecs-daemon-service-setup', { service: { strategy: 'DAEMON', family: 'agent' } });
    outputOf(await world.run(daemon));
  });

  test('each call of the whole way survives one throttle and one error of the server', async () => {
    for (const kind of ['throttle', 'server-error'] as const) {
      for (const operation of [
        'RegisterTaskDefinition',
        'CreateService',
        'UpdateService',
        'DescribeServices',
        'ListTasks',
        'DescribeTasks',
      ]) {
        world.simulator.control.addFault({ kind, operation, count: 1 });
      }
    }
    const setup = await runSetup(world, { image: NEW_IMAGE });
    const task = stepTask('ecs-upgrade-containers', {
      stepId: 'p1.2',
      with: { desiredInstances: '100%' },
      prior: { setup },
    });
    outputOf(await world.run(task));
    assert.equal(world.simulator.control.state().families[SEED_FAMILY], 1);
  });
});
