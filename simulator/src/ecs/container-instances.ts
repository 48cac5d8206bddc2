import type {
  ContainerInstance,
  DescribeContainerInstancesRequest,
  Failure,
  ListContainerInstancesRequest,
  UpdateContainerInstancesStateRequest,
} from '@aws-sdk/client-ecs';
import { invalidParameter } from '../wire/aws-error.ts';
import { defineOperation } from '../wire/operation.ts';
import { parseExpression, satisfies } from '../world/constraints.ts';
import { setInstanceStatus } from '../world/instances.ts';
import { instancesOf, lastPart } from '../world/lookups.ts';
import { attributesOf, RESERVED_PORTS, remainingOf, tasksOn } from '../world/resources.ts';
import type { ClusterState, InstanceState, WorldState } from '../world/state.ts';
import type { Wire } from '../world/wire-types.ts';
import { clusterOf, page } from './arguments.ts';

const READ = { mutates: false, quota: 'ecs cluster resource read' } as const;
const MODIFY = { mutates: true, quota: 'ecs cluster resource modify' } as const;
const MAX_INSTANCES = 100;
const MAX_CHANGED = 10;

export const containerInstanceOperations = [
  defineOperation('ListContainerInstances', READ, ({ world }, input: Wire<ListContainerInstancesRequest>) => {
    const cluster = clusterOf(world.state, input.cluster);
    const expression = input.filter;
    if (expression !== undefined && parseExpression(expression) === undefined)
      throw invalidParameter(`Invalid filter: ${expression}`);
    const arns = instancesOf(world.state, cluster.arn)
      .filter((instance) => input.status === undefined || instance.status === input.status)
      .filter((instance) => expression === undefined || satisfies(instance, [{ type: 'memberOf', expression }]))
      .map((instance) => instance.arn);
    const { items, ...rest } = page(arns, input, { usual: 100, most: 100 });
    return { containerInstanceArns: items, ...rest };
  }),
  defineOperation('DescribeContainerInstances', READ, ({ world }, input: Wire<DescribeContainerInstancesRequest>) => {
    const cluster = clusterOf(world.state, input.cluster);
    const references = input.containerInstances;
    if (references.length === 0) throw invalidParameter('Container instance cannot be empty.');
    if (references.length > MAX_INSTANCES)
      throw invalidParameter(`Container instances cannot contain more than ${MAX_INSTANCES} elements.`);
    const { found, failures } = find(world.state, cluster, references);
    const withTags = input.include?.includes('TAGS') ?? false;
    return { containerInstances: found.map((instance) => viewInstance(world.state, instance, withTags)), failures };
  }),
  defineOperation(
    'UpdateContainerInstancesState',
    MODIFY,
    ({ world }, input: Wire<UpdateContainerInstancesStateRequest>) => {
      const cluster = clusterOf(world.state, input.cluster);
      const references = input.containerInstances;
      if (references.length === 0) throw invalidParameter('Container instance cannot be empty.');
      if (references.length > MAX_CHANGED)
        throw invalidParameter(`Container instances cannot contain more than ${MAX_CHANGED} elements.`);
      const { status } = input;
      if (status !== 'ACTIVE' && status !== 'DRAINING')
        throw invalidParameter('Container instance status should be one of [ACTIVE,DRAINING]');
      const { found, failures } = find(world.state, cluster, references);
      for (const instance of found) setInstanceStatus(world, instance, status);
      return { containerInstances: found.map((instance) => viewInstance(world.state, instance, false)), failures };
    },
  ),
];

function find(
  state: WorldState,
  cluster: ClusterState,
  references: readonly string[],
): { found: InstanceState[]; failures: Wire<Failure>[] } {
  const known = instancesOf(state, cluster.arn);
  const found: InstanceState[] = [];
  const failures: Wire<Failure>[] = [];
  for (const reference of references) {
    const instance = known.find((candidate) => candidate.id === lastPart(reference));
    if (instance !== undefined) found.push(instance);
    else {
      const arn = reference.startsWith('arn:')
        ? reference
        : `${cluster.arn.replace(':cluster/', ':container-instance/')}/${reference}`;
      failures.push({ arn, reason: 'MISSING' });
    }
  }
  return { found, failures };
}

function viewInstance(state: WorldState, instance: InstanceState, withTags: boolean): Wire<ContainerInstance> {
  const left = remainingOf(state, instance);
  const tasks = tasksOn(state, instance);
  const resources = (
    cpu: number,
    memory: number,
    ports: readonly number[],
  ): Wire<ContainerInstance>['registeredResources'] => [
    { name: 'CPU', type: 'INTEGER', doubleValue: 0, longValue: 0, integerValue: cpu },
    { name: 'MEMORY', type: 'INTEGER', doubleValue: 0, longValue: 0, integerValue: memory },
    {
      name: 'PORTS',
      type: 'STRINGSET',
      doubleValue: 0,
      longValue: 0,
      integerValue: 0,
      stringSetValue: ports.map(String),
    },
    { name: 'PORTS_UDP', type: 'STRINGSET', doubleValue: 0, longValue: 0, integerValue: 0, stringSetValue: [] },
  ];
  return {
    containerInstanceArn: instance.arn,
    ec2InstanceId: instance.ec2InstanceId,
    version: 1,
    versionInfo: { agentVersion: '1.105.1', agentHash: '02ff320c', dockerVersion: 'DockerVersion: 25.0.8' },
    remainingResources: resources(left.cpu, left.memoryMiB, [...left.usedPorts]) ?? [],
    registeredResources: resources(instance.cpu, instance.memoryMiB, RESERVED_PORTS) ?? [],
    status: instance.status,
    agentConnected: instance.agentConnected,
    runningTasksCount: tasks.filter((one) => one.task.lastStatus === 'RUNNING').length,
    pendingTasksCount: tasks.filter((one) => ['PROVISIONING', 'PENDING', 'ACTIVATING'].includes(one.task.lastStatus))
      .length,
    attributes: Object.entries(attributesOf(instance)).map(([name, value]) => ({ name, value })),
    registeredAt: instance.registeredAt,
    attachments: [],
    tags: withTags ? instance.tags : [],
  };
}
