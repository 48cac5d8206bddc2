import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { DescribeScalableTargetsCommand } from '@aws-sdk/client-application-auto-scaling';
import { DeleteServiceCommand, DescribeServicesCommand } from '@aws-sdk/client-ecs';
import { DescribeTargetGroupsCommand } from '@aws-sdk/client-elastic-load-balancing-v2';
import { convertAwsError } from '@outrider/delegate/aws/errors.ts';
import { setupOutput } from '@outrider/shared/steps/ecs-service-setup.ts';
import type { StepTask } from '@outrider/shared/steps/task.ts';
import type { ServiceName } from '@outrider/simulator/validation/models.ts';
import { AwsError } from '@outrider/simulator/wire/aws-error.ts';
import { startSimulatedAws } from '../simulator/simulated-aws.ts';
import { stepTask } from '../support/step-harness.ts';
import { createSimulatedAws, type SimulatedAws, type SimulatedAwsOptions } from './aws.ts';
import type { CallRates } from './aws-calls.ts';
import { CALL_DEADLINE_MS, sdkError } from './aws-errors.ts';
import { HostClock } from './host-clock.ts';
import { Scheduler } from './scheduler.ts';
import { type RigRun, rigOutput, runOnHost } from './step-rig.ts';

interface Rig {
  readonly scheduler: Scheduler;
  readonly aws: SimulatedAws;
  readonly host: HostClock;
}

function rig(seed: number, options: SimulatedAwsOptions = {}): Rig {
  const scheduler = new Scheduler({ seed, record: true });
  return { scheduler, aws: createSimulatedAws(scheduler, options), host: new HostClock(scheduler, { name: 'd1' }) };
}

const SETUP = stepTask('ecs-service-setup', { with: { instances: { fixed: 2 } } });

function upgrade(output: unknown, percent: string, stepId: string): StepTask {
  const prior = { setup: setupOutput.parse(output), finalResize: percent === '100%' };
  return stepTask('ecs-upgrade-containers', { stepId, with: { desiredInstances: percent }, prior });
}

/** What a canary in two phases does: setup, half, steady, the rest, steady. */
async function canary({ scheduler, aws, host }: Rig): Promise<RigRun[]> {
  const run = (task: StepTask) => runOnHost(scheduler, aws, host, task);
  const setup = await run(SETUP);
  const { serviceName } = setupOutput.parse(rigOutput(setup));
  const steady = (stepId: string) => stepTask('ecs-steady-state-check', { stepId, with: { serviceName } });
  const runs = [setup];
  for (const [percent, phase] of [
    ['50%', 'p1'],
    ['100%', 'p2'],
  ] as const) {
    runs.push(await run(upgrade(rigOutput(setup), percent, `${phase}.2`)), await run(steady(`${phase}.3`)));
  }
  return runs;
}

const ALL_FAULTS: CallRates = {
  throttled: 0.06,
  serverError: 0.06,
  requestLost: 0.06,
  responseLost: 0.06,
  slow: 0.06,
};

/** How often each logical mutation of a kind changed something. */
function changes(aws: SimulatedAws, action: string): number {
  return aws.journal.entries.filter((entry) => entry.action === action && entry.changed).length;
}

