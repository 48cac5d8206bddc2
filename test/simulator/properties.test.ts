import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  CreateServiceCommand,
  DeleteServiceCommand,
  DescribeContainerInstancesCommand,
  DescribeServicesCommand,
  ListContainerInstancesCommand,
  RunTaskCommand,
  UpdateServiceCommand,
} from '@aws-sdk/client-ecs';
import * as fc from 'fast-check';
import { registerWeb, type SimulatedAws, startSimulatedAws } from './simulated-aws.ts';

const IMAGES = ['nginx:1', 'nginx:2', 'nginx:broken', 'nginx:crash', 'nginx:oom'];
const NAMES = ['a', 'b', 'c'];

type Step =
  | {
      readonly kind: 'create';
      readonly name: string;
      readonly revision: number;
      readonly count: number;
      readonly daemon: boolean;
    }
  | { readonly kind: 'resize'; readonly name: string; readonly count: number }
  | { readonly kind: 'deploy'; readonly name: string; readonly revision: number }
  | { readonly kind: 'delete'; readonly name: string; readonly force: boolean }
  | { readonly kind: 'run'; readonly revision: number; readonly count: number }
  | { readonly kind: 'drain'; readonly instance: number; readonly back: boolean }
  | { readonly kind: 'wait'; readonly seconds: number };

const name = fc.constantFrom(...NAMES);
const revision = fc.integer({ min: 1, max: IMAGES.length });
const count = fc.integer({ min: 0, max: 20 });
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ kind: fc.constant('create' as const), name, revision, count, daemon: fc.boolean() }),
  fc.record({ kind: fc.constant('resize' as const), name, count }),
  fc.record({ kind: fc.constant('deploy' as const), name, revision }),
  fc.record({ kind: fc.constant('delete' as const), name, force: fc.boolean() }),
  fc.record({ kind: fc.constant('run' as const), revision, count: fc.integer({ min: 1, max: 10 }) }),
  fc.record({ kind: fc.constant('drain' as const), instance: fc.integer({ min: 0, max: 2 }), back: fc.boolean() }),
  fc.record({ kind: fc.constant('wait' as const), seconds: fc.integer({ min: 1, max: 400 }) }),
);

async function perform(aws: SimulatedAws, one: Step): Promise<void> {
  const cluster = 'example';
  switch (one.kind) {
    case 'create': {
      const kind = one.daemon ? { schedulingStrategy: 'DAEMON' as const } : { desiredCount: one.count };
      await aws.ecs.send(
        new CreateServiceCommand({ cluster, serviceName: one.name, taskDefinition: `web:${one.revision}`, ...kind }),
      );
      return;
    }
    case 'resize':
      await aws.ecs.send(new UpdateServiceCommand({ cluster, service: one.name, desiredCount: one.count }));
      return;
    case 'deploy':
      await aws.ecs.send(
        new UpdateServiceCommand({ cluster, service: one.name, taskDefinition: `web:${one.revision}` }),
      );
      return;
    case 'delete':
      await aws.ecs.send(new DeleteServiceCommand({ cluster, service: one.name, force: one.force }));
      return;
    case 'run':
      await aws.ecs.send(new RunTaskCommand({ cluster, taskDefinition: `web:${one.revision}`, count: one.count }));
      return;
    case 'drain': {
      const instance = Object.values(aws.simulator.control.state().instances)[one.instance];
      aws.simulator.control.setInstanceStatus(instance?.id ?? '', one.back ? 'ACTIVE' : 'DRAINING');
      return;
    }
    case 'wait':
      aws.advance(one.seconds);
      return;
    default:
      one satisfies never;
  }
}

