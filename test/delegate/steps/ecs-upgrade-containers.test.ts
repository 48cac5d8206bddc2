import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, test } from 'node:test';
import type { SetupOutput } from '@outrider/shared/steps/ecs-service-setup.ts';
import { goldenLines, isOrderedPart, matchExactly } from '../../support/golden-log.ts';
import {
  FARGATE_TARGET,
  failureCodeOf,
  fargateTaskDefinition,
  outputOf,
  type RunOptions,
  type StepWorld,
  startStepWorld,
  stepTask,
  type TaskOptions,
} from '../../support/step-harness.ts';
import { AUTO_SCALER, deployVersion, NEW_IMAGE, runSetup } from '../../support/step-stories.ts';
import { makeTargetGroups } from '../../support/target-groups.ts';

describe('Upgrade Containers', () => {
  let world: StepWorld;
  beforeEach(async () => {
    world = await startStepWorld();
  });
  afterEach(async () => {
    await world.close();
  });

  const upgrade = (setup: SetupOutput, amount: string, options: TaskOptions = {}, run: RunOptions = {}) =>
    world.run(
      stepTask('ecs-upgrade-containers', {
        execution: 2,
        stepId: 'p1.2',
        ...options,
        with: { desiredInstances: amount, ...options.with },
        prior: { setup, ...options.prior },
      }),
      run,
    );
  const service = async (name: string, cluster = 'example') => {
    const found = await world.aws.ecs.describeService(cluster, name);
    assert.ok(found !== undefined);
    return found;
  };

  test('without an older version the log is the page, line for line', async () => {
    const setup = await runSetup(world, { execution: 2, with: { instances: { fixed: 2 } } });
    const run = await upgrade(setup, '50%');
    matchExactly(run.texts, goldenLines('seed-resize'));
    assert.deepEqual(outputOf(run)['newService'], { name: setup.serviceName, desired: 1 });
  });

  test('with an older version the page is an ordered part of the log, and one old instance leaves for one new', async () => {
    await deployVersion(world);
    const setup = await runSetup(world, { execution: 2, image: NEW_IMAGE });
    const run = await upgrade(setup, '50%');
    isOrderedPart(run.texts, goldenLines('seed-resize'));
    const [old] = setup.previous;
    assert.equal((await service(old?.name ?? '')).desired, 1);
    const last = await upgrade(setup, '100%', { stepId: 'p2.1', prior: { finalResize: true } });
    const containers = last.texts.filter((text) => /^ {2}[0-9a-f]{12} - /.test(text));
    assert.deepEqual(
      containers.map((text) => text.endsWith(' (new)')),
      [false, true],
      'the instance of phase 1 is not new any more',
    );
    assert.equal((await service(old?.name ?? '')).running, 0);
    assert.equal((await service(setup.serviceName)).running, 2);
  });

  test('the old version is not touched before the new one is steady', async () => {
    await deployVersion(world);
    const setup = await runSetup(world, { execution: 2, image: NEW_IMAGE });
    let lowest = 2;
    const run = await upgrade(
      setup,
      '100%',
      {},
      {
        stopAtWait: () => {
          const running = Object.values(world.simulator.control.state().tasks).filter(
            ({ task }) => task.lastStatus === 'RUNNING' && task.desiredStatus === 'RUNNING',
          );
          lowest = Math.min(lowest, running.length);
          return undefined;
        },
      },
    );
    outputOf(run);
    assert.equal(lowest, 2);
  });

  test('downsize old first shrinks the old version before the new one grows, and warns', async () => {
    await deployVersion(world);
    const setup = await runSetup(world, {
      execution: 2,
      image: NEW_IMAGE,
      with: { resizeStrategy: 'downsize-old-first' },
    });
    const run = await upgrade(setup, '100%');
    const resizes = run.texts.filter((text) => text.startsWith('Resize service'));
    assert.match(resizes[0] ?? '', /from 2 to 0 instances/);
    assert.match(resizes[1] ?? '', /from 0 to 2 instances/);
    assert.ok(run.lines.some((line) => line.level === 'WARN' && line.text.includes('no instance of it is left')));
  });

  test('an image that cannot be pulled ends the wait early and says why', async () => {
    await deployVersion(world);
    const setup = await runSetup(world, { execution: 2, image: 'library/nginx:broken' });
    const started = world.simulator.clock.now;
    const run = await upgrade(setup, '50%');
    assert.equal(failureCodeOf(run), 'image-pull-failed');
    assert.ok(run.outcome.outcome === 'failed');
    assert.match(run.outcome.failure.evidence.join('\n'), /CannotPullContainerError/);
    assert.ok(world.simulator.clock.now - started < 300_000, 'well before the ten minutes are over');
    assert.equal((await service(setup.previous[0]?.name ?? '')).running, 2, 'the old version still serves');
    assert.ok(run.texts.some((text) => text.startsWith('What to do: Check the image')));
  });

  for (const [image, code] of [
    ['library/nginx:crash-3', 'container-exited'],
    ['library/nginx:oom', 'out-of-memory'],
  ] as const) {
    test(`tasks that end by themselves (${image}) fail the step with ${code}`, async () => {
      const setup = await runSetup(world, { execution: 2, image });
      assert.equal(failureCodeOf(await upgrade(setup, '50%')), code);
    });
  }

  test('without room for the tasks the timeout names the placement failure and what is missing', async () => {
    const setup = await runSetup(world, { execution: 2, image: NEW_IMAGE, with: { instances: { fixed: 500 } } });
    const run = await upgrade(setup, '100%');
    assert.equal(failureCodeOf(run), 'placement-failed');
    assert.ok(run.outcome.outcome === 'failed');
    assert.match(run.outcome.failure.message, /\d+\/500 running, \d+ pending/);
    assert.match(run.outcome.failure.evidence.join('\n'), /unable to place a task/);
  });

  test('somebody else who changes the count meanwhile is noticed', async () => {
    const setup = await runSetup(world, { execution: 2, image: NEW_IMAGE });
    await world.aws.autoScaling.registerScalableTarget('example', setup.serviceName, {
      MinCapacity: 0,
      MaxCapacity: 9,
    });
    world.simulator.control.addFault({ kind: 'autoscaler', service: setup.serviceName, desired: 5, everySeconds: 10 });
    const run = await upgrade(setup, '100%');
    assert.equal(failureCodeOf(run), 'interfered');
  });

  test('a share that rounds to nothing is one instance, and the log says so', async () => {
    const setup = await runSetup(world, { execution: 2, image: NEW_IMAGE, with: { instances: { fixed: 2 } } });
    const run = await upgrade(setup, '10%');
    assert.deepEqual(outputOf(run)['newService'], { name: setup.serviceName, desired: 1 });
    assert.ok(run.texts.some((text) => text.includes('at least 1 is used')));
  });

  test('fewer instances than there are already are not taken away', async () => {
    const setup = await runSetup(world, { execution: 2, image: NEW_IMAGE, with: { instances: { fixed: 4 } } });
    outputOf(await upgrade(setup, '100%'));
    const run = await upgrade(setup, '25%', { stepId: 'p2.1' });
    assert.deepEqual(outputOf(run)['newService'], { name: setup.serviceName, desired: 4 });
    assert.ok(run.texts.some((text) => text.startsWith('Desired count: [1] is less than previous count: [4].')));
    assert.ok(run.texts.includes(`Service [${setup.serviceName}] in cluster [example] stays at 4 instances`));
  });

  test('what is to remain of the old version is followed', async () => {
    await deployVersion(world, { instances: 4 });
    const setup = await runSetup(world, { execution: 2, image: NEW_IMAGE });
    outputOf(await upgrade(setup, '25%', { with: { downsizeOldInstances: '50%' } }));
    assert.equal((await service(setup.previous[0]?.name ?? '')).desired, 2);
  });

  test('old auto scaling is suspended first, gone with the old version; the new one gets its own last', async () => {
    const options = { with: { autoScaler: AUTO_SCALER } };
    const first = await deployVersion(world, options);
    const setup = await runSetup(world, { ...options, execution: 2, image: NEW_IMAGE });
    outputOf(await upgrade(setup, '50%'));
    const [suspended] = await world.aws.autoScaling.describe('example', [first.serviceName]);
    assert.equal(suspended?.scalableTarget['MinCapacity'], 0);
    assert.equal(suspended?.scalingPolicies.length, 1);
    assert.deepEqual(
      await world.aws.autoScaling.describe('example', [setup.serviceName]),
      [],
      'not before the last resize',
    );
    const run = await upgrade(setup, '100%', { stepId: 'p2.1', prior: { finalResize: true } });
    assert.deepEqual(await world.aws.autoScaling.describe('example', [first.serviceName]), []);
    const [own] = await world.aws.autoScaling.describe('example', [setup.serviceName]);
    assert.equal(own?.scalableTarget['MaxCapacity'], 5);
    const done = run.texts.lastIndexOf('Completed operation');
    assert.ok(run.texts.indexOf(`Registering Scalable Target for Service : ${setup.serviceName}`) > done);
  });

  test('an old version that was not healthy does not hold the deployment up', async () => {
    await deployVersion(world);
    world.simulator.control.addFault({ kind: 'crash', image: 'stable-perl', exitCode: 1, afterSeconds: 3 });
    for (const one of Object.values(world.simulator.control.state().tasks)) {
      if (one.task.lastStatus === 'RUNNING') world.simulator.control.exitTask(one.task.taskArn, 1);
    }
    world.advance(30_000);
    const setup = await runSetup(world, { execution: 2, image: NEW_IMAGE });
    outputOf(await upgrade(setup, '50%'));
  });

  test('tasks that failed while no delegate looked are told of, and count', async () => {
    const setup = await runSetup(world, {
      execution: 2,
      image: 'library/nginx:broken',
      with: { instances: { fixed: 1 } },
    });
    const cut = await upgrade(setup, '100%', {}, { stopAtWait: () => 'lease-lost' });
    assert.equal(cut.outcome.outcome, 'stopped');
    // Long enough for ECS to have tried it a few times, and to wait long before it tries again.
    world.advance(300_000);
    const stopped = await world.aws.ecs.listTasks('example', setup.serviceName, 'STOPPED');
    assert.ok(stopped.length >= 3);
    const before = world.simulator.clock.now;
    const run = await upgrade(setup, '100%', {}, { facts: cut.facts });
    assert.equal(failureCodeOf(run), 'image-pull-failed');
    assert.ok(world.simulator.clock.now - before < 30_000, 'there is nothing to wait for any more');
  });

  test('trouble that AWS told of while no delegate looked is the reason of a timeout', async () => {
    const setup = await runSetup(world, { execution: 2, image: NEW_IMAGE, with: { instances: { fixed: 500 } } });
    const cut = await upgrade(setup, '100%', {}, { stopAtWait: () => 'lease-lost' });
    assert.equal(cut.outcome.outcome, 'stopped');
    const told = /was unable to place a task/;
    assert.ok(!cut.texts.some((text) => told.test(text)));
    // ECS says it once, and then not again for hours.
    world.advance(300_000);
    const run = await upgrade(setup, '100%', {}, { facts: cut.facts });
    assert.equal(failureCodeOf(run), 'placement-failed');
    assert.ok(run.texts.some((text) => told.test(text)));
  });

  test('targets that stay unhealthy fail the step with the health check', async () => {
    const [targetGroupArn = ''] = await makeTargetGroups(world, { count: 1, targetType: 'instance' });
    const loadBalancers = [{ targetGroupArn }];
    const setup = await runSetup(world, { execution: 2, image: 'library/nginx:unhealthy', with: { loadBalancers } });
    assert.equal(failureCodeOf(await upgrade(setup, '50%')), 'health-check-failed');
  });

  for (const kind of ['instance', 'ip'] as const) {
    test(`behind a load balancer (${kind} targets) steady means that the targets are healthy`, async () => {
      const [targetGroupArn = ''] = await makeTargetGroups(world, { count: 1, targetType: kind });
      const fargate = kind === 'ip';
      const where: TaskOptions = fargate
        ? { target: FARGATE_TARGET, service: { taskDefinition: fargateTaskDefinition(NEW_IMAGE) } }
        : {};
      const setup = await runSetup(world, {
        execution: 2,
        image: NEW_IMAGE,
        ...where,
        with: { loadBalancers: [{ targetGroupArn }] },
      });
      outputOf(await upgrade(setup, '100%', where));
      const health = await world.aws.loadBalancing.describeTargetHealth(targetGroupArn);
      assert.deepEqual(
        health.map((target) => target.state),
        ['healthy', 'healthy'],
      );
    });
  }

  test('on Fargate containers are listed with the runtime id and the address of their interface', async () => {
    const where: TaskOptions = {
      target: FARGATE_TARGET,
      service: { taskDefinition: fargateTaskDefinition(NEW_IMAGE) },
    };
    const setup = await runSetup(world, { execution: 2, image: NEW_IMAGE, ...where });
    const run = await upgrade(setup, '50%', where);
    assert.ok(!run.texts.some((text) => text.startsWith('Fetching container meta data')));
    assert.ok(run.texts.some((text) => /^ {2}[0-9a-f]{12} - \d+\.\d+\.\d+\.\d+ \(new\)$/.test(text)));
  });

  test('an agent that does not answer is no failure: the runtime id is listed, and the log says why', async () => {
    world.simulator.control.addFault({ kind: 'agent-blocked' });
    const setup = await runSetup(world, { execution: 2, image: NEW_IMAGE });
    const run = await upgrade(setup, '50%', {}, { agentPort: 1 });
    outputOf(run);
    assert.ok(run.texts.some((text) => text.includes('the runtime id of DescribeTasks is used')));
    assert.ok(run.texts.some((text) => /^ {2}[0-9a-f]{12} - /.test(text)));
  });

  test('without a setup before it the step fails with what is missing', async () => {
    const run = await world.run(stepTask('ecs-upgrade-containers', { with: { desiredInstances: '50%' } }));
    assert.equal(failureCodeOf(run), 'step-input-invalid');
  });

  test('a new version that somebody deleted is named', async () => {
    const setup = await runSetup(world, { execution: 2, image: NEW_IMAGE });
    await world.aws.ecs.deleteService('example', setup.serviceName, { force: true });
    const run = await upgrade(setup, '50%');
    assert.ok(run.outcome.outcome === 'failed');
    assert.equal(run.outcome.failure.message, `Service setup not done, service name: ${setup.serviceName}`);
  });

  test('undo data is saved before the first change', async () => {
    await deployVersion(world);
    const setup = await runSetup(world, { execution: 2, image: NEW_IMAGE });
    const before = world.simulator.control.mutations().length;
    let saved: unknown;
    const run = await upgrade(
      setup,
      '50%',
      {},
      {
        gate: {
          permit: async () => {
            if (world.simulator.control.mutations().length === before) saved ??= 'asked';
          },
          holds: () => true,
        },
      },
    );
    assert.equal(saved, 'asked');
    const undo = run.checkpoints[0]?.['undo'];
    assert.deepEqual(undo, {
      newService: { name: setup.serviceName, desired: 0 },
      oldServices: [{ name: setup.previous[0]?.name, desired: 2 }],
    });
  });
});
