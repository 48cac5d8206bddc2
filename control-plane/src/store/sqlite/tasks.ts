import { taskId as taskIdOf } from '@outrider/shared/ids.ts';
import type { CancelReason, TaskRef } from '@outrider/shared/protocol/messages.ts';
import type { StepTask } from '@outrider/shared/steps/task.ts';
import type { TaskRow, TaskState, TaskStore } from '../../app/ports.ts';
import { epochBefore } from '../../domain/fleet/epochs.ts';
import type { OperationsOf } from '../operations.ts';
import {
  nextRestoration,
  RESTORATION_SETTING,
  type Restoration,
  readRestoration,
  writeRestoration,
} from '../restoration.ts';
import type { Database, Row } from './database.ts';
import { damaged } from './failures.ts';

const SELECT_TASKS = `
  SELECT t.*, w.task, w.selectors, w.repeatable, coalesce(f.facts, '{}') AS facts
  FROM tasks t JOIN task_work w USING (task_id) LEFT JOIN task_facts f USING (task_id)`;

export function sqliteTasks(database: Database): OperationsOf<TaskStore> {
  return {
    ...queueOperations(database),
    ...leaseOperations(database),
    raiseGeneration: (atMs, notBeforeMs, above = 0) => raiseGeneration(database, atMs, notBeforeMs, above),
  };
}

type QueueOperation = 'enqueueTask' | 'getTask' | 'livingTasks' | 'offerTask' | 'returnOffer' | 'cancelTask';

function queueOperations(database: Database): Pick<OperationsOf<TaskStore>, QueueOperation> {
  return {
    enqueueTask: (given) => enqueue(database, given),
    getTask: (id) => readTask(database, id),
    livingTasks: () =>
      database.all(`${SELECT_TASKS} WHERE t.state <> 'ended' ORDER BY t.ordinal`).map((row) => taskOf(database, row)),
    offerTask(id, to, nowMs, offerUntilMs) {
      const offered = database.run(
        `UPDATE tasks SET state = 'offered', epoch = epoch + 1, delegate = ?, instance_id = ?, offer_until_ms = ?,
           deadline_ms = coalesce(deadline_ms, ? + timeout_seconds * 1000)
         WHERE task_id = ? AND state = 'queued' AND cancel_reason IS NULL`,
        to.delegate,
        to.instanceId,
        offerUntilMs,
        nowMs,
        id,
      );
      const task = offered === 1 ? readTask(database, id) : undefined;
      return task === undefined ? { kind: 'not-queued' } : { kind: 'ok', task };
    },
    returnOffer(ref, notBeforeMs) {
      const returned = database.run(
        `UPDATE tasks SET state = 'queued', offer_until_ms = NULL, not_before_ms = ?, deliveries = deliveries + 1
         WHERE task_id = ? AND epoch = ? AND state = 'offered'`,
        notBeforeMs,
        ref.taskId,
        ref.epoch,
      );
      return returned === 1 ? 'ok' : 'stale';
    },
    cancelTask(id, reason, message) {
      database.run(
        `UPDATE tasks SET cancel_reason = ?, cancel_message = ?
         WHERE task_id = ? AND state <> 'ended' AND cancel_reason IS NULL`,
        reason,
        message,
        id,
      );
      return readTask(database, id);
    },
  };
}

type LeaseOperation = 'renewLeases' | 'reattachTask' | 'extendAllLeases';

function leaseOperations(database: Database): Pick<OperationsOf<TaskStore>, LeaseOperation> {
  return {
    renewLeases(instanceId, refs, leaseUntilMs) {
      const extended: TaskRef[] = [];
      const lost: TaskRef[] = [];
      for (const { taskId, epoch } of refs) {
        const renewed = database.run(
          `UPDATE tasks SET lease_until_ms = max(lease_until_ms, ?)
           WHERE task_id = ? AND epoch = ? AND instance_id = ? AND state = 'leased'`,
          leaseUntilMs,
          taskId,
          epoch,
          instanceId,
        );
        (renewed === 1 ? extended : lost).push({ taskId, epoch });
      }
      return { extended, lost };
    },
    reattachTask({ taskId, epoch }, delegate, instanceId, leaseUntilMs) {
      const row = database.first(
        'SELECT state FROM tasks WHERE task_id = ? AND epoch = ? AND delegate = ?',
        taskId,
        epoch,
        delegate,
      );
      if (row?.text('state') === 'ended') return 'ended';
      if (row?.text('state') !== 'leased') return 'stale';
      database.run(
        'UPDATE tasks SET instance_id = ?, lease_until_ms = max(lease_until_ms, ?) WHERE task_id = ?',
        instanceId,
        leaseUntilMs,
        taskId,
      );
      return 'ok';
    },
    extendAllLeases: (untilMs) =>
      database.run(
        `UPDATE tasks SET lease_until_ms = ? WHERE state = 'leased' AND state <> 'ended' AND lease_until_ms < ?`,
        untilMs,
        untilMs,
      ),
  };
}

