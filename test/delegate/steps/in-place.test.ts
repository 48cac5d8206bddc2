import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { RESUMED } from '@outrider/delegate/steps/auto-scaling-mark.ts';
import { goldenLines, isOrderedPart, matchExactly } from '../../support/golden-log.ts';
import {
  FARGATE_TARGET,
  failureCodeOf,
  outputOf,
  type StepWorld,
  startStepWorld,
  stepTask,
} from '../../support/step-harness.ts';
import { DAEMON, NEW_IMAGE, named, undoneBy } from '../../support/step-stories.ts';

const OLD_IMAGE = 'library/nginx:1';

let world: StepWorld;
beforeEach(async () => {
  world = await startStepWorld();
});
afterEach(async () => {
  await world.close();
});

async function makeByHand(cluster: string, name: string): Promise<void> {
  const definition = await world.aws.ecs.registerTaskDefinition(
    {
      family: 'by-hand',
      networkMode: 'awsvpc',
      requiresCompatibilities: ['FARGATE'],
      cpu: '256',
      memory: '512',
      containerDefinitions: [{ name: 'web', image: 'nginx:1' }],
    },
    {},
  );
  const awsvpcConfiguration = { subnets: [...(FARGATE_TARGET.network?.subnets ?? [])] };
  const request = {
    serviceName: name,
    taskDefinition: definition.arn,
    desiredCount: 1,
    launchType: 'FARGATE',
    networkConfiguration: { awsvpcConfiguration },
  };
  await world.aws.ecs.createService(cluster, request, 'by-hand', {});
}

describe('the canary of page two', () => {
  test('deploy, delete and rolling deploy: the log is the page, line for line', async () => {
    const deploy = await world.run(stepTask('ecs-canary-deploy', named(NEW_IMAGE)));
    matchExactly(deploy.texts, goldenLines('seed-canary-deploy'));
    assert.equal(outputOf(deploy)['canaryServiceName'], 'myappCanary');
    const remove = await world.run(stepTask('ecs-canary-delete', { ...named(NEW_IMAGE), stepId: 'p1.2' }));
    matchExactly(remove.texts, goldenLines('seed-canary-delete'));
    const rolling = await world.run(stepTask('ecs-rolling-deploy', { ...named(NEW_IMAGE), stepId: 'p1.3' }));
    assert.equal(outputOf(rolling)['desired'], 2);
    assert.equal((await world.aws.ecs.describeService('fargate', 'myapp'))?.running, 2);
    assert.deepEqual(await world.aws.ecs.listServices('fargate'), ['myapp']);
  });

  test('beside a service that serves, which it does not touch', async () => {
    outputOf(await world.run(stepTask('ecs-rolling-deploy', named(OLD_IMAGE))));
    const before = world.simulator.control.mutations().length;
    const run = await world.run(stepTask('ecs-canary-deploy', { ...named(NEW_IMAGE), execution: 2 }));
    isOrderedPart(run.texts, goldenLines('seed-canary-deploy'));
    const changes = world.simulator.control.mutations().slice(before);
    assert.deepEqual(
      changes.map((change) => change.operation),
      ['RegisterTaskDefinition', 'CreateService'],
    );
  });

  test('a canary that fails says why, and the rollback deletes it', async () => {
    const deploy = await world.run(stepTask('ecs-canary-deploy', named('library/nginx:broken')));
    assert.equal(failureCodeOf(deploy), 'image-pull-failed');
    assert.ok(deploy.texts.includes(' Deployment Failed.'));
    const undo = [undoneBy(deploy, 'ecs-canary-deploy')];
    const options = { ...named('library/nginx:broken'), stepId: 'r1.1', rollback: true, prior: { undo } };
    const remove = await world.run(stepTask('ecs-canary-delete', options));
    assert.equal(outputOf(remove)['canaryDeleted'], true);
    assert.deepEqual(await world.aws.ecs.listServices('fargate'), []);
  });

  test('a canary that AWS has purged altogether counts as deleted', async () => {
    outputOf(await world.run(stepTask('ecs-canary-deploy', named(NEW_IMAGE))));
    const task = stepTask('ecs-canary-delete', { ...named(NEW_IMAGE), stepId: 'p1.2' });
    const run = await world.run(task, {
      wrap: (aws) => ({
        ...aws,
        ecs: {
          ...aws.ecs,
          describeService: async (cluster, name) => {
            const found = await aws.ecs.describeService(cluster, name);
            return found?.status === 'INACTIVE' ? undefined : found;
          },
        },
      }),
    });
    assert.equal(outputOf(run)['canaryDeleted'], true);
  });

  test('deleting one that does not exist is success', async () => {
    const run = await world.run(stepTask('ecs-canary-delete', named(NEW_IMAGE)));
    assert.equal(outputOf(run)['canaryDeleted'], false);
    assert.ok(run.texts.includes("Canary service myappCanary doesn't exist"));
  });

  test('in a rollback without a deployed canary it is skipped', async () => {
    const run = await world.run(stepTask('ecs-canary-delete', { ...named(NEW_IMAGE), rollback: true }));
    assert.deepEqual(run.texts, ['Ecs Canary Deploy Step was not executed. Skipping Canary Delete.']);
  });

  test('a service of the canary name that somebody made by hand is neither replaced nor deleted', async () => {
    await makeByHand('fargate', 'myappCanary');
    assert.equal(failureCodeOf(await world.run(stepTask('ecs-canary-deploy', named(NEW_IMAGE)))), 'interfered');
    assert.equal(failureCodeOf(await world.run(stepTask('ecs-canary-delete', named(NEW_IMAGE)))), 'interfered');
    assert.equal((await world.aws.ecs.describeService('fargate', 'myappCanary'))?.status, 'ACTIVE');
  });
});

