import {
  CreateListenerCommand,
  CreateLoadBalancerCommand,
  CreateTargetGroupCommand,
  DeleteListenerCommand,
  DescribeListenersCommand,
  DescribeTargetGroupsCommand,
  ElasticLoadBalancingV2Client,
} from '@aws-sdk/client-elastic-load-balancing-v2';
import { SAMPLE_CREDENTIALS, SAMPLE_REGION, SAMPLE_SUBNETS } from '@outrider/simulator/sample-world.ts';
import type { StepWorld } from './step-harness.ts';

/** Target groups behind one load balancer of the simulated world; returns their ARNs. */
export async function makeTargetGroups(
  world: StepWorld,
  options: { readonly count: number; readonly targetType: 'instance' | 'ip'; readonly port?: number },
): Promise<string[]> {
  const client = clientOf(world);
  const made = await client.send(new CreateLoadBalancerCommand({ Name: 'front', Subnets: [...SAMPLE_SUBNETS] }));
  const balancer = made.LoadBalancers?.[0]?.LoadBalancerArn;
  const arns: string[] = [];
  for (let index = 1; index <= options.count; index++) {
    const answer = await client.send(
      new CreateTargetGroupCommand({
        Name: `group-${index}`,
        Port: options.port ?? 80,
        Protocol: 'HTTP',
        TargetType: options.targetType,
        VpcId: 'vpc-0a1b2c3d4e5f60701',
        HealthCheckIntervalSeconds: 10,
        HealthyThresholdCount: 2,
      }),
    );
    const arn = answer.TargetGroups?.[0]?.TargetGroupArn ?? '';
    await client.send(
      new CreateListenerCommand({
        LoadBalancerArn: balancer,
        Port: 80 + index,
        Protocol: 'HTTP',
        DefaultActions: [{ Type: 'forward', TargetGroupArn: arn }],
      }),
    );
    arns.push(arn);
  }
  client.destroy();
  return arns;
}

/** Takes a target group's listeners away: its targets get no traffic and no health checks any more. */
export async function takeListenersAway(world: StepWorld, targetGroupArn: string): Promise<void> {
  const client = clientOf(world);
  const groups = await client.send(new DescribeTargetGroupsCommand({ TargetGroupArns: [targetGroupArn] }));
  const LoadBalancerArn = groups.TargetGroups?.[0]?.LoadBalancerArns?.[0];
  const { Listeners } = await client.send(new DescribeListenersCommand({ LoadBalancerArn }));
  for (const { ListenerArn } of Listeners ?? []) await client.send(new DeleteListenerCommand({ ListenerArn }));
  client.destroy();
}

function clientOf(world: StepWorld): ElasticLoadBalancingV2Client {
  return new ElasticLoadBalancingV2Client({
    endpoint: world.simulator.url,
    region: SAMPLE_REGION,
    credentials: SAMPLE_CREDENTIALS,
  });
}
