import type { ServiceCounts } from '@outrider/shared/protocol/messages.ts';
import type { GiveUpAfter } from '@outrider/shared/steps/give-up.ts';
import type { ContainerInfo } from '@outrider/shared/steps/target.ts';
import type { EcsService } from '../aws/ports.ts';
import { containerLines, readContainers } from './container-ids.ts';
import type { StepContext } from './contract.ts';
import { failure } from './failures.ts';
import { poll, waitEnd } from './poll.ts';
import { primaryOf } from './steady-state.ts';
import { eventsUpTo, takeBaseline, watchService } from './watch.ts';

/** AWS may not show a service in the first seconds after it was made. */
const APPEARS_WITHIN_MS = 30_000;

export interface Resize {
  readonly cluster: string;
  readonly serviceName: string;
  readonly desired: number;
  readonly role: ServiceCounts['role'];
  readonly containerName: string;
  /** Tasks that were there before the step's first change. */
  readonly tasksBefore: ReadonlySet<string>;
  /** Tasks that had stopped before the step's first change; undefined: those that have stopped by now. */
  readonly stoppedBefore?: ReadonlySet<string> | undefined;
  /** Newest events from before the step's first change; undefined: those that have come by now. */
  readonly newestEventsBefore?: ReadonlySet<string> | undefined;
  readonly steadyStateTimeoutMinutes: number;
  readonly giveUpAfter?: GiveUpAfter | undefined;
  /**
   * The step takes instances away here: what is left need not be healthy. Undefined: as the live count says, which cannot tell
   * when an earlier run has resized it already.
   */
  readonly shrinking?: boolean | undefined;
}

/**
 * Brings one service to a desired count and waits until it is steady, with the log of the ECS workflows page. Looks at
 * the live count first: a service that has it already is not updated. Throws when it does not become steady.
 */
export async function resizeService(ctx: StepContext<unknown>, resize: Resize): Promise<ContainerInfo[]> {
  const { cluster, serviceName, desired } = resize;
  const before = await existing(ctx, cluster, serviceName);
  const taken = await takeBaseline(ctx, cluster, before);
  const { stoppedBefore = taken.stoppedTasks, newestEventsBefore } = resize;
  const eventIds = newestEventsBefore === undefined ? taken.eventIds : eventsUpTo(before, newestEventsBefore);
  const baseline = { ...taken, eventIds, stoppedTasks: stoppedBefore };
  const untilMs = waitEnd(ctx, resize.steadyStateTimeoutMinutes * 60_000);
  const shrinking = resize.shrinking ?? (desired < before.desired || desired === 0);
  if (before.desired === desired) {
    ctx.log(`Service [${serviceName}] in cluster [${cluster}] stays at ${desired} instances`);
  } else {
    ctx.log(`Resize service [${serviceName}] in cluster [${cluster}] from ${before.desired} to ${desired} instances`);
    const updated = await ctx.aws.ecs.updateService(cluster, serviceName, { desiredCount: desired });
    await reflected(ctx, resize, untilMs);
    ctx.log(`Waiting for pending tasks to finish. ${updated.running}/${desired} running ...`);
  }
  const watch = watchService(ctx, {
    cluster,
    serviceName,
    role: resize.role,
    baseline,
    wanted: {
      desired,
      taskDefinitionArn: before.taskDefinitionArn,
      deploymentId: primaryOf(before)?.id,
      deploymentIdBefore: undefined,
      shrinking,
    },
    events: 'trouble',
    giveUpAfter: resize.giveUpAfter,
    untilMs,
  });
  const running = await watch.untilRunning();
  if (shrinking && running.running < desired) {
    ctx.log(`Only ${running.running}/${desired} tasks of ${serviceName} run; it was not healthy before`, 'WARN');
  }
  ctx.log('Waiting for service to be in steady state...');
  await watch.untilSteady();
  ctx.log('Service has reached a steady state');
  const containers = await readContainers(ctx, { ...resize });
  for (const line of containerLines(containers)) ctx.log(line);
  ctx.log('Completed operation');
  ctx.log('----------');
  return containers;
}

async function existing(ctx: StepContext<unknown>, cluster: string, serviceName: string): Promise<EcsService> {
  const untilMs = waitEnd(ctx, APPEARS_WITHIN_MS);
  const found = await poll(ctx, { untilMs, look: () => ctx.aws.ecs.describeService(cluster, serviceName) });
  if (found === undefined)
    throw failure('service-missing', `Ecs Service ${serviceName} not found in cluster ${cluster}`);
  if (found.status === 'ACTIVE') return found;
  throw failure('service-missing', `Ecs Service ${serviceName} in cluster ${cluster} is ${found.status}`);
}

async function reflected(ctx: StepContext<unknown>, resize: Resize, untilMs: number): Promise<void> {
  const { cluster, serviceName, desired } = resize;
  ctx.log(`Waiting for service: ${serviceName} to reflect updated desired count: ${desired}`);
  let shown: number | undefined;
  const seen = await poll(ctx, {
    untilMs,
    async look() {
      shown = (await ctx.aws.ecs.describeService(cluster, serviceName))?.desired;
      return shown === desired ? true : undefined;
    },
  });
  if (seen === undefined) {
    const found = shown === undefined ? 'no service' : `[${shown}]`;
    throw failure(
      'interfered',
      `Timed out waiting for service desired count to match. expected: [${desired}], found ${found}`,
    );
  }
  ctx.log(`Current service desired count return from aws for Service: ${serviceName} is: ${desired}`);
  ctx.log('Service update request successfully submitted.');
}
