import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, test } from 'node:test';
import type { Aws } from '@outrider/delegate/aws/ports.ts';
import type { Failure } from '@outrider/shared/errors.ts';
import type { Json, JsonObject } from '@outrider/shared/json.ts';
import type { Fault } from '@outrider/simulator/world/faults.ts';
import {
  outputOf,
  type StepRun,
  type StepWorld,
  startStepWorld,
  stepTask,
  type TaskOptions,
} from '../../support/step-harness.ts';
import { deployVersion, NEW_IMAGE, named, runSetup } from '../../support/step-stories.ts';
import { makeTargetGroups, takeListenersAway } from '../../support/target-groups.ts';

/** As long as the page's steady state timeout. */
const TIMEOUT_SECONDS = 600;

let world: StepWorld;
beforeEach(async () => {
  world = await startStepWorld();
});
afterEach(async () => {
  await world.close();
});

interface Ended extends StepRun {
  readonly failure: Failure;
  /** Simulated seconds that it took. */
  readonly seconds: number;
  /** AWS calls by name. */
  readonly calls: readonly string[];
}

async function failing(run: () => Promise<StepRun>): Promise<Ended> {
  const startedAt = world.simulator.clock.now;
  const callsBefore = world.simulator.control.calls().length;
  const ended = await run();
  assert.equal(ended.outcome.outcome, 'failed', ended.texts.join('\n'));
  assert.ok(ended.outcome.outcome === 'failed');
  const calls = world.simulator.control.calls().slice(callsBefore);
  return {
    ...ended,
    failure: ended.outcome.failure,
    seconds: (world.simulator.clock.now - startedAt) / 1000,
    calls: calls.map((call) => call.operation),
  };
}

/** An upgrade of the page's service on EC2 from two instances of an old version to a new one. */
async function upgrade(options: TaskOptions = {}, input: JsonObject = {}): Promise<StepRun> {
  await deployVersion(world, { execution: 1 });
  return await upgradeTo({ image: NEW_IMAGE, ...options, execution: 2 }, input);
}

async function upgradeTo(options: TaskOptions, input: JsonObject = {}): Promise<StepRun> {
  const setup = await runSetup(world, options);
  const task = stepTask('ecs-upgrade-containers', {
    ...options,
    stepId: 'p1.2',
    with: { desiredInstances: '100%', ...input },
    prior: { setup, finalResize: true },
  });
  return await world.run(task);
}

function taskDefinition(container: JsonObject, more: JsonObject = {}): TaskOptions {
  return { service: { taskDefinition: { ...more, containerDefinitions: [{ ...webContainer(), ...container }] } } };
}

function webContainer(): { readonly [key: string]: Json } {
  return { name: 'web', image: NEW_IMAGE, memory: 256, portMappings: [{ containerPort: 80 }] };
}

const AWSLOGS: JsonObject = {
  logDriver: 'awslogs',
  options: { 'awslogs-group': '/ecs/shop', 'awslogs-region': 'us-east-1', 'awslogs-stream-prefix': 'web' },
};

function fault(one: Fault): void {
  world.simulator.control.addFault(one);
}

function startFailure(reason: string, containerReason?: string): void {
  const more = containerReason === undefined ? {} : { containerReason };
  fault({ kind: 'start-failure', image: NEW_IMAGE, stoppedReason: reason, ...more });
}

