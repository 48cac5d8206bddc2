import type { TaskRow } from '../ports.ts';
import type { DispatchContext, TaskPlace } from './context.ts';

/**
 * The attempt goes on elsewhere: its holder is gone, or has stopped and says so. False: it stays where it is. Call it under
 * the task's lock.
 */
export async function handBack(
  context: DispatchContext,
  row: TaskRow,
  place: TaskPlace,
  because: string,
): Promise<boolean> {
  // A step that must not be repeated waits for its own delegate instead (expiry.ts, X3).
  if (!row.repeatable) return false;
  const released = await context.store.releaseTask(row, context.clock.now());
  if (released === 'stale') return false;
  const { executionId, stepId, attempt } = place;
  const outcome = await context.engine.submit(executionId, { kind: 'task-requeued', stepId, attempt, because });
  context.logger.info(
    { taskId: row.taskId, epoch: row.epoch, because, outcome: outcome.kind },
    'The task goes on elsewhere',
  );
  context.kick();
  return true;
}
