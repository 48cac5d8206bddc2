import type { Json, JsonObject } from '@outrider/shared/json.ts';
import { type SetupOutput, setupOutput } from '@outrider/shared/steps/ecs-service-setup.ts';
import type { StepType } from '@outrider/shared/steps/index.ts';
import type { StepTask, UndoneStep } from '@outrider/shared/steps/task.ts';
import {
  FARGATE_TARGET,
  fargateTaskDefinition,
  outputOf,
  type StepRun,
  type StepWorld,
  stepTask,
  type TaskOptions,
} from './step-harness.ts';
import { makeTargetGroups } from './target-groups.ts';

/** One case for each step: what there is before it, and the task. */
export interface Story {
  readonly type: StepType;
  prepare(world: StepWorld): Promise<StepTask>;
}

export const NEW_IMAGE = 'library/nginx:2';

/** Deploys a version all the way, as an earlier execution would have. */
export async function deployVersion(
  world: StepWorld,
  options: TaskOptions & { readonly instances?: number } = {},
): Promise<SetupOutput> {
  const { instances = 2, ...rest } = options;
  const setup = await runSetup(world, { ...rest, with: { instances: { fixed: instances }, ...rest.with } });
  const prior = { setup, finalResize: true };
  const task = stepTask('ecs-upgrade-containers', {
    ...rest,
    stepId: 'p1.2',
    with: { desiredInstances: '100%' },
    prior,
  });
  outputOf(await world.run(task));
  return setup;
}

export async function runSetup(world: StepWorld, options: TaskOptions): Promise<SetupOutput> {
  return setupOutput.parse(outputOf(await world.run(stepTask('ecs-service-setup', options))));
}

export function undoneBy(run: StepRun, type: StepType, phase = 'Phase 1'): UndoneStep {
  const status = run.outcome.outcome === 'succeeded' ? 'succeeded' : 'failed';
  return { stepId: 'p1.2', phase, type, status, facts: run.facts, output: null };
}

export const AUTO_SCALER: JsonObject = {
  scalableTarget: {
    ServiceNamespace: 'ecs',
    ScalableDimension: 'ecs:service:DesiredCount',
    MinCapacity: 2,
    MaxCapacity: 5,
  },
  scalingPolicies: [
    {
      PolicyName: 'P1',
      PolicyType: 'TargetTrackingScaling',
      TargetTrackingScalingPolicyConfiguration: {
        TargetValue: 60,
        PredefinedMetricSpecification: { PredefinedMetricType: 'ECSServiceAverageCPUUtilization' },
        ScaleOutCooldown: 300,
        ScaleInCooldown: 300,
      },
    },
  ],
};

/** The second page's service. */
export function named(image: string): TaskOptions {
  return {
    target: FARGATE_TARGET,
    image,
    service: {
      taskDefinition: fargateTaskDefinition(image, 'fargate-task-definition'),
      serviceDefinition: { serviceName: 'myapp', desiredCount: 2 },
    },
  };
}

export const DAEMON: TaskOptions = { service: { strategy: 'DAEMON', family: 'agent' } };

async function secondVersion(world: StepWorld, options: TaskOptions = {}): Promise<SetupOutput> {
  await deployVersion(world, { execution: 1, ...options });
  return await runSetup(world, { ...options, execution: 2, image: NEW_IMAGE });
}

