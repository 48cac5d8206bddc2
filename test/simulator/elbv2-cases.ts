import assert from 'node:assert/strict';
import {
  type Action,
  CreateListenerCommand,
  CreateLoadBalancerCommand,
  CreateRuleCommand,
  CreateTargetGroupCommand,
  DeleteListenerCommand,
  DeleteLoadBalancerCommand,
  DeleteRuleCommand,
  DeleteTargetGroupCommand,
  DeregisterTargetsCommand,
  DescribeListenersCommand,
  DescribeLoadBalancersCommand,
  DescribeRulesCommand,
  DescribeTagsCommand,
  DescribeTargetGroupAttributesCommand,
  DescribeTargetGroupsCommand,
  DescribeTargetHealthCommand,
  ModifyListenerCommand,
  ModifyRuleCommand,
  ModifyTargetGroupAttributesCommand,
  RegisterTargetsCommand,
} from '@aws-sdk/client-elastic-load-balancing-v2';
import type { OperationCases } from './operation-case.ts';
import type { SimulatedAws } from './simulated-aws.ts';

const ABSENT = 'arn:aws:elasticloadbalancing:us-east-1:123456789012:targetgroup/absent/0123456789abcdef';

export interface Balanced {
  readonly loadBalancer: string;
  readonly targetGroup: string;
  readonly listener: string;
}

/** A load balancer with a listener on port 80 that forwards to a new target group. */
export async function createBalanced(aws: SimulatedAws, targetType: 'instance' | 'ip' = 'instance'): Promise<Balanced> {
  const { elb } = aws;
  const balancers = await elb.send(new CreateLoadBalancerCommand({ Name: 'front', Subnets: ['subnet-1', 'subnet-2'] }));
  const loadBalancer = balancers.LoadBalancers?.[0]?.LoadBalancerArn ?? '';
  const targetGroup = await createTargetGroup(aws, 'blue', targetType);
  const listeners = await elb.send(
    new CreateListenerCommand({
      LoadBalancerArn: loadBalancer,
      Protocol: 'HTTP',
      Port: 80,
      DefaultActions: [forward(targetGroup)],
    }),
  );
  return { loadBalancer, targetGroup, listener: listeners.Listeners?.[0]?.ListenerArn ?? '' };
}

export async function createTargetGroup(
  aws: SimulatedAws,
  Name: string,
  TargetType: 'instance' | 'ip' = 'instance',
): Promise<string> {
  const input = { Name, TargetType, Protocol: 'HTTP', Port: 80, VpcId: 'vpc-1' } as const;
  const output = await aws.elb.send(new CreateTargetGroupCommand(input));
  return output.TargetGroups?.[0]?.TargetGroupArn ?? '';
}

export function forward(TargetGroupArn: string): Action {
  return { Type: 'forward', TargetGroupArn };
}

async function createRule(aws: SimulatedAws, balanced: Balanced, priority = 10): Promise<string> {
  const output = await aws.elb.send(
    new CreateRuleCommand({
      ListenerArn: balanced.listener,
      Priority: priority,
      Conditions: [{ Field: 'path-pattern', Values: ['/shop/*'] }],
      Actions: [forward(balanced.targetGroup)],
    }),
  );
  return output.Rules?.[0]?.RuleArn ?? '';
}

async function defaultRule(aws: SimulatedAws, balanced: Balanced): Promise<string> {
  const { Rules } = await aws.elb.send(new DescribeRulesCommand({ ListenerArn: balanced.listener }));
  return Rules?.at(-1)?.RuleArn ?? '';
}

