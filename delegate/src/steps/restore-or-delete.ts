import type { JsonObject } from '@outrider/shared/json.ts';
import type { ServiceMark } from '@outrider/shared/steps/target.ts';
import type { EcsService } from '../aws/ports.ts';
import { textOf } from '../json.ts';
import type { StepContext } from './contract.ts';
import { taken } from './create-version.ts';
import { failure } from './failures.ts';
import { belongsTo } from './identity.ts';
import { awaitInPlace, deleteAndWait, untilDeadline, updateInPlace } from './in-place.ts';
import { waitEnd } from './poll.ts';
import { restoreServiceRequest } from './service-request.ts';

export interface RestoreOrDelete {
  readonly cluster: string;
  readonly serviceName: string;
  readonly family: string;
  /** The service before the undone step; null: that step made it. */
  readonly snapshot: JsonObject | null;
  /** An earlier run of this step has begun to delete it: when it is gone, that run did it. */
  readonly deleting: boolean;
  saveDeleting(): Promise<void>;
  /** As UpdateInPlace. */
  readonly before: ServiceMark | undefined;
  saveBefore(mark: ServiceMark): Promise<void>;
  readonly timeoutMinutes: number;
  readonly lines: {
    readonly deleting: string;
    restoring(taskDefinitionArn: string, desired: number): string;
    readonly waiting: string;
    readonly steady: string;
  };
  readonly events: 'all' | 'trouble';
}

/** Undoes a change in place. A service that is gone already, or already as it was, counts as undone. */
export async function restoreOrDelete(
  ctx: StepContext<unknown>,
  options: RestoreOrDelete,
): Promise<{ deleted: boolean; arn: string }> {
  const { cluster, serviceName, family, snapshot, lines } = options;
  const live = await ctx.aws.ecs.describeService(cluster, serviceName);
  if (live !== undefined && live.status === 'ACTIVE' && !belongsTo(live, family)) throw taken(live, family);
  if (snapshot === null) {
    return await deleteFirst(ctx, options, live);
  }
  if (live?.status !== 'ACTIVE') {
    throw failure('service-missing', `Service ${serviceName} is gone: it cannot be put back as it was`, {
      hint: 'Deploy it again.',
    });
  }
  const taskDefinitionArn = textOf(snapshot['taskDefinition']);
  const daemon = live.schedulingStrategy === 'DAEMON';
  const recorded = typeof snapshot['desiredCount'] === 'number' ? snapshot['desiredCount'] : 0;
  // Auto scaling may have grown it since: the larger of both keeps what serves.
  const desired = daemon ? undefined : Math.max(recorded, live.desired);
  ctx.log(lines.restoring(taskDefinitionArn, desired ?? live.desired));
  const change = restoreServiceRequest(snapshot, live.raw);
  const { changed, baseline } = await updateInPlace(ctx, {
    cluster,
    live,
    change: desired === undefined ? change : { ...change, desiredCount: desired },
    asWanted: live.taskDefinitionArn === taskDefinitionArn && (desired === undefined || live.desired === desired),
    before: options.before,
    saveBefore: (mark) => options.saveBefore(mark),
  });
  await awaitInPlace(ctx, {
    cluster,
    serviceName,
    taskDefinitionArn,
    desired,
    baseline,
    changed,
    role: 'old',
    events: options.events,
    untilMs: waitEnd(ctx, options.timeoutMinutes * 60_000),
    waitingLine: lines.waiting,
    steadyLine: lines.steady,
  });
  return { deleted: false, arn: live.arn };
}

/** The undone step made the service: undone, there is none. */
async function deleteFirst(
  ctx: StepContext<unknown>,
  options: RestoreOrDelete,
  live: EcsService | undefined,
): Promise<{ deleted: boolean; arn: string }> {
  const { cluster, serviceName } = options;
  const gone = live === undefined || live.status === 'INACTIVE';
  if (gone && !options.deleting) {
    ctx.log(`service ${serviceName} doesn't exist, so skipping deletion of service`);
    return { deleted: false, arn: '' };
  }
  if (!gone) {
    if (!options.deleting) await options.saveDeleting();
    ctx.log(options.lines.deleting);
    ctx.log(`Waiting for existing Service ${serviceName} to reach inactive state`);
    await deleteAndWait(ctx, { cluster, serviceName, untilMs: untilDeadline(ctx) });
  }
  ctx.log(`Existing Service ${serviceName} reached inactive state`);
  ctx.log(`Deleted service ${serviceName}`);
  return { deleted: true, arn: live?.arn ?? '' };
}
