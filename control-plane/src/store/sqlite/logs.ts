import { createHash } from 'node:crypto';
import type { TaskId } from '@outrider/shared/ids.ts';
import type { LogChunk, LogStore } from '../../app/ports.ts';
import { splitIntoChunks, takeChunks } from '../log-chunks.ts';
import type { OperationsOf } from '../operations.ts';
import type { Database } from './database.ts';

export function sqliteLogs(database: Database): OperationsOf<LogStore> {
  return {
    appendLog({ taskId, epoch, instanceId }, offset, bytes) {
      const row = database.first('SELECT epoch, instance_id, log_bytes FROM tasks WHERE task_id = ?', taskId);
      if (row === undefined) return { kind: 'unknown-task' };
      const end = row.number('log_bytes');
      const isHolder = instanceId === undefined || row.textOrNull('instance_id') === instanceId;
      if (epoch !== row.number('epoch') || !isHolder) return { kind: 'stale', durableOffset: end };
      if (offset > end) return { kind: 'gap', durableOffset: end };
      const fresh = bytes.subarray(end - offset);
      if (fresh.length === 0) return { kind: 'ok', durableOffset: end };
      for (const chunk of splitIntoChunks(end, fresh)) {
        database.run(
          'INSERT INTO log_chunks (task_id, offset, bytes) VALUES (?, ?, ?)',
          taskId,
          chunk.offset,
          chunk.bytes,
        );
      }
      database.run('UPDATE tasks SET log_bytes = ? WHERE task_id = ?', end + fresh.length, taskId);
      return { kind: 'ok', durableOffset: end + fresh.length };
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
