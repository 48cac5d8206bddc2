import { createHash } from 'node:crypto';
import type { LogStore, TaskRow } from '../../app/ports.ts';
import { isHolder } from '../../domain/fleet/fences.ts';
import { splitIntoChunks, takeChunks } from '../log-chunks.ts';
import type { OperationsOf } from '../operations.ts';
import type { MemoryState } from './state.ts';

export function memoryLogs(state: MemoryState): OperationsOf<LogStore> {
  const { tasks, logs } = state;
  return {
    appendLog({ taskId, epoch, instanceId }, offset, bytes) {
      const task = tasks.get(taskId);
      if (task === undefined) return { kind: 'unknown-task' };
      const end = task.logBytes;
      const mayWrite = instanceId === undefined || (task.state === 'leased' && isHolder(task, instanceId));
      if (epoch !== task.epoch || !mayWrite) return { kind: 'stale', durableOffset: end };
      if (offset > end) return { kind: 'gap', durableOffset: end };
      const { logBytes: durableOffset } = withLines(state, task, bytes.subarray(end - offset));
      return { kind: 'ok', durableOffset };
    },
    readLog: (taskId, fromOffset, maxBytes) => takeChunks(logs.get(taskId) ?? [], fromOffset, maxBytes),
    logDigest(taskId) {
      const hash = createHash('sha256');
      for (const chunk of logs.get(taskId) ?? []) hash.update(chunk.bytes);
      return { bytes: tasks.get(taskId)?.logBytes ?? 0, sha256: hash.digest('hex') };
    },
  };
}

/** Adds lines at the end of the task's log; answers the row as it is then. */
export function withLines({ tasks, logs }: MemoryState, row: TaskRow, lines: Uint8Array): TaskRow {
  const chunks = logs.get(row.taskId) ?? [];
  chunks.push(...splitIntoChunks(row.logBytes, lines));
  logs.set(row.taskId, chunks);
  const longer = { ...row, logBytes: row.logBytes + lines.length };
  tasks.set(row.taskId, longer);
  return longer;
}