describe('rolling deployment', () => {
  test('an update replaces the tasks and keeps the service', async () => {
    outputOf(await world.run(stepTask('ecs-rolling-deploy', named(OLD_IMAGE))));
    const run = await world.run(stepTask('ecs-rolling-deploy', { ...named(NEW_IMAGE), execution: 2 }));
    const output = outputOf(run);
    const service = await world.aws.ecs.describeService('fargate', 'myapp');
    assert.equal(service?.taskDefinitionArn, output['taskDefinitionArn']);
    assert.equal(service?.deployments.length, 1);
    assert.ok(run.texts.some((text) => text.startsWith('Updating Service myapp with task definition')));
  });

  test('same as running keeps the count that runs', async () => {
    outputOf(await world.run(stepTask('ecs-rolling-deploy', named(OLD_IMAGE))));
    await world.aws.ecs.updateService('fargate', 'myapp', { desiredCount: 4 });
    const options = { ...named(NEW_IMAGE), execution: 2, with: { sameAsRunning: true } };
    assert.equal(outputOf(await world.run(stepTask('ecs-rolling-deploy', options)))['desired'], 4);
  });

  test('a bad image fails with the reason, and the rollback restores the old tasks', async () => {
    const first = outputOf(await world.run(stepTask('ecs-rolling-deploy', named(OLD_IMAGE))));
    const bad = await world.run(stepTask('ecs-rolling-deploy', { ...named('library/nginx:broken'), execution: 2 }));
    assert.equal(failureCodeOf(bad), 'image-pull-failed');
    const undo = [undoneBy(bad, 'ecs-rolling-deploy')];
    const options = { ...named(OLD_IMAGE), execution: 2, stepId: 'r1.1', rollback: true, prior: { undo } };
    const back = await world.run(stepTask('ecs-rolling-rollback', options));
    outputOf(back);
    const service = await world.aws.ecs.describeService('fargate', 'myapp');
    assert.equal(service?.taskDefinitionArn, first['taskDefinitionArn']);
    assert.equal(service?.running, 2);
    assert.equal(back.texts.at(-1), ' Rollback Successful.');
  });

  test('a rollback keeps the instances that auto scaling added meanwhile', async () => {
    outputOf(await world.run(stepTask('ecs-rolling-deploy', named(OLD_IMAGE))));
    const update = await world.run(stepTask('ecs-rolling-deploy', { ...named(NEW_IMAGE), execution: 2 }));
    await world.aws.ecs.updateService('fargate', 'myapp', { desiredCount: 4 });
    const undo = [undoneBy(update, 'ecs-rolling-deploy')];
    const options = { ...named(OLD_IMAGE), execution: 2, stepId: 'r1.1', rollback: true, prior: { undo } };
    outputOf(await world.run(stepTask('ecs-rolling-rollback', options)));
    assert.equal((await world.aws.ecs.describeService('fargate', 'myapp'))?.running, 4);
  });

  test('auto scaling that an aborted deployment left suspended runs again after the next one', async () => {
    outputOf(await world.run(stepTask('ecs-rolling-deploy', named(OLD_IMAGE))));
    await world.aws.autoScaling.registerScalableTarget('fargate', 'myapp', { MinCapacity: 1, MaxCapacity: 4 });
    let waits = 0;
    const aborted = await world.run(stepTask('ecs-rolling-deploy', { ...named(NEW_IMAGE), execution: 2 }), {
      stopAtWait: () => (++waits > 1 ? 'aborted' : undefined),
    });
    assert.equal(aborted.outcome.outcome, 'stopped');
    const target = async () => (await world.aws.autoScaling.describe('fargate', ['myapp']))[0]?.scalableTarget;
    assert.equal((await target())?.['MinCapacity'], 0);
    outputOf(await world.run(stepTask('ecs-rolling-deploy', { ...named('library/nginx:3'), execution: 3 })));
    assert.equal((await target())?.['MinCapacity'], 1);
    assert.deepEqual((await target())?.['SuspendedState'], RESUMED);
  });

  test("ECS's own rollback by its circuit breaker is a failure, not a success", async () => {
    const breaker = {
      deploymentCircuitBreaker: { enable: true, rollback: true },
      maximumPercent: 200,
      minimumHealthyPercent: 100,
    };
    const withBreaker = (image: string) => {
      const options = named(image);
      return {
        ...options,
        service: {
          ...options.service,
          serviceDefinition: { serviceName: 'myapp', desiredCount: 2, deploymentConfiguration: breaker },
        },
      };
    };
    outputOf(await world.run(stepTask('ecs-rolling-deploy', withBreaker(OLD_IMAGE))));
    world.simulator.control.addFault({
      kind: 'start-failure',
      image: NEW_IMAGE,
      stoppedReason: 'Scaling activity initiated by (deployment x)',
    });
    const run = await world.run(stepTask('ecs-rolling-deploy', { ...withBreaker(NEW_IMAGE), execution: 2 }));
    assert.equal(failureCodeOf(run), 'deployment-failed');
  });

  test('what ECS rolled back while no delegate looked has failed, and is not deployed again', async () => {
    const serviceDefinition = {
      ...named(OLD_IMAGE).service?.serviceDefinition,
      deploymentConfiguration: { deploymentCircuitBreaker: { enable: true, rollback: true } },
    };
    const options = (image: string) => ({ ...named(image), service: { ...named(image).service, serviceDefinition } });
    outputOf(await world.run(stepTask('ecs-rolling-deploy', options(OLD_IMAGE))));
    const update = stepTask('ecs-rolling-deploy', { ...options('library/nginx:broken'), execution: 2 });
    const cut = await world.run(update, { stopAtWait: () => 'lease-lost' });
    assert.equal(cut.outcome.outcome, 'stopped');
    world.advance(1_200_000);
    const before = world.simulator.control.mutations().length;
    const run = await world.run(update, { facts: cut.facts });
    assert.equal(failureCodeOf(run), 'deployment-failed');
    assert.ok(run.texts.some((text) => text.endsWith('ECS rolled the deployment back while no delegate looked')));
    assert.deepEqual(world.simulator.control.mutations().slice(before), []);
  });

  test('events of while no delegate looked are told of by the run that goes on', async () => {
    outputOf(await world.run(stepTask('ecs-rolling-deploy', named(OLD_IMAGE))));
    const update = stepTask('ecs-rolling-deploy', { ...named(NEW_IMAGE), execution: 2 });
    const cut = await world.run(update, { stopAtWait: () => 'lease-lost' });
    assert.ok(!cut.texts.some((text) => text.includes('has started 2 tasks')));
    world.advance(300_000);
    const run = await world.run(update, { facts: cut.facts });
    outputOf(run);
    assert.equal(run.texts.filter((text) => text.includes('has started 2 tasks')).length, 1);
  });

  test('a service that somebody made by hand is not taken over, and the message says how to hand it over', async () => {
    await makeByHand('fargate', 'myapp');
    const run = await world.run(stepTask('ecs-rolling-deploy', named(NEW_IMAGE)));
    assert.equal(failureCodeOf(run), 'interfered');
    assert.ok(run.outcome.outcome === 'failed' && run.outcome.failure.hint.includes('outrider:family=myapp'));
  });

  test('a rollback of a deployment that never began is skipped', async () => {
    const run = await world.run(stepTask('ecs-rolling-rollback', { ...named(NEW_IMAGE), rollback: true }));
    assert.equal(outputOf(run)['skipped'], 'Ecs Rolling Deploy Step was not executed. Skipping Rollback.');
  });
});

