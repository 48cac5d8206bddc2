import { AwsError } from '../wire/aws-error.ts';
import type { ListenerState, LoadBalancerState, RuleState, TargetGroupState, WorldState } from '../world/state.ts';

export function loadBalancerOf(state: WorldState, arn: string): LoadBalancerState {
  return found(state.loadBalancers[arn], 'LoadBalancerNotFound', `Load balancer '${arn}' not found`);
}

export function targetGroupOf(state: WorldState, arn: string): TargetGroupState {
  return found(state.targetGroups[arn], 'TargetGroupNotFound', `Target groups '${arn}' not found`);
}

export function listenerOf(state: WorldState, arn: string): ListenerState {
  return found(state.listeners[arn], 'ListenerNotFound', `Listeners '${arn}' not found`);
}

export function ruleOf(state: WorldState, arn: string): RuleState {
  return found(state.rules[arn], 'RuleNotFound', `Rules '${arn}' not found`);
}

export function validation(message: string): AwsError {
  return new AwsError('ValidationError', message);
}

/** One page of a Describe operation: 400 items at most, told by the Marker where to go on. */
export function pageOf<Item>(
  items: readonly Item[],
  asked: { readonly PageSize?: number; readonly Marker?: string },
): { items: Item[]; NextMarker?: string } {
  const size = asked.PageSize ?? 400;
  const text = asked.Marker === undefined ? 'page:0' : Buffer.from(asked.Marker, 'base64url').toString('utf8');
  const start = Number(/^page:(\d{1,9})$/.exec(text)?.[1] ?? Number.NaN);
  if (Number.isNaN(start) || start > items.length) throw validation('Invalid marker');
  const end = start + size;
  return {
    items: items.slice(start, end),
    ...(end < items.length ? { NextMarker: Buffer.from(`page:${end}`).toString('base64url') } : {}),
  };
}

function found<T>(value: T | undefined, code: string, message: string): T {
  if (value === undefined) throw new AwsError(code, message);
  return value;
}
