import type { JsonObject } from '@outrider/shared/json.ts';
import type { ServiceCounts } from '@outrider/shared/protocol/messages.ts';
import type { GiveUpAfter } from '@outrider/shared/steps/give-up.ts';
import type { ServiceMark } from '@outrider/shared/steps/target.ts';
import type { EcsService } from '../aws/ports.ts';
import type { StepContext } from './contract.ts';
import { failure } from './failures.ts';
import { poll, waitEnd } from './poll.ts';
import { STOPPED_KEPT } from './resize-all.ts';
import { primaryOf, runningOf } from './steady-state.ts';
import { type Baseline, eventLine, eventsUpTo, takeBaseline, watchService } from './watch.ts';

const EVENTS_IN_EVIDENCE = 5;

/** Steps that change one service under its own name: daemon, canary and rolling. */

export interface InPlaceWait {
  readonly cluster: string;
  readonly serviceName: string;
  readonly taskDefinitionArn: string;
  /** Undefined: ECS computes it (daemon). */
  readonly desired: number | undefined;
  readonly baseline: Baseline;
  /** The answer of the change, or the service as it is when nothing was changed. */
  readonly changed: EcsService;
  readonly role: ServiceCounts['role'];
  readonly events: 'all' | 'trouble';
  readonly untilMs: number;
  readonly giveUpAfter?: GiveUpAfter | undefined;
  /** What the log says between running and steady, and after. */
  readonly waitingLine: string;
  readonly steadyLine: string;
}

/** Waits until the changed service is steady. The log's waiting lines begin with what the change itself answered. */
export async function awaitInPlace(ctx: StepContext<unknown>, wait: InPlaceWait): Promise<EcsService> {
  const { changed } = wait;
  const desired = wait.desired ?? changed.desired;
  const counts = (running: number, of: number) => `Waiting for pending tasks to finish. ${running}/${of} running ...`;
  const running = primaryOf(changed)?.running ?? changed.running;
  // A new daemon service shows 0 until ECS has counted the instances.
  if (desired > 0) ctx.log(counts(Math.min(running, desired), desired));
  const wanted = {
    desired: wait.desired,
    taskDefinitionArn: wait.taskDefinitionArn,
    deploymentId: primaryOf(changed)?.id,
    deploymentIdBefore: wait.baseline.deploymentId,
    shrinking: false,
  };
  const watch = watchService(ctx, {
    cluster: wait.cluster,
    serviceName: wait.serviceName,
    role: wait.role,
    baseline: wait.baseline,
    wanted,
    events: wait.events,
    giveUpAfter: wait.giveUpAfter,
    untilMs: wait.untilMs,
  });
  const reached = await watch.untilRunning();
  ctx.log(counts(runningOf(reached, wanted), wait.desired ?? reached.desired));
  ctx.log(wait.waitingLine);
  const steady = await watch.untilSteady();
  ctx.log(wait.steadyLine);
  return steady;
}

export interface UpdateInPlace {
  readonly cluster: string;
  readonly live: EcsService;
  /** AWS's UpdateService, with a task definition. */
  readonly change: JsonObject;
  readonly asWanted: boolean;
  /** From an earlier run of the step, which may have made the change; undefined: none came so far. */
  readonly before: ServiceMark | undefined;
  saveBefore(mark: ServiceMark): Promise<void>;
}

/** Updates a service in place; one that is already as wanted is left alone. The baseline is from before the change. */
export async function updateInPlace(
  ctx: StepContext<unknown>,
  options: UpdateInPlace,
): Promise<{ changed: EcsService; baseline: Baseline }> {
  const { cluster, live, change, before } = options;
  const baseline = before === undefined ? await takeBaseline(ctx, cluster, live) : baselineOf(live, before);
  if (options.asWanted) {
    // An earlier run made the change: its deployment is the one that is waited for.
    return { changed: live, baseline: { ...baseline, deploymentId: undefined } };
  }
  if (before === undefined) {
    await options.saveBefore({
      newestEvent: live.events[0]?.id ?? '',
      stoppedTasks: [...baseline.stoppedTasks].slice(0, STOPPED_KEPT),
      deployment: baseline.deploymentId ?? '',
    });
  } else if (live.taskDefinitionArn !== change['taskDefinition'] && primaryOf(live)?.id !== baseline.deploymentId) {
    // An earlier run's deployment, or somebody's after it, came and went: to make it again is not for us to decide.
    throw superseded(live, baseline);
  }
  return { changed: await ctx.aws.ecs.updateService(cluster, live.name, change), baseline };
}

function baselineOf(live: EcsService, mark: ServiceMark): Baseline {
  return {
    eventIds: eventsUpTo(live, new Set([mark.newestEvent])),
    stoppedTasks: new Set(mark.stoppedTasks),
    deploymentId: mark.deployment === '' ? undefined : mark.deployment,
  };
}

/** The deployment of an earlier run is not there any more. */
function superseded(live: EcsService, baseline: Baseline): Error {
  const events = live.events.filter((event) => !baseline.eventIds.has(event.id));
  const evidence = events.slice(0, EVENTS_IN_EVIDENCE).map(eventLine);
  const rolledBack = events.some((event) => /rolling back|deployment failed/i.test(event.message));
  const what = rolledBack
    ? 'ECS rolled the deployment back while no delegate looked'
    : `Another deployment (${primaryOf(live)?.id ?? 'none'}) was started meanwhile`;
  const message = `Service ${live.name} does not become steady: ${what}`;
  return failure(rolledBack ? 'deployment-failed' : 'interfered', message, { evidence });
}

/** Deletes a service with its tasks and waits until it is gone. INACTIVE and MISSING both count: AWS purges the former. */
export async function deleteAndWait(
  ctx: StepContext<unknown>,
  options: { readonly cluster: string; readonly serviceName: string; readonly untilMs: number },
): Promise<void> {
  const { cluster, serviceName } = options;
  await ctx.aws.ecs.deleteService(cluster, serviceName, { force: true });
  await awaitInactive(ctx, options);
}

export async function awaitInactive(
  ctx: StepContext<unknown>,
  options: { readonly cluster: string; readonly serviceName: string; readonly untilMs: number },
): Promise<void> {
  const { cluster, serviceName } = options;
  let left = '';
  const gone = await poll(ctx, {
    untilMs: options.untilMs,
    async look() {
      const service = await ctx.aws.ecs.describeService(cluster, serviceName);
      if (service === undefined || service.status === 'INACTIVE') return true;
      left = `it is ${service.status} with ${service.running} task(s)`;
      return undefined;
    },
  });
  if (gone !== undefined) return;
  throw failure('step-timed-out', `Existing Service ${serviceName} failed to reach inactive state: ${left}`, {
    hint: "Its tasks end when the target group's deregistration delay and the stop timeout are over.",
  });
}

export function untilDeadline(ctx: StepContext<unknown>): number {
  return waitEnd(ctx, Number.MAX_SAFE_INTEGER);
}