function enqueue(database: Database, given: Parameters<TaskStore['enqueueTask']>[0]): void {
  const { task, selectors, repeatable, timeoutSeconds, notBeforeMs, atMs } = given;
  const id = taskIdOf(task.executionId, task.stepId, task.attempt);
  const restoration = restorationOf(database);
  const added = database.run(
    `INSERT INTO tasks (task_id, execution_id, state, epoch, not_before_ms, queued_at_ms, deliveries, timeout_seconds,
       checkpoint_sequence, log_bytes)
     VALUES (?, ?, 'queued', ?, ?, ?, 0, ?, 0, 0) ON CONFLICT (task_id) DO NOTHING`,
    id,
    task.executionId,
    epochBefore(restoration.generation),
    Math.max(notBeforeMs, restoration.notBeforeMs),
    atMs,
    timeoutSeconds,
  );
  if (added === 0) return;
  database.run(
    'INSERT INTO task_work (task_id, task, selectors, repeatable) VALUES (?, ?, ?, ?)',
    id,
    JSON.stringify(task),
    JSON.stringify(selectors),
    repeatable ? 1 : 0,
  );
}

function raiseGeneration(
  database: Database,
  atMs: number,
  notBeforeMs: number,
  above: number,
): { readonly generation: number; readonly tasks: number } {
  const restoration = nextRestoration(restorationOf(database), { atMs, notBeforeMs, above });
  database.run(
    'INSERT INTO settings (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value',
    RESTORATION_SETTING,
    writeRestoration(restoration),
  );
  const { generation } = restoration;
  const tasks = database.run(
    `UPDATE tasks SET epoch = ?1, offer_until_ms = NULL, not_before_ms = max(not_before_ms, ?2), deadline_ms = NULL,
       lease_until_ms = iif(state = 'leased', ?2, NULL), state = iif(state = 'offered', 'queued', state)
     WHERE state <> 'ended'`,
    epochBefore(generation),
    notBeforeMs,
  );
  return { generation, tasks };
}

function restorationOf(database: Database): Restoration {
  const setting = database.first('SELECT value FROM settings WHERE key = ?', RESTORATION_SETTING);
  return readRestoration(setting?.text('value'));
}

function readTask(database: Database, id: string): TaskRow | undefined {
  const row = database.first(`${SELECT_TASKS} WHERE t.task_id = ?`, id);
  return row === undefined ? undefined : taskOf(database, row);
}

function taskOf(database: Database, row: Row): TaskRow {
  const task = row.json<StepTask>('task');
  return {
    taskId: row.text('task_id'),
    executionId: row.text('execution_id'),
    stepId: task.stepId,
    attempt: task.attempt,
    stepType: task.type,
    selectors: row.json('selectors'),
    repeatable: row.number('repeatable') === 1,
    task,
    state: stateOf(database, row.text('state')),
    epoch: row.number('epoch'),
    delegate: row.textOrNull('delegate'),
    instanceId: row.textOrNull('instance_id'),
    offerUntilMs: row.numberOrNull('offer_until_ms'),
    leaseUntilMs: row.numberOrNull('lease_until_ms'),
    notBeforeMs: row.number('not_before_ms'),
    queuedAtMs: row.number('queued_at_ms'),
    deliveries: row.number('deliveries'),
    timeoutSeconds: row.number('timeout_seconds'),
    deadlineMs: row.numberOrNull('deadline_ms'),
    facts: row.json('facts'),
    checkpointSequence: row.number('checkpoint_sequence'),
    cancel: cancelOf(database, row),
    logBytes: row.number('log_bytes'),
    resultSha256: row.textOrNull('result_sha256'),
  };
}

function stateOf(database: Database, text: string): TaskState {
  if (text === 'queued' || text === 'offered' || text === 'leased' || text === 'ended') return text;
  throw damaged(database.path, `a task is ${text}`);
}

function cancelOf(database: Database, row: Row): { reason: CancelReason; message: string } | null {
  const reason = row.textOrNull('cancel_reason');
  if (reason === null) return null;
  const message = row.text('cancel_message');
  if (reason === 'aborted' || reason === 'timed-out' || reason === 'rolling-back') return { reason, message };
  throw damaged(database.path, `a task is cancelled because ${reason}`);
}
