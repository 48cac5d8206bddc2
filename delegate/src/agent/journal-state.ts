import { type ErrorCode, FAILURE_TYPES, type Failure, isErrorCode } from '@outrider/shared/errors.ts';
import type { TaskId } from '@outrider/shared/ids.ts';
import { isJsonObject, type Json, type JsonObject } from '@outrider/shared/json.ts';
import type { TaskOutcome, TaskRef } from '@outrider/shared/protocol/messages.ts';
import { outcomeJson } from '@outrider/shared/protocol/outcome.ts';
import { RESULT_RETENTION_MAX, RESULT_RETENTION_MS } from '@outrider/shared/protocol/timings.ts';
import type { JournalRecord, OfferRecord } from './journal-format.ts';

/** What the journal knows of one task, folded from its records. */
export interface JournaledTask {
  readonly offer: OfferRecord;
  readonly started: boolean;
  /** The offer's facts and all checkpoints after them, merged by key. */
  readonly facts: JsonObject;
  readonly checkpointSequence: number;
  /** Checkpoints that the control plane may not have. */
  readonly pending: readonly { readonly sequence: number; readonly facts: JsonObject }[];
  readonly outcome: TaskOutcome | null;
  readonly acknowledgedAtMs: number | null;
}

export type JournalState = ReadonlyMap<TaskId, JournaledTask>;

export function foldJournal(records: readonly JournalRecord[]): JournalState {
  const tasks = new Map<TaskId, JournaledTask>();
  for (const record of records) applyRecord(tasks, record);
  return tasks;
}

/** Changes the map in place: it is the journal's own picture of its file. */
export function applyRecord(tasks: Map<TaskId, JournaledTask>, record: JournalRecord): void {
  if (record.kind === 'accepted') {
    tasks.set(record.offer.taskId, acceptedTask(record.offer));
    return;
  }
  const task = tasks.get(record.taskId);
  // A record about another epoch than the one that is held is of no use any more.
  if (task === undefined || task.offer.epoch !== record.epoch) return;
  switch (record.kind) {
    case 'started':
      tasks.set(record.taskId, { ...task, started: true });
      return;
    case 'checkpoint': {
      const { sequence, facts } = record;
      const pending = [...task.pending, { sequence, facts }];
      tasks.set(record.taskId, { ...task, checkpointSequence: sequence, facts: { ...task.facts, ...facts }, pending });
      return;
    }
    case 'committed':
      tasks.set(record.taskId, { ...task, pending: task.pending.filter(({ sequence }) => sequence > record.sequence) });
      return;
    case 'result':
      tasks.set(record.taskId, { ...task, outcome: readOutcome(record.outcome) });
      return;
    case 'acknowledged':
      tasks.set(record.taskId, { ...task, acknowledgedAtMs: record.atMs });
      return;
    case 'forgotten':
      tasks.delete(record.taskId);
      return;
  }
}

/** The fewest records that give this state again; results that were acknowledged long ago are left out. */
export function recordsOf(state: JournalState, nowMs: number): readonly JournalRecord[] {
  return [...state.values()].filter(isWorthKeeping(state, nowMs)).flatMap(taskRecords);
}

function isWorthKeeping(state: JournalState, nowMs: number): (task: JournaledTask) => boolean {
  const times = [...state.values()].map((task) => task.acknowledgedAtMs).filter((time) => time !== null);
  const newest = times.toSorted((a, b) => b - a).slice(0, RESULT_RETENTION_MAX);
  const oldest = Math.max(nowMs - RESULT_RETENTION_MS, newest.at(-1) ?? 0);
  return (task) => task.acknowledgedAtMs === null || task.acknowledgedAtMs >= oldest;
}

function taskRecords(task: JournaledTask): JournalRecord[] {
  const { taskId, epoch } = task.offer;
  const ref: TaskRef = { taskId, epoch };
  const done = task.outcome !== null;
  const committed = task.pending[0] === undefined ? task.checkpointSequence : task.pending[0].sequence - 1;
  const records: JournalRecord[] = [
    // Of work that is done only the result is of use.
    {
      kind: 'accepted',
      offer: { ...task.offer, ...(done ? OVER : { facts: task.facts, checkpointSequence: committed }) },
    },
  ];
  if (task.started) records.push({ kind: 'started', ...ref });
  if (!done)
    records.push(...task.pending.map((checkpoint) => ({ kind: 'checkpoint' as const, ...ref, ...checkpoint })));
  if (task.outcome !== null) records.push({ kind: 'result', ...ref, outcome: outcomeJson(task.outcome) });
  if (task.acknowledgedAtMs !== null) records.push({ kind: 'acknowledged', ...ref, atMs: task.acknowledgedAtMs });
  return records;
}

const OVER = { task: {}, facts: {} } as const;

function acceptedTask(offer: OfferRecord): JournaledTask {
  return {
    offer,
    started: false,
    facts: offer.facts,
    checkpointSequence: offer.checkpointSequence,
    pending: [],
    outcome: null,
    acknowledgedAtMs: null,
  };
}

/** A result as outcomeJson wrote it. One that cannot be read any more is told as a failure: it must not be lost. */
function readOutcome(value: JsonObject): TaskOutcome {
  const { outcome, output, failure, message } = value;
  if (outcome === 'succeeded' && isJsonObject(output)) return { outcome, output };
  if (outcome === 'stopped' && typeof message === 'string') return { outcome, message };
  if (outcome === 'failed' && isJsonObject(failure)) return { outcome, failure: readFailure(failure) };
  return { outcome: 'failed', failure: readFailure({ message: 'The result cannot be read any more' }) };
}

function readFailure(value: JsonObject): Failure {
  const { code, message, hint, evidence, failureType } = value;
  const known: ErrorCode = typeof code === 'string' && isErrorCode(code) ? code : 'internal';
  return {
    code: known,
    message: text(message),
    hint: text(hint),
    evidence: Array.isArray(evidence) ? evidence.map(text) : [],
    failureType: FAILURE_TYPES.find((type) => type === failureType) ?? 'application',
  };
}

function text(value: Json | undefined): string {
  return typeof value === 'string' ? value : '';
}
