import { resolve as resolvePath } from 'node:path';
import { Worker } from 'node:worker_threads';
import { OutriderError } from '@outrider/shared/errors.ts';
import { storeClosed } from '../limits.ts';
import {
  type OpenedStore,
  type OperationArguments,
  type OperationName,
  type OperationResults,
  storeOf,
} from '../operations.ts';
import { backupSource, type StoreHolder } from './backup.ts';
import { receivedFailure, storeFailure } from './failures.ts';
import type { Reply, RequestOf } from './group-commit.ts';
import type { StillFile } from './hot-copy.ts';
import type { FromWorker, ToWorker, WorkerStart } from './messages.ts';

/** More operations than this at a time are refused: then the disk cannot keep up, and memory would only fill. */
export const WAITING_MAX_OPERATIONS = 10_000;

interface Waiting {
  resolve(result: unknown): void;
  reject(error: OutriderError): void;
}

/**
 * The store in one SQLite file. It does not keep the process alive while nothing is asked of it. Throws `store-locked`
 * or `store-failed`. `path` is relative to the working directory; its directories are made.
 */
export async function openSqliteStore(path: string): Promise<OpenedStore> {
  const connection = new Connection(resolvePath(path));
  await connection.opened;
  const store = storeOf(
    (name, ...given) => connection.call(name, given),
    () => connection.close(),
  );
  return { ...store, backups: backupSource(connection) };
}

/** The main thread's end of the worker. */
class Connection implements StoreHolder {
  readonly opened: Promise<void>;
  readonly path: string;
  readonly #worker: Worker;
  readonly #waiting = new Map<number, Waiting>();
  readonly #closed = Promise.withResolvers<void>();
  readonly #closing = new AbortController();
  #holding: PromiseWithResolvers<StillFile> | undefined;
  #lastId = 0;
  /** Why nothing more is taken: it was closed, or the worker is gone. */
  #over: OutriderError | undefined;

  constructor(path: string) {
    this.path = path;
    const start: WorkerStart = { path };
    this.#worker = new Worker(new URL('./worker.ts', import.meta.url), {
      name: 'store',
      workerData: start,
      // Flags that this process was started with, such as --input-type, may be ones that a worker refuses.
      execArgv: [],
    });
    const opened = Promise.withResolvers<void>();
    this.opened = opened.promise;
    this.#worker.on('message', (message: FromWorker) => {
      if (message.kind === 'opened') opened.resolve();
      if (message.kind === 'not-opened') opened.reject(receivedFailure(message.failure));
      if (message.kind === 'replies') this.#settle(message.replies);
      if (message.kind === 'held') this.#holding?.resolve(message.file);
      if (message.kind === 'not-held') this.#holding?.reject(receivedFailure(message.failure));
      if (message.kind === 'closed') this.#closed.resolve();
      this.#stayWhileNeeded();
    });
    const gone = (error: unknown) => {
      const failure = storeFailure(error, path);
      opened.reject(failure);
      this.#end(failure);
    };
    this.#worker.on('error', gone);
    this.#worker.on('exit', () => gone(new Error('its thread has ended')));
  }

  call<K extends OperationName>(name: K, given: OperationArguments[K]): Promise<OperationResults[K]> {
    if (this.#over !== undefined) return Promise.reject(this.#over);
    if (this.#waiting.size >= WAITING_MAX_OPERATIONS) return Promise.reject(this.#overloaded());
    this.#lastId += 1;
    const id = this.#lastId;
    const { promise, resolve, reject } = Promise.withResolvers<OperationResults[K]>();
    this.#worker.postMessage({ kind: 'operation', request: { id, name, given } } satisfies SentOperation<K>);
    this.#waiting.set(id, { resolve, reject });
    this.#stayWhileNeeded();
    return promise;
  }

  get closing(): AbortSignal {
    return this.#closing.signal;
  }

  /** Must be followed by `release`, also when it fails. */
  holdStill(): Promise<StillFile> {
    if (this.#over !== undefined) return Promise.reject(this.#over);
    this.#holding = Promise.withResolvers();
    this.#worker.postMessage({ kind: 'hold' } satisfies ToWorker);
    this.#stayWhileNeeded();
    return this.#holding.promise;
  }

  release(): void {
    this.#holding = undefined;
    if (this.#over === undefined) this.#worker.postMessage({ kind: 'release' } satisfies ToWorker);
    this.#stayWhileNeeded();
  }

  /** Everything that was asked before is answered first. A copy that is being made is given up. */
  close(): Promise<void> {
    if (this.#over === undefined) {
      this.#over = storeClosed();
      this.#closing.abort();
      this.#worker.ref();
      this.#worker.postMessage({ kind: 'close' } satisfies ToWorker);
    }
    return this.#closed.promise;
  }

  #settle(replies: readonly Reply[]): void {
    for (const reply of replies) {
      const waiting = this.#waiting.get(reply.id);
      this.#waiting.delete(reply.id);
      if (reply.kind === 'done') waiting?.resolve(reply.result);
      else waiting?.reject(receivedFailure(reply.failure));
    }
  }

  #end(failure: OutriderError): void {
    this.#over ??= failure;
    for (const waiting of this.#waiting.values()) waiting.reject(failure);
    this.#waiting.clear();
    this.#holding?.reject(failure);
    this.#closing.abort();
    // The file is released with the thread that had it.
    this.#closed.resolve();
  }

  #stayWhileNeeded(): void {
    if (this.#waiting.size > 0 || this.#holding !== undefined || this.#over !== undefined) this.#worker.ref();
    else this.#worker.unref();
  }

  #overloaded(): OutriderError {
    return new OutriderError('store-failed', `The store ${this.path} does not keep up with what is asked of it`, {
      hint: 'See how busy its disk is, then try again.',
      data: { file: this.path, waiting: this.#waiting.size },
    });
  }
}

interface SentOperation<K extends OperationName> {
  readonly kind: 'operation';
  readonly request: RequestOf<K>;
}
