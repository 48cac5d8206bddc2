import assert from 'node:assert/strict';
import { after, afterEach, before, describe, test } from 'node:test';
import type { JsonObject } from '@outrider/shared/json.ts';
import {
  aroundMutations,
  Crash,
  FARGATE_TARGET,
  failureCodeOf,
  outputOf,
  type RunOptions,
  type StepRun,
  type StepWorld,
  startStepWorld,
  stepTask,
  type TaskOptions,
} from '../../support/step-harness.ts';
import { oneOff } from '../../support/step-stories.ts';

describe('running tasks that end', () => {
  let world: StepWorld;
  before(async () => {
    world = await startStepWorld();
  });
  after(async () => {
    await world.close();
  });
  afterEach(() => {
    world.simulator.control.clearFaults();
    world.advance(2 * 3_600_000);
  });

  let execution = 0;
  const task = (fields: JsonObject, options: TaskOptions = {}) =>
    stepTask('ecs-run-task', { execution: ++execution, with: fields, ...options });
  const run = async (fields: JsonObject, options?: TaskOptions, how?: RunOptions): Promise<StepRun> =>
    await world.run(task(fields, options), how);
  const tasks = () => Object.values(world.simulator.control.state().tasks).map((one) => one.task);
  const failureOf = (done: StepRun) => (done.outcome.outcome === 'failed' ? done.outcome.failure : undefined);
  const evidenceOf = (done: StepRun) => failureOf(done)?.evidence.join('\n') ?? '';

  test('registers, starts, waits for the end, and logs it as operators know it', async () => {
    const done = await run({ taskDefinition: oneOff('migrate') });
    const [taskArn = ''] = outputOf(done)['taskArns'] as string[];
    const [definition = ''] = outputOf(done)['taskDefinitionArns'] as string[];
    assert.match(definition, /task-definition\/ECS__Example__Default_Replica__stage__ecs__ecs_run_task:1$|:1$/);
    const family = definition.slice(definition.indexOf('/') + 1, definition.lastIndexOf(':'));
    assert.deepEqual(
      done.texts.filter((line) => !/ : (PENDING|RUNNING|DEACTIVATING|STOPPING) : |have not completed/.test(line)),
      [
        'Begin execution of command: ECS Run Task',
        `No tasks were found in task family ${family}`,
        `Registering task definition with family => ${family}`,
        `Task with family name ${family} is registered => ${definition}`,
        `Triggering ECS run task ${definition} in cluster example`,
        '1 Tasks were triggered successfully and 0 failures were received.',
        `Task => ${taskArn} succeeded`,
        'Starting the steady state check.',
        `${definition} : STOPPED : EssentialContainerExited : Essential container in task exited`,
        'All Tasks completed successfully.',
        'Command execution finished with status SUCCESS',
      ],
    );
    assert.ok(done.texts.includes('1 tasks have not completed'));
  });

  test('without a definition runs the one of the service, in a family of its own, with the overrides', async () => {
    const overrides = { containerOverrides: [{ name: 'library_nginx_stable-perl', command: ['migrate'] }] };
    const done = await run({ overrides, taskFamilyName: 'migrations' });
    assert.deepEqual(String((outputOf(done)['taskDefinitionArns'] as string[])[0]).split('/')[1], 'migrations:1');
    const [one] = tasks();
    assert.deepEqual(one?.overrides?.containerOverrides?.[0]?.command, ['migrate']);
  });

  test('on Fargate the tasks start in the subnets of the infrastructure', async () => {
    const definition = { ...oneOff('migrate'), cpu: '256', memory: '512' };
    const done = await run({ taskDefinition: definition }, { target: FARGATE_TARGET });
    assert.equal(done.outcome.outcome, 'succeeded', done.texts.join('\n'));
    assert.equal(tasks()[0]?.launchType, 'FARGATE');
  });

  test('the tasks carry who started them', async () => {
    await run({ taskDefinition: oneOff('migrate') });
    const tags = Object.fromEntries((tasks()[0]?.tags ?? []).map(({ key, value }) => [key, value]));
    assert.equal(tags['outrider:managed-by'], 'outrider');
    assert.equal(tags['outrider:step'], 'p1.1');
    assert.match(tasks()[0]?.startedBy ?? '', /^[A-Za-z0-9-]{1,36}$/);
  });

  test('another exit code than 0 fails the step, with the code and what to do', async () => {
    const done = await run({ taskDefinition: oneOff('migrate', 'library/busybox:exit-3') });
    assert.equal(failureCodeOf(done), 'container-exited');
    assert.match(evidenceOf(done), /container migrate: exit code 3/);
    assert.ok(done.texts.includes('Containers in some tasks failed and are showing non zero exit code'));
  });

  test('what the container wrote last stands in the log and with the failure', async () => {
    const options = { 'awslogs-group': '/ecs/jobs', 'awslogs-region': 'us-east-1', 'awslogs-stream-prefix': 'jobs' };
    const container = { name: 'migrate', image: 'library/busybox:exit-3', memory: 64, command: ['x'] };
    const logging = { ...container, logConfiguration: { logDriver: 'awslogs', options } };
    const done = await run({ taskDefinition: { containerDefinitions: [logging] } });
    assert.match(done.texts.join('\n'), /Last lines that container migrate of task \w+ wrote:\n {2}\S/);
    assert.match(evidenceOf(done), /Container migrate wrote: \S/);
  });

  test('an image that cannot be pulled fails the step with that reason', async () => {
    const done = await run({ taskDefinition: oneOff('migrate', 'library/busybox:broken') });
    assert.equal(failureCodeOf(done), 'image-pull-failed');
  });

  test('all tasks are waited for before one that failed fails the step', async () => {
    const definitions = [oneOff('one', 'library/busybox:exit-1'), oneOff('two')];
    const done = await run({ taskDefinitions: definitions });
    assert.equal(failureOf(done)?.message, '1 of 2 tasks failed');
    assert.deepEqual(
      tasks().map((one) => one.lastStatus),
      ['STOPPED', 'STOPPED'],
    );
  });

  test('a task that does not end in time is stopped, and the step says so', async () => {
    const server = { containerDefinitions: [{ name: 'server', image: 'library/nginx:1', memory: 64 }] };
    const done = await run({ taskDefinition: server, steadyStateTimeoutMinutes: 2 });
    assert.equal(failureCodeOf(done), 'step-timed-out');
    assert.ok(done.texts.includes('Timed out waiting for run tasks to complete'));
    assert.ok(done.texts.some((line) => line.startsWith('Stopped task arn:')));
    assert.equal(tasks()[0]?.desiredStatus, 'STOPPED');
    assert.match(tasks()[0]?.stoppedReason ?? '', /^Stopped by Outrider: step ecs-run-task of exe_/);
  });

  test('with the check skipped the step ends when the tasks are started', async () => {
    const done = await run({ taskDefinition: oneOff('migrate'), skipSteadyStateCheck: true });
    assert.equal(done.outcome.outcome, 'succeeded');
    assert.ok(done.texts.includes('Skipping the steady state check as expected.'));
    assert.equal(tasks()[0]?.desiredStatus, 'RUNNING');
  });

  test('tasks for which there is no room fail the step: no other is started, and those that were are stopped', async () => {
    const large = {
      containerDefinitions: [{ name: 'large', image: 'library/busybox:1', memory: 3_000, command: ['x'] }],
    };
    const done = await run({ taskDefinitions: [large, oneOff('after')], count: 10 });
    assert.equal(failureCodeOf(done), 'placement-failed');
    assert.match(evidenceOf(done), /RESOURCE:MEMORY/);
    assert.ok(done.texts.includes('Stopping further triggers of run tasks because some tasks failed to trigger.'));
    assert.ok(tasks().length > 0 && tasks().every((one) => one.desiredStatus === 'STOPPED'));
  });

  test('a partial start is known after a crash, too', async () => {
    const large = {
      containerDefinitions: [{ name: 'large', image: 'library/busybox:1', memory: 3_000, command: ['x'] }],
    };
    const work = task({ taskDefinition: large, count: 10 });
    const wrap: RunOptions['wrap'] = (aws) =>
      aroundMutations(aws, async ({ name }, call) => {
        if (name === 'stopTask') throw new Crash('crashed');
        const result = await call();
        if (name === 'runTask') throw new Crash('crashed');
        return result;
      });
    const cut = await world.run(work, { wrap });
    const again = await world.run(work, { facts: cut.facts });
    assert.equal(failureCodeOf(again), 'placement-failed');
  });

  for (const reason of ['aborted', 'rolling-back', 'timed-out'] as const) {
    test(`told to stop (${reason}) it stops its tasks first`, async () => {
      const done = await run(
        { taskDefinition: oneOff('migrate') },
        {},
        { stopAtWait: (wait) => (wait === 2 ? reason : undefined) },
      );
      assert.ok(done.outcome.outcome === 'stopped' && done.outcome.reason === reason);
      assert.equal(tasks()[0]?.desiredStatus, 'STOPPED');
      assert.match(done.texts.at(-2) ?? '', /^Stopped task arn:/);
    });
  }

  for (const reason of ['draining', 'lease-lost'] as const) {
    test(`only cut off (${reason}) it leaves its tasks running and finds them again`, async () => {
      const work = task({ taskDefinition: oneOff('migrate') });
      const cut = await world.run(work, { stopAtWait: (wait) => (wait === 2 ? reason : undefined) });
      assert.ok(cut.outcome.outcome === 'stopped');
      assert.equal(tasks()[0]?.desiredStatus, 'RUNNING');
      assert.equal((await world.run(work, { facts: cut.facts })).outcome.outcome, 'succeeded');
      assert.equal(tasks().length, 1);
    });
  }

  test('without a lease that lasts nothing is stopped any more', async () => {
    const gate = { permit: async () => undefined, holds: () => held };
    let held = true;
    const done = await run(
      { taskDefinition: oneOff('migrate') },
      {},
      {
        gate,
        stopAtWait(wait) {
          held = wait < 2;
          return wait === 2 ? 'aborted' : undefined;
        },
      },
    );
    assert.equal(done.outcome.outcome, 'stopped');
    assert.equal(tasks()[0]?.desiredStatus, 'RUNNING');
    assert.ok(done.texts.some((line) => /could not be stopped and may run on/.test(line)));
  });

  test('another attempt starts tasks of its own', async () => {
    const fields = { taskDefinition: oneOff('migrate', 'library/busybox:exit-1') };
    const first = await world.run(stepTask('ecs-run-task', { execution: 900, with: fields }));
    const second = await world.run(stepTask('ecs-run-task', { execution: 900, attempt: 2, with: fields }));
    assert.deepEqual([failureCodeOf(first), failureCodeOf(second)], ['container-exited', 'container-exited']);
    assert.equal(tasks().length, 2);
    assert.equal(new Set(tasks().map((one) => one.taskDefinitionArn)).size, 1, 'of the one revision');
  });

  test('a container that is not essential may end as it likes', async () => {
    const definition = {
      containerDefinitions: [
        { name: 'migrate', image: 'library/busybox:1', memory: 64, command: ['x'] },
        { name: 'router', image: 'library/router:exit-9', memory: 64, essential: false },
      ],
    };
    assert.equal((await run({ taskDefinition: definition })).outcome.outcome, 'succeeded');
  });

  test('one and several definitions together are refused', async () => {
    const done = await run({ taskDefinition: oneOff('a'), taskDefinitions: [oneOff('b')] });
    assert.equal(failureCodeOf(done), 'step-input-invalid');
  });
});
