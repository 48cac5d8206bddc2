import { type TaskId, taskId } from '@outrider/shared/ids.ts';
import type { JsonObject } from '@outrider/shared/json.ts';
import type { CancelReason, TaskRef } from '@outrider/shared/protocol/messages.ts';
import type { CommitOutcome, TaskChange, TaskRow, TaskStore } from '../../app/ports.ts';
import { epochBefore } from '../../domain/fleet/epochs.ts';
import { hasMovedOn, isHolder } from '../../domain/fleet/fences.ts';
import type { OperationsOf } from '../operations.ts';
import {
  nextRestoration,
  RESTORATION_SETTING,
  type Restoration,
  readRestoration,
  writeRestoration,
} from '../restoration.ts';
import { withLines } from './logs.ts';
import type { MemoryState } from './state.ts';
import { asJson } from './values.ts';

export interface MemoryTasks {
  readonly operations: OperationsOf<TaskStore>;
  /** What stands against a change, or how to apply it. Changes nothing by itself. */
  judge(executionId: string, change: TaskChange): { apply(): void } | { readonly refused: CommitOutcome };
}

export function memoryTasks(state: MemoryState): MemoryTasks {
  const { tasks, living } = state;
  const put = (row: TaskRow): void => {
    tasks.set(row.taskId, row);
    if (row.state === 'ended') living.delete(row.taskId);
    else living.add(row.taskId);
  };
  return {
    judge(executionId, change) {
      const verdict = judge(tasks.get(change.taskId), executionId, change);
      if ('refused' in verdict) return verdict;
      const words = 'lastWords' in change ? change.lastWords : undefined;
      return { apply: () => put(words === undefined ? verdict.row : withLines(state, verdict.row, words)) };
    },
    operations: { ...queueOperations(state, put), ...leaseOperations(state), ...restoreOperations(state, put) },
  };
}

type QueueOperation = 'enqueueTask' | 'getTask' | 'livingTasks' | 'offerTask' | 'returnOffer' | 'cancelTask';

function queueOperations(
  state: MemoryState,
  put: (row: TaskRow) => void,
): Pick<OperationsOf<TaskStore>, QueueOperation> {
  const rows = state.tasks;
  const change = changeIn(rows);
  return {
    enqueueTask(given) {
      const row = queuedRow(given, readRestoration(state.settings.get(RESTORATION_SETTING)));
      if (!rows.has(row.taskId)) put(row);
    },
    getTask: (id) => rows.get(id),
    livingTasks: () => livingRows(state),
    offerTask(id, to, nowMs, offerUntilMs) {
      const row = rows.get(id);
      if (row?.state !== 'queued' || row.cancel !== null) return { kind: 'not-queued' };
      const task = change(row, {
        state: 'offered',
        epoch: row.epoch + 1,
        delegate: to.delegate,
        instanceId: to.instanceId,
        offerUntilMs,
        deadlineMs: row.deadlineMs ?? nowMs + row.timeoutSeconds * 1000,
      });
      return { kind: 'ok', task };
    },
    returnOffer(ref, notBeforeMs) {
      const row = rows.get(ref.taskId);
      if (row?.state !== 'offered' || row.epoch !== ref.epoch) return 'stale';
      change(row, { state: 'queued', offerUntilMs: null, notBeforeMs, deliveries: row.deliveries + 1 });
      return 'ok';
    },
    cancelTask(id: TaskId, reason: CancelReason, message: string) {
      const row = rows.get(id);
      if (row === undefined || row.state === 'ended' || row.cancel !== null) return row;
      return change(row, { cancel: { reason, message } });
    },
  };
}

type LeaseOperation = 'renewLeases' | 'reattachTask' | 'extendAllLeases';

function leaseOperations(state: MemoryState): Pick<OperationsOf<TaskStore>, LeaseOperation> {
  const rows = state.tasks;
  const change = changeIn(rows);
  return {
    renewLeases(instanceId, refs, leaseUntilMs) {
      const extended: TaskRef[] = [];
      const lost: TaskRef[] = [];
      for (const ref of refs) {
        const row = rows.get(ref.taskId);
        if (row?.state === 'leased' && row.epoch === ref.epoch && row.instanceId === instanceId) {
          change(row, { leaseUntilMs: later(row.leaseUntilMs, leaseUntilMs) });
          extended.push({ taskId: ref.taskId, epoch: ref.epoch });
        } else {
          lost.push({ taskId: ref.taskId, epoch: ref.epoch });
        }
      }
      return { extended, lost };
    },
    reattachTask(ref, delegate, instanceId, leaseUntilMs) {
      const row = rows.get(ref.taskId);
      if (row === undefined || row.epoch !== ref.epoch || row.delegate !== delegate) return 'stale';
      if (row.state === 'ended') return 'ended';
      if (row.state !== 'leased') return 'stale';
      change(row, { instanceId, leaseUntilMs: later(row.leaseUntilMs, leaseUntilMs) });
      return 'ok';
    },
    extendAllLeases(untilMs) {
      const short = livingRows(state).filter((row) => row.state === 'leased' && (row.leaseUntilMs ?? 0) < untilMs);
      for (const row of short) change(row, { leaseUntilMs: untilMs });
      return short.length;
    },
  };
}

