import { createHash } from 'node:crypto';
import type { LogStore } from '../../app/ports.ts';
import { isHolder } from '../../domain/fleet/fences.ts';
import { splitIntoChunks, takeChunks } from '../log-chunks.ts';
import type { OperationsOf } from '../operations.ts';
import type { MemoryState } from './state.ts';

export function memoryLogs({ tasks, logs }: MemoryState): OperationsOf<LogStore> {
  return {
    appendLog({ taskId, epoch, instanceId }, offset, bytes) {
      const task = tasks.get(taskId);
      if (task === undefined) return { kind: 'unknown-task' };
      const end = task.logBytes;
      if (epoch !== task.epoch || !isHolder(task, instanceId)) return { kind: 'stale', durableOffset: end };
      if (offset > end) return { kind: 'gap', durableOffset: end };
      const fresh = bytes.subarray(end - offset);
      const chunks = logs.get(taskId) ?? [];
      chunks.push(...splitIntoChunks(end, fresh));
      logs.set(taskId, chunks);
      tasks.set(taskId, { ...task, logBytes: end + fresh.length });
      return { kind: 'ok', durableOffset: end + fresh.length };
    },
    readLog: (taskId, fromOffset, maxBytes) => takeChunks(logs.get(taskId) ?? [], fromOffset, maxBytes),
    logDigest(taskId) {
      const hash = createHash('sha256');
      for (const chunk of logs.get(taskId) ?? []) hash.update(chunk.bytes);
      return { bytes: tasks.get(taskId)?.logBytes ?? 0, sha256: hash.digest('hex') };
    },
  };
}
