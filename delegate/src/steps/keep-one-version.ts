import type { AutoScalingSnapshot } from '@outrider/shared/steps/autoscaling.ts';
import type { ServiceDesired } from '@outrider/shared/steps/target.ts';
import type { EcsTask } from '../aws/ports.ts';
import { removeAutoScaling, suspendAutoScaling } from './auto-scaling.ts';
import { containerLine, readContainers } from './container-ids.ts';
import type { StepContext } from './contract.ts';
import { type Version, versionsOf } from './family.ts';
import { resizeService } from './resize.ts';

export interface KeepOne {
  readonly cluster: string;
  readonly family: string;
  /** The new version: never touched here. */
  readonly serviceName: string;
  /** Versions that ran before this deployment. */
  readonly previous: readonly ServiceDesired[];
  /** Their auto scaling, saved. */
  readonly autoScalingSnapshots: readonly AutoScalingSnapshot[];
  readonly steadyStateTimeoutMinutes: number;
}

/**
 * The page: during a deployment only one old version is kept, the others are reduced to 0. The one kept is the newest
 * that is healthy, or the newest, when none is: never all are scaled down. Nothing is done when at most one is active.
 * Auto scaling of the others is suspended first, or it would bring them back, and gone at last.
 */
export async function keepOneVersion(ctx: StepContext<unknown>, options: KeepOne): Promise<void> {
  const { cluster, family, serviceName, previous } = options;
  if (previous.length < 2) return;
  const known = new Set(previous.map((version) => version.name));
  const versions = (await versionsOf(ctx.aws.ecs, cluster, family)).filter(
    ({ service }) => service.name !== serviceName && known.has(service.name),
  );
  // All of them ran when this step began: one that is at 0 was brought there by an earlier run that was cut off.
  const broughtDown = versions.filter(({ service }) => service.desired === 0);
  const active = versions.filter(({ service }) => service.desired > 0);
  const kept = active.length < 2 ? active.at(-1) : await choose(ctx, cluster, active);
  const leaving = [...broughtDown, ...active].filter(({ service }) => service.name !== kept?.service.name);
  const leavingNames = new Set(leaving.map(({ service }) => service.name));
  const scaled = options.autoScalingSnapshots.filter((snapshot) => leavingNames.has(snapshot.service));
  await suspendAutoScaling(ctx, cluster, scaled);
  for (const { service } of leaving) {
    await resizeService(ctx, {
      cluster,
      serviceName: service.name,
      desired: 0,
      role: 'old',
      containerName: '',
      tasksBefore: new Set(),
      steadyStateTimeoutMinutes: options.steadyStateTimeoutMinutes,
    });
  }
  for (const { service } of scaled) await removeAutoScaling(ctx, cluster, service);
}

/** The newest healthy one, or the newest; lists what each of them runs. */
async function choose(
  ctx: StepContext<unknown>,
  cluster: string,
  active: readonly Version[],
): Promise<Version | undefined> {
  ctx.log('');
  ctx.log('Active tasks:');
  const healthy: Version[] = [];
  for (const version of active) {
    if (await isHealthy(ctx, cluster, version)) healthy.push(version);
    const name = version.service.name;
    const tasksBefore = new Set(await ctx.aws.ecs.listTasks(cluster, name, 'RUNNING'));
    const containers = await readContainers(ctx, { cluster, serviceName: name, containerName: undefined, tasksBefore });
    for (const container of containers) ctx.log(containerLine(container));
  }
  return healthy.at(-1) ?? active.at(-1);
}

/** All its tasks run, and none of them is unhealthy. */
async function isHealthy(ctx: StepContext<unknown>, cluster: string, { service }: Version): Promise<boolean> {
  if (service.running < service.desired) return false;
  const arns = await ctx.aws.ecs.listTasks(cluster, service.name, 'RUNNING');
  const tasks = await ctx.aws.ecs.describeTasks(cluster, arns);
  return tasks.filter(runsWell).length >= service.desired;
}

function runsWell(task: EcsTask): boolean {
  return task.lastStatus === 'RUNNING' && task.healthStatus !== 'UNHEALTHY';
}
