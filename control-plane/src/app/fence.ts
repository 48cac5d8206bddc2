import { hasMovedOn } from '../domain/fleet/fences.ts';
import type { SubmitOutcome } from './engine-port.ts';
import type { TaskChange, TaskRow } from './ports.ts';

/** What the task's row says of a change that the execution refused, in the words of the store; undefined: nothing against it. */
export function fenceVerdict(row: TaskRow | undefined, change: TaskChange): SubmitOutcome | undefined {
  if (row === undefined) return { kind: 'unknown' };
  if (change.kind === 'withdrawn') {
    if (row.state === 'ended') return { kind: 'duplicate' };
    return hasMovedOn(row, change.seen) ? { kind: 'stale', epoch: row.epoch } : undefined;
  }
  if (row.epoch !== change.epoch) return { kind: 'stale', epoch: row.epoch };
  switch (change.kind) {
    case 'accepted':
      return row.state === 'leased' && row.instanceId === change.instanceId ? { kind: 'duplicate' } : staleIfEnded(row);
    case 'checkpointed':
      return change.sequence <= row.checkpointSequence ? { kind: 'duplicate' } : staleIfEnded(row);
    case 'released':
      return row.state === 'queued' ? { kind: 'duplicate' } : staleIfEnded(row);
    case 'ended':
      return row.state === 'ended' && row.resultSha256 === change.resultSha256
        ? { kind: 'duplicate' }
        : staleIfEnded(row);
  }
}

function staleIfEnded(row: TaskRow): SubmitOutcome | undefined {
  return row.state === 'ended' ? { kind: 'stale', epoch: row.epoch } : undefined;
}
