import type { TaskId } from '@outrider/shared/ids.ts';
import type { JsonObject } from '@outrider/shared/json.ts';
import type { CommitOutcome, TakenAway, TaskChange, TaskSeen } from '../../app/ports.ts';
import type { Database, Row } from './database.ts';
import { appendLines } from './logs.ts';

type FencedChange = Exclude<TaskChange, { kind: 'withdrawn' }>;

/** What stands against the change; undefined: nothing, it may be applied. Changes nothing. */
export function refusalOf(database: Database, executionId: string, change: TaskChange): CommitOutcome | undefined {
  const row = database.first(
    `SELECT state, epoch, instance_id, lease_until_ms, checkpoint_sequence, result_sha256 FROM tasks
     WHERE task_id = ? AND execution_id = ?`,
    change.taskId,
    executionId,
  );
  if (row === undefined) return { kind: 'unknown-task' };
  const epoch = row.number('epoch');
  if (change.kind === 'withdrawn') {
    if (row.text('state') === 'ended') return { kind: 'duplicate' };
    return movedOn(row, change.seen) ? { kind: 'stale', epoch } : undefined;
  }
  const verdict = epoch === change.epoch ? verdictOf(row, change) : 'stale';
  if (verdict === 'fits') return undefined;
  return verdict === 'stale' ? { kind: 'stale', epoch } : { kind: 'duplicate' };
}

function verdictOf(row: Row, change: FencedChange): 'fits' | 'duplicate' | 'stale' {
  const state = row.text('state');
  switch (change.kind) {
    case 'accepted':
      if (row.textOrNull('instance_id') !== change.instanceId) return 'stale';
      if (state === 'leased') return 'duplicate';
      return state === 'offered' ? 'fits' : 'stale';
    case 'checkpointed':
      if (state !== 'leased' || !fromHolder(row, change.instanceId)) return 'stale';
      return change.sequence > row.number('checkpoint_sequence') ? 'fits' : 'duplicate';
    case 'released':
      if (state === 'queued') return 'duplicate';
      return state === 'leased' && !movedOn(row, change.seen) ? 'fits' : 'stale';
    case 'ended':
      if (state === 'ended' && row.textOrNull('result_sha256') === change.resultSha256) return 'duplicate';
      return state === 'leased' && fromHolder(row, change.instanceId) ? 'fits' : 'stale';
  }
}

function fromHolder(row: Row, instanceId: string | undefined): boolean {
  return instanceId === undefined || row.textOrNull('instance_id') === instanceId;
}

/** The row is not any more what a decision was made on. */
function movedOn(row: Row, seen: TaskSeen | undefined): boolean {
  if (seen === undefined) return false;
  const { leaseUntilMs } = seen;
  if (row.text('state') !== seen.state || row.number('epoch') !== seen.epoch) return true;
  if (row.textOrNull('instance_id') !== seen.instanceId) return true;
  return leaseUntilMs !== undefined && row.numberOrNull('lease_until_ms') !== leaseUntilMs;
}

/** Applies a change that nothing stands against. */
export function applyTaskChange(database: Database, change: TaskChange): void {
  switch (change.kind) {
    case 'accepted':
      database.run(
        "UPDATE tasks SET state = 'leased', offer_until_ms = NULL, lease_until_ms = ? WHERE task_id = ?",
        change.leaseUntilMs,
        change.taskId,
      );
      return;
    case 'checkpointed':
      database.run('UPDATE tasks SET checkpoint_sequence = ? WHERE task_id = ?', change.sequence, change.taskId);
      mergeFacts(database, change.taskId, change.facts);
      return;
    case 'released':
      database.run(
        "UPDATE tasks SET state = 'queued', lease_until_ms = NULL, not_before_ms = ? WHERE task_id = ?",
        change.notBeforeMs,
        change.taskId,
      );
      return sayLastWords(database, change);
    case 'ended':
      endTask(database, change.taskId, change.resultSha256);
      return;
    case 'withdrawn':
      endTask(database, change.taskId, null);
      return sayLastWords(database, change);
  }
}

function sayLastWords(database: Database, { taskId, lastWords }: { readonly taskId: TaskId } & TakenAway): void {
  if (lastWords === undefined) return;
  const end = database.first('SELECT log_bytes FROM tasks WHERE task_id = ?', taskId)?.number('log_bytes') ?? 0;
  appendLines(database, taskId, end, lastWords);
}

function mergeFacts(database: Database, taskId: string, added: JsonObject): void {
  const row = database.first('SELECT facts FROM task_facts WHERE task_id = ?', taskId);
  const facts: JsonObject = { ...row?.json<JsonObject>('facts'), ...added };
  database.run(
    'INSERT INTO task_facts (task_id, facts) VALUES (?, ?) ON CONFLICT DO UPDATE SET facts = excluded.facts',
    taskId,
    JSON.stringify(facts),
  );
}

function endTask(database: Database, taskId: string, resultSha256: string | null): void {
  database.run(
    `UPDATE tasks SET state = 'ended', offer_until_ms = NULL, lease_until_ms = NULL, result_sha256 = ?
     WHERE task_id = ?`,
    resultSha256,
    taskId,
  );
}
