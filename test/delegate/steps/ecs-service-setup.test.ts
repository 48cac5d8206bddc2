import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, test } from 'node:test';
import type { Aws } from '@outrider/delegate/aws/ports.ts';
import { setupOutput } from '@outrider/shared/steps/ecs-service-setup.ts';
import { goldenLines, isOrderedPart, matchExactly } from '../../support/golden-log.ts';
import {
  aroundMutations,
  Crash,
  FARGATE_TARGET,
  failureCodeOf,
  fargateTaskDefinition,
  outputOf,
  outputText,
  SEED_FAMILY,
  type StepRun,
  type StepWorld,
  startStepWorld,
  stepTask,
} from '../../support/step-harness.ts';
import { AUTO_SCALER, deployVersion, NEW_IMAGE, runSetup } from '../../support/step-stories.ts';
import { makeTargetGroups } from '../../support/target-groups.ts';

const OURS = { 'outrider:family': SEED_FAMILY };

describe('ECS Service Setup', () => {
  let world: StepWorld;
  beforeEach(async () => {
    world = await startStepWorld();
  });
  afterEach(async () => {
    await world.close();
  });

  async function makeByHand(name: string, desired: number, tags: Record<string, string> = {}): Promise<void> {
    const definition = await world.aws.ecs.registerTaskDefinition(
      { family: 'by-hand', containerDefinitions: [{ name: 'web', image: 'nginx:1', memory: 64 }] },
      {},
    );
    const request = { serviceName: name, taskDefinition: definition.arn, desiredCount: desired };
    await world.aws.ecs.createService('example', request, `hand-${name.slice(-30)}`, tags);
    world.advance(120_000);
  }
  const exists = async (name: string) => (await world.aws.ecs.describeService('example', name))?.status === 'ACTIVE';
  const setup = (options = {}): Promise<StepRun> => world.run(stepTask('ecs-service-setup', options));

  test('without an older version the log is the page, line for line', async () => {
    const run = await setup({ with: { instances: { fixed: 2 } } });
    matchExactly(run.texts, goldenLines('seed-setup'));
    assert.equal(outputOf(run)['serviceName'], `${SEED_FAMILY}__1`);
  });

  test('with an older version the page is an ordered part of the log', async () => {
    await deployVersion(world, { with: { autoScaler: AUTO_SCALER } });
    const run = await setup({ execution: 2, image: 'library/nginx:stable-perl' });
    const page = goldenLines('seed-setup').map((line) =>
      line.startsWith('No Auto-scalar') ? 'Auto-Scalar Config backed up' : line,
    );
    isOrderedPart(run.texts, page);
  });

  test('a version that only looks alike is neither counted nor cleaned', async () => {
    await makeByHand(`${SEED_FAMILY}__7`, 0);
    await makeByHand(`${SEED_FAMILY}__8`, 5);
    const output = outputOf(await setup());
    assert.equal(output['total'], 2);
    assert.deepEqual(output['previous'], []);
    assert.ok(await exists(`${SEED_FAMILY}__7`));
  });

  test('versions are ordered by number: 10 is newer than 9', async () => {
    await makeByHand(`${SEED_FAMILY}__9`, 3, OURS);
    await makeByHand(`${SEED_FAMILY}__10`, 1, OURS);
    const output = outputOf(await setup());
    assert.equal(output['total'], 1);
    assert.deepEqual(output['previous'], [
      { name: `${SEED_FAMILY}__9`, desired: 3 },
      { name: `${SEED_FAMILY}__10`, desired: 1 },
    ]);
  });

  test('of several active versions the newest healthy one stays, the others go to 0 and are not deleted', async () => {
    await makeByHand(`${SEED_FAMILY}__2`, 1, OURS);
    await makeByHand(`${SEED_FAMILY}__3`, 1, OURS);
    await makeByHand(`${SEED_FAMILY}__4`, 600, OURS);
    const run = await setup();
    outputOf(run);
    const desired = async (name: string) => (await world.aws.ecs.describeService('example', name))?.desired;
    assert.equal(await desired(`${SEED_FAMILY}__2`), 0);
    assert.equal(
      await desired(`${SEED_FAMILY}__3`),
      1,
      'version 4 cannot place its 600 tasks: 3 is the newest healthy one',
    );
    assert.equal(await desired(`${SEED_FAMILY}__4`), 0);
    assert.ok(run.texts.includes('Active tasks:'));
  });

  test('a version that is brought to 0 is not brought back by its auto scaling, which is kept for a rollback', async () => {
    const [older, newer] = [`${SEED_FAMILY}__2`, `${SEED_FAMILY}__3`];
    await makeByHand(older, 2, OURS);
    await makeByHand(newer, 2, OURS);
    await world.aws.autoScaling.registerScalableTarget('example', older, { MinCapacity: 2, MaxCapacity: 5 });
    world.simulator.control.addFault({ kind: 'autoscaler', service: older, desired: 4, everySeconds: 5 });
    const run = await setup();
    const output = outputOf(run);
    assert.deepEqual(await world.aws.autoScaling.describe('example', [older]), []);
    world.advance(600_000);
    assert.equal((await world.aws.ecs.describeService('example', older))?.desired, 0);
    const [saved] = setupOutput.parse(output).autoScalingSnapshots;
    assert.equal(saved?.scalableTarget['MinCapacity'], 2);
  });

  test('versions without tasks are deleted, the new one is not', async () => {
    await makeByHand(`${SEED_FAMILY}__2`, 0, OURS);
    const run = await setup();
    assert.ok(run.texts.includes(`Deleting old version: ${SEED_FAMILY}__2`));
    assert.equal(await exists(`${SEED_FAMILY}__2`), false);
    assert.ok(await exists(outputText(run, 'serviceName')));
  });

  for (const [given, total, running] of [
    [{ instances: { fixed: 0 } }, 2, 0],
    [{}, 2, 0],
    [{ instances: { sameAsRunning: true, max: 0 } }, 2, 0],
    [{ instances: { sameAsRunning: true, max: 4 } }, 4, 0],
    [{ instances: { sameAsRunning: true, max: 4 } }, 3, 3],
    [{ instances: { fixed: 5 } }, 5, 3],
  ] as const) {
    test(`${JSON.stringify(given)} with ${running} running means ${total} instances`, async () => {
      if (running > 0) await makeByHand(`${SEED_FAMILY}__2`, running, OURS);
      assert.equal(outputOf(await setup({ with: given }))['total'], total);
    });
  }

  test('a timeout that an expression could not give is 10 minutes, and the log says so', async () => {
    const run = await setup({ with: { steadyStateTimeoutMinutes: null } });
    assert.equal(outputOf(run)['steadyStateTimeoutMinutes'], 10);
    assert.ok(run.lines.some((line) => line.level === 'WARN' && line.text.includes('10 are used')));
  });

  test('a service name from the step is normalised', async () => {
    assert.equal(outputOf(await setup({ with: { serviceName: 'my shop/web' } }))['serviceName'], 'my__shop__web__1');
  });

  test('a service made by hand under the new name is left alone', async () => {
    await makeByHand(`${SEED_FAMILY}__1`, 0);
    const run = await setup();
    assert.equal(failureCodeOf(run), 'interfered');
    assert.ok(await exists(`${SEED_FAMILY}__1`));
    assert.equal(run.texts.at(-1), 'Command execution finished with status FAILURE');
  });

  test('a misspelt field of the service definition is an error before anything is made', async () => {
    const run = await setup({ service: { serviceDefinition: { placementStrategie: [] } } });
    assert.equal(failureCodeOf(run), 'step-input-invalid');
    assert.match(JSON.stringify(run.outcome), /placementStrategie/);
    assert.deepEqual(await world.aws.ecs.listServices('example'), []);
  });

  test('a service registry that names an unknown container is refused', async () => {
    const serviceRegistries = [
      { registryArn: 'arn:aws:servicediscovery:…', containerName: 'other', containerPort: 80 },
    ];
    const run = await setup({ service: { serviceDefinition: { serviceRegistries } } });
    assert.match(JSON.stringify(run.outcome), /Invalid Container name :other/);
  });

  test('one target group gets the role, the container and its port', async () => {
    const [targetGroupArn = ''] = await makeTargetGroups(world, { count: 1, targetType: 'instance' });
    const run = await setup({
      with: {
        loadBalancers: [{ loadBalancer: 'front', targetGroupArn }],
        loadBalancerRoleArn: 'arn:aws:iam::123456789012:role/ecsServiceRole',
      },
    });
    const service = await world.aws.ecs.describeService('example', outputText(run, 'serviceName'));
    assert.deepEqual(service?.loadBalancers, [
      { targetGroupArn, containerName: 'library_nginx_stable-perl', containerPort: 80 },
    ]);
    assert.equal(service?.raw['roleArn'], 'arn:aws:iam::123456789012:role/ecsServiceRole');
    for (const line of [
      'Setting load balancer to service',
      'Load Balancer Name: front',
      `Target Group ARN: ${targetGroupArn}`,
    ]) {
      assert.ok(run.texts.includes(line), line);
    }
  });

  test('with several target groups the role is left out, and the log says why', async () => {
    const arns = await makeTargetGroups(world, { count: 2, targetType: 'instance' });
    const run = await setup({
      with: {
        loadBalancers: arns.map((targetGroupArn) => ({ targetGroupArn })),
        loadBalancerRoleArn: 'arn:aws:iam::123456789012:role/ecsServiceRole',
      },
    });
    const service = await world.aws.ecs.describeService('example', outputText(run, 'serviceName'));
    assert.equal(service?.loadBalancers.length, 2);
    assert.ok(run.texts.some((text) => text.includes('role of the load balancers is left out')));
  });

  test('an unknown target group is an error before anything is made', async () => {
    const targetGroupArn = 'arn:aws:elasticloadbalancing:us-east-1:123456789012:targetgroup/gone/0123456789abcdef';
    const run = await setup({ with: { loadBalancers: [{ targetGroupArn }] } });
    assert.equal(failureCodeOf(run), 'step-input-invalid');
    assert.equal(world.simulator.control.mutations().length, 0);
  });

  test('Fargate gets its network and compatibility, and numbers become text', async () => {
    const run = await setup({ target: FARGATE_TARGET, service: { taskDefinition: fargateTaskDefinition('nginx:1') } });
    const definition = await world.aws.ecs.describeTaskDefinition(outputText(run, 'taskDefinitionArn'));
    assert.equal(definition?.raw['networkMode'], 'awsvpc');
    assert.deepEqual(definition?.raw['requiresCompatibilities'], ['FARGATE']);
    assert.equal(definition?.raw['cpu'], '256');
    const service = await world.aws.ecs.describeService('fargate', outputText(run, 'serviceName'));
    assert.equal(service?.launchType, 'FARGATE');
  });

  test('Fargate without subnets is refused', async () => {
    const target = { cluster: 'fargate', launchType: 'FARGATE' as const };
    const run = await setup({ target, service: { taskDefinition: fargateTaskDefinition('nginx:1') } });
    assert.match(JSON.stringify(run.outcome), /At least 1 subnetId is required/);
  });

  test('auto scaling JSON that cannot be used is an error before anything is made', async () => {
    const run = await setup({ with: { autoScaler: { scalableTarget: '{"MinCapacity": 5, "MaxCapacity": 2}' } } });
    assert.equal(failureCodeOf(run), 'step-input-invalid');
    assert.equal(world.simulator.control.mutations().length, 0);
  });

  test('a cluster that does not exist is named with what to do', async () => {
    const run = await setup({ target: { cluster: 'nowhere' } });
    assert.equal(failureCodeOf(run), 'aws-rejected');
    assert.match(JSON.stringify(run.outcome), /ClusterNotFound|Cluster not found/);
  });

  test('a lost answer of any call makes nothing twice', async () => {
    for (const operation of ['RegisterTaskDefinition', 'CreateService']) {
      world.simulator.control.addFault({ kind: 'lost-response', operation, count: 1 });
    }
    const run = await setup();
    outputOf(run);
    assert.equal(world.simulator.control.state().families[SEED_FAMILY], 1);
    assert.deepEqual(await world.aws.ecs.listServices('example'), [`${SEED_FAMILY}__1`]);
  });

  test('a revision that an interrupted run registered and AWS does not list yet is waited for, not made again', async () => {
    const task = stepTask('ecs-service-setup', { with: { instances: { fixed: 2 } } });
    const crash = async (mutation: { readonly name: string }, call: () => Promise<unknown>) => {
      await call();
      throw new Crash(mutation.name);
    };
    const cut = await world.run(task, { wrap: (aws) => aroundMutations(aws, crash) });
    assert.equal(failureCodeOf(cut), 'internal');
    let looks = 0;
    const late = (aws: Aws): Aws => ({
      ...aws,
      ecs: {
        ...aws.ecs,
        findTaskDefinitions: async (...query) => {
          looks += 1;
          return looks < 3 ? [] : await aws.ecs.findTaskDefinitions(...query);
        },
      },
    });
    outputOf(await world.run(task, { facts: cut.facts, wrap: late }));
    assert.equal(looks, 3);
    assert.equal(world.simulator.control.state().families[SEED_FAMILY], 1);
  });

  test('the new version and its task definition say whose they are', async () => {
    const made = await runSetup(world, { execution: 9, image: NEW_IMAGE });
    const service = await world.aws.ecs.describeService('example', made.serviceName);
    assert.equal(service?.tags['outrider:family'], SEED_FAMILY);
    assert.equal(service?.tags['outrider:execution'], 'exe_00000000000000000000000009');
    const definition = await world.aws.ecs.describeTaskDefinition(made.taskDefinitionArn);
    assert.equal(definition?.tags['outrider:managed-by'], 'outrider');
  });
});
