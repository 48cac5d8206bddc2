import type {
  CreateRuleInput,
  DeleteRuleInput,
  DescribeRulesInput,
  ModifyRuleInput,
  RuleCondition,
} from '@aws-sdk/client-elastic-load-balancing-v2';
import { AwsError } from '../wire/aws-error.ts';
import { defineOperation } from '../wire/operation.ts';
import type { RuleState } from '../world/state.ts';
import type { Wire } from '../world/wire-types.ts';
import { checkedActions, relinkTargetGroups } from './actions.ts';
import { listenerOf, pageOf, ruleOf, validation } from './arguments.ts';

const MODIFY = { mutates: true, quota: 'elb modify' } as const;
const READ = { mutates: false, quota: 'elb read' } as const;
const FIELDS = ['host-header', 'path-pattern', 'http-header', 'query-string', 'http-request-method', 'source-ip'];

export const ruleOperations = [
  defineOperation('CreateRule', MODIFY, ({ world }, input: Wire<CreateRuleInput>) => {
    const { state } = world;
    const { listener } = listenerOf(state, input.ListenerArn);
    checkConditions(input.Conditions);
    const priority = String(input.Priority);
    const taken = Object.values(state.rules).some(
      ({ rule, listenerArn }) => listenerArn === input.ListenerArn && rule.Priority === priority,
    );
    if (taken) throw new AwsError('PriorityInUse', `Priority '${priority}' is currently in use`);
    const Actions = checkedActions(state, listener.LoadBalancerArn, input.Actions);
    const RuleArn = `${input.ListenerArn.replace(':listener/', ':listener-rule/')}/${world.hex(16)}`;
    const created: RuleState = {
      rule: { RuleArn, Priority: priority, Conditions: input.Conditions, Actions, IsDefault: false },
      listenerArn: input.ListenerArn,
      tags: input.Tags ?? [],
    };
    state.rules[RuleArn] = created;
    relinkTargetGroups(state);
    return { Rules: [created.rule] };
  }),
  defineOperation('ModifyRule', MODIFY, ({ world }, input: Wire<ModifyRuleInput>) => {
    const { state } = world;
    const { rule, listenerArn } = ruleOf(state, input.RuleArn);
    if (rule.IsDefault === true)
      throw new AwsError('OperationNotPermitted', `Default rule '${input.RuleArn}' cannot be modified`);
    const { listener } = listenerOf(state, listenerArn);
    if (input.Conditions !== undefined) checkConditions(input.Conditions);
    const actions =
      input.Actions === undefined ? undefined : checkedActions(state, listener.LoadBalancerArn, input.Actions);
    if (input.Conditions !== undefined) rule.Conditions = input.Conditions;
    if (actions !== undefined) rule.Actions = actions;
    relinkTargetGroups(state);
    return { Rules: [rule] };
  }),
  defineOperation('DeleteRule', MODIFY, ({ world }, input: Wire<DeleteRuleInput>) => {
    const { rule } = ruleOf(world.state, input.RuleArn);
    if (rule.IsDefault === true)
      throw new AwsError('OperationNotPermitted', `Default rule '${input.RuleArn}' cannot be deleted`);
    delete world.state.rules[input.RuleArn];
    relinkTargetGroups(world.state);
    return {};
  }),
  defineOperation('DescribeRules', READ, ({ world }, input: Wire<DescribeRulesInput>) => {
    const { state } = world;
    const { ListenerArn: listener, RuleArns: arns } = input;
    if ((listener === undefined) === (arns === undefined))
      throw validation('You must specify either a listener ARN or rule ARNs');
    if (listener !== undefined) listenerOf(state, listener);
    const rules =
      arns?.map((arn) => ruleOf(state, arn).rule) ??
      Object.values(state.rules)
        .flatMap(({ rule, listenerArn }) => (listenerArn === listener ? [rule] : []))
        .toSorted((one, other) => order(one.Priority) - order(other.Priority));
    const { items, ...rest } = pageOf(rules, input);
    return { Rules: items, ...rest };
  }),
];

function checkConditions(conditions: readonly Wire<RuleCondition>[]): void {
  if (conditions.length === 0) throw validation('You must specify at least one condition');
  for (const condition of conditions) {
    if (condition.Field === undefined || !FIELDS.includes(condition.Field)) {
      throw validation(`Condition field '${condition.Field ?? ''}' must be one of '[${FIELDS.join(', ')}]'`);
    }
  }
}

/** The default rule comes last. */
function order(priority: string): number {
  return priority === 'default' ? Number.MAX_SAFE_INTEGER : Number(priority);
}
