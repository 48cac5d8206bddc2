import { satisfies } from './constraints.ts';
import { announceProblem, TROUBLESHOOTING } from './events.ts';
import { definitionOf, isRunning, liveTasks, tasksOf } from './lookups.ts';
import { activeInstances, remainingOf, reservationOf } from './resources.ts';
import { requestReconcile } from './service-schedule.ts';
import { announceStart, startOne, stopServiceTasks } from './service-tasks.ts';
import type { DeploymentState, InstanceState, ServiceState, TaskState } from './state.ts';
import type { World } from './world.ts';

/** Keeps one task on each eligible instance; replaces old ones in place, never two at a time on an instance. */
export function reconcileDaemon(world: World, service: ServiceState, primary: DeploymentState): void {
  const { definition } = definitionOf(world.state, primary.taskDefinition);
  const constraints = [...(service.settings.placementConstraints ?? []), ...(definition.placementConstraints ?? [])];
  const eligible = activeInstances(world.state, service.clusterArn).filter((instance) =>
    satisfies(instance, constraints),
  );
  service.desiredCount = eligible.length;
  stopOld(world, service, primary, eligible);
  if (primary.rolloutState === 'FAILED') return;
  if (world.now < service.nextStartAt) {
    requestReconcile(world, service, service.nextStartAt - world.now);
    return;
  }
  startMissing(world, service, primary, eligible);
}

function stopOld(
  world: World,
  service: ServiceState,
  primary: DeploymentState,
  eligible: readonly InstanceState[],
): void {
  const arns = new Set(eligible.map((instance) => instance.arn));
  const live = liveTasks(world.state, service);
  const homeless = live.filter((one) => !arns.has(one.task.containerInstanceArn ?? ''));
  const old = live.filter((one) => !homeless.includes(one) && one.deploymentId !== primary.id);
  const percent = service.settings.deploymentConfiguration?.minimumHealthyPercent ?? 0;
  const least = Math.ceil((service.desiredCount * percent) / 100);
  const running = live.filter((one) => isRunning(one) && !homeless.includes(one)).length;
  const ailing = old.filter((one) => !isRunning(one));
  const spare = Math.max(0, running - least);
  stopServiceTasks(world, service, [...homeless, ...ailing, ...old.filter(isRunning).slice(0, spare)], primary.id);
}

function startMissing(
  world: World,
  service: ServiceState,
  primary: DeploymentState,
  eligible: readonly InstanceState[],
): void {
  const occupied = new Set(
    tasksOf(world.state, service)
      .filter((one) => one.task.lastStatus !== 'STOPPED')
      .map((one) => one.task.containerInstanceArn),
  );
  const wanted = reservationOf(definitionOf(world.state, primary.taskDefinition).definition);
  const started: TaskState[] = [];
  for (const instance of eligible) {
    if (occupied.has(instance.arn)) continue;
    const left = remainingOf(world.state, instance);
    const blocked = wanted.fixedPorts.some((port) => left.usedPorts.has(port));
    if (left.cpu >= wanted.cpu && left.memoryMiB >= wanted.memoryMiB && !blocked) {
      started.push(startOne(world, service, primary, instance));
      continue;
    }
    const problem = blocked
      ? 'is already using a port required by your task.'
      : `has insufficient ${left.cpu < wanted.cpu ? 'CPU units' : 'memory'} available.`;
    announceProblem(
      world,
      service,
      `was unable to place a task because no container instance met all of its requirements. The closest matching (container-instance ${instance.id}) ${problem} ${TROUBLESHOOTING}`,
    );
    requestReconcile(world, service, world.seconds(15, 30));
  }
  announceStart(world, service, started);
}
