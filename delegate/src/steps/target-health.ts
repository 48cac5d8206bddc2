import type { EcsService, EcsTask, TargetHealth } from '../aws/ports.ts';
import type { StepContext } from './contract.ts';

/**
 * Targets of a service's running tasks that their target groups do not call healthy, in words. Other services' targets
 * in the same group are not looked at. Empty: all healthy, or no load balancer.
 */
export async function unhealthyTargets(
  ctx: Pick<StepContext<unknown>, 'aws'>,
  cluster: string,
  service: EcsService,
): Promise<string[]> {
  const groups = service.loadBalancers.filter((balancer) => balancer.targetGroupArn !== '');
  if (groups.length === 0 || service.running === 0) return [];
  const arns = await ctx.aws.ecs.listTasks(cluster, service.name, 'RUNNING');
  const tasks = (await ctx.aws.ecs.describeTasks(cluster, arns)).filter((task) => task.lastStatus === 'RUNNING');
  const hosts = await hostsOf(ctx, cluster, tasks);
  const problems: string[] = [];
  for (const group of groups) {
    const health = await ctx.aws.loadBalancing.describeTargetHealth(group.targetGroupArn);
    for (const task of tasks) {
      const problem = problemOf(task, group.containerName, group.containerPort, hosts, health);
      if (problem !== '') problems.push(problem);
    }
  }
  return problems;
}

/** EC2 instance ids by container instance, for tasks that share their host's network. */
async function hostsOf(
  ctx: Pick<StepContext<unknown>, 'aws'>,
  cluster: string,
  tasks: readonly EcsTask[],
): Promise<ReadonlyMap<string, string>> {
  const instances = tasks.flatMap((task) =>
    task.privateIp === undefined && task.containerInstanceArn !== undefined ? [task.containerInstanceArn] : [],
  );
  if (instances.length === 0) return new Map();
  const found = await ctx.aws.ecs.describeContainerInstances(cluster, instances);
  return new Map([...found].map(([arn, { ec2InstanceId }]) => [arn, ec2InstanceId]));
}

function problemOf(
  task: EcsTask,
  containerName: string,
  containerPort: number,
  hosts: ReadonlyMap<string, string>,
  health: readonly TargetHealth[],
): string {
  const bound = task.containers
    .find((container) => container.name === containerName)
    ?.hostPorts.find((port) => port.containerPort === containerPort);
  const host = task.privateIp ?? hosts.get(task.containerInstanceArn ?? '');
  const port = task.privateIp === undefined ? bound?.hostPort : containerPort;
  const name = `task ${task.arn.slice(task.arn.lastIndexOf('/') + 1)}`;
  const target = health.find((candidate) => candidate.target === host && candidate.port === port);
  if (target === undefined) return `${name} is not registered yet`;
  if (target.state === 'healthy') return '';
  return `${name} is ${[target.state, target.reason, target.description].filter(Boolean).join(', ')}`;
}
