import type { Tag } from '@aws-sdk/client-ecs';
import { AwsError, clientException, invalidParameter } from '../wire/aws-error.ts';
import { clusterNameOf } from '../world/lookups.ts';
import type { ClusterState, ServiceState, TaskDefinitionState, TaskState, WorldState } from '../world/state.ts';
import type { Wire } from '../world/wire-types.ts';

const MAX_TAGS = 50;

/** The ACTIVE cluster that a name or ARN means; `default` when nothing was given. */
export function clusterOf(state: WorldState, reference: string | undefined): ClusterState {
  const cluster = findCluster(state, reference);
  if (cluster?.status !== 'ACTIVE') throw new AwsError('ClusterNotFoundException', 'Cluster not found.');
  return cluster;
}

export function findCluster(state: WorldState, reference = 'default'): ClusterState | undefined {
  return Object.values(state.clusters).find((cluster) => cluster.arn === reference || cluster.name === reference);
}

/** The service that a name or ARN means in a cluster, whatever its status; the newest of that name. */
export function findService(state: WorldState, cluster: ClusterState, reference: string): ServiceState | undefined {
  const name = reference.startsWith('arn:') ? undefined : reference;
  return Object.values(state.services).find(
    (service) =>
      service.clusterArn === cluster.arn && (name === undefined ? service.arn === reference : service.name === name),
  );
}

/** A service that can be changed. */
export function activeServiceOf(state: WorldState, cluster: ClusterState, reference: string): ServiceState {
  const service = findService(state, cluster, reference);
  if (service === undefined) throw new AwsError('ServiceNotFoundException', 'Service not found.');
  if (service.status !== 'ACTIVE') throw new AwsError('ServiceNotActiveException', 'Service was not ACTIVE.');
  return service;
}

/** The task that an id or ARN means in a cluster. */
export function findTask(state: WorldState, cluster: ClusterState, reference: string): TaskState | undefined {
  return Object.values(state.tasks).find(
    (one) => one.task.clusterArn === cluster.arn && (one.id === reference || one.task.taskArn === reference),
  );
}

/** Checks the form of a task reference: AWS refuses what is neither an id nor a task's ARN. */
export function checkTaskReference(reference: string, cluster: ClusterState): void {
  const arn = /^arn:aws[\w-]*:ecs:[\w-]+:\d{12}:task\/(?:([\w-]+)\/)?[0-9a-zA-Z-]+$/.exec(reference);
  if (arn !== null) {
    const named = arn[1];
    if (named !== undefined && named !== cluster.name) {
      throw invalidParameter(`Identifier is for cluster ${named}. Your cluster is ${clusterNameOf(cluster.arn)}`);
    }
    return;
  }
  if (!/^[0-9a-zA-Z-]{1,64}$/.test(reference)) throw invalidParameter(`Invalid identifier: ${reference}`);
}

/** The task definition that `family`, `family:revision` or an ARN means; the family alone means its newest ACTIVE revision. */
export function findTaskDefinition(state: WorldState, reference: string): TaskDefinitionState | undefined {
  const name = reference.startsWith('arn:') ? reference.slice(reference.lastIndexOf('/') + 1) : reference;
  if (reference.startsWith('arn:') && !name.includes(':')) return undefined;
  const all = Object.values(state.taskDefinitions);
  if (name.includes(':')) {
    return all.find(({ definition }) => `${definition.family}:${definition.revision}` === name);
  }
  return all.findLast(({ definition }) => definition.family === name && definition.status === 'ACTIVE');
}

/** The task definition a new deployment or task can use. */
export function usableTaskDefinition(state: WorldState, reference: string | undefined): TaskDefinitionState {
  if (reference === undefined || reference.trim() === '') throw clientException('TaskDefinition can not be blank.');
  const found = findTaskDefinition(state, reference);
  if (found === undefined) throw clientException('TaskDefinition not found.');
  if (found.definition.status !== 'ACTIVE') throw clientException('TaskDefinition is inactive');
  return found;
}

export function checkTags(tags: readonly Wire<Tag>[] | undefined): void {
  if (tags === undefined) return;
  if (tags.length > MAX_TAGS) throw invalidParameter(`Tags can not be more than ${MAX_TAGS}.`);
  const keys = new Set<string>();
  for (const { key, value } of tags) {
    if (key === undefined || key === '') throw invalidParameter('Tag key can not be blank.');
    if (key.length > 128 || (value ?? '').length > 256)
      throw invalidParameter('Tag keys have at most 128 and values at most 256 characters.');
    if (/^aws:/i.test(key)) throw invalidParameter('Tag keys that start with aws: are reserved.');
    if (keys.has(key))
      throw invalidParameter('Duplicate tag keys found. Please note that Tag keys are case insensitive.');
    keys.add(key);
  }
}

/**
 * One page of a list. Tokens are opaque to callers and hold the place to go on from; they fit only the list they came
 * from, as far as it still looks the same.
 */
export function page<Item>(
  items: readonly Item[],
  asked: { readonly maxResults?: number; readonly nextToken?: string },
  limits: { readonly usual: number; readonly most: number },
  refuse: (message: string) => AwsError = invalidParameter,
): { items: Item[]; nextToken?: string } {
  const size = asked.maxResults ?? limits.usual;
  if (size < 1 || size > limits.most) throw refuse(`maxResults must be between 1 and ${limits.most}.`);
  const start = asked.nextToken === undefined ? 0 : placeOf(asked.nextToken);
  if (start === undefined || start > items.length) throw refuse('Invalid token');
  const end = start + size;
  const token = end < items.length ? { nextToken: Buffer.from(`page:${end}`).toString('base64url') } : {};
  return { items: items.slice(start, end), ...token };
}

function placeOf(token: string): number | undefined {
  const place = /^page:(\d{1,9})$/.exec(Buffer.from(token, 'base64url').toString('utf8'))?.[1];
  return place === undefined ? undefined : Number(place);
}

/** JSON with sorted keys: equal parameters give equal text. */
export function canonical(value: unknown): string {
  return JSON.stringify(value, (_key, member: unknown) =>
    typeof member === 'object' && member !== null && !Array.isArray(member)
      ? Object.fromEntries(Object.entries(member).toSorted(([one], [other]) => (one < other ? -1 : 1)))
      : member,
  );
}
