import type {
  CreateTargetGroupInput,
  DeleteTargetGroupInput,
  DescribeTargetGroupAttributesInput,
  DescribeTargetGroupsInput,
  ModifyTargetGroupAttributesInput,
} from '@aws-sdk/client-elastic-load-balancing-v2';
import { AwsError } from '../wire/aws-error.ts';
import { defineOperation } from '../wire/operation.ts';
import type { TargetGroupState } from '../world/state.ts';
import { compact, type Wire } from '../world/wire-types.ts';
import type { World } from '../world/world.ts';
import { loadBalancerOf, pageOf, targetGroupOf, validation } from './arguments.ts';

const READ = { mutates: false, quota: 'elb read' } as const;
const MODIFY = { mutates: true, quota: 'elb modify' } as const;

/** Attributes of a target group with the defaults of AWS, and the values they may take. */
const ATTRIBUTES: ReadonlyMap<string, { readonly usual: string; readonly allowed: RegExp; readonly most?: number }> =
  new Map([
    ['deregistration_delay.timeout_seconds', { usual: '300', allowed: /^\d{1,4}$/, most: 3_600 }],
    ['slow_start.duration_seconds', { usual: '0', allowed: /^\d{1,3}$/, most: 900 }],
    ['stickiness.enabled', { usual: 'false', allowed: /^(?:true|false)$/ }],
    ['stickiness.type', { usual: 'lb_cookie', allowed: /^(?:lb_cookie|app_cookie|source_ip)$/ }],
    ['stickiness.lb_cookie.duration_seconds', { usual: '86400', allowed: /^\d{1,6}$/, most: 604_800 }],
    [
      'load_balancing.algorithm.type',
      { usual: 'round_robin', allowed: /^(?:round_robin|least_outstanding_requests|weighted_random)$/ },
    ],
  ]);

export const targetGroupOperations = [
  defineOperation('CreateTargetGroup', MODIFY, ({ world }, input: Wire<CreateTargetGroupInput>) => {
    check(input);
    const wanted = describe(world, input);
    const known = Object.values(world.state.targetGroups).find(({ group }) => group.TargetGroupName === input.Name);
    if (known !== undefined) {
      if (isSame(known, wanted)) return { TargetGroups: [known.group] };
      throw new AwsError(
        'DuplicateTargetGroupName',
        `A target group with the same name '${input.Name}' exists, but with different settings`,
      );
    }
    const arn = world.arn('elasticloadbalancing', `targetgroup/${input.Name}/${world.hex(16)}`);
    const created: TargetGroupState = {
      group: { ...wanted, TargetGroupArn: arn, TargetGroupName: input.Name, LoadBalancerArns: [] },
      attributes: Object.fromEntries([...ATTRIBUTES].map(([key, { usual }]) => [key, usual])),
      targets: [],
      tags: input.Tags ?? [],
    };
    world.state.targetGroups[arn] = created;
    return { TargetGroups: [created.group] };
  }),
  defineOperation('DeleteTargetGroup', MODIFY, ({ world }, input: Wire<DeleteTargetGroupInput>) => {
    const group = world.state.targetGroups[input.TargetGroupArn]?.group;
    if ((group?.LoadBalancerArns ?? []).length > 0) {
      throw new AwsError(
        'ResourceInUse',
        `Target group '${input.TargetGroupArn}' is currently in use by a listener or a rule`,
      );
    }
    delete world.state.targetGroups[input.TargetGroupArn];
    return {};
  }),
  defineOperation('DescribeTargetGroups', READ, ({ world }, input: Wire<DescribeTargetGroupsInput>) => {
    const { state } = world;
    const given = [input.LoadBalancerArn, input.TargetGroupArns, input.Names].filter((filter) => filter !== undefined);
    if (given.length > 1)
      throw validation('Load balancer ARN, target group ARNs and names cannot be specified together');
    const all = Object.values(state.targetGroups).map(({ group }) => group);
    const balancer = input.LoadBalancerArn;
    if (balancer !== undefined) loadBalancerOf(state, balancer);
    const groups =
      input.TargetGroupArns?.map((arn) => targetGroupOf(state, arn).group) ??
      input.Names?.map((name) => {
        const found = all.find((group) => group.TargetGroupName === name);
        if (found === undefined) throw new AwsError('TargetGroupNotFound', 'One or more target groups not found');
        return found;
      }) ??
      all.filter((group) => balancer === undefined || group.LoadBalancerArns?.includes(balancer) === true);
    const { items, ...rest } = pageOf(groups, input);
    return { TargetGroups: items, ...rest };
  }),
  defineOperation(
    'DescribeTargetGroupAttributes',
    READ,
    ({ world }, input: Wire<DescribeTargetGroupAttributesInput>) => {
      return { Attributes: viewAttributes(targetGroupOf(world.state, input.TargetGroupArn)) };
    },
  ),
  defineOperation('ModifyTargetGroupAttributes', MODIFY, ({ world }, input: Wire<ModifyTargetGroupAttributesInput>) => {
    const group = targetGroupOf(world.state, input.TargetGroupArn);
    for (const { Key = '', Value = '' } of input.Attributes) {
      const rule = ATTRIBUTES.get(Key);
      if (rule === undefined) throw validation(`Target group attribute key '${Key}' is not recognized`);
      if (!rule.allowed.test(Value) || Number(Value) > (rule.most ?? Number.POSITIVE_INFINITY)) {
        throw new AwsError(
          'InvalidConfigurationRequest',
          `Target group attribute '${Key}' cannot have the value '${Value}'`,
        );
      }
    }
    for (const { Key = '', Value = '' } of input.Attributes) group.attributes[Key] = Value;
    return { Attributes: viewAttributes(group) };
  }),
];

