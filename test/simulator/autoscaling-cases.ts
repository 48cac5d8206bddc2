import assert from 'node:assert/strict';
import {
  DeleteScalingPolicyCommand,
  DeleteScheduledActionCommand,
  DeregisterScalableTargetCommand,
  DescribeScalableTargetsCommand,
  DescribeScalingActivitiesCommand,
  DescribeScalingPoliciesCommand,
  DescribeScheduledActionsCommand,
  PutScalingPolicyCommand,
  type PutScalingPolicyCommandInput,
  PutScheduledActionCommand,
  RegisterScalableTargetCommand,
} from '@aws-sdk/client-application-auto-scaling';
import type { OperationCases } from './operation-case.ts';
import { createWeb, describe, registerWeb, type SimulatedAws } from './simulated-aws.ts';

export const IDENTITY = {
  ServiceNamespace: 'ecs',
  ResourceId: 'service/example/web',
  ScalableDimension: 'ecs:service:DesiredCount',
} as const;

export const POLICY: PutScalingPolicyCommandInput = {
  ...IDENTITY,
  PolicyName: 'P1',
  PolicyType: 'TargetTrackingScaling',
  TargetTrackingScalingPolicyConfiguration: {
    TargetValue: 60,
    PredefinedMetricSpecification: { PredefinedMetricType: 'ECSServiceAverageCPUUtilization' },
    ScaleOutCooldown: 300,
    ScaleInCooldown: 300,
  },
};

/** Service `web` with two tasks and a scalable target. */
export async function createScaled(aws: SimulatedAws, MinCapacity = 1, MaxCapacity = 5): Promise<void> {
  await createWeb(aws, await registerWeb(aws));
  await aws.scaling.send(new RegisterScalableTargetCommand({ ...IDENTITY, MinCapacity, MaxCapacity }));
}

const SCHEDULE = {
  ...IDENTITY,
  ScheduledActionName: 'night',
  Schedule: 'cron(0 22 * * ? *)',
  ScalableTargetAction: { MinCapacity: 0 },
};

