import { createHash } from 'node:crypto';
import type { TaskId } from '@outrider/shared/ids.ts';
import type { LogChunk, LogStore } from '../../app/ports.ts';
import { splitIntoChunks, takeChunks } from '../log-chunks.ts';
import type { OperationsOf } from '../operations.ts';
import type { Database } from './database.ts';

export function sqliteLogs(database: Database): OperationsOf<LogStore> {
  return {
    appendLog({ taskId, epoch, instanceId }, offset, bytes) {
      const row = database.first('SELECT state, epoch, instance_id, log_bytes FROM tasks WHERE task_id = ?', taskId);
      if (row === undefined) return { kind: 'unknown-task' };
      const end = row.number('log_bytes');
      const holds = () => row.text('state') === 'leased' && row.textOrNull('instance_id') === instanceId;
      const mayWrite = instanceId === undefined || holds();
      if (epoch !== row.number('epoch') || !mayWrite) return { kind: 'stale', durableOffset: end };
      if (offset > end) return { kind: 'gap', durableOffset: end };
      return { kind: 'ok', durableOffset: appendLines(database, taskId, end, bytes.subarray(end - offset)) };
    },
    readLog: (taskId, fromOffset, maxBytes) =>
      takeChunks(chunksFrom(database, taskId, fromOffset), fromOffset, maxBytes),
    logDigest(taskId) {
      const hash = createHash('sha256');
      let bytes = 0;
      for (const chunk of chunksFrom(database, taskId, 0)) {
        hash.update(chunk.bytes);
        bytes += chunk.bytes.length;
      }
      return { bytes, sha256: hash.digest('hex') };
    },
  };
}

/** Adds lines at the end of the task's log, which is given; answers where it ends then. */
export function appendLines(database: Database, taskId: TaskId, end: number, lines: Uint8Array): number {
  if (lines.length === 0) return end;
  for (const chunk of splitIntoChunks(end, lines)) {
    database.run('INSERT INTO log_chunks (task_id, offset, bytes) VALUES (?, ?, ?)', taskId, chunk.offset, chunk.bytes);
  }
  database.run('UPDATE tasks SET log_bytes = ? WHERE task_id = ?', end + lines.length, taskId);
  return end + lines.length;
}

/** From the chunk that holds the offset. */
function* chunksFrom(database: Database, taskId: TaskId, offset: number): Iterable<LogChunk> {
  const rows = database.each(
    `SELECT offset, bytes FROM log_chunks WHERE task_id = ?1 AND offset >= coalesce(
       (SELECT max(offset) FROM log_chunks WHERE task_id = ?1 AND offset <= ?2), 0) ORDER BY offset`,
    taskId,
    offset,
  );
  for (const row of rows) yield { offset: row.number('offset'), bytes: row.bytes('bytes') };
}
