import { OutriderError } from '@outrider/shared/errors.ts';
import { isJsonObject, type JsonObject } from '@outrider/shared/json.ts';
import type { EcsService } from '../aws/ports.ts';
import type { StepContext } from './contract.ts';

/**
 * A tag on a service whose auto scaling we have suspended: what it was before. An execution that is aborted without
 * rollback leaves it suspended; the next one would take that for what the operator wanted, and put it back as such for
 * ever. Operators may read it: `min=2 in=on out=on scheduled=off`.
 */
export const AUTO_SCALING_MARK = 'outrider:auto-scaling-before';

type Marking = Pick<StepContext<unknown>, 'aws' | 'log'>;

const PARTS = [
  ['in', 'DynamicScalingInSuspended'],
  ['out', 'DynamicScalingOutSuspended'],
  ['scheduled', 'ScheduledScalingSuspended'],
] as const;
const TEXT = /^min=(\d{1,9}) in=(on|off) out=(on|off) scheduled=(on|off)$/;

export const SUSPENDED: JsonObject = Object.fromEntries(PARTS.map(([, field]) => [field, true]));
export const RESUMED: JsonObject = Object.fromEntries(PARTS.map(([, field]) => [field, false]));

/** All of it is suspended and nothing lifts the service up: as we leave it during a deployment. */
export function isSuspended(target: JsonObject): boolean {
  const state = stateOf(target);
  return target['MinCapacity'] === 0 && PARTS.every(([, field]) => state[field] === true);
}

/** The scalable target as it was before we suspended it. One that we did not suspend stays what it is. */
export function beforeSuspension(target: JsonObject, tags: EcsService['tags']): JsonObject {
  const [, min, ...flags] = TEXT.exec(tags[AUTO_SCALING_MARK] ?? '') ?? [];
  if (min === undefined || !isSuspended(target)) return target;
  const state: JsonObject = Object.fromEntries(PARTS.map(([, field], index) => [field, flags[index] === 'off']));
  return { ...target, MinCapacity: Number(min), SuspendedState: state };
}

/** Before the suspension, so that there is no moment without it. A delegate that may not tag services goes on without. */
export async function markSuspended(ctx: Marking, service: EcsService, target: JsonObject): Promise<void> {
  const state = stateOf(target);
  const flags = PARTS.map(([name, field]) => `${name}=${state[field] === true ? 'off' : 'on'}`);
  const text = `min=${Number(target['MinCapacity'] ?? 0)} ${flags.join(' ')}`;
  await unlessForbidden(ctx, service.name, () => ctx.aws.ecs.tagService(service.arn, { [AUTO_SCALING_MARK]: text }));
}

export async function clearMark(ctx: Marking, service: EcsService): Promise<void> {
  if (service.tags[AUTO_SCALING_MARK] === undefined) return;
  await unlessForbidden(ctx, service.name, () => ctx.aws.ecs.untagService(service.arn, [AUTO_SCALING_MARK]));
}

async function unlessForbidden(ctx: Marking, service: string, change: () => Promise<void>): Promise<void> {
  try {
    await change();
  } catch (error) {
    if (!isForbidden(error)) throw error;
    ctx.log(
      `The tags of ${service} may not be changed (ecs:TagResource, ecs:UntagResource): should this deployment be aborted without rollback, resume its Auto Scaling by hand`,
      'WARN',
    );
  }
}

function isForbidden(error: unknown): boolean {
  return error instanceof OutriderError && error.code === 'aws-access-denied';
}

function stateOf(target: JsonObject): JsonObject {
  const state = target['SuspendedState'];
  return isJsonObject(state) ? state : {};
}
