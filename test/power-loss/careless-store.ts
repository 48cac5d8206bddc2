import type { Store } from '@outrider/control-plane/app/ports.ts';
import { storeOf } from '@outrider/control-plane/store/operations.ts';
import { receivedFailure } from '@outrider/control-plane/store/sqlite/failures.ts';
import { type Request, runGroup } from '@outrider/control-plane/store/sqlite/group-commit.ts';
import { closeDatabase, openDatabase } from '@outrider/control-plane/store/sqlite/open-database.ts';
import { sqliteOperations } from '@outrider/control-plane/store/sqlite/operations.ts';

/** The store as SQLite's own default for WAL would have it: synchronous=NORMAL. A harness that finds nothing wrong with it proves nothing. */
export function openCarelessStore(path: string): Store {
  const database = openDatabase(path);
  database.execute('PRAGMA synchronous = NORMAL');
  const operations = sqliteOperations(database);
  return storeOf(
    async (name, ...given) => {
      const request = { id: 1, name, given } as Request;
      const [reply] = runGroup(database, operations, [request]);
      // As asynchronous as the real one: others have their turn in between.
      await new Promise(setImmediate);
      if (reply?.kind === 'done') return reply.result as never;
      throw reply === undefined ? new Error('no reply') : receivedFailure(reply.failure);
    },
    async () => closeDatabase(database),
  );
}
