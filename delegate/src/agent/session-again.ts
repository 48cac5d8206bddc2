import type { TaskId } from '@outrider/shared/ids.ts';
import type { Draft } from './session-draft.ts';
import type { HeldTask } from './session-state.ts';

/**
 * With a regular heartbeat: says again what waited for an answer at the last one already and still does. Either the message or its
 * answer was lost although the stream lives; both sides know what they have heard before.
 */
export function sayAgain(draft: Draft): void {
  const before = draft.state.unanswered;
  const unanswered = new Map<TaskId, string>();
  for (const task of draft.tasks()) {
    const what = awaited(task);
    if (what === undefined) continue;
    unanswered.set(task.offer.taskId, what);
    if (before.get(task.offer.taskId) === what) repeat(draft, task);
  }
  draft.change({ unanswered });
  if (draft.state.draining) draft.send({ kind: 'draining', reason: 'it is shutting down' });
}

/** What the task waits to hear of, by name; undefined: nothing. */
function awaited({ offer: { epoch }, stage, pending }: HeldTask): string | undefined {
  const [oldest] = pending;
  switch (stage.kind) {
    case 'accepting':
      return stage.sentAt === null ? undefined : `accept ${epoch}`;
    case 'finished':
      return `result ${epoch}`;
    case 'waiting':
    case 'running':
      return oldest === undefined ? undefined : `checkpoint ${epoch} ${oldest.sequence}`;
    case 'abandoned':
    case 'handing-back':
      return undefined;
  }
}

function repeat(draft: Draft, { offer: { taskId, epoch }, stage, pending }: HeldTask): void {
  if (stage.kind === 'accepting') return draft.send({ kind: 'accept', taskId, epoch });
  // The result itself follows when the control plane is found to have the whole log.
  if (stage.kind === 'finished') return draft.put({ kind: 'settle-log', taskId, epoch });
  for (const each of pending) draft.send({ kind: 'checkpoint', taskId, epoch, ...each });
}