describe('a deployment whose tasks cannot start fails after three of them, with the cause and what to do', () => {
  const cases: readonly {
    readonly what: string;
    readonly prepare: () => void;
    readonly code: Failure['code'];
    readonly says: RegExp;
    readonly advice: RegExp;
  }[] = [
    {
      what: 'the image is not in the registry',
      prepare: () => fault({ kind: 'image-pull-failure', image: NEW_IMAGE }),
      code: 'image-pull-failed',
      says: /the image cannot be pulled: the registry does not have it \(3 tasks stopped for the same reason\)$/,
      advice: /Check the image's name and tag/,
    },
    {
      what: 'the subnets do not reach the registry',
      prepare: () =>
        startFailure(
          'CannotPullContainerError: ref pull has been retried 5 time(s): dial tcp 10.0.0.9:443: i/o timeout',
        ),
      code: 'image-pull-failed',
      says: /the tasks do not reach the registry/,
      advice: /VPC endpoints ecr\.api, ecr\.dkr/,
    },
    {
      what: 'the execution role may not read a secret',
      prepare: () =>
        startFailure(
          'ResourceInitializationError: unable to pull secrets or registry auth: unable to retrieve secret from asm: AccessDeniedException: User is not authorized to perform: secretsmanager:GetSecretValue',
        ),
      code: 'secret-unavailable',
      says: /the execution role may not read a secret/,
      advice: /secretsmanager:GetSecretValue/,
    },
    {
      what: 'the log group does not exist',
      prepare: () =>
        startFailure(
          'ResourceInitializationError: failed to validate logger args: The task cannot find the Amazon CloudWatch log group defined in the task definition',
        ),
      code: 'task-start-failed',
      says: /the log driver cannot start/,
      advice: /Create the log group/,
    },
    {
      what: 'the subnet has no free addresses',
      prepare: () =>
        startFailure(
          'Unexpected EC2 error while attempting to Create Network Interface with public IP assignment in subnet subnet-1: InsufficientFreeAddressesInSubnet',
        ),
      code: 'network-interface-failed',
      says: /a subnet has no free addresses/,
      advice: /Add subnets/,
    },
    {
      what: 'ECS cannot assume the role of the task',
      prepare: () =>
        startFailure(
          "ECS was unable to assume the role 'arn:aws:iam::123456789012:role/shop' that was provided for this task.",
        ),
      code: 'aws-access-denied',
      says: /ECS may not use a role of the task/,
      advice: /trust policy \(ecs-tasks\.amazonaws\.com\)/,
    },
    {
      what: 'the image is for another CPU architecture',
      prepare: () => startFailure('Task failed to start', 'CannotStartContainerError: exec /web: exec format error'),
      code: 'task-start-failed',
      says: /built for another CPU architecture/,
      advice: /runtimePlatform/,
    },
  ];
  for (const { what, prepare, code, says, advice } of cases) {
    test(what, async () => {
      prepare();
      const run = await failing(() => upgrade());
      assert.equal(run.failure.code, code);
      assert.match(run.failure.message, says);
      assert.match(run.failure.hint, advice);
      assert.ok(run.failure.evidence.some((line) => /^Task [0-9a-f]{32} stopped: /.test(line)));
      assert.ok(run.texts.some((line) => line.startsWith('What to do: ')));
      assert.ok(run.seconds < TIMEOUT_SECONDS, `${run.seconds} s`);
      assert.ok(!run.calls.includes('GetLogEvents'), 'a container that never ran has written nothing');
    });
  }
});

