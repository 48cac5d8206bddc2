import type { JsonObject } from '@outrider/shared/json.ts';
import { outputOf, type StepWorld, stepTask } from '../support/step-harness.ts';
import { DAEMON, deployVersion, NEW_IMAGE, named, oneOff, runSetup, type Story } from '../support/step-stories.ts';

const BROKEN_IMAGE = 'library/nginx:broken';

function breakImage(world: StepWorld): void {
  world.simulator.control.addFault({ kind: 'image-pull-failure', image: BROKEN_IMAGE });
}

/** The page's container, which tells CloudWatch Logs what it has to say. */
const LOGGING: JsonObject = {
  name: 'web',
  image: NEW_IMAGE,
  memory: 256,
  logConfiguration: {
    logDriver: 'awslogs',
    options: { 'awslogs-group': '/ecs/web', 'awslogs-region': 'us-east-1', 'awslogs-stream-prefix': 'web' },
  },
};

/** Steps that must fail, and must fail alike wherever they were cut off. */
export const FAILING_STORIES: Readonly<Record<string, Story>> = {
  'an upgrade to a version whose image is missing': {
    type: 'ecs-upgrade-containers',
    async prepare(world) {
      await deployVersion(world, { execution: 1 });
      const setup = await runSetup(world, { execution: 2, image: BROKEN_IMAGE });
      breakImage(world);
      const all = { desiredInstances: '100%' };
      const prior = { setup, finalResize: true };
      return stepTask('ecs-upgrade-containers', { execution: 2, stepId: 'p1.2', with: all, prior });
    },
  },
  'an upgrade to a version whose container crashes': {
    type: 'ecs-upgrade-containers',
    async prepare(world) {
      const service = { taskDefinition: { containerDefinitions: [LOGGING] } };
      const setup = await runSetup(world, { image: NEW_IMAGE, service });
      // Afterwards the world comes to rest: tasks that go on dying would be seen running or not, as it happens.
      world.simulator.control.addFault({
        kind: 'crash',
        image: NEW_IMAGE,
        afterSeconds: 1,
        output: 'no way',
        count: 3,
      });
      const options = { service, stepId: 'p1.2', with: { desiredInstances: '100%' }, prior: { setup } };
      return stepTask('ecs-upgrade-containers', options);
    },
  },
  'an upgrade to a version that fits no container instance': {
    type: 'ecs-upgrade-containers',
    async prepare(world) {
      const service = { taskDefinition: { containerDefinitions: [{ ...LOGGING, cpu: 65_536 }] } };
      const setup = await runSetup(world, { image: NEW_IMAGE, service });
      const options = { service, stepId: 'p1.2', with: { desiredInstances: '100%' }, prior: { setup } };
      return stepTask('ecs-upgrade-containers', options);
    },
  },
  'an update of a daemon to an image that is missing': {
    type: 'ecs-daemon-service-setup',
    async prepare(world) {
      outputOf(await world.run(stepTask('ecs-daemon-service-setup', DAEMON)));
      breakImage(world);
      return stepTask('ecs-daemon-service-setup', { ...DAEMON, execution: 2, image: BROKEN_IMAGE });
    },
  },
  'a canary whose image is missing': {
    type: 'ecs-canary-deploy',
    async prepare(world) {
      breakImage(world);
      return stepTask('ecs-canary-deploy', named(BROKEN_IMAGE));
    },
  },
  'a rolling update to an image that is missing': {
    type: 'ecs-rolling-deploy',
    async prepare(world) {
      outputOf(await world.run(stepTask('ecs-rolling-deploy', named(NEW_IMAGE))));
      breakImage(world);
      return stepTask('ecs-rolling-deploy', { ...named(BROKEN_IMAGE), execution: 2 });
    },
  },
  'a task that ends with another exit code than 0': {
    type: 'ecs-run-task',
    prepare: async () =>
      stepTask('ecs-run-task', { with: { taskDefinition: oneOff('migrate', 'library/busybox:exit-3') } }),
  },
};