function check(input: Wire<CreateTargetGroupInput>): void {
  if (!/^[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,30}[a-zA-Z0-9])?$/.test(input.Name)) {
    throw validation(
      `The target group name '${input.Name}' must have 1 to 32 letters, digits or hyphens and not begin or end with a hyphen`,
    );
  }
  if (input.TargetType === 'lambda') return;
  if (input.Protocol === undefined) throw validation('A protocol must be specified');
  if (input.Port === undefined) throw validation('A port must be specified');
  if (input.VpcId === undefined) throw validation('A VPC ID must be specified');
}

function describe(
  world: World,
  input: Wire<CreateTargetGroupInput>,
): Omit<TargetGroupState['group'], 'TargetGroupArn' | 'TargetGroupName'> {
  const web = input.Protocol === 'HTTP' || input.Protocol === 'HTTPS';
  return compact<ReturnType<typeof describe>>({
    Protocol: input.Protocol,
    Port: input.Port,
    VpcId: input.VpcId,
    HealthCheckProtocol: input.HealthCheckProtocol ?? (web ? input.Protocol : 'TCP'),
    HealthCheckPort: input.HealthCheckPort ?? 'traffic-port',
    HealthCheckEnabled: input.HealthCheckEnabled ?? true,
    HealthCheckIntervalSeconds: input.HealthCheckIntervalSeconds ?? 30,
    HealthCheckTimeoutSeconds: input.HealthCheckTimeoutSeconds ?? 5,
    HealthyThresholdCount: input.HealthyThresholdCount ?? 5,
    UnhealthyThresholdCount: input.UnhealthyThresholdCount ?? 2,
    HealthCheckPath: web ? (input.HealthCheckPath ?? '/') : undefined,
    Matcher: web ? (input.Matcher ?? { HttpCode: '200' }) : undefined,
    TargetType: input.TargetType ?? 'instance',
    ProtocolVersion: web ? (input.ProtocolVersion ?? 'HTTP1') : undefined,
    IpAddressType: input.IpAddressType ?? 'ipv4',
  });
}

function isSame(known: TargetGroupState, wanted: ReturnType<typeof describe>): boolean {
  const current = new Map<string, unknown>(Object.entries(known.group));
  return Object.entries(wanted).every(([name, value]) => JSON.stringify(current.get(name)) === JSON.stringify(value));
}

function viewAttributes(group: TargetGroupState): { Key: string; Value: string }[] {
  return Object.entries(group.attributes).map(([Key, Value]) => ({ Key, Value }));
}
