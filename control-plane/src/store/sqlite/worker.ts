import { type MessagePort, parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads';
import { sentFailure, storeFailure } from './failures.ts';
import { GROUP_MAX_OPERATIONS, type Request, runGroup } from './group-commit.ts';
import { MainFile } from './hot-copy.ts';
import type { FromWorker, ToWorker, WorkerStart } from './messages.ts';
import { closeDatabase, openDatabase } from './open-database.ts';
import { sqliteOperations } from './operations.ts';

/**
 * The thread that has the file. While one group is being flushed to the disk the next operations gather at the port;
 * they make the next group. So a lone operation never waits for company, and many at a time share a flush.
 */
function serve(port: MessagePort, { path }: WorkerStart): void {
  const say = (message: FromWorker) => port.postMessage(message);
  try {
    const database = openDatabase(path);
    const operations = sqliteOperations(database);
    const mainFile = new MainFile(database);
    port.on('message', (first: ToWorker) => {
      const { requests, next } = gather(port, first);
      if (requests.length > 0) {
        const replies = runGroup(database, operations, requests);
        say({ kind: 'replies', replies });
        if (replies.every((reply) => reply.kind === 'failed')) mainFile.tidyLog();
      }
      switch (next) {
        case undefined:
          return;
        case 'hold':
          return say(held(mainFile, path));
        case 'release':
          return mainFile.release();
        case 'close':
          closeDatabase(database);
          mainFile.closed();
          say({ kind: 'closed' });
          port.close();
      }
    });
    say({ kind: 'opened' });
  } catch (error) {
    say({ kind: 'not-opened', failure: sentFailure(storeFailure(error, path)) });
    port.close();
  }
}

function held(mainFile: MainFile, path: string): FromWorker {
  try {
    return { kind: 'held', file: mainFile.hold() };
  } catch (error) {
    return { kind: 'not-held', failure: sentFailure(storeFailure(error, path)) };
  }
}

interface Gathered {
  readonly requests: readonly Request[];
  /** What is to be done after them. */
  readonly next: Exclude<ToWorker['kind'], 'operation'> | undefined;
}

/** Takes what has come in by now, in order, up to one group. */
function gather(port: MessagePort, first: ToWorker): Gathered {
  const requests: Request[] = [];
  let next: ToWorker | undefined = first;
  while (next !== undefined) {
    if (next.kind !== 'operation') return { requests, next: next.kind };
    requests.push(next.request);
    if (requests.length === GROUP_MAX_OPERATIONS) break;
    next = receive(port);
  }
  return { requests, next: undefined };
}

function receive(port: MessagePort): ToWorker | undefined {
  const received: { readonly message: unknown } | undefined = receiveMessageOnPort(port);
  // Only store.ts speaks to this thread, and it sends nothing else.
  return received?.message as ToWorker | undefined;
}

if (parentPort !== null) {
  serve(parentPort, workerData as WorkerStart);
}
