import { addServiceEvent, announceProblem, taskList } from './events.ts';
import { definitionOf } from './lookups.ts';
import { placementFault, placeOnFargate, placeOnInstance } from './placement.ts';
import { requestReconcile } from './service-schedule.ts';
import type { TaskStart } from './start-task.ts';
import { startTask } from './start-task.ts';
import type { DeploymentState, InstanceState, ServiceSettings, ServiceState, TaskState } from './state.ts';
import { stopTask } from './task-life.ts';
import { compact } from './wire-types.ts';
import type { World } from './world.ts';

/** The scheduler starts at most this many tasks of a service at one go. */
const BATCH = 10;
const NEXT_BATCH_MILLISECONDS = 1_000;

/** Starts up to `count` tasks of a deployment where there is room, with the event that says so, or why not. */
export function startServiceTasks(
  world: World,
  service: ServiceState,
  deployment: DeploymentState,
  count: number,
): void {
  if (deployment.rolloutState === 'FAILED') return;
  if (world.now < service.nextStartAt) {
    requestReconcile(world, service, service.nextStartAt - world.now);
    return;
  }
  const started: TaskState[] = [];
  for (let index = 0; index < Math.min(count, BATCH); index += 1) {
    const placed = place(world, service, deployment);
    if (placed.kind === 'refused') {
      announceProblem(
        world,
        service,
        `was unable to place a task${placed.text.startsWith('Reason') ? '. ' : ' '}${placed.text}`,
      );
      requestReconcile(world, service, world.seconds(15, 30));
      break;
    }
    started.push(startOne(world, service, deployment, placed.instance));
  }
  announceStart(world, service, started);
  if (count > BATCH && started.length === BATCH) requestReconcile(world, service, NEXT_BATCH_MILLISECONDS);
}

/** Starts one task of a deployment on the given instance, or on Fargate without one. */
export function startOne(
  world: World,
  service: ServiceState,
  deployment: DeploymentState,
  instance: InstanceState | undefined,
): TaskState {
  const { settings } = service;
  return startTask(
    world,
    compact<TaskStart>({
      clusterArn: service.clusterArn,
      definition: definitionOf(world.state, deployment.taskDefinition),
      launchType: launchTypeOf(settings),
      capacityProviderName: settings.capacityProviderStrategy?.[0]?.capacityProvider,
      instance,
      networkConfiguration: deployment.networkConfiguration,
      loadBalancers: settings.loadBalancers ?? [],
      group: `service:${service.name}`,
      startedBy: deployment.id,
      serviceArn: service.arn,
      platformVersion: settings.platformVersion,
      enableExecuteCommand: settings.enableExecuteCommand ?? false,
      tags: propagatedTags(world, service, deployment),
    }),
  );
}

/** Stops tasks on the scheduler's behalf, with its event. */
export function stopServiceTasks(
  world: World,
  service: ServiceState,
  tasks: readonly TaskState[],
  onBehalfOf: string,
): void {
  if (tasks.length === 0) return;
  service.steady = false;
  const reason = `Scaling activity initiated by (deployment ${onBehalfOf})`;
  addServiceEvent(
    world,
    service,
    `has stopped ${tasks.length} running tasks: ${taskList(tasks.map((one) => one.id))}.`,
  );
  for (const one of tasks) stopTask(world, one, { stopCode: 'ServiceSchedulerInitiated', reason, alreadyDown: false });
}

export function announceStart(world: World, service: ServiceState, started: readonly TaskState[]): void {
  if (started.length === 0) return;
  service.steady = false;
  if (service.failureStreak === 0) service.announcedProblem = '';
  addServiceEvent(world, service, `has started ${started.length} tasks: ${taskList(started.map((one) => one.id))}.`);
}

/** Where a service's tasks run: its launch type, or what its capacity providers stand for. */
export function launchTypeOf(settings: ServiceSettings): 'EC2' | 'FARGATE' | 'EXTERNAL' {
  const provider = settings.capacityProviderStrategy?.[0]?.capacityProvider;
  if (provider !== undefined) return provider.startsWith('FARGATE') ? 'FARGATE' : 'EC2';
  return settings.launchType === 'FARGATE' || settings.launchType === 'EXTERNAL' ? settings.launchType : 'EC2';
}

function place(
  world: World,
  service: ServiceState,
  deployment: DeploymentState,
): { kind: 'placed'; instance: InstanceState | undefined } | { kind: 'refused'; text: string } {
  const fault = placementFault(world, service.clusterArn);
  if (fault !== undefined) return { kind: 'refused', text: fault };
  if (launchTypeOf(service.settings) === 'FARGATE') {
    const { refused } = placeOnFargate(world, service.clusterArn);
    return refused === undefined ? { kind: 'placed', instance: undefined } : { kind: 'refused', text: refused };
  }
  return placeOnInstance(world.state, {
    clusterArn: service.clusterArn,
    definition: definitionOf(world.state, deployment.taskDefinition).definition,
    constraints: service.settings.placementConstraints ?? [],
    strategies: service.settings.placementStrategy ?? [],
    group: `service:${service.name}`,
  });
}

function propagatedTags(world: World, service: ServiceState, deployment: DeploymentState): TaskStart['tags'] {
  const source = service.settings.propagateTags;
  if (source === 'SERVICE') return [...service.tags];
  if (source === 'TASK_DEFINITION') return [...definitionOf(world.state, deployment.taskDefinition).tags];
  return [];
}
