import { parentPort, workerData } from 'node:worker_threads';
import type { StoreFacts } from '../../app/ports.ts';
import { type SentFailure, sentFailure, storeFailure } from './failures.ts';
import { copyStillFile, type StillFile } from './hot-copy.ts';
import { inspectStoreFile } from './inspect.ts';

/** What the thread that copies is given, and what it says in the end. */
export interface CopyOrder {
  readonly from: StillFile;
  readonly to: string;
}
export type CopyReport =
  | { readonly kind: 'copied'; readonly sha256: string; readonly facts: StoreFacts }
  | { readonly kind: 'failed'; readonly failure: SentFailure };

/** Copies and checks in a thread of its own: the store and the control plane go on meanwhile. */
function copy({ from, to }: CopyOrder): CopyReport {
  try {
    const sha256 = copyStillFile(from, to);
    return { kind: 'copied', sha256, facts: inspectStoreFile(to) };
  } catch (error) {
    return { kind: 'failed', failure: sentFailure(storeFailure(error, to)) };
  }
}

if (parentPort !== null) parentPort.postMessage(copy(workerData as CopyOrder));