function restoreOperations(
  state: MemoryState,
  put: (row: TaskRow) => void,
): Pick<OperationsOf<TaskStore>, 'raiseGeneration'> {
  return {
    raiseGeneration(atMs, notBeforeMs, above = 0) {
      const before = readRestoration(state.settings.get(RESTORATION_SETTING));
      const restoration = nextRestoration(before, { atMs, notBeforeMs, above });
      state.settings.set(RESTORATION_SETTING, writeRestoration(restoration));
      const rows = livingRows(state);
      for (const row of rows) put(forgotten(row, restoration));
      return { generation: restoration.generation, tasks: rows.length };
    },
  };
}

/** A row of which is not known any more who was given it last. */
function forgotten(row: TaskRow, { generation, notBeforeMs }: Restoration): TaskRow {
  return {
    ...row,
    state: row.state === 'offered' ? 'queued' : row.state,
    epoch: epochBefore(generation),
    offerUntilMs: null,
    leaseUntilMs: row.state === 'leased' ? notBeforeMs : null,
    notBeforeMs: Math.max(row.notBeforeMs, notBeforeMs),
    deadlineMs: null,
  };
}

function livingRows({ living, tasks }: MemoryState): TaskRow[] {
  return [...living].flatMap((id) => tasks.get(id) ?? []);
}

/** Changes of a row that leave it living. */
function changeIn(rows: Map<TaskId, TaskRow>): (row: TaskRow, changes: Partial<TaskRow>) => TaskRow {
  return (row, changes) => {
    const changed = { ...row, ...changes };
    rows.set(row.taskId, changed);
    return changed;
  };
}

function queuedRow(given: Parameters<TaskStore['enqueueTask']>[0], restoration: Restoration): TaskRow {
  const task = asJson(given.task);
  return {
    taskId: taskId(task.executionId, task.stepId, task.attempt),
    executionId: task.executionId,
    stepId: task.stepId,
    attempt: task.attempt,
    stepType: task.type,
    selectors: given.selectors,
    repeatable: given.repeatable,
    task,
    state: 'queued',
    epoch: epochBefore(restoration.generation),
    delegate: null,
    instanceId: null,
    offerUntilMs: null,
    leaseUntilMs: null,
    notBeforeMs: Math.max(given.notBeforeMs, restoration.notBeforeMs),
    queuedAtMs: given.atMs,
    deliveries: 0,
    timeoutSeconds: given.timeoutSeconds,
    deadlineMs: null,
    facts: {},
    checkpointSequence: 0,
    cancel: null,
    logBytes: 0,
    resultSha256: null,
  };
}

type Verdict = { readonly row: TaskRow } | { readonly refused: CommitOutcome };

function judge(row: TaskRow | undefined, executionId: string, change: TaskChange): Verdict {
  if (row === undefined || row.executionId !== executionId) return { refused: { kind: 'unknown-task' } };
  if (change.kind === 'withdrawn') {
    if (row.state === 'ended') return duplicate;
    return hasMovedOn(row, change.seen) ? stale(row) : { row: ended(row, null) };
  }
  if (row.epoch !== change.epoch) return stale(row);
  switch (change.kind) {
    case 'accepted':
      if (row.instanceId !== change.instanceId) return stale(row);
      if (row.state === 'leased') return duplicate;
      if (row.state !== 'offered') return stale(row);
      return { row: { ...row, state: 'leased', offerUntilMs: null, leaseUntilMs: change.leaseUntilMs } };
    case 'checkpointed':
      if (row.state !== 'leased' || !isHolder(row, change.instanceId)) return stale(row);
      if (change.sequence <= row.checkpointSequence) return duplicate;
      return { row: { ...row, facts: merged(row.facts, change.facts), checkpointSequence: change.sequence } };
    case 'released':
      if (row.state === 'queued') return duplicate;
      if (row.state !== 'leased' || hasMovedOn(row, change.seen)) return stale(row);
      return { row: { ...row, state: 'queued', leaseUntilMs: null, notBeforeMs: change.notBeforeMs } };
    case 'ended':
      if (row.state === 'ended' && row.resultSha256 === change.resultSha256) return duplicate;
      if (row.state !== 'leased' || !isHolder(row, change.instanceId)) return stale(row);
      return { row: ended(row, change.resultSha256) };
  }
}

const duplicate: Verdict = { refused: { kind: 'duplicate' } };

function stale(row: TaskRow): Verdict {
  return { refused: { kind: 'stale', epoch: row.epoch } };
}

function ended(row: TaskRow, resultSha256: string | null): TaskRow {
  return { ...row, state: 'ended', offerUntilMs: null, leaseUntilMs: null, resultSha256 };
}

function merged(facts: JsonObject, added: JsonObject): JsonObject {
  return { ...facts, ...asJson(added) };
}

/** A lease is never made shorter: what its holder was told stays true. */
function later(leaseUntilMs: number | null, untilMs: number): number {
  return Math.max(leaseUntilMs ?? untilMs, untilMs);
}
