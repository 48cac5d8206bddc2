import { createHash } from 'node:crypto';
import { encodeLogLine } from '@outrider/shared/logs.ts';
import type { TaskResult } from '@outrider/shared/protocol/messages.ts';
import { LOG_CHECK_READ_BYTES, LOG_CHECK_READS_MAX } from '@outrider/shared/protocol/timings.ts';
import type { LogStore, TaskRow } from '../ports.ts';

/**
 * Whether the stored log is what the holder wrote. `incomplete`: bytes are missing at the end; they can still come.
 * `damaged`: all are there and they are not the same; sending again would not mend it, as what is stored stays.
 */
export async function logVerdict(
  store: LogStore,
  row: Pick<TaskRow, 'taskId' | 'logBytes'>,
  result: Pick<TaskResult, 'logBytes' | 'logFrom' | 'logSha256'>,
): Promise<'whole' | 'incomplete' | 'damaged'> {
  if (row.logBytes < result.logBytes) return 'incomplete';
  if (row.logBytes > result.logBytes || result.logFrom > result.logBytes) return 'damaged';
  const sha256 =
    result.logFrom === 0
      ? (await store.logDigest(row.taskId)).sha256
      : await digestFrom(store, row.taskId, result.logFrom);
  return sha256 === result.logSha256 ? 'whole' : 'damaged';
}

/** SHA-256 (hex) of a log from an offset to its end. */
async function digestFrom(store: LogStore, taskId: string, from: number): Promise<string> {
  const hash = createHash('sha256');
  let offset = from;
  for (let reads = 0; reads < LOG_CHECK_READS_MAX; reads++) {
    const chunks = await store.readLog(taskId, offset, LOG_CHECK_READ_BYTES);
    if (chunks.length === 0) break;
    for (const chunk of chunks) {
      // A chunk may begin before the offset that was asked for.
      const fresh = chunk.bytes.subarray(Math.max(0, offset - chunk.offset));
      hash.update(fresh);
      offset = Math.max(offset, chunk.offset + chunk.bytes.length);
    }
  }
  return hash.digest('hex');
}

/** Says in the log itself that it cannot be trusted. */
export async function markDamagedLog(store: LogStore, row: TaskRow, delegate: string, atMs: number): Promise<void> {
  const line = encodeLogLine({
    at: new Date(atMs).toISOString(),
    level: 'WARN',
    text: `[The log above is not what ${delegate} wrote: its length or its SHA-256 differs]`,
  });
  const { taskId, epoch } = row;
  await store.appendLog({ taskId, epoch }, row.logBytes, Buffer.from(line));
}