describe('steps on simulated AWS, in one process on virtual time', () => {
  test('a canary in two phases brings its service up', async () => {
    const one = rig(1);
    for (const run of await canary(one)) rigOutput(run);
    const services = Object.values(one.aws.state().services);
    assert.deepEqual(
      services.map((service) => [service.name, service.desiredCount]),
      [['ECS__Example__Default_Replica__stage__ecs__1', 2]],
    );
    const running = Object.values(one.aws.state().tasks).filter(({ task }) => task.lastStatus === 'RUNNING');
    assert.equal(running.length, 2);
  });

  test('the same seed gives the same history to the byte, with faults and all; another seed another one', async () => {
    const history = async (seed: number) => {
      const one = rig(seed, { rates: ALL_FAULTS });
      const runs = await canary(one);
      return { trace: one.scheduler.trace.join('\n'), digest: one.scheduler.digest, runs };
    };
    const first = await history(11);
    const second = await history(11);
    assert.equal(second.trace, first.trace);
    assert.deepEqual(second, first);
    assert.notEqual((await history(12)).digest, first.digest);
  });

  test('whatever is lost, late, refused or throttled, each logical mutation happens once', async () => {
    const struck = new Map<string, number>();
    const inexact = new Set<string>();
    for (let seed = 1; seed <= 40; seed++) {
      const one = rig(seed, { rates: ALL_FAULTS });
      const runs = await canary(one);
      for (const run of runs) rigOutput(run);
      assert.equal(changes(one.aws, 'CreateService'), 1, `seed ${seed}`);
      assert.equal(changes(one.aws, 'RegisterTaskDefinition'), 1, `seed ${seed}`);
      assert.equal(changes(one.aws, 'UpdateService'), 2, `seed ${seed}`);
      for (const [fault, count] of one.aws.calls.struck) struck.set(fault, (struck.get(fault) ?? 0) + count);
      for (const entry of one.aws.journal.entries) {
        assert.ok(entry.atMs - entry.sentAtMs <= CALL_DEADLINE_MS, 'effects come within the deadline of the call');
        if (!entry.changed) inexact.add(entry.action);
      }
    }
    assert.deepEqual([...struck.keys()].toSorted(), Object.keys(ALL_FAULTS).toSorted());
    assert.ok(inexact.size > 0, 'lost answers made steps ask twice');
  });

  test('a step that is cut off by a kill is ended by another delegate, and nothing is done twice', async () => {
    const moments = new Set<string>();
    for (let nth = 1; nth <= 40; nth++) {
      let calls = 0;
      const holder: { victim?: HostClock } = {};
      const killAt = () => {
        calls += 1;
        if (calls === nth) holder.victim?.kill();
      };
      const one = rig(nth, { hooks: nth % 2 === 0 ? { sending: killAt } : { performed: killAt } });
      holder.victim = one.host;
      const first = await runOnHost(one.scheduler, one.aws, one.host, SETUP);
      if (first.end !== undefined) break;
      moments.add(nth % 2 === 0 ? 'before' : 'after');
      const second = new HostClock(one.scheduler, { name: 'd2' });
      await one.scheduler.run({ untilMs: one.scheduler.now() + 60_000 });
      rigOutput(await runOnHost(one.scheduler, one.aws, second, SETUP, { facts: first.facts, epoch: 2 }));
      assert.equal(changes(one.aws, 'CreateService'), 1, `call ${nth}`);
      assert.equal(changes(one.aws, 'RegisterTaskDefinition'), 1, `call ${nth}`);
      const epochs = one.aws.journal.entries.map((entry) => entry.epoch);
      assert.deepEqual(
        epochs,
        epochs.toSorted((a, b) => a - b),
        'no change of the dead one after one of the living',
      );
    }
    assert.deepEqual([...moments].toSorted(), ['after', 'before']);
  });

  test('a frozen host hears nothing until it thaws, and then goes on', async () => {
    const one = rig(5);
    let frozenAtMs = 0;
    one.scheduler.after(100, () => {
      frozenAtMs = one.scheduler.now();
      one.host.freeze({ monotonicStands: true });
    });
    one.scheduler.after(90_000, () => one.host.thaw());
    rigOutput(await runOnHost(one.scheduler, one.aws, one.host, SETUP));
    const later = one.aws.journal.entries.filter((entry) => entry.sentAtMs > frozenAtMs);
    assert.ok(later.length > 0);
    for (const entry of later) assert.ok(entry.sentAtMs >= frozenAtMs + 89_900, JSON.stringify(entry));
  });

  test('faults of the world itself come and go at their time', async () => {
    const one = rig(7);
    const setup = rigOutput(await runOnHost(one.scheduler, one.aws, one.host, SETUP));
    const fault = one.aws.addFault({ kind: 'image-pull-failure', image: 'nginx' });
    const failed = await runOnHost(one.scheduler, one.aws, one.host, upgrade(setup, '50%', 'p1.2'));
    assert.ok(failed.end?.kind === 'outcome' && failed.end.outcome.outcome === 'failed');
    assert.equal(failed.end.outcome.failure.code, 'image-pull-failed');
    one.aws.removeFault(fault);
    await one.scheduler.run({ untilMs: one.scheduler.now() + 300_000 });
    rigOutput(await runOnHost(one.scheduler, one.aws, one.host, upgrade(setup, '100%', 'p2.1')));
  });
});

