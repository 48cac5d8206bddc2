import type { ContainerInfo } from '@outrider/shared/steps/target.ts';
import type { EcsTask } from '../aws/ports.ts';
import type { StepContext } from './contract.ts';

type Reading = Pick<StepContext<unknown>, 'aws' | 'metadata' | 'log'>;

/** Characters of a docker id that people know a container by. */
const SHORT_ID = 12;
/** Containers listed and kept in a step's output. */
const CONTAINERS_MAX = 500;

export interface ContainersOf {
  readonly cluster: string;
  readonly serviceName: string;
  /** The container that is listed for each task; undefined: the task's first one. */
  readonly containerName: string | undefined;
  /** Tasks that were there before the change; the others are `(new)`. */
  readonly tasksBefore: ReadonlySet<string>;
}

/**
 * The running containers of a service with their docker ids. Container instances are asked first (the ECS agent knows
 * docker's own id); where the agent does not answer, and on Fargate, DescribeTasks' runtime id is taken.
 * Never fails for want of an id: the container is then listed without one.
 */
export async function readContainers(ctx: Reading, options: ContainersOf): Promise<ContainerInfo[]> {
  const arns = await ctx.aws.ecs.listTasks(options.cluster, options.serviceName, 'RUNNING');
  if (arns.length === 0) return [];
  const described = await ctx.aws.ecs.describeTasks(options.cluster, arns.slice(0, CONTAINERS_MAX));
  const tasks = described
    .filter((task) => task.lastStatus === 'RUNNING')
    .toSorted((a, b) => (a.createdAtMs ?? 0) - (b.createdAtMs ?? 0) || (a.arn < b.arn ? -1 : 1));
  const hosts = await hostAddresses(ctx, options.cluster, tasks);
  const said = new Set<string>();
  const found: ContainerInfo[] = [];
  for (const task of tasks) {
    const host = hosts.get(task.containerInstanceArn ?? '');
    found.push({
      dockerId: await dockerIdOf(ctx, task, host, options.containerName, said),
      ip: task.privateIp ?? host ?? '',
      taskArn: task.arn,
      new: !options.tasksBefore.has(task.arn),
    });
  }
  return found;
}

/** The lines that list containers, with the empty line before and after; none for no containers. */
export function containerLines(containers: readonly ContainerInfo[]): string[] {
  if (containers.length === 0) return [''];
  return ['', 'Container IDs:', ...containers.map(containerLine), ''];
}

/** `  6452d4b0ef39 - 10.0.0.53 (new)`. */
export function containerLine(container: ContainerInfo): string {
  const id = container.dockerId === '' ? '(id unknown)' : container.dockerId;
  const address = container.ip === '' ? '' : ` - ${container.ip}`;
  return `  ${id}${address}${container.new ? ' (new)' : ''}`;
}

async function dockerIdOf(
  ctx: Reading,
  task: EcsTask,
  host: string | undefined,
  containerName: string | undefined,
  said: Set<string>,
): Promise<string> {
  const container = task.containers.find((candidate) => candidate.name === containerName) ?? task.containers[0];
  const runtimeId = container?.runtimeId?.slice(0, SHORT_ID) ?? '';
  if (host === undefined || container === undefined) return runtimeId;
  // One pair of lines for each host, however many of its tasks are asked for.
  const first = !said.has(host);
  said.add(host);
  if (first) ctx.log(`Fetching container meta data from ${ctx.metadata.url(host)}`);
  const answer = await ctx.metadata.dockerIds(host, task.arn);
  const dockerId = answer.kind === 'found' ? answer.byContainer.get(container.name) : undefined;
  if (dockerId !== undefined) {
    if (first) ctx.log('Successfully fetched dockerId');
    return dockerId.slice(0, SHORT_ID);
  }
  if (first) {
    const why = answer.kind === 'found' ? `the agent does not know the container ${container.name}` : answer.why;
    ctx.log(`No container meta data from ${ctx.metadata.url(host)}: ${why}; the runtime id of DescribeTasks is used`);
  }
  return runtimeId;
}

/** Private addresses by container instance ARN; what cannot be found out is left out. */
async function hostAddresses(
  ctx: Reading,
  cluster: string,
  tasks: readonly EcsTask[],
): Promise<ReadonlyMap<string, string>> {
  const arns = [...new Set(tasks.flatMap((task) => task.containerInstanceArn ?? []))];
  if (arns.length === 0) return new Map();
  const instances = await ctx.aws.ecs.describeContainerInstances(cluster, arns);
  const ids = [...instances.values()].map((instance) => instance.ec2InstanceId);
  const addresses = ids.length === 0 ? new Map<string, string>() : await ctx.aws.instances.privateAddresses(ids);
  return new Map(
    [...instances].flatMap(([arn, { ec2InstanceId }]): [string, string][] => {
      const address = addresses.get(ec2InstanceId);
      return address === undefined ? [] : [[arn, address]];
    }),
  );
}
