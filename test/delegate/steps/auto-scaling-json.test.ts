import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { parseScalableTarget, parseScalingPolicies, restorable } from '@outrider/delegate/steps/auto-scaling-json.ts';

const ROLE =
  'arn:aws:iam::448000000007:role/aws-service-role/ecs.application-autoscaling.amazonaws.com/AWSServiceRoleForApplicationAutoScaling_ECSService';
const TARGET = {
  ServiceNamespace: 'ecs',
  ScalableDimension: 'ecs:service:DesiredCount',
  MinCapacity: 2,
  MaxCapacity: 5,
  RoleARN: ROLE,
};
const CLEAN = { MinCapacity: 2, MaxCapacity: 5, RoleARN: ROLE };
const TRACKING = {
  TargetValue: 60,
  PredefinedMetricSpecification: { PredefinedMetricType: 'ECSServiceAverageCPUUtilization' },
  ScaleOutCooldown: 300,
};
const POLICY = {
  PolicyName: 'P1',
  PolicyType: 'TargetTrackingScaling',
  TargetTrackingScalingPolicyConfiguration: TRACKING,
};

describe('scalable target JSON', () => {
  for (const [what, pasted] of [
    ["the page's object", TARGET],
    ['its text', JSON.stringify(TARGET, null, 2)],
    [
      'the output of describe-scalable-targets',
      { ScalableTargets: [{ ...TARGET, ResourceId: 'service/a/b', CreationTime: '2020', ScalableTargetARN: 'arn:x' }] },
    ],
    [
      'a CloudFormation resource',
      { Type: 'AWS::ApplicationAutoScaling::ScalableTarget', Properties: { ...TARGET, ResourceId: 'x' } },
    ],
    ['camelCase', { minCapacity: 2, maxCapacity: 5, roleARN: ROLE, serviceNamespace: 'ecs' }],
    ['a list of one', JSON.stringify([TARGET])],
    ['rendered numbers', { ...TARGET, MinCapacity: '2', MaxCapacity: ' 5' }],
  ] as const) {
    test(`${what} is taken`, () => {
      assert.deepEqual(parseScalableTarget(pasted), CLEAN);
    });
  }

  for (const [what, pasted, said] of [
    ['no JSON', '{MinCapacity', /it is no JSON/],
    ['two targets', { ScalableTargets: [TARGET, TARGET] }, /holds 2 scalable targets/],
    ['no target', { ScalableTargets: [] }, /holds 0 scalable targets/],
    ['an unknown field', { ...TARGET, MinCapcity: 1 }, /unknown field MinCapcity/],
    ['no MaxCapacity', { MinCapacity: 1 }, /MaxCapacity/],
    ['limits the wrong way round', { MinCapacity: 5, MaxCapacity: 2 }, /MinCapacity 5 is more than MaxCapacity 2/],
    ['a number', '7', /no JSON object/],
  ] as const) {
    test(`${what} is refused with the reason`, () => {
      assert.throws(() => parseScalableTarget(pasted), said);
    });
  }
});

describe('scaling policy JSON', () => {
  test('several documents, and one with several policies, are taken together', () => {
    const second = { ...POLICY, PolicyName: 'P2' };
    const described = {
      ScalingPolicies: [{ ...second, PolicyARN: 'arn:x', Alarms: [], CreationTime: 1, ResourceId: 'r' }],
    };
    assert.deepEqual(parseScalingPolicies([POLICY, JSON.stringify(described)]), [POLICY, second]);
  });

  test('a policy without a name, and an unknown field, are refused', () => {
    assert.throws(() => parseScalingPolicies([{ PolicyType: 'StepScaling' }]), /no PolicyName/);
    assert.throws(() => parseScalingPolicies([{ ...POLICY, Nmae: 1 }]), /unknown field Nmae/);
  });
});

test('a snapshot keeps what puts it back, and leaves AWS its own role', () => {
  const shown = { ...TARGET, ResourceId: 'r', SuspendedState: { DynamicScalingInSuspended: true }, CreationTime: 'x' };
  const { SuspendedState } = shown;
  assert.deepEqual(restorable('target', shown), { MinCapacity: 2, MaxCapacity: 5, SuspendedState });
  assert.deepEqual(restorable('policy', { ...POLICY, Alarms: [], PolicyARN: 'a' }), POLICY);
});
