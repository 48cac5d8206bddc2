import type { TakenAway, TaskRow } from '../ports.ts';
import type { DispatchContext, TaskPlace } from './context.ts';

/**
 * The attempt goes on elsewhere: its holder is gone, or has stopped and says so. False: it stays where it is. Call it under
 * the task's lock; `taken.seen` keeps out what another replica has done meanwhile.
 */
export async function handBack(
  context: DispatchContext,
  row: TaskRow,
  place: TaskPlace,
  because: string,
  taken: TakenAway,
): Promise<boolean> {
  // A step that must not be repeated waits for its own delegate instead (expiry.ts, X3).
  if (!row.repeatable) return false;
  const { executionId, stepId, attempt } = place;
  const { taskId, epoch } = row;
  // One transaction: a task that is free again without a word of it in the history would be a step that nobody explains.
  const outcome = await context.engine.submit(
    executionId,
    { kind: 'task-requeued', stepId, attempt, because },
    { kind: 'released', taskId, epoch, notBeforeMs: context.clock.now(), ...taken },
  );
  if (outcome.kind !== 'ok') {
    context.logger.info({ taskId, epoch, because, outcome: outcome.kind }, 'The task stays where it is');
    return false;
  }
  context.logger.info({ taskId, epoch, because }, 'The task goes on elsewhere');
  context.kick();
  return true;
}
