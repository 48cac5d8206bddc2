import type { AccountClients } from './clients.ts';
import { given } from './ecs-shapes.ts';
import { isAbsent } from './errors.ts';
import type { LoadBalancing } from './ports.ts';
import type { Calls } from './retry.ts';
import { loadBalancingSdk } from './sdk.ts';

/** Elastic Load Balancing (ALB and NLB) over the SDK. */
export function createLoadBalancing(clients: AccountClients, calls: Calls): LoadBalancing {
  return {
    async describeTargetGroup(targetGroupArn) {
      const sdk = await loadBalancingSdk();
      const client = await clients.loadBalancing();
      try {
        const answer = await calls.read('ELB DescribeTargetGroups', (options) =>
          client.send(new sdk.DescribeTargetGroupsCommand({ TargetGroupArns: [targetGroupArn] }), options),
        );
        const group = answer.TargetGroups?.[0];
        if (group === undefined) return undefined;
        return {
          arn: group.TargetGroupArn ?? targetGroupArn,
          name: group.TargetGroupName ?? '',
          port: group.Port ?? 0,
          targetType: group.TargetType ?? 'instance',
          loadBalancerArns: group.LoadBalancerArns ?? [],
        };
      } catch (error) {
        if (isAbsent(error)) return undefined;
        throw error;
      }
    },

    async describeTargetHealth(targetGroupArn) {
      const sdk = await loadBalancingSdk();
      const client = await clients.loadBalancing();
      const answer = await calls.read('ELB DescribeTargetHealth', (options) =>
        client.send(new sdk.DescribeTargetHealthCommand({ TargetGroupArn: targetGroupArn }), options),
      );
      return (answer.TargetHealthDescriptions ?? []).map((target) => ({
        target: target.Target?.Id ?? '',
        port: target.Target?.Port ?? 0,
        state: target.TargetHealth?.State ?? '',
        ...given({ reason: target.TargetHealth?.Reason, description: target.TargetHealth?.Description }),
      }));
    },
  };
}
