import { open, rm } from 'node:fs/promises';
import { Worker } from 'node:worker_threads';
import { OutriderError } from '@outrider/shared/errors.ts';
import type { BackupSource, StoreBackup } from '../../app/ports.ts';
import type { CopyOrder, CopyReport } from './copy-worker.ts';
import { receivedFailure, storeFailure } from './failures.ts';
import type { StillFile } from './hot-copy.ts';

/** What a backup needs of the thread that has the file. */
export interface StoreHolder {
  readonly path: string;
  holdStill(): Promise<StillFile>;
  release(): void;
  /** Ends with the store: a copy must be over before the file changes again. */
  readonly closing: AbortSignal;
}

const BLOCK_BYTES = 262_144;

/** See BackupSource. The copy has no name any more when `makeBackup` resolves: its room is free at the latest when the process ends. */
export function backupSource(holder: StoreHolder): BackupSource {
  let busy = false;
  return {
    async makeBackup() {
      if (busy)
        throw new OutriderError('overloaded', 'Another backup of the store is being made', { hint: 'Wait for it.' });
      busy = true;
      try {
        return await makeBackup(holder, () => {
          busy = false;
        });
      } catch (error) {
        busy = false;
        throw storeFailure(error, holder.path);
      }
    },
  };
}

async function makeBackup(holder: StoreHolder, discarded: () => void): Promise<StoreBackup> {
  const to = `${holder.path}.being-copied`;
  // Left by a process that was killed at this.
  await rm(to, { force: true });
  try {
    const { from, report } = await copyFrom(holder, to);
    if (report.kind === 'failed') throw receivedFailure(report.failure);
    const handle = await open(to, 'r');
    let over: Promise<void> | undefined;
    return {
      ...report.facts,
      bytes: from.bytes,
      sha256: report.sha256,
      async *content() {
        for (let offset = 0; offset < from.bytes; ) {
          const { bytesRead, buffer } = await handle.read(Buffer.allocUnsafe(BLOCK_BYTES), 0, BLOCK_BYTES, offset);
          if (bytesRead === 0) throw new OutriderError('store-failed', 'The copy of the store is shorter than it was');
          yield buffer.subarray(0, bytesRead);
          offset += bytesRead;
        }
      },
      discard() {
        over ??= handle.close().finally(discarded);
        return over;
      },
    };
  } finally {
    await rm(to, { force: true });
  }
}

async function copyFrom(
  holder: StoreHolder,
  to: string,
): Promise<{ readonly from: StillFile; readonly report: CopyReport }> {
  try {
    const from = await holder.holdStill();
    return { from, report: await runCopy({ from, to }, holder.closing) };
  } finally {
    holder.release();
  }
}

function runCopy(order: CopyOrder, closing: AbortSignal): Promise<CopyReport> {
  const worker = new Worker(new URL('./copy-worker.ts', import.meta.url), {
    name: 'store-copy',
    workerData: order,
    execArgv: [],
  });
  return new Promise<CopyReport>((resolve, reject) => {
    const stop = () => void worker.terminate();
    closing.addEventListener('abort', stop);
    worker.on('message', resolve);
    worker.on('error', reject);
    worker.on('exit', () => {
      closing.removeEventListener('abort', stop);
      reject(new OutriderError('store-failed', 'The store was closed before its backup was made'));
    });
    if (closing.aborted) stop();
  });
}
