import type {
  DeregisterTargetsInput,
  DescribeTargetHealthInput,
  RegisterTargetsInput,
  TargetHealthDescription,
} from '@aws-sdk/client-elastic-load-balancing-v2';
import { AwsError } from '../wire/aws-error.ts';
import { defineOperation } from '../wire/operation.ts';
import type { TargetGroupState, TargetState, WorldState } from '../world/state.ts';
import { addTarget, drainTarget, findTarget, hasLoadBalancer } from '../world/targets.ts';
import { compact, type Wire } from '../world/wire-types.ts';
import { targetGroupOf } from './arguments.ts';

const REGISTRATION = { mutates: true, quota: 'elb registration' } as const;

export const targetOperations = [
  defineOperation('RegisterTargets', REGISTRATION, ({ world }, input: Wire<RegisterTargetsInput>) => {
    const group = targetGroupOf(world.state, input.TargetGroupArn);
    for (const target of input.Targets) checkTarget(world.state, group, target.Id);
    for (const target of input.Targets) {
      const port = target.Port ?? group.group.Port ?? 0;
      const zone = target.AvailabilityZone ?? `${world.state.region}a`;
      addTarget(world, input.TargetGroupArn, { id: target.Id, port, zone, taskArn: '' });
    }
    return {};
  }),
  defineOperation('DeregisterTargets', REGISTRATION, ({ world }, input: Wire<DeregisterTargetsInput>) => {
    const group = targetGroupOf(world.state, input.TargetGroupArn);
    for (const target of input.Targets) {
      const same = group.targets.filter(
        (known) => known.id === target.Id && known.port === (target.Port ?? known.port),
      );
      for (const known of same) drainTarget(world, input.TargetGroupArn, known.id, known.port);
    }
    return {};
  }),
  defineOperation(
    'DescribeTargetHealth',
    { mutates: false, quota: 'elb read' },
    ({ world }, input: Wire<DescribeTargetHealthInput>) => {
      const group = targetGroupOf(world.state, input.TargetGroupArn);
      const inUse = hasLoadBalancer(world.state, input.TargetGroupArn);
      const descriptions =
        input.Targets === undefined
          ? group.targets.map((target) => view(group, target, inUse))
          : input.Targets.map(({ Id, Port }) => {
              const port = Port ?? group.group.Port ?? 0;
              const known = findTarget(group, Id, port);
              return known === undefined ? notRegistered(Id, port) : view(group, known, inUse);
            });
      return { TargetHealthDescriptions: descriptions };
    },
  ),
];

function checkTarget(state: WorldState, group: TargetGroupState, id: string): void {
  if (group.group.TargetType === 'ip') {
    if (/^\d{1,3}(?:\.\d{1,3}){3}$/.test(id) || id.includes(':')) return;
    throw new AwsError('ValidationError', `The IP address '${id}' is not valid`);
  }
  if (Object.values(state.instances).some((instance) => instance.ec2InstanceId === id)) return;
  throw new AwsError(
    'InvalidTarget',
    `The following targets are not in a running state and cannot be registered: '${id}'`,
  );
}

function view(group: TargetGroupState, target: TargetState, inUse: boolean): Wire<TargetHealthDescription> {
  const unused = !inUse && target.state !== 'draining';
  return {
    Target: {
      Id: target.id,
      Port: target.port,
      ...(group.group.TargetType === 'ip' ? { AvailabilityZone: target.zone } : {}),
    },
    HealthCheckPort: String(target.port),
    TargetHealth: unused
      ? {
          State: 'unused',
          Reason: 'Target.NotInUse',
          Description: 'Target group is not configured to receive traffic from the load balancer',
        }
      : compact<NonNullable<Wire<TargetHealthDescription>['TargetHealth']>>({
          State: target.state,
          Reason: target.reason,
          Description: target.description,
        }),
  };
}

function notRegistered(Id: string, Port: number): Wire<TargetHealthDescription> {
  return {
    Target: { Id, Port },
    TargetHealth: {
      State: 'unused',
      Reason: 'Target.NotRegistered',
      Description: 'Target is not registered to the target group',
    },
  };
}
