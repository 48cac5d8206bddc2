import type { InstanceState, ServiceState, TaskDefinitionState, TaskState, WorldState } from './state.ts';

/** Tasks of a service that are meant to run: not stopped and not on their way to it. */
export function liveTasks(state: WorldState, service: ServiceState): TaskState[] {
  return tasksOf(state, service).filter(
    (one) => one.task.desiredStatus === 'RUNNING' && one.task.lastStatus !== 'STOPPED',
  );
}

/** All tasks of a service that are still known, stopped ones included, oldest first. */
export function tasksOf(state: WorldState, service: ServiceState): TaskState[] {
  return Object.values(state.tasks).filter((one) => one.serviceArn === service.arn);
}

export function isRunning(one: TaskState): boolean {
  return one.task.lastStatus === 'RUNNING' && one.task.desiredStatus === 'RUNNING';
}

export function instancesOf(state: WorldState, clusterArn: string): InstanceState[] {
  return Object.values(state.instances).filter((instance) => instance.clusterArn === clusterArn);
}

/** The registered definition behind an ARN that the world itself handed out. */
export function definitionOf(state: WorldState, taskDefinitionArn: string): TaskDefinitionState {
  const found = state.taskDefinitions[taskDefinitionArn];
  if (found === undefined) throw new Error(`The world lost task definition ${taskDefinitionArn}`);
  return found;
}

/** The last part of an ARN or path. */
export function lastPart(arn: string): string {
  return arn.slice(arn.lastIndexOf('/') + 1);
}

export function clusterNameOf(clusterArn: string): string {
  return lastPart(clusterArn);
}