/** Of one canary on average, once the code is warm. Seven are usual where nothing else runs; a busy machine takes several times that. */
const CANARY_MAX_CPU_MS = 100;

test('a canary on simulated AWS costs so little that ten thousand histories are affordable', async (t) => {
  const spend = async (from: number, count: number) => {
    const before = process.cpuUsage();
    let events = 0;
    for (let seed = from; seed < from + count; seed++) {
      const one = rig(seed);
      await canary(one);
      events += one.scheduler.events;
    }
    const { user, system } = process.cpuUsage(before);
    return { cpuMs: (user + system) / 1_000, events };
  };
  await spend(1, 20);
  const count = 40;
  const { cpuMs, events } = await spend(100, count);
  const eachMs = cpuMs / count;
  t.diagnostic(
    `${eachMs.toFixed(1)} ms of CPU and ${Math.round(events / count)} events for five steps: ${Math.round((events / cpuMs) * 1_000)} events/s`,
  );
  assert.ok(eachMs < CANARY_MAX_CPU_MS, `${eachMs} ms`);
});

describe('errors of simulated calls', () => {
  test("are those that the SDK's clients throw for the same refusal on the wire", async () => {
    const wire = await startSimulatedAws();
    const { aws } = rig(1);
    try {
      const arn = 'arn:aws:elasticloadbalancing:us-east-1:123456789012:targetgroup/gone/0123456789abcdef';
      const gone = { cluster: 'example', service: 'gone' };
      const cases: readonly [ServiceName, string, object, () => Promise<unknown>][] = [
        ['ecs', 'DeleteService', gone, () => wire.ecs.send(new DeleteServiceCommand(gone))],
        [
          'ecs',
          'DescribeServices',
          { cluster: 'nowhere', services: ['a'] },
          () => wire.ecs.send(new DescribeServicesCommand({ cluster: 'nowhere', services: ['a'] })),
        ],
        [
          'elbv2',
          'DescribeTargetGroups',
          { TargetGroupArns: [arn] },
          () => wire.elb.send(new DescribeTargetGroupsCommand({ TargetGroupArns: [arn] })),
        ],
        [
          'autoscaling',
          'DescribeScalableTargets',
          { ServiceNamespace: 'ecs', MaxResults: -1 },
          () => wire.scaling.send(new DescribeScalableTargetsCommand({ ServiceNamespace: 'ecs', MaxResults: -1 })),
        ],
      ];
      for (const [service, operation, input, send] of cases) {
        const thrown = await send().then(
          () => assert.fail(`${operation} was not refused`),
          (error: unknown) => error,
        );
        let refusal: unknown;
        try {
          aws.call(service, operation, input);
        } catch (error) {
          refusal = error;
        }
        assert.ok(refusal instanceof AwsError, operation);
        const ours = convertAwsError(sdkError(service, refusal), operation);
        const theirs = convertAwsError(thrown, operation);
        const facts = ({ code, message, data }: typeof ours) => ({ code, message, ...data, requestId: '' });
        assert.deepEqual(facts(ours), facts(theirs));
      }
    } finally {
      await wire.close();
    }
  });
});
