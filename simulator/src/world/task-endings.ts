import type { TaskEnding } from './agenda.ts';
import { addServiceEvent } from './events.ts';
import { noteHealthFailure } from './service-accounting.ts';
import type { TaskState } from './state.ts';
import { essentialContainers, stopTask } from './task-life.ts';
import type { World } from './world.ts';

/** A running task's container comes to its end. A task that is no longer running is left alone. */
export function endTask(world: World, one: TaskState, ending: TaskEnding): void {
  if (one.task.lastStatus !== 'RUNNING' || one.task.desiredStatus !== 'RUNNING') return;
  const essential = essentialContainers(world, one)[0]?.name;
  const container = one.task.containers.find((candidate) => candidate.name === essential);
  switch (ending.kind) {
    case 'exit':
      if (container !== undefined) container.exitCode = ending.exitCode;
      stopExited(world, one);
      return;
    case 'out-of-memory':
      if (container !== undefined) {
        container.exitCode = 137;
        container.reason = 'OutOfMemoryError: Container killed due to memory usage';
      }
      stopExited(world, one);
      return;
    case 'unhealthy': {
      if (container !== undefined) container.healthStatus = 'UNHEALTHY';
      one.task.healthStatus = 'UNHEALTHY';
      failHealth(world, one, `(task ${one.id}) failed container health checks.`, 'Task failed container health checks');
      return;
    }
    default:
      ending satisfies never;
  }
}

/** The service scheduler gives up on an unhealthy task. A task without a service just stays unhealthy. */
export function failHealth(world: World, one: TaskState, event: string, reason: string): void {
  const service = one.serviceArn === undefined ? undefined : world.state.services[one.serviceArn];
  if (service === undefined) return;
  const grace = (service.settings.healthCheckGracePeriodSeconds ?? 0) * 1000;
  const graceLeft = (one.task.startedAt ?? world.now) + grace - world.now;
  if (graceLeft > 0) {
    world.schedule(graceLeft, { kind: 'end-task', taskArn: one.task.taskArn, ending: { kind: 'unhealthy' } });
    return;
  }
  addServiceEvent(world, service, event);
  noteHealthFailure(world, service, one);
  stopTask(world, one, { stopCode: 'ServiceSchedulerInitiated', reason, alreadyDown: false });
}

function stopExited(world: World, one: TaskState): void {
  for (const container of one.task.containers) {
    if (container.exitCode === undefined && container.lastStatus === 'RUNNING') container.exitCode = 0;
    container.lastStatus = 'STOPPED';
  }
  stopTask(world, one, {
    stopCode: 'EssentialContainerExited',
    reason: 'Essential container in task exited',
    alreadyDown: true,
  });
}