describe('daemon services', () => {
  test('one task on each container instance, listed with docker id and address', async () => {
    const run = await world.run(stepTask('ecs-daemon-service-setup', DAEMON));
    const containers = outputOf(run)['containers'];
    assert.ok(Array.isArray(containers) && containers.length === 3);
    assert.equal(run.texts[0], 'Begin execution of command: Setup ECS Daemon Service');
    isOrderedPart(run.texts, [
      'Cluster Name: example',
      'Creating task definition agent with container image library/nginx:stable-perl',
      'Creating ECS service agent in cluster example',
      'Waiting for pending tasks to finish. 3/3 running ...',
      'Waiting for service to be in steady state...',
      'Service has reached a steady state',
      'Container IDs:',
      'Command execution finished with status SUCCESS',
    ]);
  });

  test('a bad image fails the update, and the rollback puts the old version back', async () => {
    outputOf(await world.run(stepTask('ecs-daemon-service-setup', DAEMON)));
    const before = await world.aws.ecs.describeService('example', 'agent');
    const bad = await world.run(
      stepTask('ecs-daemon-service-setup', { ...DAEMON, execution: 2, image: 'library/nginx:broken' }),
    );
    assert.equal(failureCodeOf(bad), 'image-pull-failed');
    const prior = { undo: [undoneBy(bad, 'ecs-daemon-service-setup')] };
    outputOf(
      await world.run(
        stepTask('ecs-daemon-rollback', { ...DAEMON, execution: 2, stepId: 'r1.1', rollback: true, prior }),
      ),
    );
    const after = await world.aws.ecs.describeService('example', 'agent');
    assert.equal(after?.taskDefinitionArn, before?.taskDefinitionArn);
    assert.equal(after?.running, 3);
  });

  test('a failed first launch is deleted by the rollback', async () => {
    const bad = await world.run(stepTask('ecs-daemon-service-setup', { ...DAEMON, image: 'library/nginx:broken' }));
    assert.equal(failureCodeOf(bad), 'image-pull-failed');
    const prior = { undo: [undoneBy(bad, 'ecs-daemon-service-setup')] };
    const run = await world.run(stepTask('ecs-daemon-rollback', { ...DAEMON, stepId: 'r1.1', rollback: true, prior }));
    assert.equal(outputOf(run)['deleted'], true);
    assert.deepEqual(await world.aws.ecs.listServices('example'), []);
  });

  test('a cluster without instances is steady with no task, and the log warns', async () => {
    const run = await world.run(
      stepTask('ecs-daemon-service-setup', { service: { ...DAEMON.service }, target: { cluster: 'fargate' } }),
    );
    outputOf(run);
    assert.ok(run.lines.some((line) => line.level === 'WARN' && line.text.startsWith('No container instance')));
  });

  test('Fargate is refused', async () => {
    const run = await world.run(stepTask('ecs-daemon-service-setup', { ...DAEMON, target: FARGATE_TARGET }));
    assert.equal(failureCodeOf(run), 'step-input-invalid');
  });
});

