import type { Action } from '@aws-sdk/client-elastic-load-balancing-v2';
import { AwsError } from '../wire/aws-error.ts';
import type { WorldState } from '../world/state.ts';
import type { Wire } from '../world/wire-types.ts';
import { targetGroupOf, validation } from './arguments.ts';

const MAX_TARGET_GROUPS = 5;
const MAX_WEIGHT = 999;

/** Checks the actions of a listener or rule and writes them as AWS answers them, with both ways to name a target group. */
export function checkedActions(
  state: WorldState,
  loadBalancerArn: string,
  actions: readonly Wire<Action>[],
): Wire<Action>[] {
  if (actions.length === 0) throw validation('You must specify at least one action');
  const checked = actions.map((action) => (action.Type === 'forward' ? forward(state, action) : action));
  for (const arn of targetGroupsOf(checked)) checkUse(state, loadBalancerArn, arn);
  return checked;
}

/** ARNs of the target groups that actions forward to. */
export function targetGroupsOf(actions: readonly Wire<Action>[]): string[] {
  return actions.flatMap((action) => {
    const groups = (action.ForwardConfig?.TargetGroups ?? []).flatMap((tuple) => tuple.TargetGroupArn ?? []);
    return groups.length > 0 ? groups : (action.TargetGroupArn ?? []);
  });
}

/** Brings every target group's list of load balancers up to date with the listeners and rules. */
export function relinkTargetGroups(state: WorldState): void {
  const links = new Map<string, Set<string>>();
  const note = (actions: readonly Wire<Action>[] | undefined, loadBalancerArn: string): void => {
    for (const arn of targetGroupsOf(actions ?? [])) links.set(arn, (links.get(arn) ?? new Set()).add(loadBalancerArn));
  };
  for (const { listener } of Object.values(state.listeners)) note(listener.DefaultActions, listener.LoadBalancerArn);
  for (const { rule, listenerArn } of Object.values(state.rules)) {
    const balancer = state.listeners[listenerArn]?.listener.LoadBalancerArn;
    if (balancer !== undefined) note(rule.Actions, balancer);
  }
  for (const { group } of Object.values(state.targetGroups)) {
    group.LoadBalancerArns = [...(links.get(group.TargetGroupArn) ?? [])];
  }
}

function forward(state: WorldState, action: Wire<Action>): Wire<Action> {
  const tuples =
    action.ForwardConfig?.TargetGroups ??
    (action.TargetGroupArn === undefined ? [] : [{ TargetGroupArn: action.TargetGroupArn, Weight: 1 }]);
  if (tuples.length === 0) throw validation("A target group ARN must be specified for a 'forward' action");
  if (tuples.length > MAX_TARGET_GROUPS) {
    throw new AwsError('TooManyTargetGroups', `A forward action has at most ${MAX_TARGET_GROUPS} target groups`);
  }
  const TargetGroups = tuples.map(({ TargetGroupArn, Weight }) => {
    if (TargetGroupArn === undefined) throw validation('A target group ARN must be specified');
    targetGroupOf(state, TargetGroupArn);
    if (Weight !== undefined && (Weight < 0 || Weight > MAX_WEIGHT)) {
      throw validation(`The weight of a target group must be between 0 and ${MAX_WEIGHT}`);
    }
    return { TargetGroupArn, Weight: Weight ?? 1 };
  });
  const single = TargetGroups.length === 1 ? TargetGroups[0]?.TargetGroupArn : undefined;
  return {
    Type: 'forward',
    ...(single === undefined ? {} : { TargetGroupArn: single }),
    ...(action.Order === undefined ? {} : { Order: action.Order }),
    ForwardConfig: {
      TargetGroups,
      TargetGroupStickinessConfig: action.ForwardConfig?.TargetGroupStickinessConfig ?? { Enabled: false },
    },
  };
}

/** A target group serves one load balancer only, of a protocol that fits. */
function checkUse(state: WorldState, loadBalancerArn: string, arn: string): void {
  const { group } = targetGroupOf(state, arn);
  const others = (group.LoadBalancerArns ?? []).filter((other) => other !== loadBalancerArn);
  if (others.length > 0) {
    throw new AwsError(
      'TargetGroupAssociationLimit',
      `The following target groups cannot be associated with more than one load balancer: ${arn}`,
    );
  }
  const type = state.loadBalancers[loadBalancerArn]?.balancer.Type;
  const web = group.Protocol === 'HTTP' || group.Protocol === 'HTTPS';
  if ((type === 'application') === web || group.TargetType === 'lambda') return;
  throw new AwsError(
    'IncompatibleProtocols',
    `The protocol ${group.Protocol ?? ''} of the target group does not fit the load balancer`,
  );
}
