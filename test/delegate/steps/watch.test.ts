import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Aws, EcsService } from '@outrider/delegate/aws/ports.ts';
import { poll, waitEnd } from '@outrider/delegate/steps/poll.ts';
import { eventLine, NOTHING_BEFORE, watchService } from '@outrider/delegate/steps/watch.ts';

const STEADY: EcsService = {
  arn: 'arn',
  name: 'web__1',
  status: 'ACTIVE',
  desired: 1,
  running: 1,
  pending: 0,
  taskDefinitionArn: 'td:1',
  schedulingStrategy: 'REPLICA',
  deployments: [],
  events: [],
  loadBalancers: [],
  tags: {},
  raw: {},
};

/** AWS that answers with these services, one after the other; the last one for ever. */
function world(answers: readonly EcsService[]) {
  let looks = 0;
  let now = 0;
  const told: string[] = [];
  const unused = async (): Promise<never> => assert.fail('not to be called');
  const aws: Aws = {
    ecs: {
      describeService: async () => answers[Math.min(looks++, answers.length - 1)],
      describeServices: unused,
      listServices: unused,
      listTasks: async () => [],
      listFamilyTasks: unused,
      describeTasks: async () => [],
      findTaskDefinitions: unused,
      describeTaskDefinition: unused,
      describeContainerInstances: unused,
      listContainerInstances: unused,
      registerTaskDefinition: unused,
      createService: unused,
      updateService: unused,
      deleteService: unused,
      runTask: unused,
      stopTask: unused,
      tagService: unused,
      untagService: unused,
    },
    autoScaling: {
      describe: unused,
      registerScalableTarget: unused,
      deregisterScalableTarget: unused,
      putScalingPolicy: unused,
      deleteScalingPolicy: unused,
      putScheduledAction: unused,
    },
    loadBalancing: { describeTargetGroup: unused, describeTargetHealth: unused },
    instances: { privateAddresses: unused },
    logs: { region: 'us-east-1', tail: unused },
  };
  const ctx = {
    aws,
    clock: { now: () => now },
    log: (text: string) => void told.push(text),
    counts: () => undefined,
    polling: { minMs: 1_000, maxMs: 8_000 },
    sleep: async (milliseconds: number) => {
      now += milliseconds;
    },
  };
  const watch = watchService(ctx, {
    cluster: 'example',
    serviceName: 'web__1',
    role: 'new',
    baseline: NOTHING_BEFORE,
    wanted: {
      desired: 1,
      taskDefinitionArn: 'td:1',
      deploymentId: undefined,
      deploymentIdBefore: undefined,
      shrinking: false,
    },
    events: 'all',
    untilMs: 60_000,
  });
  return { ctx, watch, told, looks: () => looks };
}

describe('waiting for a service', () => {
  test('it must be steady in two looks in a row', async () => {
    const pending = { ...STEADY, pending: 1 };
    const { watch, looks } = world([STEADY, pending, STEADY, STEADY]);
    await watch.untilSteady();
    assert.equal(looks(), 4);
  });

  test('a timeout says what was missing and what AWS said last', async () => {
    const event = { id: 'e1', createdAtMs: 0, message: '(service web__1) was unable to place a task because of x' };
    const { watch } = world([{ ...STEADY, running: 0, pending: 1, events: [event] }]);
    await assert.rejects(watch.untilRunning(), {
      failure: {
        code: 'placement-failed',
        message: 'Timed out waiting for service: web__1 to reach steady state: 0/1 running, 1 pending',
        hint: 'Add capacity or lower what a task reserves.',
        evidence: ['# AWS Event: 1970-01-01 00:00:00.000 (service web__1) was unable to place a task because of x'],
        failureType: 'application',
      },
    });
  });

  test('each event is told once, oldest first, and what is to be done with it', async () => {
    const event = (id: string, createdAtMs: number, message: string) => ({ id, createdAtMs, message });
    const events = [event('b', 2, 'operations are being throttled'), event('a', 1, 'has started 1 tasks: (task x).')];
    const { watch, told } = world([
      { ...STEADY, running: 0, events },
      { ...STEADY, events },
    ]);
    await watch.untilRunning();
    assert.deepEqual(told, [
      '# AWS Event: 1970-01-01 00:00:00.001 has started 1 tasks: (task x).',
      '# AWS Event: 1970-01-01 00:00:00.002 operations are being throttled',
      'What to do: Wait; see which other tools call the same API.',
      'Waiting for pending tasks to finish. 0/1 running ...',
    ]);
  });

  test('a new service that AWS does not show is waited for thirty seconds, not longer', async () => {
    const { ctx, watch } = world([]);
    await assert.rejects(watch.untilRunning(), (error: Error) => /does not exist/.test(error.message));
    assert.ok(ctx.clock.now() > 30_000 && ctx.clock.now() < 45_000, String(ctx.clock.now()));
  });
});

describe('polling', () => {
  test('slows down to its limit and takes one last look when the time is over', async () => {
    const { ctx } = world([STEADY]);
    const times: number[] = [];
    const look = async () => void times.push(ctx.clock.now());
    assert.equal(await poll(ctx, { untilMs: 30_000, look }), undefined);
    const waits = times.slice(1).map((time, index) => time - (times[index] ?? 0));
    assert.equal(waits[0], 1_000);
    assert.ok(Math.max(...waits) <= 8_000);
    assert.equal(times.at(-1), 30_000);
  });

  test('never outlasts the step', () => {
    const { ctx } = world([STEADY]);
    assert.equal(waitEnd({ ...ctx, deadlineMs: 60_000 }, 600_000), 55_000);
    assert.equal(waitEnd({ ...ctx, deadlineMs: 60_000 }, 10_000), 10_000);
  });
});

test('an event reads as on page two', () => {
  const createdAtMs = Date.UTC(2022, 9, 7, 0, 5, 14, 665);
  const message = '(service myappCanary) has started 1 tasks: (task ab694b189d204d15950b0466c0e5bd10).';
  assert.equal(eventLine({ id: 'e', createdAtMs, message }), `# AWS Event: 2022-10-07 00:05:14.665 ${message}`);
});
