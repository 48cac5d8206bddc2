import { AwsError } from '../wire/aws-error.ts';
import { serviceBehind } from '../world/autoscaler.ts';
import type { ServiceState, WorldState } from '../world/state.ts';

/** What identifies a scalable target. */
export interface TargetIdentity {
  readonly ServiceNamespace: string;
  readonly ResourceId: string;
  readonly ScalableDimension: string;
}

export function validation(message: string): AwsError {
  return new AwsError('ValidationException', message);
}

export function notFound(what: string, identity: TargetIdentity): AwsError {
  const { ServiceNamespace, ResourceId, ScalableDimension } = identity;
  return new AwsError(
    'ObjectNotFoundException',
    `No ${what} found for service namespace: ${ServiceNamespace}, resource ID: ${ResourceId}, scalable dimension: ${ScalableDimension}`,
  );
}

/** Only ECS services can be scaled here; anything else is what AWS calls an unsupported combination. */
export function checkIdentity(identity: TargetIdentity): void {
  if (identity.ServiceNamespace !== 'ecs' || identity.ScalableDimension !== 'ecs:service:DesiredCount') {
    throw validation('Unsupported service namespace, resource type or scalable dimension');
  }
  if (!/^service\/[a-zA-Z0-9_-]{1,255}\/[a-zA-Z0-9_-]{1,255}$/.test(identity.ResourceId)) {
    throw validation(`Unsupported service namespace, resource type or scalable dimension: ${identity.ResourceId}`);
  }
}

/** The ECS service that a target scales. */
export function scaledService(state: WorldState, identity: TargetIdentity): ServiceState {
  const service = serviceBehind(state, identity.ResourceId);
  if (service === undefined) throw validation(`ECS service doesn't exist: ${identity.ResourceId}`);
  if (service.settings.schedulingStrategy === 'DAEMON') {
    throw validation(`ECS service scheduling strategy DAEMON is not supported: ${identity.ResourceId}`);
  }
  return service;
}

export function keyOf(identity: TargetIdentity): string {
  return `${identity.ServiceNamespace}|${identity.ResourceId}|${identity.ScalableDimension}`;
}

export function isOf(identity: TargetIdentity, other: Partial<TargetIdentity>): boolean {
  return (
    other.ServiceNamespace === identity.ServiceNamespace &&
    other.ResourceId === identity.ResourceId &&
    other.ScalableDimension === identity.ScalableDimension
  );
}

/** Filters of the Describe operations; a dimension alone says too little. */
export function checkFilters(filters: { readonly ResourceId?: string; readonly ScalableDimension?: string }): void {
  if (filters.ScalableDimension !== undefined && filters.ResourceId === undefined) {
    throw validation('If ScalableDimension is specified, ResourceId must be specified too');
  }
}

export function fits(
  item: Partial<TargetIdentity>,
  filters: { readonly ServiceNamespace: string; readonly ResourceId?: string; readonly ScalableDimension?: string },
): boolean {
  return (
    item.ServiceNamespace === filters.ServiceNamespace &&
    (filters.ResourceId === undefined || item.ResourceId === filters.ResourceId) &&
    (filters.ScalableDimension === undefined || item.ScalableDimension === filters.ScalableDimension)
  );
}

/** One page; Application Auto Scaling takes any MaxResults and never gives more than the limit. */
export function pageOf<Item>(
  items: readonly Item[],
  asked: { readonly MaxResults?: number; readonly NextToken?: string },
  limit: number,
): { items: Item[]; NextToken?: string } {
  const size = Math.min(asked.MaxResults ?? limit, limit);
  if (size < 1) throw validation('MaxResults must be at least 1');
  const place =
    asked.NextToken === undefined
      ? 0
      : Number(/^page:(\d{1,9})$/.exec(Buffer.from(asked.NextToken, 'base64url').toString('utf8'))?.[1] ?? Number.NaN);
  if (Number.isNaN(place) || place > items.length)
    throw new AwsError('InvalidNextTokenException', 'The next token is not valid.');
  const end = place + size;
  return {
    items: items.slice(place, end),
    ...(end < items.length ? { NextToken: Buffer.from(`page:${end}`).toString('base64url') } : {}),
  };
}