export const AUTOSCALING_CASES: OperationCases = {
  RegisterScalableTarget: {
    right: async (aws) => {
      await createScaled(aws, 3, 5);
      assert.equal((await describe(aws)).desiredCount, 3);
    },
    wrong: async (aws) => createScaled(aws, 6, 5),
    error: 'ValidationException',
  },
  DeregisterScalableTarget: {
    right: async (aws) => {
      await createScaled(aws);
      await aws.scaling.send(new PutScalingPolicyCommand(POLICY));
      await aws.scaling.send(new DeregisterScalableTargetCommand(IDENTITY));
      const output = await aws.scaling.send(new DescribeScalingPoliciesCommand({ ServiceNamespace: 'ecs' }));
      assert.deepEqual(output.ScalingPolicies, []);
    },
    wrong: ({ scaling }) => scaling.send(new DeregisterScalableTargetCommand(IDENTITY)),
    error: 'ObjectNotFoundException',
  },
  DescribeScalableTargets: {
    right: async (aws) => {
      await createScaled(aws);
      const SuspendedState = { DynamicScalingInSuspended: true };
      await aws.scaling.send(new RegisterScalableTargetCommand({ ...IDENTITY, SuspendedState }));
      const output = await aws.scaling.send(
        new DescribeScalableTargetsCommand({ ServiceNamespace: 'ecs', ResourceIds: [IDENTITY.ResourceId] }),
      );
      const target = output.ScalableTargets?.[0];
      assert.deepEqual(
        [target?.MinCapacity, target?.MaxCapacity, target?.SuspendedState?.DynamicScalingInSuspended],
        [1, 5, true],
      );
      assert.match(target?.RoleARN ?? '', /AWSServiceRoleForApplicationAutoScaling_ECSService$/);
    },
    wrong: ({ scaling }) => scaling.send(new DescribeScalableTargetsCommand({ ServiceNamespace: undefined })),
    error: 'ValidationException',
  },
  PutScalingPolicy: {
    right: async (aws) => {
      await createScaled(aws);
      const output = await aws.scaling.send(new PutScalingPolicyCommand(POLICY));
      assert.deepEqual(
        output.Alarms?.map(({ AlarmName }) => AlarmName?.replace(/-[0-9a-f-]{36}$/, '')),
        ['TargetTracking-service/example/web-AlarmHigh', 'TargetTracking-service/example/web-AlarmLow'],
      );
    },
    wrong: ({ scaling }) => scaling.send(new PutScalingPolicyCommand(POLICY)),
    error: 'ObjectNotFoundException',
  },
  DeleteScalingPolicy: {
    right: async (aws) => {
      await createScaled(aws);
      await aws.scaling.send(new PutScalingPolicyCommand(POLICY));
      await aws.scaling.send(new DeleteScalingPolicyCommand({ ...IDENTITY, PolicyName: 'P1' }));
    },
    wrong: async (aws) => {
      await createScaled(aws);
      await aws.scaling.send(new DeleteScalingPolicyCommand({ ...IDENTITY, PolicyName: 'P1' }));
    },
    error: 'ObjectNotFoundException',
  },
  DescribeScalingPolicies: {
    right: async (aws) => {
      await createScaled(aws);
      for (let index = 0; index < 12; index += 1)
        await aws.scaling.send(new PutScalingPolicyCommand({ ...POLICY, PolicyName: `P${index}` }));
      const first = await aws.scaling.send(
        new DescribeScalingPoliciesCommand({ ServiceNamespace: 'ecs', MaxResults: 50 }),
      );
      const second = await aws.scaling.send(
        new DescribeScalingPoliciesCommand({ ServiceNamespace: 'ecs', NextToken: first.NextToken }),
      );
      assert.deepEqual(
        [first.ScalingPolicies?.length, second.ScalingPolicies?.length, second.NextToken],
        [10, 2, undefined],
      );
    },
    wrong: ({ scaling }) =>
      scaling.send(new DescribeScalingPoliciesCommand({ ServiceNamespace: 'ecs', NextToken: 'made up' })),
    error: 'InvalidNextTokenException',
  },
  PutScheduledAction: {
    right: async (aws) => {
      await createScaled(aws);
      await aws.scaling.send(new PutScheduledActionCommand(SCHEDULE));
    },
    wrong: async (aws) => {
      await createScaled(aws);
      await aws.scaling.send(new PutScheduledActionCommand({ ...SCHEDULE, Schedule: 'at night' }));
    },
    error: 'ValidationException',
  },
  DeleteScheduledAction: {
    right: async (aws) => {
      await createScaled(aws);
      await aws.scaling.send(new PutScheduledActionCommand(SCHEDULE));
      await aws.scaling.send(new DeleteScheduledActionCommand({ ...IDENTITY, ScheduledActionName: 'night' }));
    },
    wrong: ({ scaling }) =>
      scaling.send(new DeleteScheduledActionCommand({ ...IDENTITY, ScheduledActionName: 'night' })),
    error: 'ObjectNotFoundException',
  },
  DescribeScheduledActions: {
    right: async (aws) => {
      await createScaled(aws);
      await aws.scaling.send(new PutScheduledActionCommand(SCHEDULE));
      const output = await aws.scaling.send(new DescribeScheduledActionsCommand({ ServiceNamespace: 'ecs' }));
      assert.equal(output.ScheduledActions?.[0]?.Schedule, SCHEDULE.Schedule);
    },
    wrong: ({ scaling }) =>
      scaling.send(
        new DescribeScheduledActionsCommand({ ServiceNamespace: 'ecs', ScalableDimension: 'ecs:service:DesiredCount' }),
      ),
    error: 'ValidationException',
  },
  DescribeScalingActivities: {
    right: async (aws) => {
      await createScaled(aws, 4, 5);
      const output = await aws.scaling.send(
        new DescribeScalingActivitiesCommand({ ServiceNamespace: 'ecs', ResourceId: IDENTITY.ResourceId }),
      );
      assert.equal(output.ScalingActivities?.[0]?.Description, 'Setting desired count to 4.');
    },
    wrong: ({ scaling }) =>
      scaling.send(
        new DescribeScalingActivitiesCommand({
          ServiceNamespace: 'ecs',
          ScalableDimension: 'ecs:service:DesiredCount',
        }),
      ),
    error: 'ValidationException',
  },
};
