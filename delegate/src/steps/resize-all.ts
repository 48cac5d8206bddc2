import type { GiveUpAfter } from '@outrider/shared/steps/give-up.ts';
import type { ContainerInfo, ServiceDesired } from '@outrider/shared/steps/target.ts';
import type { EcsService } from '../aws/ports.ts';
import { readContainers } from './container-ids.ts';
import type { StepContext } from './contract.ts';
import { resizeService } from './resize.ts';

export interface ResizeStep extends ServiceDesired {
  readonly role: 'new' | 'old';
  /** As Resize.shrinking. */
  readonly shrinking?: true;
}

export interface ResizeAll {
  readonly cluster: string;
  readonly containerName: string;
  readonly steadyStateTimeoutMinutes: number;
  readonly giveUpAfter: GiveUpAfter | undefined;
  readonly tasksBefore: readonly string[];
  /** As Resize.stoppedBefore. */
  readonly stoppedBefore: readonly string[] | undefined;
  /** As Resize.newestEventsBefore. */
  readonly newestEventsBefore: readonly string[] | undefined;
  /** In the order in which they are to be done. */
  readonly steps: readonly ResizeStep[];
  /** Names of services that an earlier run finished. */
  readonly done: readonly string[];
  saveDone(done: string[]): Promise<void>;
}

/** A service whose tasks keep stopping is known by fewer. */
export const STOPPED_KEPT = 500;

/** The tasks of these services that have stopped by now. */
export async function stoppedNow(
  ctx: StepContext<unknown>,
  cluster: string,
  services: readonly string[],
): Promise<string[]> {
  const stopped: string[] = [];
  for (const service of services) stopped.push(...(await ctx.aws.ecs.listTasks(cluster, service, 'STOPPED')));
  return stopped.slice(0, STOPPED_KEPT);
}

/** The id of each service's newest event. */
export function newestEventsOf(services: readonly EcsService[]): string[] {
  return [...new Set(services.flatMap(({ events }) => events[0]?.id ?? []))];
}

/** Resizes one service after the other; each is steady before the next begins. Returns the containers of all of them. */
export async function resizeAll(ctx: StepContext<unknown>, options: ResizeAll): Promise<ContainerInfo[]> {
  const { cluster, containerName, steadyStateTimeoutMinutes, giveUpAfter } = options;
  const tasksBefore = new Set(options.tasksBefore);
  const stoppedBefore = options.stoppedBefore === undefined ? undefined : new Set(options.stoppedBefore);
  const newest = options.newestEventsBefore === undefined ? undefined : new Set(options.newestEventsBefore);
  const done = [...options.done];
  const containers: ContainerInfo[] = [];
  for (const { name, desired, role, shrinking } of options.steps) {
    const common = { cluster, serviceName: name, containerName, tasksBefore };
    if (done.includes(name)) {
      // An earlier run said all there is to say of it.
      containers.push(...(await readContainers({ ...ctx, log: () => undefined }, common)));
      continue;
    }
    containers.push(
      ...(await resizeService(ctx, {
        ...common,
        desired,
        role,
        shrinking,
        stoppedBefore,
        steadyStateTimeoutMinutes,
        giveUpAfter,
        newestEventsBefore: newest,
      })),
    );
    done.push(name);
    await options.saveDone([...done]);
  }
  return containers;
}
