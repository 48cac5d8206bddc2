import type {
  Alarm,
  DeleteScalingPolicyRequest,
  DescribeScalingPoliciesRequest,
  PutScalingPolicyRequest,
  ScalingPolicy,
} from '@aws-sdk/client-application-auto-scaling';
import { AwsError } from '../wire/aws-error.ts';
import { defineOperation } from '../wire/operation.ts';
import { compact, type Wire } from '../world/wire-types.ts';
import type { World } from '../world/world.ts';
import { checkFilters, checkIdentity, fits, isOf, keyOf, notFound, pageOf, validation } from './arguments.ts';

const MODIFY = { mutates: true, quota: 'autoscaling' } as const;
const READ = { mutates: false, quota: 'autoscaling' } as const;
const MAX_POLICIES = 50;
const MAX_STEPS = 20;
/** AWS gives ten policies a page and no more. */
const PAGE = 10;

export const scalingPolicyOperations = [
  defineOperation('PutScalingPolicy', MODIFY, ({ world }, input: Wire<PutScalingPolicyRequest>) => {
    checkIdentity(input);
    const { state } = world;
    if (state.scalableTargets[keyOf(input)] === undefined) throw notFound('scalable target', input);
    const key = `${keyOf(input)}|${input.PolicyName}`;
    const known = state.scalingPolicies[key];
    const PolicyType = input.PolicyType ?? known?.PolicyType ?? 'StepScaling';
    checkConfiguration({ ...input, PolicyType });
    const count = Object.values(state.scalingPolicies).filter((policy) => isOf(input, policy)).length;
    if (known === undefined && count >= MAX_POLICIES) {
      throw new AwsError('LimitExceededException', `A scalable target has at most ${MAX_POLICIES} scaling policies`);
    }
    const resource = `scalingPolicy:${known === undefined ? world.uuid() : ((known.PolicyARN ?? '').split(':')[6] ?? '')}`;
    const policy = compact<Wire<ScalingPolicy>>({
      ...input,
      PolicyType,
      PolicyARN:
        known?.PolicyARN ??
        world.arn('autoscaling', `${resource}:resource/ecs/${input.ResourceId}:policyName/${input.PolicyName}`),
      Alarms: PolicyType === 'TargetTrackingScaling' ? (known?.Alarms ?? trackingAlarms(world, input.ResourceId)) : [],
      CreationTime: known?.CreationTime ?? world.now,
    });
    state.scalingPolicies[key] = policy;
    return { PolicyARN: policy.PolicyARN, Alarms: policy.Alarms };
  }),
  defineOperation('DeleteScalingPolicy', MODIFY, ({ world }, input: Wire<DeleteScalingPolicyRequest>) => {
    const key = `${keyOf(input)}|${input.PolicyName}`;
    if (world.state.scalingPolicies[key] === undefined)
      throw notFound(`scaling policy named ${input.PolicyName}`, input);
    delete world.state.scalingPolicies[key];
    return {};
  }),
  defineOperation('DescribeScalingPolicies', READ, ({ world }, input: Wire<DescribeScalingPoliciesRequest>) => {
    checkFilters(input);
    const found = Object.values(world.state.scalingPolicies).filter(
      (policy) =>
        fits(policy, input) && (input.PolicyNames === undefined || input.PolicyNames.includes(policy.PolicyName ?? '')),
    );
    const { items, ...rest } = pageOf(found, input, PAGE);
    return { ScalingPolicies: items, ...rest };
  }),
];

function checkConfiguration(input: Wire<PutScalingPolicyRequest>): void {
  const tracking = input.TargetTrackingScalingPolicyConfiguration;
  const step = input.StepScalingPolicyConfiguration;
  const predictive = input.PredictiveScalingPolicyConfiguration;
  const wanted = { TargetTrackingScaling: tracking, StepScaling: step, PredictiveScaling: predictive };
  const type = input.PolicyType ?? 'StepScaling';
  if (wanted[type] === undefined)
    throw validation(`${type}PolicyConfiguration must be specified for policy type ${type}`);
  if (Object.entries(wanted).some(([name, configuration]) => name !== type && configuration !== undefined)) {
    throw validation(`Only ${type}PolicyConfiguration can be specified for policy type ${type}`);
  }
  if (tracking !== undefined) {
    const metrics = [tracking.PredefinedMetricSpecification, tracking.CustomizedMetricSpecification];
    if (metrics.filter((metric) => metric !== undefined).length !== 1) {
      throw validation(
        'Exactly one of PredefinedMetricSpecification and CustomizedMetricSpecification must be specified',
      );
    }
    const predefined = tracking.PredefinedMetricSpecification;
    const name = predefined?.PredefinedMetricType;
    if (name !== undefined && !name.startsWith('ECSService') && name !== 'ALBRequestCountPerTarget') {
      throw validation(`Predefined metric type ${name} is not supported for ecs:service:DesiredCount`);
    }
    if (name === 'ALBRequestCountPerTarget' && predefined?.ResourceLabel === undefined) {
      throw validation('ResourceLabel must be specified for ALBRequestCountPerTarget');
    }
  }
  if ((step?.StepAdjustments ?? []).length > MAX_STEPS)
    throw validation(`A policy has at most ${MAX_STEPS} step adjustments`);
}

/** The alarms that target tracking creates and owns. */
function trackingAlarms(world: World, resourceId: string): Wire<Alarm>[] {
  return ['AlarmHigh', 'AlarmLow'].map((kind) => {
    const AlarmName = `TargetTracking-${resourceId}-${kind}-${world.uuid()}`;
    return { AlarmName, AlarmARN: world.arn('cloudwatch', `alarm:${AlarmName}`) };
  });
}
