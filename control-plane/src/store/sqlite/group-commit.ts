import {
  changesSomething,
  type OperationArguments,
  type OperationName,
  type OperationResults,
  type Operations,
  perform,
} from '../operations.ts';
import type { Database } from './database.ts';
import { type SentFailure, sentFailure, storeFailure } from './failures.ts';

/** An operation on its way to the thread that has the file. */
export interface RequestOf<K extends OperationName> {
  readonly id: number;
  readonly name: K;
  readonly given: OperationArguments[K];
}
export type Request = { readonly [K in OperationName]: RequestOf<K> }[OperationName];
export type Reply =
  | { readonly id: number; readonly kind: 'done'; readonly result: OperationResults[OperationName] }
  | { readonly id: number; readonly kind: 'failed'; readonly failure: SentFailure };

/** Most operations that share one transaction and so one flush of the disk. */
export const GROUP_MAX_OPERATIONS = 64;

/**
 * Runs the operations one after the other, all in one transaction; each change stands in a savepoint of its own, so
 * that one that fails undoes nothing of its neighbours. The replies are true only when this returns: the transaction is
 * on the disk, or every operation of the group is answered with the failure. Never throws.
 */
export function runGroup(database: Database, operations: Operations, requests: readonly Request[]): Reply[] {
  if (!requests.some(({ name }) => changesSomething(name)))
    return requests.map((request) => attempt(database, operations, request));
  try {
    database.execute('BEGIN IMMEDIATE');
    const replies: Reply[] = [];
    for (const request of requests) {
      const reply = attempt(database, operations, request);
      // A full disk and the like end the whole transaction, not only the operation that met it.
      if (!database.inTransaction()) return failAll(requests, reply.kind === 'failed' ? reply.failure : lost(database));
      replies.push(reply);
    }
    database.execute('COMMIT');
    return replies;
  } catch (error) {
    if (database.inTransaction()) rollBack(database);
    return failAll(requests, sentFailure(storeFailure(error, database.path)));
  }
}

function attempt(database: Database, operations: Operations, request: Request): Reply {
  const { id } = request;
  try {
    const result = changesSomething(request.name)
      ? inSavepoint(database, () => performRequest(operations, request))
      : performRequest(operations, request);
    return { id, kind: 'done', result };
  } catch (error) {
    return { id, kind: 'failed', failure: sentFailure(storeFailure(error, database.path)) };
  }
}

function performRequest<K extends OperationName>(operations: Operations, request: RequestOf<K>): OperationResults[K] {
  return perform(operations, request.name, request.given);
}

function inSavepoint<T>(database: Database, act: () => T): T {
  database.execute('SAVEPOINT operation');
  try {
    const result = act();
    database.execute('RELEASE operation');
    return result;
  } catch (error) {
    if (database.inTransaction()) database.execute('ROLLBACK TO operation; RELEASE operation');
    throw error;
  }
}

function failAll(requests: readonly Request[], failure: SentFailure): Reply[] {
  return requests.map(({ id }) => ({ id, kind: 'failed', failure }));
}

function lost(database: Database): SentFailure {
  return sentFailure(storeFailure(new Error('the transaction ended before its time'), database.path));
}

function rollBack(database: Database): void {
  try {
    database.execute('ROLLBACK');
  } catch {
    // SQLite has rolled back by itself, or will when the file is opened next: nothing of the group was committed.
  }
}
