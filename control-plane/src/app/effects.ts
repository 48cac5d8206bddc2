import { taskId } from '@outrider/shared/ids.ts';
import { STEP_SPECS } from '@outrider/shared/steps/index.ts';
import type { ExecutionInput } from '../domain/execution/events.ts';
import { seenOf } from '../domain/fleet/fences.ts';
import type { EffectRow, Store, TaskChange } from './ports.ts';
import { deliveriesOf } from './webhooks/deliveries.ts';

/** An input that an effect leads to, for the same execution. */
export interface FollowUp {
  readonly input: ExecutionInput;
  readonly task?: TaskChange;
}

export interface EffectContext {
  readonly store: Store;
  readonly nowMs: number;
  /** There may be something to offer or to cancel. */
  readonly tasksChanged: (taskId: string) => void;
}

/** Carries out one row of the outbox. Doing it again does no harm. */
export async function performEffect(row: EffectRow, context: EffectContext): Promise<FollowUp | undefined> {
  const { effect, executionId } = row;
  if (effect.kind === 'notify') {
    const deliveries = deliveriesOf(row.id, effect.notification, await context.store.listWebhooks());
    if (deliveries.length > 0) await context.store.addDeliveries(deliveries);
    return undefined;
  }
  if (effect.kind === 'cancel-task') {
    const id = taskId(executionId, effect.stepId, effect.attempt);
    const task = await context.store.cancelTask(id, effect.reason, effect.message);
    if (task !== undefined && (task.state === 'leased' || task.state === 'ended')) {
      // Its holder hears of it and ends it; or it has ended, and its end is committed.
      context.tasksChanged(id);
      return undefined;
    }
    // Nobody holds a lease on it, so nobody works on it: it ends here and now.
    const { stepId, attempt } = effect;
    const input: ExecutionInput = {
      kind: 'task-ended',
      stepId,
      attempt,
      result: { outcome: 'stopped', message: 'no delegate was working on it' },
    };
    return task === undefined ? { input } : { input, task: { kind: 'withdrawn', taskId: id, seen: seenOf(task) } };
  }
  const { task, selectors, timeoutSeconds, notBeforeMs } = effect;
  const { repeatable } = STEP_SPECS[task.type];
  await context.store.enqueueTask({ task, selectors, repeatable, timeoutSeconds, notBeforeMs, atMs: context.nowMs });
  context.tasksChanged(taskId(executionId, task.stepId, task.attempt));
  return undefined;
}