export const STORIES: Readonly<Record<string, Story>> = {
  'a setup with no older version': {
    type: 'ecs-service-setup',
    prepare: async () => stepTask('ecs-service-setup', { with: { instances: { fixed: 2 } } }),
  },
  'a setup with an old version, one without tasks and one too many': {
    type: 'ecs-service-setup',
    async prepare(world) {
      await deployVersion(world, { execution: 1, with: { autoScaler: AUTO_SCALER } });
      const setup = await runSetup(world, { execution: 2, image: 'library/nginx:1.1' });
      const half = { desiredInstances: '50%' };
      outputOf(
        await world.run(
          stepTask('ecs-upgrade-containers', { execution: 2, stepId: 'p1.2', with: half, prior: { setup } }),
        ),
      );
      // Leaves its version at 0, and brings the oldest one to 0, which is then put back.
      await runSetup(world, { execution: 3, image: 'library/nginx:1.2' });
      await world.aws.ecs.updateService('example', setup.previous[0]?.name ?? '', { desiredCount: 1 });
      world.advance(120_000);
      return stepTask('ecs-service-setup', { execution: 4, image: NEW_IMAGE });
    },
  },
  'a setup beside two versions with auto scaling': {
    type: 'ecs-service-setup',
    async prepare(world) {
      const first = await deployVersion(world, { execution: 1 });
      const second = await runSetup(world, { execution: 2, image: 'library/nginx:1.1' });
      await world.aws.ecs.updateService('example', second.serviceName, { desiredCount: 1 });
      for (const { serviceName } of [first, second]) await scaleByLoad(world, 'example', serviceName);
      world.advance(120_000);
      return stepTask('ecs-service-setup', { execution: 3, image: NEW_IMAGE });
    },
  },
  'a setup with a load balancer': {
    type: 'ecs-service-setup',
    async prepare(world) {
      const [targetGroupArn = ''] = await makeTargetGroups(world, { count: 1, targetType: 'instance' });
      return stepTask('ecs-service-setup', { with: { loadBalancers: [{ targetGroupArn }] } });
    },
  },
  'an upgrade behind a load balancer': {
    type: 'ecs-upgrade-containers',
    async prepare(world) {
      const [targetGroupArn = ''] = await makeTargetGroups(world, { count: 1, targetType: 'instance' });
      const balanced: TaskOptions = { with: { loadBalancers: [{ targetGroupArn }] } };
      const setup = await secondVersion(world, balanced);
      const all = { desiredInstances: '100%' };
      return stepTask('ecs-upgrade-containers', { execution: 2, stepId: 'p1.2', with: all, prior: { setup } });
    },
  },
  'an upgrade to half beside an old version': {
    type: 'ecs-upgrade-containers',
    async prepare(world) {
      const setup = await secondVersion(world);
      return stepTask('ecs-upgrade-containers', {
        execution: 2,
        stepId: 'p1.2',
        with: { desiredInstances: '50%' },
        prior: { setup },
      });
    },
  },
  'a final upgrade with auto scaling on both versions': {
    type: 'ecs-upgrade-containers',
    async prepare(world) {
      const setup = await secondVersion(world, { with: { autoScaler: AUTO_SCALER } });
      const prior = { setup, finalResize: true };
      return stepTask('ecs-upgrade-containers', {
        execution: 2,
        stepId: 'p1.2',
        with: { desiredInstances: '100%' },
        prior,
      });
    },
  },
  'a rollback of one phase with auto scaling': {
    type: 'ecs-rollback-containers',
    async prepare(world) {
      const setup = await secondVersion(world, { with: { autoScaler: AUTO_SCALER } });
      const all = { desiredInstances: '100%' };
      const prior = { setup, finalResize: true };
      const done = await world.run(
        stepTask('ecs-upgrade-containers', { execution: 2, stepId: 'p1.2', with: all, prior }),
      );
      const undo = [undoneBy(done, 'ecs-upgrade-containers')];
      return stepTask('ecs-rollback-containers', {
        execution: 2,
        stepId: 'r1.1',
        rollback: true,
        prior: { setup, undo },
      });
    },
  },
  'a rollback of all phases at once': {
    type: 'ecs-rollback-containers',
    async prepare(world) {
      const setup = await secondVersion(world);
      const half = { desiredInstances: '50%' };
      const done = await world.run(
        stepTask('ecs-upgrade-containers', { execution: 2, stepId: 'p1.2', with: half, prior: { setup } }),
      );
      const undo = [undoneBy(done, 'ecs-upgrade-containers')];
      return stepTask('ecs-rollback-containers', {
        execution: 2,
        stepId: 'r1.1',
        rollback: true,
        with: { allPhases: true },
        prior: { setup, undo },
      });
    },
  },
  'a first daemon setup': {
    type: 'ecs-daemon-service-setup',
    prepare: async () => stepTask('ecs-daemon-service-setup', DAEMON),
  },
  'an update of a daemon': {
    type: 'ecs-daemon-service-setup',
    async prepare(world) {
      outputOf(await world.run(stepTask('ecs-daemon-service-setup', DAEMON)));
      return stepTask('ecs-daemon-service-setup', { ...DAEMON, execution: 2, image: NEW_IMAGE });
    },
  },
  'a rollback of a daemon update': {
    type: 'ecs-daemon-rollback',
    async prepare(world) {
      outputOf(await world.run(stepTask('ecs-daemon-service-setup', DAEMON)));
      const update = stepTask('ecs-daemon-service-setup', { ...DAEMON, execution: 2, image: NEW_IMAGE });
      const undo = [undoneBy(await world.run(update), 'ecs-daemon-service-setup')];
      return stepTask('ecs-daemon-rollback', {
        ...DAEMON,
        execution: 2,
        stepId: 'r1.1',
        rollback: true,
        prior: { undo },
      });
    },
  },
  'a rollback of a first daemon': {
    type: 'ecs-daemon-rollback',
    async prepare(world) {
      const first = await world.run(stepTask('ecs-daemon-service-setup', DAEMON));
      const undo = [undoneBy(first, 'ecs-daemon-service-setup')];
      return stepTask('ecs-daemon-rollback', { ...DAEMON, stepId: 'r1.1', rollback: true, prior: { undo } });
    },
  },
  'a steady state check': {
    type: 'ecs-steady-state-check',
    async prepare(world) {
      const setup = await deployVersion(world);
      await world.aws.ecs.updateService('example', setup.serviceName, { desiredCount: 3 });
      return stepTask('ecs-steady-state-check', { execution: 2, with: { serviceName: setup.serviceName } });
    },
  },
  'a canary on Fargate': {
    type: 'ecs-canary-deploy',
    prepare: async () => stepTask('ecs-canary-deploy', named(NEW_IMAGE)),
  },
  'a canary where an old one was left': {
    type: 'ecs-canary-deploy',
    async prepare(world) {
      outputOf(await world.run(stepTask('ecs-canary-deploy', named('library/nginx:1'))));
      return stepTask('ecs-canary-deploy', { ...named(NEW_IMAGE), execution: 2 });
    },
  },
  'a canary deletion': {
    type: 'ecs-canary-delete',
    async prepare(world) {
      outputOf(await world.run(stepTask('ecs-canary-deploy', named(NEW_IMAGE))));
      return stepTask('ecs-canary-delete', { ...named(NEW_IMAGE), stepId: 'p1.2' });
    },
  },
  'a first rolling deployment': {
    type: 'ecs-rolling-deploy',
    prepare: async () => stepTask('ecs-rolling-deploy', named(NEW_IMAGE)),
  },
  'a rolling update with auto scaling': {
    type: 'ecs-rolling-deploy',
    async prepare(world) {
      await rollingWithAutoScaling(world);
      return stepTask('ecs-rolling-deploy', { ...named(NEW_IMAGE), execution: 2 });
    },
  },
  'a rollback of a rolling update': {
    type: 'ecs-rolling-rollback',
    async prepare(world) {
      await rollingWithAutoScaling(world);
      const update = await world.run(stepTask('ecs-rolling-deploy', { ...named(NEW_IMAGE), execution: 2 }));
      const undo = [undoneBy(update, 'ecs-rolling-deploy')];
      return stepTask('ecs-rolling-rollback', {
        ...named(NEW_IMAGE),
        execution: 2,
        stepId: 'r1.1',
        rollback: true,
        prior: { undo },
      });
    },
  },
  'a rollback of a first rolling deployment': {
    type: 'ecs-rolling-rollback',
    async prepare(world) {
      const undo = [undoneBy(await world.run(stepTask('ecs-rolling-deploy', named(NEW_IMAGE))), 'ecs-rolling-deploy')];
      return stepTask('ecs-rolling-rollback', { ...named(NEW_IMAGE), stepId: 'r1.1', rollback: true, prior: { undo } });
    },
  },
  'a task that runs to its end': {
    type: 'ecs-run-task',
    prepare: async () => stepTask('ecs-run-task', { with: { taskDefinition: oneOff('migrate') } }),
  },
  'two definitions, two tasks of each': {
    type: 'ecs-run-task',
    prepare: async () =>
      stepTask('ecs-run-task', { with: { count: 2, taskDefinitions: [oneOff('migrate'), oneOff('seed')] } }),
  },
};