/** What holds at every instant, whatever was asked for. */
async function checkInvariants(aws: SimulatedAws): Promise<void> {
  const { state } = aws.simulator.world;
  const { containerInstanceArns } = await aws.ecs.send(new ListContainerInstancesCommand({ cluster: 'example' }));
  const described = await aws.ecs.send(
    new DescribeContainerInstancesCommand({ cluster: 'example', containerInstances: containerInstanceArns }),
  );
  for (const instance of described.containerInstances ?? []) {
    for (const resource of instance.remainingResources ?? [])
      assert.ok((resource.integerValue ?? 0) >= 0, 'an instance is overbooked');
    const ports = Object.values(state.tasks)
      .filter(
        ({ task }) => task.containerInstanceArn === instance.containerInstanceArn && task.lastStatus !== 'STOPPED',
      )
      .flatMap(({ hostPorts }) => hostPorts);
    assert.equal(new Set(ports).size, ports.length, 'a host port is used twice');
  }
  const { services } = await aws.ecs.send(new DescribeServicesCommand({ cluster: 'example', services: NAMES }));
  for (const service of services ?? []) {
    const live = Object.values(state.tasks).filter(
      (one) => one.serviceArn === service.serviceArn && one.task.desiredStatus === 'RUNNING',
    );
    assert.ok((service.events?.length ?? 0) <= 100);
    assert.equal(
      service.deployments?.filter(({ status }) => status === 'PRIMARY').length,
      service.status === 'INACTIVE' ? 0 : 1,
    );
    if (service.status === 'INACTIVE') assert.equal(live.length, 0);
  }
}

test('whatever is asked of it, the world keeps its own laws and answers with nothing but AWS’s errors', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 3, maxLength: 14 }), fc.integer(), async (steps, seed) => {
      const aws = await startSimulatedAws({ seed });
      try {
        for (const image of IMAGES) await registerWeb(aws, image);
        for (const one of steps) {
          // AWS refuses some of these steps; the call log below tells a refusal from a defect.
          await perform(aws, one).catch(() => undefined);
          await checkInvariants(aws);
        }
        const broken = aws.simulator.control.calls().filter(({ status }) => status >= 500);
        assert.deepEqual(broken, []);
        aws.advance(1200);
        await checkInvariants(aws);
      } finally {
        await aws.close();
      }
    }),
    { numRuns: 20 },
  );
});

test('a service of good tasks always gets to where it was told to go, and then stays there', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(
        fc.record({
          count: fc.integer({ min: 0, max: 10 }),
          revision: fc.integer({ min: 1, max: 2 }),
          seconds: fc.integer({ min: 0, max: 90 }),
        }),
        { minLength: 1, maxLength: 6 },
      ),
      async (changes) => {
        const aws = await startSimulatedAws();
        try {
          for (const image of IMAGES) await registerWeb(aws, image);
          await aws.ecs.send(
            new CreateServiceCommand({
              cluster: 'example',
              serviceName: 'a',
              taskDefinition: 'web:1',
              desiredCount: 1,
            }),
          );
          for (const change of changes) {
            const taskDefinition = `web:${change.revision}`;
            await aws.ecs.send(
              new UpdateServiceCommand({
                cluster: 'example',
                service: 'a',
                taskDefinition,
                desiredCount: change.count,
              }),
            );
            aws.advance(change.seconds);
          }
          aws.advance(900);
          const { services } = await aws.ecs.send(new DescribeServicesCommand({ cluster: 'example', services: ['a'] }));
          const [service] = services ?? [];
          const last = changes.at(-1);
          assert.deepEqual(
            [service?.runningCount, service?.pendingCount, service?.desiredCount],
            [last?.count, 0, last?.count],
          );
          assert.deepEqual(
            service?.deployments?.map(({ rolloutState }) => rolloutState),
            ['COMPLETED'],
          );
          assert.match(service?.events?.[0]?.message ?? '', /has reached a steady state\.$/);
          const quiet = service?.events?.length;
          aws.advance(3600);
          const later = await aws.ecs.send(new DescribeServicesCommand({ cluster: 'example', services: ['a'] }));
          assert.equal(later.services?.[0]?.events?.length, quiet);
        } finally {
          await aws.close();
        }
      },
    ),
    { numRuns: 40 },
  );
});
