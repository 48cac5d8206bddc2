import type {
  CreateLoadBalancerInput,
  DeleteLoadBalancerInput,
  DescribeLoadBalancersInput,
  DescribeTagsInput,
  Tag,
  TagDescription,
} from '@aws-sdk/client-elastic-load-balancing-v2';
import { AwsError } from '../wire/aws-error.ts';
import { defineOperation } from '../wire/operation.ts';
import type { LoadBalancerState, WorldState } from '../world/state.ts';
import type { Wire } from '../world/wire-types.ts';
import { relinkTargetGroups } from './actions.ts';
import { listenerOf, loadBalancerOf, pageOf, ruleOf, targetGroupOf, validation } from './arguments.ts';

const READ = { mutates: false, quota: 'elb read' } as const;
const MAX_NAMED = 20;

export const loadBalancerOperations = [
  defineOperation(
    'CreateLoadBalancer',
    { mutates: true, quota: 'elb resource-intensive' },
    ({ world }, input: Wire<CreateLoadBalancerInput>) => {
      const { state } = world;
      const type = input.Type ?? 'application';
      if (!/^[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,30}[a-zA-Z0-9])?$/.test(input.Name)) {
        throw validation(
          `The load balancer name '${input.Name}' must have 1 to 32 letters, digits or hyphens and not begin or end with a hyphen`,
        );
      }
      const subnets = input.Subnets ?? (input.SubnetMappings ?? []).flatMap((mapping) => mapping.SubnetId ?? []);
      if (subnets.length === 0) throw validation('You must specify either subnets or an IPv4 pool');
      if (type === 'application' && subnets.length < 2) {
        throw new AwsError(
          'InvalidConfigurationRequest',
          'At least two subnets in two different Availability Zones must be specified',
        );
      }
      if (Object.values(state.loadBalancers).some(({ balancer }) => balancer.LoadBalancerName === input.Name)) {
        throw new AwsError(
          'DuplicateLoadBalancerName',
          `A load balancer with the name '${input.Name}' exists, but with different settings`,
        );
      }
      const path = `${type === 'network' ? 'net' : 'app'}/${input.Name}/${world.hex(16)}`;
      const LoadBalancerArn = world.arn('elasticloadbalancing', `loadbalancer/${path}`);
      const created: LoadBalancerState = {
        balancer: {
          LoadBalancerArn,
          LoadBalancerName: input.Name,
          DNSName: `${input.Name}-${world.digits(10)}.${state.region}.elb.amazonaws.com`,
          CanonicalHostedZoneId: 'Z35SXDOTRQ7X7K',
          CreatedTime: world.now,
          Scheme: input.Scheme ?? 'internet-facing',
          VpcId: 'vpc-0a1b2c3d4e5f60701',
          State: { Code: 'active' },
          Type: type,
          AvailabilityZones: subnets.map((SubnetId, index) => ({
            ZoneName: `${state.region}${'abc'.charAt(index % 3)}`,
            SubnetId,
          })),
          SecurityGroups: input.SecurityGroups ?? [],
          IpAddressType: input.IpAddressType ?? 'ipv4',
        },
        tags: input.Tags ?? [],
      };
      state.loadBalancers[LoadBalancerArn] = created;
      return { LoadBalancers: [created.balancer] };
    },
  ),
  defineOperation(
    'DeleteLoadBalancer',
    { mutates: true, quota: 'elb modify' },
    ({ world }, input: Wire<DeleteLoadBalancerInput>) => {
      const { state } = world;
      delete state.loadBalancers[input.LoadBalancerArn];
      for (const [arn, { listener }] of Object.entries(state.listeners)) {
        if (listener.LoadBalancerArn !== input.LoadBalancerArn) continue;
        delete state.listeners[arn];
        for (const [ruleArn, rule] of Object.entries(state.rules))
          if (rule.listenerArn === arn) delete state.rules[ruleArn];
      }
      relinkTargetGroups(state);
      return {};
    },
  ),
  defineOperation('DescribeLoadBalancers', READ, ({ world }, input: Wire<DescribeLoadBalancersInput>) => {
    const { state } = world;
    if (input.Names !== undefined && input.LoadBalancerArns !== undefined)
      throw validation('Names and ARNs cannot be specified together');
    const named = input.LoadBalancerArns ?? input.Names;
    if ((named?.length ?? 0) > MAX_NAMED)
      throw validation(`At most ${MAX_NAMED} load balancers can be described at once`);
    const balancers =
      named === undefined
        ? Object.values(state.loadBalancers).map(({ balancer }) => balancer)
        : named.map((name) => byName(state, name).balancer);
    const { items, ...rest } = pageOf(balancers, input);
    return { LoadBalancers: items, ...rest };
  }),
  defineOperation('DescribeTags', READ, ({ world }, input: Wire<DescribeTagsInput>) => {
    if (input.ResourceArns.length > MAX_NAMED)
      throw validation(`At most ${MAX_NAMED} resources can be described at once`);
    const TagDescriptions = input.ResourceArns.map(
      (ResourceArn): Wire<TagDescription> => ({ ResourceArn, Tags: [...tagsOf(world.state, ResourceArn)] }),
    );
    return { TagDescriptions };
  }),
];

function byName(state: WorldState, name: string): LoadBalancerState {
  if (name.startsWith('arn:')) return loadBalancerOf(state, name);
  const found = Object.values(state.loadBalancers).find(({ balancer }) => balancer.LoadBalancerName === name);
  if (found === undefined) throw new AwsError('LoadBalancerNotFound', `Load balancers '[${name}]' not found`);
  return found;
}

function tagsOf(state: WorldState, arn: string): readonly Wire<Tag>[] {
  const kind = arn.split(':')[5]?.split('/')[0];
  switch (kind) {
    case 'targetgroup':
      return targetGroupOf(state, arn).tags;
    case 'listener':
      return listenerOf(state, arn).tags;
    case 'listener-rule':
      return ruleOf(state, arn).tags;
    default:
      return loadBalancerOf(state, arn).tags;
  }
}