describe('the steady state check', () => {
  test('waits for a service that others deployed, and changes nothing', async () => {
    await makeByHand('fargate', 'theirs');
    const before = world.simulator.control.mutations().length;
    const options = { target: FARGATE_TARGET, with: { serviceName: 'theirs' } };
    const run = await world.run(stepTask('ecs-steady-state-check', options));
    assert.equal(outputOf(run)['serviceName'], 'theirs');
    assert.equal(world.simulator.control.mutations().length, before);
  });

  test('fails when its timeout is over, with what is missing', async () => {
    await makeByHand('fargate', 'theirs');
    const options = { target: FARGATE_TARGET, with: { serviceName: 'theirs', timeoutMilliseconds: 2_000 } };
    const run = await world.run(stepTask('ecs-steady-state-check', options));
    assert.equal(failureCodeOf(run), 'steady-state-timeout');
    assert.ok(run.outcome.outcome === 'failed' && /0\/1 running/.test(run.outcome.failure.message));
    assert.equal(run.outcome.failure.failureType, 'timeout');
  });

  test('names a service that does not exist', async () => {
    const run = await world.run(stepTask('ecs-steady-state-check', { with: { serviceName: 'nothing' } }));
    assert.equal(failureCodeOf(run), 'service-missing');
  });
});
