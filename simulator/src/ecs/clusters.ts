import type {
  Cluster,
  CreateClusterRequest,
  DeleteClusterRequest,
  DescribeClustersRequest,
  DescribeClustersResponse,
  ListClustersRequest,
} from '@aws-sdk/client-ecs';
import { AwsError, invalidParameter } from '../wire/aws-error.ts';
import { defineOperation } from '../wire/operation.ts';
import { instancesOf } from '../world/lookups.ts';
import type { ClusterState, WorldState } from '../world/state.ts';
import type { Wire } from '../world/wire-types.ts';
import type { World } from '../world/world.ts';
import { checkTags, clusterOf, findCluster, page } from './arguments.ts';

const MODIFY = { mutates: true, quota: 'ecs cluster modify' } as const;
const READ = { mutates: false, quota: 'ecs cluster read' } as const;

/** Puts a cluster into the world, or returns the ACTIVE one of that name. */
export function addCluster(
  world: World,
  name: string,
  parts: Partial<Omit<ClusterState, 'arn' | 'name'>> = {},
): ClusterState {
  const known = world.state.clusters[name];
  if (known?.status === 'ACTIVE') return known;
  const cluster: ClusterState = {
    arn: world.arn('ecs', `cluster/${name}`),
    name,
    status: 'ACTIVE',
    settings: [{ name: 'containerInsights', value: 'disabled' }],
    capacityProviders: [],
    defaultCapacityProviderStrategy: [],
    tags: [],
    ...parts,
  };
  world.state.clusters[name] = cluster;
  return cluster;
}

export const clusterOperations = [
  defineOperation('CreateCluster', MODIFY, ({ world }, input: Wire<CreateClusterRequest>) => {
    const name = input.clusterName ?? 'default';
    if (!/^[a-zA-Z0-9_-]{1,255}$/.test(name)) throw invalidParameter('Invalid cluster name.');
    checkTags(input.tags);
    const cluster = addCluster(world, name, {
      tags: input.tags ?? [],
      capacityProviders: input.capacityProviders ?? [],
      ...(input.defaultCapacityProviderStrategy === undefined
        ? {}
        : { defaultCapacityProviderStrategy: input.defaultCapacityProviderStrategy }),
    });
    return { cluster: viewCluster(world.state, cluster, true) };
  }),
  defineOperation('DeleteCluster', MODIFY, ({ world }, input: Wire<DeleteClusterRequest>) => {
    const cluster = clusterOf(world.state, input.cluster);
    if (
      Object.values(world.state.services).some((one) => one.clusterArn === cluster.arn && one.status !== 'INACTIVE')
    ) {
      throw new AwsError(
        'ClusterContainsServicesException',
        'The Cluster cannot be deleted while Services are active.',
      );
    }
    if (instancesOf(world.state, cluster.arn).length > 0) {
      const text = 'The Cluster cannot be deleted while Container Instances are active or draining.';
      throw new AwsError('ClusterContainsContainerInstancesException', text);
    }
    if (
      Object.values(world.state.tasks).some(
        (one) => one.task.clusterArn === cluster.arn && one.task.lastStatus !== 'STOPPED',
      )
    ) {
      throw new AwsError('ClusterContainsTasksException', 'The Cluster cannot be deleted while Tasks are active.');
    }
    cluster.status = 'INACTIVE';
    return { cluster: viewCluster(world.state, cluster, false) };
  }),
  defineOperation('DescribeClusters', READ, ({ world }, input: Wire<DescribeClustersRequest>) => {
    const references = input.clusters ?? ['default'];
    if (references.length > 100) throw invalidParameter('Clusters cannot contain more than 100 elements.');
    const response = { clusters: [] as Wire<Cluster>[], failures: [] as { arn: string; reason: string }[] };
    for (const reference of references) {
      const cluster = findCluster(world.state, reference);
      if (cluster === undefined) {
        const arn = reference.startsWith('arn:') ? reference : world.arn('ecs', `cluster/${reference}`);
        response.failures.push({ arn, reason: 'MISSING' });
      } else response.clusters.push(viewCluster(world.state, cluster, input.include?.includes('TAGS') ?? false));
    }
    return response satisfies Wire<DescribeClustersResponse>;
  }),
  defineOperation('ListClusters', READ, ({ world }, input: Wire<ListClustersRequest>) => {
    const arns = Object.values(world.state.clusters)
      .filter((cluster) => cluster.status === 'ACTIVE')
      .map((cluster) => cluster.arn)
      .toSorted();
    const { items, ...rest } = page(arns, input, { usual: 100, most: 100 });
    return { clusterArns: items, ...rest };
  }),
];

function viewCluster(state: WorldState, cluster: ClusterState, withTags: boolean): Wire<Cluster> {
  const tasks = Object.values(state.tasks).filter((one) => one.task.clusterArn === cluster.arn);
  return {
    clusterArn: cluster.arn,
    clusterName: cluster.name,
    status: cluster.status,
    registeredContainerInstancesCount: instancesOf(state, cluster.arn).length,
    runningTasksCount: tasks.filter((one) => one.task.lastStatus === 'RUNNING').length,
    pendingTasksCount: tasks.filter((one) => ['PROVISIONING', 'PENDING', 'ACTIVATING'].includes(one.task.lastStatus))
      .length,
    activeServicesCount: Object.values(state.services).filter(
      (one) => one.clusterArn === cluster.arn && one.status === 'ACTIVE',
    ).length,
    statistics: [],
    tags: withTags ? cluster.tags : [],
    settings: cluster.settings,
    capacityProviders: cluster.capacityProviders,
    defaultCapacityProviderStrategy: cluster.defaultCapacityProviderStrategy,
  };
}