/** Does its work and ends, in the simulated AWS: it has a command. */
export function oneOff(name: string, image = 'library/busybox:1'): JsonObject {
  return { containerDefinitions: [{ name, image, memory: 64, command: ['run', name] }] };
}

async function rollingWithAutoScaling(world: StepWorld): Promise<void> {
  outputOf(await world.run(stepTask('ecs-rolling-deploy', named('library/nginx:1'))));
  await scaleByLoad(world, 'fargate', 'myapp');
}

/** All that auto scaling can have: a target, a policy and a scheduled action. */
async function scaleByLoad(world: StepWorld, cluster: string, service: string): Promise<void> {
  const { autoScaling } = world.aws;
  await autoScaling.registerScalableTarget(cluster, service, { MinCapacity: 1, MaxCapacity: 4 });
  await autoScaling.putScalingPolicy(cluster, service, {
    PolicyName: 'by-load',
    PolicyType: 'TargetTrackingScaling',
    TargetTrackingScalingPolicyConfiguration: {
      TargetValue: 60,
      PredefinedMetricSpecification: { PredefinedMetricType: 'ECSServiceAverageCPUUtilization' },
    },
  });
  await autoScaling.putScheduledAction(cluster, service, {
    ScheduledActionName: 'mornings',
    Schedule: 'cron(0 7 * * ? *)',
    ScalableTargetAction: { MinCapacity: 2 },
  });
}

/** The world as far as deployments go, without ids and times: what two runs must agree on. */
export function worldOf(world: StepWorld): JsonObject {
  const state = world.simulator.control.state();
  const services: Record<string, Json> = {};
  for (const service of Object.values(state.services)) {
    if (service.status !== 'ACTIVE') continue;
    const tasks = Object.values(state.tasks).filter(
      (one) =>
        one.serviceArn === service.arn && one.task.lastStatus === 'RUNNING' && one.task.desiredStatus === 'RUNNING',
    );
    services[service.arn] = {
      status: service.status,
      desired: service.desiredCount,
      running: tasks.length,
      taskDefinition: service.taskDefinition,
      tags: service.tags.map((tag) => `${tag.key}=${tag.value}`).toSorted(),
    };
  }
  return {
    services,
    oneOffTasks: Object.values(state.tasks).filter((one) => one.serviceArn === undefined).length,
    revisions: { ...state.families },
    scalableTargets: Object.values(state.scalableTargets).map((target) => [
      target.ResourceId ?? '',
      target.MinCapacity ?? 0,
      target.MaxCapacity ?? 0,
      JSON.stringify(target.SuspendedState ?? {}),
    ]),
    policies: Object.values(state.scalingPolicies).map((policy) => `${policy.ResourceId} ${policy.PolicyName}`),
  };
}