describe('a container that ends by itself', () => {
  test('fails early with its exit code and the last lines of its log, which stay with the failure', async () => {
    fault({ kind: 'crash', image: NEW_IMAGE, exitCode: 3, output: 'connecting to db:5432\npanic: no route to host' });
    const run = await failing(() => upgrade(taskDefinition({ logConfiguration: AWSLOGS })));
    assert.equal(run.failure.code, 'container-exited');
    assert.match(run.failure.message, /the container exits \(3 tasks stopped for the same reason\)$/);
    assert.ok(run.failure.evidence.some((line) => line.includes('container web: exit code 3')));
    assert.ok(run.failure.evidence.includes('Container web wrote: panic: no route to host'));
    assert.ok(run.texts.some((line) => /^Last lines that container web of task [0-9a-f]{32} wrote:$/.test(line)));
    assert.ok(run.texts.includes('  panic: no route to host'));
    assert.equal(run.calls.filter((name) => name === 'GetLogEvents').length, 1, 'one look for one reason');
  });

  test('without the right to read its log says so in one line, and fails all the same', async () => {
    fault({ kind: 'crash', image: NEW_IMAGE, exitCode: 3 });
    fault({
      kind: 'error',
      operation: 'logs:GetLogEvents',
      code: 'AccessDeniedException',
      message:
        'User: arn:aws:sts::1:assumed-role/d/s is not authorized to perform: logs:GetLogEvents on resource: arn:aws:logs:us-east-1:1:log-group:/ecs/shop:log-stream:web/web/1 because no identity-based policy allows the logs:GetLogEvents action',
    });
    const run = await failing(() => upgrade(taskDefinition({ logConfiguration: AWSLOGS })));
    assert.equal(run.failure.code, 'container-exited');
    const about = run.texts.filter((line) => line.includes('logs:GetLogEvents'));
    assert.equal(about.length, 1);
    assert.match(
      about[0] ?? '',
      /^The containers' own log cannot be read, and is not needed\. Allow logs:GetLogEvents on arn:/,
    );
    assert.equal(run.calls.filter((name) => name === 'GetLogEvents').length, 1, 'it is not asked again');
  });

  for (const [what, kind] of [
    ['is throttled', 'throttle'],
    ['does not answer', 'lost-request'],
    ['fails', 'server-error'],
  ] as const) {
    test(`where CloudWatch Logs ${what}, fails all the same and not later`, async () => {
      fault({ kind: 'crash', image: NEW_IMAGE, exitCode: 3 });
      fault({ kind, operation: 'logs:GetLogEvents' });
      const run = await failing(() => upgrade(taskDefinition({ logConfiguration: AWSLOGS })));
      assert.equal(run.failure.code, 'container-exited');
      assert.ok(run.texts.some((line) => line.startsWith('The log of container web cannot be read: ')));
      assert.ok(run.seconds < 300, `${run.seconds} s`);
    });
  }

  test('with no log configuration, or another driver, says where its output is', async () => {
    fault({ kind: 'crash', image: NEW_IMAGE });
    const plain = await failing(() => upgrade(taskDefinition({})));
    assert.equal(plain.texts.filter((line) => line.startsWith('Container web has no log configuration')).length, 1);
    const splunk = taskDefinition({
      logConfiguration: { logDriver: 'splunk', options: { 'splunk-url': 'https://x' } },
    });
    const elsewhere = await failing(() => upgradeTo({ ...splunk, image: NEW_IMAGE, execution: 3 }));
    assert.ok(elsewhere.texts.includes('Container web logs to splunk: see there what it wrote'));
    assert.ok(!elsewhere.calls.includes('GetLogEvents'));
  });

  test('for lack of memory is told apart from one that gives up', async () => {
    fault({ kind: 'out-of-memory', image: NEW_IMAGE });
    const run = await failing(() => upgrade(taskDefinition({ logConfiguration: AWSLOGS })));
    assert.equal(run.failure.code, 'out-of-memory');
    assert.match(run.failure.hint, /Raise the memory/);
  });
});

