import type {
  DeregisterScalableTargetRequest,
  DescribeScalableTargetsRequest,
  DescribeScalingActivitiesRequest,
  RegisterScalableTargetRequest,
  ScalableTarget,
} from '@aws-sdk/client-application-auto-scaling';
import { defineOperation } from '../wire/operation.ts';
import { clamp, scaleService } from '../world/autoscaler.ts';
import type { Wire } from '../world/wire-types.ts';
import {
  checkFilters,
  checkIdentity,
  fits,
  isOf,
  keyOf,
  notFound,
  pageOf,
  scaledService,
  validation,
} from './arguments.ts';

const MODIFY = { mutates: true, quota: 'autoscaling' } as const;
const READ = { mutates: false, quota: 'autoscaling' } as const;
const PAGE = 50;
const LINKED_ROLE =
  'role/aws-service-role/ecs.application-autoscaling.amazonaws.com/AWSServiceRoleForApplicationAutoScaling_ECSService';

export const scalableTargetOperations = [
  defineOperation('RegisterScalableTarget', MODIFY, ({ world }, input: Wire<RegisterScalableTargetRequest>) => {
    checkIdentity(input);
    const { state } = world;
    const key = keyOf(input);
    const known = state.scalableTargets[key];
    const min = input.MinCapacity ?? known?.MinCapacity;
    const max = input.MaxCapacity ?? known?.MaxCapacity;
    if (min === undefined || max === undefined) {
      throw validation('You must specify both MinCapacity and MaxCapacity when you register a new scalable target');
    }
    if (min < 0 || max < 0) throw validation('MinCapacity and MaxCapacity must not be negative');
    if (min > max) throw validation('Maximum capacity cannot be less than minimum capacity');
    const service = scaledService(state, input);
    const none = {
      DynamicScalingInSuspended: false,
      DynamicScalingOutSuspended: false,
      ScheduledScalingSuspended: false,
    };
    const target: Wire<ScalableTarget> = {
      ServiceNamespace: input.ServiceNamespace,
      ResourceId: input.ResourceId,
      ScalableDimension: input.ScalableDimension,
      MinCapacity: min,
      MaxCapacity: max,
      RoleARN: input.RoleARN ?? known?.RoleARN ?? `arn:aws:iam::${state.accountId}:${LINKED_ROLE}`,
      CreationTime: known?.CreationTime ?? world.now,
      SuspendedState: { ...none, ...known?.SuspendedState, ...input.SuspendedState },
      ScalableTargetARN:
        known?.ScalableTargetARN ?? world.arn('application-autoscaling', `scalable-target/0ec5${world.hex(32)}`),
    };
    state.scalableTargets[key] = target;
    // AWS moves the current capacity into the range at once, suspended or not.
    const wanted = clamp(service.desiredCount, min, max);
    scaleService(
      world,
      service,
      wanted,
      `RegisterScalableTarget moved the desired count into the range ${min} to ${max}`,
    );
    return { ScalableTargetARN: target.ScalableTargetARN };
  }),
  defineOperation('DeregisterScalableTarget', MODIFY, ({ world }, input: Wire<DeregisterScalableTargetRequest>) => {
    const { state } = world;
    const key = keyOf(input);
    if (state.scalableTargets[key] === undefined) throw notFound('scalable target', input);
    delete state.scalableTargets[key];
    for (const [name, policy] of Object.entries(state.scalingPolicies))
      if (isOf(input, policy)) delete state.scalingPolicies[name];
    for (const [name, action] of Object.entries(state.scheduledActions))
      if (isOf(input, action)) delete state.scheduledActions[name];
    return {};
  }),
  defineOperation('DescribeScalableTargets', READ, ({ world }, input: Wire<DescribeScalableTargetsRequest>) => {
    if (input.ScalableDimension !== undefined && input.ResourceIds === undefined) {
      throw validation('If ScalableDimension is specified, ResourceIds must be specified too');
    }
    const found = Object.values(world.state.scalableTargets).filter(
      (target) =>
        target.ServiceNamespace === input.ServiceNamespace &&
        (input.ResourceIds === undefined || input.ResourceIds.includes(target.ResourceId)) &&
        (input.ScalableDimension === undefined || input.ScalableDimension === target.ScalableDimension),
    );
    const { items, ...rest } = pageOf(found, input, PAGE);
    return { ScalableTargets: items, ...rest };
  }),
  defineOperation('DescribeScalingActivities', READ, ({ world }, input: Wire<DescribeScalingActivitiesRequest>) => {
    checkFilters(input);
    const found = world.state.scalingActivities.filter((activity) => fits(activity, input));
    const { items, ...rest } = pageOf(found, input, PAGE);
    return { ScalingActivities: items, ...rest };
  }),
];
