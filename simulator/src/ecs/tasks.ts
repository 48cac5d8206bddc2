import type { DescribeTasksRequest, Failure, ListTasksRequest, StopTaskRequest, Task } from '@aws-sdk/client-ecs';
import { AwsError, invalidParameter } from '../wire/aws-error.ts';
import { defineOperation } from '../wire/operation.ts';
import { lastPart } from '../world/lookups.ts';
import type { ClusterState, TaskState, WorldState } from '../world/state.ts';
import { stopTask } from '../world/task-life.ts';
import type { Wire } from '../world/wire-types.ts';
import { checkTaskReference, clusterOf, findService, findTask, page } from './arguments.ts';

const READ = { mutates: false, quota: 'ecs cluster resource read' } as const;
const MODIFY = { mutates: true, quota: 'ecs cluster resource modify' } as const;
const MAX_TASKS = 100;

export const taskOperations = [
  defineOperation('ListTasks', READ, ({ world }, input: Wire<ListTasksRequest>) => {
    const cluster = clusterOf(world.state, input.cluster);
    checkFilters(input);
    if (input.serviceName !== undefined && findService(world.state, cluster, input.serviceName) === undefined) {
      throw new AwsError('ServiceNotFoundException', 'Service not found.');
    }
    const arns = Object.values(world.state.tasks)
      .filter((one) => one.task.clusterArn === cluster.arn && isListed(world.state, one, input))
      .map((one) => one.task.taskArn)
      .toSorted();
    const { items, ...rest } = page(arns, input, { usual: 100, most: 100 });
    return { taskArns: items, ...rest };
  }),
  defineOperation('DescribeTasks', READ, ({ world }, input: Wire<DescribeTasksRequest>) => {
    const cluster = clusterOf(world.state, input.cluster);
    if (input.tasks.length === 0) throw invalidParameter('Tasks cannot be empty.');
    if (input.tasks.length > MAX_TASKS) throw invalidParameter(`Tasks cannot contain more than ${MAX_TASKS} elements.`);
    for (const reference of input.tasks) checkTaskReference(reference, cluster);
    const tasks: Wire<Task>[] = [];
    const failures: Wire<Failure>[] = [];
    for (const reference of input.tasks) {
      const found = findTask(world.state, cluster, reference);
      if (found === undefined) failures.push({ arn: taskArnOf(reference, cluster), reason: 'MISSING' });
      else tasks.push(viewTask(found, input.include?.includes('TAGS') ?? false));
    }
    return { tasks, failures };
  }),
  defineOperation('StopTask', MODIFY, ({ world }, input: Wire<StopTaskRequest>) => {
    const cluster = clusterOf(world.state, input.cluster);
    checkTaskReference(input.task, cluster);
    const found = findTask(world.state, cluster, input.task);
    if (found === undefined) throw invalidParameter('The referenced task was not found.');
    if ((input.reason ?? '').length > 1024) throw invalidParameter('reason must not be longer than 1024 characters.');
    const reason = input.reason ?? 'Task stopped by user';
    stopTask(world, found, { stopCode: 'UserInitiated', reason, alreadyDown: false });
    return { task: viewTask(found, false) };
  }),
];

export function viewTask(one: TaskState, withTags: boolean): Wire<Task> {
  return { ...one.task, tags: withTags ? (one.task.tags ?? []) : [] };
}

function taskArnOf(reference: string, cluster: ClusterState): string {
  return reference.startsWith('arn:') ? reference : `${cluster.arn.replace(':cluster/', ':task/')}/${reference}`;
}

function checkFilters(input: Wire<ListTasksRequest>): void {
  const others = [input.serviceName, input.family, input.containerInstance].filter((filter) => filter !== undefined);
  if (input.startedBy !== undefined && others.length > 0) {
    throw invalidParameter('cannot specify startedBy with any other filter.');
  }
  if (input.serviceName !== undefined && input.family !== undefined) {
    throw invalidParameter('cannot specify serviceName and family together.');
  }
}

/** Tasks that stop are found under STOPPED as soon as they are meant to stop. */
function isListed(state: WorldState, one: TaskState, input: Wire<ListTasksRequest>): boolean {
  const { task } = one;
  if (task.desiredStatus !== (input.desiredStatus ?? 'RUNNING')) return false;
  const fits = (filter: string | undefined, actual: string | undefined): boolean =>
    filter === undefined || filter === actual;
  const service = input.serviceName === undefined ? undefined : `service:${lastPart(input.serviceName)}`;
  const instance = input.containerInstance === undefined ? undefined : lastPart(input.containerInstance);
  const family = state.taskDefinitions[task.taskDefinitionArn]?.definition.family;
  return (
    fits(service, task.group) &&
    fits(input.family, family) &&
    fits(input.launchType, task.launchType) &&
    fits(input.startedBy, task.startedBy) &&
    fits(instance, task.containerInstanceArn === undefined ? undefined : lastPart(task.containerInstanceArn))
  );
}