describe('tasks that are not healthy', () => {
  test("a failing health check of the container says whose, and shows the container's log", async () => {
    fault({ kind: 'container-unhealthy', image: NEW_IMAGE });
    const healthCheck = { command: ['CMD-SHELL', 'curl -f http://localhost/'], interval: 5, retries: 2 };
    const run = await failing(() => upgrade(taskDefinition({ healthCheck, logConfiguration: AWSLOGS })));
    assert.equal(run.failure.code, 'health-check-failed');
    assert.match(run.failure.message, /the container's health check fails/);
    assert.ok(run.failure.evidence.some((line) => line.startsWith('Container web wrote: Starting ')));
    assert.ok(run.seconds < TIMEOUT_SECONDS, `${run.seconds} s`);
  });

  const balanced = (targetGroupArn: string): TaskOptions => ({
    image: NEW_IMAGE,
    with: { loadBalancers: [{ targetGroupArn }] },
  });

  test('failing health checks of the load balancer name the target group, with what to check', async () => {
    const [targetGroupArn = ''] = await makeTargetGroups(world, { count: 1, targetType: 'instance' });
    fault({ kind: 'target-unhealthy', image: NEW_IMAGE, reason: 'timeout' });
    const run = await failing(() => upgradeTo(balanced(targetGroupArn)));
    assert.equal(run.failure.code, 'health-check-failed');
    assert.match(
      run.failure.message,
      /the load balancer's health checks fail \(3 tasks stopped for the same reason\)$/,
    );
    assert.ok(run.failure.evidence.some((line) => line.includes(targetGroupArn)));
    assert.match(run.failure.hint, /path, port and success codes/);
  });

  test('a target group that no listener forwards to is told apart, and not waited for to the end', async () => {
    const [targetGroupArn = ''] = await makeTargetGroups(world, { count: 1, targetType: 'instance' });
    const setup = await runSetup(world, balanced(targetGroupArn));
    const task = stepTask('ecs-upgrade-containers', {
      stepId: 'p1.2',
      with: { desiredInstances: '100%' },
      prior: { setup },
    });
    const wrap = (aws: Aws): Aws => ({
      ...aws,
      ecs: {
        ...aws.ecs,
        async updateService(cluster, service, change) {
          const updated = await aws.ecs.updateService(cluster, service, change);
          await takeListenersAway(world, targetGroupArn);
          return updated;
        },
      },
    });
    const run = await failing(() => world.run(task, { wrap }));
    assert.equal(run.failure.code, 'health-check-failed');
    assert.match(run.failure.message, /the target group gets no traffic/);
    assert.ok(run.failure.evidence.some((line) => /^Target: task [0-9a-f]{32} is unused, Target\.NotInUse/.test(line)));
    assert.ok(run.seconds < TIMEOUT_SECONDS - 120, `${run.seconds} s`);
  });
});

describe('tasks for which there is no place', () => {
  test('because each is larger than any container instance: no waiting at all', async () => {
    const run = await failing(() => upgrade(taskDefinition({ cpu: 65_536 })));
    assert.equal(run.failure.code, 'placement-failed');
    assert.match(
      run.failure.message,
      /a task reserves 65536 CPU units, and the largest container instance of the cluster has \d+ in all/,
    );
    assert.ok(run.seconds < 60, `${run.seconds} s`);
  });

  test('because the cluster is full: after five minutes in which nothing moves', async () => {
    const wanted = { ...taskDefinition({ memory: 5_000 }), with: { instances: { fixed: 4 } } };
    const run = await failing(() => upgradeTo({ ...wanted, image: NEW_IMAGE }));
    assert.equal(run.failure.code, 'placement-failed');
    assert.match(
      run.failure.message,
      /no container instance has enough CPU or memory left \(nothing has moved for \d+ s/,
    );
    assert.ok(run.seconds >= 300 && run.seconds < 420, `${run.seconds} s`);
    assert.ok(run.failure.evidence.some((line) => line.includes('insufficient memory available')));
  });

  test('until capacity comes: the deployment goes on', async () => {
    fault({
      kind: 'placement-failure',
      cluster: 'example',
      text: 'because x. The closest matching (container-instance 1) encountered error "RESOURCE:ENI".',
      count: 5,
      after: 2,
    });
    outputOf(await upgrade());
  });

  for (const [what, text, code, says] of [
    [
      'the network interfaces of the instances are used up',
      'because x. The closest matching (container-instance 1) encountered error "RESOURCE:ENI".',
      'network-interface-failed',
      /no network interface left/,
    ],
    [
      'the agents are not connected',
      'because x. The closest matching (container-instance 1) encountered error "AGENT".',
      'placement-failed',
      /agent of the container instances is not connected/,
    ],
    [
      'a role cannot be assumed',
      ". Reason: ECS was unable to assume the role 'arn:x' that was provided for this task.",
      'aws-access-denied',
      /may not use a role/,
    ],
  ] as const) {
    test(`because ${what}`, async () => {
      await deployVersion(world, { execution: 1 });
      fault({ kind: 'placement-failure', text });
      const run = await failing(() => upgradeTo({ image: NEW_IMAGE, execution: 2 }));
      assert.equal(run.failure.code, code);
      assert.match(run.failure.message, says);
      assert.ok(run.seconds < TIMEOUT_SECONDS - 120, `${run.seconds} s`);
    });
  }

  for (const [what, message, code] of [
    ['Fargate has no capacity', undefined, 'capacity-unavailable'],
    [
      "the account's vCPUs are used up",
      "You've reached the limit on the number of vCPUs you can run concurrently.",
      'quota-exceeded',
    ],
  ] as const) {
    test(`because ${what}`, async () => {
      fault({ kind: 'no-capacity', cluster: 'fargate', ...(message === undefined ? {} : { message }) });
      const run = await failing(() => world.run(stepTask('ecs-canary-deploy', named(NEW_IMAGE))));
      assert.equal(run.failure.code, code);
      assert.ok(run.seconds < TIMEOUT_SECONDS - 120, `${run.seconds} s`);
    });
  }
});

describe('how soon waiting is given up is for the author to say', () => {
  test('after one stop', async () => {
    fault({ kind: 'image-pull-failure', image: NEW_IMAGE });
    const run = await failing(() => upgrade({}, { desiredInstances: { count: 1 }, giveUpAfter: { sameStops: 1 } }));
    assert.match(run.failure.message, /\(a task stopped for it\)$/);
    assert.equal(run.failure.evidence.filter((line) => line.startsWith('Task ')).length, 1);
  });

  test('or never before the time is over', async () => {
    fault({ kind: 'crash', image: NEW_IMAGE });
    const run = await failing(() => upgrade({}, { giveUpAfter: { sameStops: 1_000 } }));
    assert.equal(run.failure.code, 'container-exited');
    assert.match(run.failure.message, /^Timed out waiting for service/);
    assert.ok(run.seconds >= TIMEOUT_SECONDS);
  });

  test('or after a minute without a place', async () => {
    fault({ kind: 'no-capacity', cluster: 'fargate' });
    const task = stepTask('ecs-canary-deploy', {
      ...named(NEW_IMAGE),
      with: { giveUpAfter: { noPlaceSeconds: '60' } },
    });
    const run = await failing(() => world.run(task));
    assert.ok(run.seconds < 120, `${run.seconds} s`);
  });
});

describe('a deployment that ECS rolls back by itself', () => {
  const breaker = { deploymentConfiguration: { deploymentCircuitBreaker: { enable: true, rollback: true } } };
  const page = (image: string): TaskOptions => {
    const options = named(image);
    const { service } = options;
    return { ...options, service: { ...service, serviceDefinition: { ...service?.serviceDefinition, ...breaker } } };
  };
  const OLD_IMAGE = 'library/nginx:1';

  test('fails with the reason its tasks stopped of', async () => {
    outputOf(await world.run(stepTask('ecs-rolling-deploy', page(OLD_IMAGE))));
    fault({ kind: 'image-pull-failure', image: NEW_IMAGE });
    const limits = { giveUpAfter: { sameStops: 1_000 } };
    const run = await failing(() =>
      world.run(stepTask('ecs-rolling-deploy', { ...page(NEW_IMAGE), execution: 2, with: limits })),
    );
    assert.equal(run.failure.code, 'image-pull-failed');
    assert.match(run.failure.message, /\(ECS rolled the deployment back: ECS deployment circuit breaker: /);
    assert.ok(run.failure.evidence.some((line) => line.includes('rolling back to deployment')));
  });

  test('is no steady service for a check that only waits, whoever deployed it', async () => {
    outputOf(await world.run(stepTask('ecs-rolling-deploy', page(OLD_IMAGE))));
    const made = await world.aws.ecs.registerTaskDefinition(
      {
        family: 'fargate-task-definition',
        networkMode: 'awsvpc',
        requiresCompatibilities: ['FARGATE'],
        cpu: '256',
        memory: '512',
        containerDefinitions: [{ name: 'app', image: 'library/nginx:broken' }],
      },
      {},
    );
    await world.aws.ecs.updateService('fargate', 'myapp', { taskDefinition: made.arn });
    const check = stepTask('ecs-steady-state-check', {
      ...named(OLD_IMAGE),
      stepId: 'p1.2',
      with: { serviceName: 'myapp', giveUpAfter: { sameStops: 1_000 } },
    });
    const run = await failing(() => world.run(check));
    assert.equal(run.failure.code, 'image-pull-failed');
    assert.match(run.failure.message, /ECS rolled the deployment back/);
  });
});