export const ELBV2_CASES: OperationCases = {
  CreateLoadBalancer: {
    right: async ({ elb }) => {
      const output = await elb.send(
        new CreateLoadBalancerCommand({ Name: 'front', Subnets: ['subnet-1', 'subnet-2'] }),
      );
      assert.equal(output.LoadBalancers?.[0]?.State?.Code, 'active');
      assert.ok(output.LoadBalancers?.[0]?.CreatedTime instanceof Date);
    },
    wrong: ({ elb }) => elb.send(new CreateLoadBalancerCommand({ Name: 'front', Subnets: ['subnet-1'] })),
    error: 'InvalidConfigurationRequestException',
  },
  DeleteLoadBalancer: {
    right: async (aws) => {
      const { loadBalancer, listener } = await createBalanced(aws);
      await aws.elb.send(new DeleteLoadBalancerCommand({ LoadBalancerArn: loadBalancer }));
      await assert.rejects(aws.elb.send(new DescribeListenersCommand({ ListenerArns: [listener] })), {
        name: 'ListenerNotFoundException',
      });
    },
    wrong: ({ elb }) => elb.send(new DeleteLoadBalancerCommand({ LoadBalancerArn: undefined })),
    error: 'ValidationError',
  },
  CreateTargetGroup: {
    right: async (aws) => {
      assert.equal(await createTargetGroup(aws, 'blue'), await createTargetGroup(aws, 'blue'));
    },
    wrong: async (aws) => {
      await createTargetGroup(aws, 'blue');
      await createTargetGroup(aws, 'blue', 'ip');
    },
    error: 'DuplicateTargetGroupNameException',
  },
  DeleteTargetGroup: {
    right: async (aws) =>
      aws.elb.send(new DeleteTargetGroupCommand({ TargetGroupArn: await createTargetGroup(aws, 'blue') })),
    wrong: async (aws) => {
      const { targetGroup } = await createBalanced(aws);
      await aws.elb.send(new DeleteTargetGroupCommand({ TargetGroupArn: targetGroup }));
    },
    error: 'ResourceInUseException',
  },
  CreateListener: {
    right: async (aws) => {
      const { listener, loadBalancer } = await createBalanced(aws);
      assert.match(listener, /:listener\/app\/front\//);
      const { TargetGroups } = await aws.elb.send(new DescribeTargetGroupsCommand({ LoadBalancerArn: loadBalancer }));
      assert.equal(TargetGroups?.length, 1);
    },
    wrong: async (aws) => {
      const { loadBalancer } = await createBalanced(aws);
      await aws.elb.send(
        new CreateListenerCommand({
          LoadBalancerArn: loadBalancer,
          Protocol: 'HTTP',
          Port: 81,
          DefaultActions: [forward(ABSENT)],
        }),
      );
    },
    error: 'TargetGroupNotFoundException',
  },
  DeleteListener: {
    right: async (aws) => {
      const { listener } = await createBalanced(aws);
      await aws.elb.send(new DeleteListenerCommand({ ListenerArn: listener }));
      const { TargetGroups } = await aws.elb.send(new DescribeTargetGroupsCommand({}));
      assert.deepEqual(TargetGroups?.[0]?.LoadBalancerArns, []);
    },
    wrong: ({ elb }) => elb.send(new DeleteListenerCommand({ ListenerArn: 'arn:absent' })),
    error: 'ListenerNotFoundException',
  },
  CreateRule: {
    right: async (aws) => {
      assert.match(await createRule(aws, await createBalanced(aws)), /:listener-rule\/app\/front\//);
    },
    wrong: async (aws) => {
      const balanced = await createBalanced(aws);
      await createRule(aws, balanced);
      await createRule(aws, balanced);
    },
    error: 'PriorityInUseException',
  },
  DeleteRule: {
    right: async (aws) =>
      aws.elb.send(new DeleteRuleCommand({ RuleArn: await createRule(aws, await createBalanced(aws)) })),
    wrong: async (aws) =>
      aws.elb.send(new DeleteRuleCommand({ RuleArn: await defaultRule(aws, await createBalanced(aws)) })),
    error: 'OperationNotPermittedException',
  },
  DescribeLoadBalancers: {
    right: async (aws) => {
      await createBalanced(aws);
      const output = await aws.elb.send(new DescribeLoadBalancersCommand({ Names: ['front'] }));
      assert.equal(output.LoadBalancers?.[0]?.LoadBalancerName, 'front');
    },
    wrong: ({ elb }) => elb.send(new DescribeLoadBalancersCommand({ Names: ['absent'] })),
    error: 'LoadBalancerNotFoundException',
  },
  DescribeTargetGroups: {
    right: async (aws) => {
      await createTargetGroup(aws, 'blue');
      await createTargetGroup(aws, 'green');
      const first = await aws.elb.send(new DescribeTargetGroupsCommand({ PageSize: 1 }));
      const second = await aws.elb.send(new DescribeTargetGroupsCommand({ PageSize: 1, Marker: first.NextMarker }));
      assert.deepEqual(
        [first, second].map(({ TargetGroups }) => TargetGroups?.[0]?.TargetGroupName),
        ['blue', 'green'],
      );
    },
    wrong: ({ elb }) => elb.send(new DescribeTargetGroupsCommand({ PageSize: 401 })),
    error: 'ValidationError',
  },
  DescribeListeners: {
    right: async (aws) => {
      const { loadBalancer } = await createBalanced(aws);
      const output = await aws.elb.send(new DescribeListenersCommand({ LoadBalancerArn: loadBalancer }));
      assert.equal(output.Listeners?.[0]?.Port, 80);
    },
    wrong: ({ elb }) => elb.send(new DescribeListenersCommand({})),
    error: 'ValidationError',
  },
  DescribeRules: {
    right: async (aws) => {
      const balanced = await createBalanced(aws);
      await createRule(aws, balanced, 20);
      await createRule(aws, balanced, 10);
      const { Rules } = await aws.elb.send(new DescribeRulesCommand({ ListenerArn: balanced.listener }));
      assert.deepEqual(
        Rules?.map(({ Priority }) => Priority),
        ['10', '20', 'default'],
      );
    },
    wrong: ({ elb }) => elb.send(new DescribeRulesCommand({ RuleArns: ['arn:absent'] })),
    error: 'RuleNotFoundException',
  },
  DescribeTags: {
    right: async (aws) => {
      const { loadBalancer, targetGroup } = await createBalanced(aws);
      const output = await aws.elb.send(new DescribeTagsCommand({ ResourceArns: [loadBalancer, targetGroup] }));
      assert.equal(output.TagDescriptions?.length, 2);
    },
    wrong: ({ elb }) => elb.send(new DescribeTagsCommand({ ResourceArns: [ABSENT] })),
    error: 'TargetGroupNotFoundException',
  },
  DescribeTargetGroupAttributes: {
    right: async (aws) => {
      const output = await aws.elb.send(
        new DescribeTargetGroupAttributesCommand({ TargetGroupArn: await createTargetGroup(aws, 'blue') }),
      );
      assert.ok(
        output.Attributes?.some(({ Key, Value }) => Key === 'deregistration_delay.timeout_seconds' && Value === '300'),
      );
    },
    wrong: ({ elb }) => elb.send(new DescribeTargetGroupAttributesCommand({ TargetGroupArn: ABSENT })),
    error: 'TargetGroupNotFoundException',
  },
  ModifyTargetGroupAttributes: {
    right: async (aws) => {
      const Attributes = [{ Key: 'deregistration_delay.timeout_seconds', Value: '5' }];
      await aws.elb.send(
        new ModifyTargetGroupAttributesCommand({ TargetGroupArn: await createTargetGroup(aws, 'blue'), Attributes }),
      );
    },
    wrong: async (aws) => {
      const Attributes = [{ Key: 'deregistration_delay.timeout_seconds', Value: '4000' }];
      await aws.elb.send(
        new ModifyTargetGroupAttributesCommand({ TargetGroupArn: await createTargetGroup(aws, 'blue'), Attributes }),
      );
    },
    error: 'InvalidConfigurationRequestException',
  },
  DescribeTargetHealth: {
    right: async (aws) => {
      const Targets = [{ Id: 'i-absent' }];
      const output = await aws.elb.send(
        new DescribeTargetHealthCommand({ TargetGroupArn: await createTargetGroup(aws, 'blue'), Targets }),
      );
      assert.equal(output.TargetHealthDescriptions?.[0]?.TargetHealth?.Reason, 'Target.NotRegistered');
    },
    wrong: ({ elb }) => elb.send(new DescribeTargetHealthCommand({ TargetGroupArn: ABSENT })),
    error: 'TargetGroupNotFoundException',
  },
  ModifyListener: {
    right: async (aws) => {
      const { listener, targetGroup } = await createBalanced(aws);
      const green = await createTargetGroup(aws, 'green');
      const TargetGroups = [
        { TargetGroupArn: targetGroup, Weight: 90 },
        { TargetGroupArn: green, Weight: 10 },
      ];
      await aws.elb.send(
        new ModifyListenerCommand({
          ListenerArn: listener,
          DefaultActions: [{ Type: 'forward', ForwardConfig: { TargetGroups } }],
        }),
      );
      const { Rules } = await aws.elb.send(new DescribeRulesCommand({ ListenerArn: listener }));
      assert.deepEqual(Rules?.[0]?.Actions?.[0]?.ForwardConfig?.TargetGroups, TargetGroups);
    },
    wrong: async (aws) => {
      const { listener } = await createBalanced(aws);
      await aws.elb.send(new ModifyListenerCommand({ ListenerArn: listener, Protocol: 'TCP' }));
    },
    error: 'UnsupportedProtocolException',
  },
  ModifyRule: {
    right: async (aws) => {
      const balanced = await createBalanced(aws);
      const RuleArn = await createRule(aws, balanced);
      const green = await createTargetGroup(aws, 'green');
      const output = await aws.elb.send(new ModifyRuleCommand({ RuleArn, Actions: [forward(green)] }));
      assert.equal(output.Rules?.[0]?.Actions?.[0]?.TargetGroupArn, green);
    },
    wrong: async (aws) =>
      aws.elb.send(new ModifyRuleCommand({ RuleArn: await defaultRule(aws, await createBalanced(aws)), Actions: [] })),
    error: 'OperationNotPermittedException',
  },
  RegisterTargets: {
    right: async (aws) => {
      const { targetGroup } = await createBalanced(aws, 'ip');
      await aws.elb.send(
        new RegisterTargetsCommand({ TargetGroupArn: targetGroup, Targets: [{ Id: '10.0.1.200', Port: 8080 }] }),
      );
      const states: (string | undefined)[] = [];
      for (const seconds of [0, 20]) {
        aws.advance(seconds);
        const output = await aws.elb.send(new DescribeTargetHealthCommand({ TargetGroupArn: targetGroup }));
        states.push(output.TargetHealthDescriptions?.[0]?.TargetHealth?.State);
      }
      assert.deepEqual(states, ['initial', 'healthy']);
    },
    wrong: async (aws) => {
      const { targetGroup } = await createBalanced(aws);
      await aws.elb.send(
        new RegisterTargetsCommand({ TargetGroupArn: targetGroup, Targets: [{ Id: 'i-0123456789abcdef0' }] }),
      );
    },
    error: 'InvalidTargetException',
  },
  DeregisterTargets: {
    right: async (aws) => {
      const { targetGroup } = await createBalanced(aws, 'ip');
      const request = { TargetGroupArn: targetGroup, Targets: [{ Id: '10.0.1.200', Port: 8080 }] };
      await aws.elb.send(new RegisterTargetsCommand(request));
      await aws.elb.send(new DeregisterTargetsCommand(request));
      const health = async (): Promise<unknown> =>
        (
          await aws.elb.send(new DescribeTargetHealthCommand({ TargetGroupArn: targetGroup }))
        ).TargetHealthDescriptions?.map(({ TargetHealth }) => TargetHealth?.State);
      assert.deepEqual(await health(), ['draining']);
      aws.advance(301);
      assert.deepEqual(await health(), []);
    },
    wrong: ({ elb }) => elb.send(new DeregisterTargetsCommand({ TargetGroupArn: ABSENT, Targets: [{ Id: 'x' }] })),
    error: 'TargetGroupNotFoundException',
  },
};
