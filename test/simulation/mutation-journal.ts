import type { TaskRef } from '@outrider/shared/protocol/messages.ts';
import type { ServiceName } from '@outrider/simulator/validation/models.ts';
import type { WorldState } from '@outrider/simulator/world/state.ts';
import type { MutationEntry } from './ports.ts';

/** One change of simulated AWS that took effect, and what became of its answer. */
export interface JournaledMutation extends MutationEntry {
  /** When the request left its host; `atMs` is when it took effect. */
  readonly sentAtMs: number;
  /** Whether the host that asked was still alive when it took effect. */
  readonly hostAlive: boolean;
}

export interface MutationCall {
  readonly service: ServiceName;
  readonly operation: string;
  readonly input: object;
}

/** What a mutation concerns and what it asks for, read from its input. */
export interface MutationMeaning {
  readonly resource: string;
  /** Equal for two requests that mean the same. */
  readonly logical: string;
}

/** Changes in the order in which they took effect. */
export class MutationJournal {
  readonly #entries: JournaledMutation[] = [];

  get entries(): readonly JournaledMutation[] {
    return this.#entries;
  }

  add(entry: JournaledMutation): void {
    this.#entries.push(entry);
  }
}

/** Members that say where or under which token, not what. */
const PLACES = new Set(['cluster', 'service', 'resourceArn', 'ResourceId', 'ServiceNamespace', 'ScalableDimension']);

/** The resource is named the same by every action on it: `service/CLUSTER/NAME` or `task-definition/FAMILY`. */
export function meaningOf(call: MutationCall): MutationMeaning {
  const members = new Map<string, unknown>(Object.entries(call.input));
  const resource = resourceOf(members);
  if (call.operation === 'RegisterTaskDefinition') {
    return { resource, logical: `${call.operation} ${resource} ${tagOf(members, 'outrider:task-definition')}` };
  }
  if (call.operation === 'CreateService') {
    return { resource, logical: `${call.operation} ${resource} ${text(members.get('clientToken'))}` };
  }
  const asked = [...members].filter(([name]) => !PLACES.has(name)).toSorted(([one], [other]) => (one < other ? -1 : 1));
  return { resource, logical: `${call.operation} ${resource} ${JSON.stringify(Object.fromEntries(asked))}` };
}

/** All that a mutation of this resource can change, as text: equal before and after means that nothing was changed. */
export function fingerprint(state: WorldState, resource: string): string {
  if (resource.startsWith('task-definition/')) return String(state.families[resource.slice(resource.indexOf('/') + 1)]);
  const service = Object.values(state.services).find((one) => one.arn.endsWith(`:${resource}`));
  const belongs = (one: { ResourceId?: string }) => one.ResourceId === resource;
  return JSON.stringify([
    service === undefined
      ? null
      : [
          service.createdAt,
          service.status,
          service.settings,
          service.taskDefinition,
          service.desiredCount,
          service.tags.map(({ key, value }) => `${key}=${value}`).toSorted(),
          service.deployments[0]?.id,
        ],
    Object.values(state.scalableTargets).filter(belongs),
    Object.values(state.scalingPolicies)
      .filter(belongs)
      .map((policy) => ({ ...policy, Alarms: null })),
    Object.values(state.scheduledActions).filter(belongs),
  ]);
}

/** Mutations of the world's own maker belong to no task. */
export const NO_TASK: TaskRef = { taskId: 'none', epoch: 0 };

function resourceOf(members: ReadonlyMap<string, unknown>): string {
  const family = members.get('family');
  if (typeof family === 'string') return `task-definition/${family}`;
  const scaled = members.get('ResourceId');
  if (typeof scaled === 'string') return scaled;
  const arn = members.get('resourceArn');
  if (typeof arn === 'string') return nameOf(arn);
  const cluster = text(members.get('cluster'));
  const service = text(members.get('serviceName') ?? members.get('service'));
  if (service.startsWith('arn:')) return nameOf(service);
  return `service/${cluster.slice(cluster.lastIndexOf('/') + 1)}/${service}`;
}

/** `arn:aws:ecs:REGION:ACCOUNT:service/CLUSTER/NAME` → `service/CLUSTER/NAME`; the revision of a task definition is left out. */
function nameOf(arn: string): string {
  return arn.split(':')[5] ?? arn;
}

function tagOf(members: ReadonlyMap<string, unknown>, key: string): string {
  const tags: unknown = members.get('tags');
  if (!Array.isArray(tags)) return '';
  const list: readonly unknown[] = tags;
  for (const tag of list) {
    if (typeof tag !== 'object' || tag === null) continue;
    const pair = new Map<string, unknown>(Object.entries(tag));
    if (pair.get('key') === key) return text(pair.get('value'));
  }
  return '';
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : '';
}
