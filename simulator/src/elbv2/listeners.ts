import type {
  CreateListenerInput,
  DeleteListenerInput,
  DescribeListenersInput,
  Listener,
  ModifyListenerInput,
} from '@aws-sdk/client-elastic-load-balancing-v2';
import { AwsError } from '../wire/aws-error.ts';
import { defineOperation } from '../wire/operation.ts';
import type { ListenerState, LoadBalancerState, WorldState } from '../world/state.ts';
import { compact, type Wire } from '../world/wire-types.ts';
import { checkedActions, relinkTargetGroups } from './actions.ts';
import { listenerOf, loadBalancerOf, pageOf, validation } from './arguments.ts';

const MODIFY = { mutates: true, quota: 'elb modify' } as const;
const READ = { mutates: false, quota: 'elb read' } as const;
const APPLICATION_PROTOCOLS = ['HTTP', 'HTTPS'];

export const listenerOperations = [
  defineOperation('CreateListener', MODIFY, ({ world }, input: Wire<CreateListenerInput>) => {
    const { state } = world;
    const { balancer } = loadBalancerOf(state, input.LoadBalancerArn);
    const { Port, Protocol } = input;
    if (Port === undefined || Protocol === undefined)
      throw validation('A listener protocol and port must be specified');
    checkProtocol(balancer, Protocol, (input.Certificates ?? []).length > 0);
    checkPort(state, input.LoadBalancerArn, Port);
    const DefaultActions = checkedActions(state, input.LoadBalancerArn, input.DefaultActions);
    const path = input.LoadBalancerArn.split(':loadbalancer/')[1] ?? '';
    const ListenerArn = world.arn('elasticloadbalancing', `listener/${path}/${world.hex(16)}`);
    const created: ListenerState = {
      listener: compact<ListenerState['listener']>({
        ListenerArn,
        LoadBalancerArn: input.LoadBalancerArn,
        Port,
        Protocol,
        Certificates: input.Certificates,
        SslPolicy: input.SslPolicy,
        DefaultActions,
      }),
      tags: input.Tags ?? [],
    };
    state.listeners[ListenerArn] = created;
    const RuleArn = world.arn(
      'elasticloadbalancing',
      `listener-rule/${path}/${ListenerArn.split('/').at(-1) ?? ''}/${world.hex(16)}`,
    );
    state.rules[RuleArn] = {
      rule: { RuleArn, Priority: 'default', Conditions: [], Actions: DefaultActions, IsDefault: true },
      listenerArn: ListenerArn,
      tags: [],
    };
    relinkTargetGroups(state);
    return { Listeners: [created.listener] };
  }),
  defineOperation('ModifyListener', MODIFY, ({ world }, input: Wire<ModifyListenerInput>) => {
    const { state } = world;
    const { listener } = listenerOf(state, input.ListenerArn);
    const { balancer } = loadBalancerOf(state, listener.LoadBalancerArn);
    const protocol = input.Protocol ?? listener.Protocol ?? 'HTTP';
    checkProtocol(balancer, protocol, (input.Certificates ?? listener.Certificates ?? []).length > 0);
    if (input.Port !== undefined && input.Port !== listener.Port)
      checkPort(state, listener.LoadBalancerArn, input.Port);
    const actions =
      input.DefaultActions === undefined
        ? undefined
        : checkedActions(state, listener.LoadBalancerArn, input.DefaultActions);
    Object.assign(
      listener,
      compact<Wire<Listener>>({
        Port: input.Port,
        Protocol: input.Protocol,
        Certificates: input.Certificates,
        SslPolicy: input.SslPolicy,
        DefaultActions: actions,
      }),
    );
    const standard = Object.values(state.rules).find(
      ({ rule, listenerArn }) => listenerArn === input.ListenerArn && rule.IsDefault === true,
    );
    if (actions !== undefined && standard !== undefined) standard.rule.Actions = actions;
    relinkTargetGroups(state);
    return { Listeners: [listener] };
  }),
  defineOperation('DeleteListener', MODIFY, ({ world }, input: Wire<DeleteListenerInput>) => {
    const { state } = world;
    listenerOf(state, input.ListenerArn);
    delete state.listeners[input.ListenerArn];
    for (const [arn, rule] of Object.entries(state.rules))
      if (rule.listenerArn === input.ListenerArn) delete state.rules[arn];
    relinkTargetGroups(state);
    return {};
  }),
  defineOperation('DescribeListeners', READ, ({ world }, input: Wire<DescribeListenersInput>) => {
    const { state } = world;
    const { LoadBalancerArn: balancer, ListenerArns: arns } = input;
    if ((balancer === undefined) === (arns === undefined))
      throw validation('You must specify either listener ARNs or a load balancer ARN');
    if (balancer !== undefined) loadBalancerOf(state, balancer);
    const listeners =
      arns?.map((arn) => listenerOf(state, arn).listener) ??
      Object.values(state.listeners).flatMap(({ listener }) =>
        listener.LoadBalancerArn === balancer ? [listener] : [],
      );
    const { items, ...rest } = pageOf(listeners, input);
    return { Listeners: items, ...rest };
  }),
];

function checkProtocol(balancer: LoadBalancerState['balancer'], protocol: string, certified: boolean): void {
  if ((balancer.Type === 'application') !== APPLICATION_PROTOCOLS.includes(protocol)) {
    throw new AwsError(
      'UnsupportedProtocol',
      `The protocol ${protocol} is not supported by a load balancer of type ${balancer.Type ?? ''}`,
    );
  }
  if ((protocol === 'HTTPS' || protocol === 'TLS') && !certified) {
    throw validation(`A certificate must be specified for ${protocol} listeners`);
  }
}

function checkPort(state: WorldState, loadBalancerArn: string, port: number): void {
  const taken = Object.values(state.listeners).some(
    ({ listener }) => listener.LoadBalancerArn === loadBalancerArn && listener.Port === port,
  );
  if (taken) throw new AwsError('DuplicateListener', 'A listener already exists on this port for this load balancer');
}
