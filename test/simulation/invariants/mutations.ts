import { isDeepStrictEqual } from 'node:util';
import { CALL_DEADLINE_MS } from '@outrider/shared/protocol/timings.ts';
import type { HistoryRecord } from '../plant/record.ts';
import type { MadeCheckpoint, MutationEntry } from '../ports.ts';
import { type Finding, groupBy, type Invariant, takenBack } from './violation.ts';

/** What happens to AWS: H3 and H7. */

/**
 * The published window: a request that left its process before the process died, or whose answer was given up after the
 * deadline of a call, takes effect without anybody knowing. Nobody else works on the task in this time.
 */
export function isOutOfHand(mutation: MutationEntry): boolean {
  return !mutation.hostAlive || mutation.atMs - mutation.sentAtMs >= CALL_DEADLINE_MS;
}

export const MUTATIONS_IN_ORDER: Invariant = {
  id: 'H3',
  says:
    'Once a later epoch, or a later task, has changed a resource of AWS, no earlier one changes it any more; a restore of the store makes a ' +
    'task anew under a later epoch. Each service is created once for each setup, each setup registers one revision, nothing is deleted ' +
    'twice; counts and other settings are set as often as one likes. The exception is what is on the wire when its process dies.',
  check: (record) => [...returnsToOldHolder(record), ...doneTwice(record)],
};

export const NOTHING_AFTER_THE_END: Invariant = {
  id: 'H7',
  says:
    'Nothing is changed for a task after its end is committed, be it done, failed, or stopped because it was cancelled. The exception is what ' +
    'is on the wire when its process dies, for as long as one call may take.',
  check: changesAfterTheEnd,
};

export const FACTS_BEFORE_CHANGES: Invariant = {
  id: 'H14',
  says:
    'Nothing is changed before what is needed to resume or undo it is committed: when a change leaves a delegate, every checkpoint that its ' +
    'run has made before is in the history.',
  check: changesBeforeFacts,
};

function changesBeforeFacts(record: HistoryRecord): Finding[] {
  const made = groupBy(record.checkpoints, ({ taskId, epoch, host }) => `${taskId} ${epoch} ${host}`);
  const committedAt = new Map<MadeCheckpoint, number>();
  for (const checkpoint of record.checkpoints) committedAt.set(checkpoint, commitOf(record, checkpoint));
  return record.mutations.flatMap((entry) => {
    const before = made.get(`${entry.taskId} ${entry.epoch} ${entry.host}`) ?? [];
    const early = before.find(
      (checkpoint) =>
        checkpoint.atMs < entry.sentAtMs &&
        entry.sentAtMs < (committedAt.get(checkpoint) ?? 0) &&
        !diedBetween(record, entry.host, checkpoint.atMs, entry.sentAtMs),
    );
    if (early === undefined) return [];
    const detail = `${entry.action} of ${entry.resource} by ${entry.host} for ${entry.taskId} left before its facts (${Object.keys(early.facts).join(', ')}) were committed`;
    return [{ detail, about: [entry.taskId, entry.host, entry.resource], atMs: entry.atMs }];
  });
}

/** What a process had not saved when it was killed, the next one neither knows nor needs. */
function diedBetween({ trace }: HistoryRecord, host: string, fromMs: number, toMs: number): boolean {
  return trace.some(
    (event) =>
      event.kind === 'process:delegate-ended' && event.host === host && event.atMs >= fromMs && event.atMs <= toMs,
  );
}

function commitOf({ committed }: HistoryRecord, { taskId, facts, atMs }: MadeCheckpoint): number {
  const [executionId, stepId] = taskId.split('/');
  const commit = committed.find(
    (each) =>
      each.executionId === executionId &&
      each.atMs >= atMs &&
      each.events.some(
        ({ event }) =>
          event.type === 'step-checkpointed' && event.stepId === stepId && isDeepStrictEqual(event.facts, facts),
      ),
  );
  return commit?.atMs ?? Number.POSITIVE_INFINITY;
}

function returnsToOldHolder(record: HistoryRecord): Finding[] {
  const findings: Finding[] = [];
  for (const [resource, mutations] of groupBy(record.mutations, (entry) => entry.resource)) {
    const left = new Set<string>();
    const epochs = new Map<string, number>();
    let present: string | undefined;
    for (const entry of mutations) {
      if (isOutOfHand(entry)) continue;
      const holder = `${entry.taskId}#${entry.epoch}`;
      const highest = epochs.get(entry.taskId) ?? entry.epoch;
      if (left.has(holder) || entry.epoch < highest) {
        const detail = `${entry.action} of ${resource} by ${entry.host} for ${holder}, after ${present ?? 'a later one'} had changed it`;
        findings.push({ detail, about: [resource, entry.taskId, entry.host], atMs: entry.atMs });
      }
      if (present !== undefined && present !== holder) left.add(present);
      present = holder;
      epochs.set(entry.taskId, Math.max(highest, entry.epoch));
    }
  }
  return findings;
}

/** A step makes, or deletes, a thing of a name once, whichever of its attempts and runs does it. */
function meaningOf({ action, resource, taskId }: MutationEntry): string {
  return `${action} of ${resource} for ${taskId.split('/').slice(0, 2).join('/')}`;
}

/** Actions that must take effect once for each step. */
const ONCE = new Set(['CreateService', 'RegisterTaskDefinition', 'DeleteService']);

function doneTwice(record: HistoryRecord): Finding[] {
  const findings: Finding[] = [];
  const once = record.mutations.filter(({ action, changed }) => changed && ONCE.has(action));
  for (const [logical, entries] of groupBy(once, meaningOf)) {
    for (const [index, entry] of entries.entries()) {
      const before = entries[index - 1];
      if (before === undefined || madeAnew(record, before, entry)) continue;
      if (isOutOfHand(before) && entry.sentAtMs <= before.atMs + SHOWN_WITHIN_MS) continue;
      const detail = `${logical} took effect at ${before.atMs} and again at ${entry.atMs}`;
      findings.push({ detail, about: [entry.resource, entry.taskId, entry.host], atMs: entry.atMs });
    }
  }
  return findings;
}

/** A restore took back that the step had done it. */
function madeAnew({ rolledBack }: HistoryRecord, before: MutationEntry, after: MutationEntry): boolean {
  const [executionId = ''] = after.taskId.split('/');
  return rolledBack.some(
    ({ atMs, executions }) =>
      before.atMs <= atMs && atMs <= after.atMs && executions.some((each) => each.executionId === executionId),
  );
}

/** What took effect out of anybody's hand may not be seen yet by who comes next: AWS shows changes after a moment. */
const SHOWN_WITHIN_MS = 10_000;

function changesAfterTheEnd(record: HistoryRecord): Finding[] {
  const ends = new Map<string, number>();
  for (const { kind, taskId, atMs } of record.grants) {
    if ((kind === 'ended' || kind === 'withdrawn') && !takenBack(record, atMs)) ends.set(taskId, atMs);
  }
  return record.mutations.flatMap((entry) => {
    const endedAtMs = ends.get(entry.taskId);
    if (endedAtMs === undefined || entry.atMs <= endedAtMs) return [];
    if (isOutOfHand(entry) && entry.sentAtMs <= endedAtMs) return [];
    const detail = `${entry.action} of ${entry.resource} by ${entry.host} for ${entry.taskId}, which had ended at ${endedAtMs}`;
    return [{ detail, about: [entry.resource, entry.taskId, entry.host], atMs: entry.atMs }];
  });
}
