import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import type { Operations } from '@outrider/control-plane/store/operations.ts';
import type { Database } from '@outrider/control-plane/store/sqlite/database.ts';
import { type Reply, type Request, runGroup } from '@outrider/control-plane/store/sqlite/group-commit.ts';
import { closeDatabase, openDatabase } from '@outrider/control-plane/store/sqlite/open-database.ts';
import { sqliteOperations } from '@outrider/control-plane/store/sqlite/operations.ts';
import { commitOf, eventsFrom, freshExecutionId } from '../../contracts/store/fixtures.ts';
import { inDirectory } from '../../contracts/store/stores.ts';

async function withDatabase(use: (database: Database, operations: Operations) => void): Promise<void> {
  await inDirectory(async (directory) => {
    const database = openDatabase(join(directory, 'outrider.db'));
    try {
      use(database, sqliteOperations(database));
    } finally {
      closeDatabase(database);
    }
  });
}

function setting(id: number, key: string, value = 'x'): Request {
  return { id, name: 'setSetting', given: [key, value] };
}

function codes(replies: readonly Reply[]): string[] {
  return replies.map((reply) => (reply.kind === 'done' ? 'done' : reply.failure.code));
}

/** Runs the statement instead of every COMMIT. */
function withCommit(database: Database, commit: () => void): Database {
  return { ...database, execute: (sql) => (sql === 'COMMIT' ? commit() : database.execute(sql)) };
}

describe('operations that share a transaction', () => {
  test('each gets its own reply, in order', async () => {
    await withDatabase((database, operations) => {
      const replies = runGroup(database, operations, [
        setting(7, 'a'),
        { id: 8, name: 'getSetting', given: ['a'] },
        setting(9, 'a'),
        { id: 10, name: 'getSetting', given: ['b'] },
      ]);
      assert.deepEqual(replies, [
        { id: 7, kind: 'done', result: 'ok' },
        { id: 8, kind: 'done', result: 'x' },
        { id: 9, kind: 'done', result: 'exists' },
        { id: 10, kind: 'done', result: undefined },
      ]);
    });
  });

  test('one that fails undoes nothing of its neighbours, and leaves nothing of itself', async () => {
    await withDatabase((database, operations) => {
      const id = freshExecutionId();
      // It writes the execution and its first event, and only then meets an event that is there already.
      const broken = commitOf(id, 0, { events: eventsFrom(1, 2) });
      database.execute(`
        CREATE TRIGGER second_event BEFORE INSERT ON events WHEN NEW.seq = 2
        BEGIN SELECT RAISE(ABORT, 'the second event does not fit'); END`);
      const replies = runGroup(database, operations, [
        setting(1, 'before'),
        { id: 2, name: 'commit', given: [broken] },
        setting(3, 'after'),
      ]);
      assert.deepEqual(codes(replies), ['done', 'store-failed', 'done']);
      assert.equal(operations.getSetting('before'), 'x');
      assert.equal(operations.getSetting('after'), 'x');
      assert.equal(operations.getSummary(id), undefined);
      assert.deepEqual(operations.readEvents(id, 0, 10), []);
    });
  });

  test('none is answered with success when the commit fails, and none is there', async () => {
    await withDatabase((database, operations) => {
      const failing = withCommit(database, () => {
        throw new Error('disk I/O error');
      });
      const replies = runGroup(failing, operations, [setting(1, 'a'), { id: 2, name: 'getSetting', given: ['a'] }]);
      assert.deepEqual(codes(replies), ['store-failed', 'store-failed']);
      assert.equal(database.inTransaction(), false);
      assert.equal(operations.getSetting('a'), undefined);
      assert.deepEqual(codes(runGroup(database, operations, [setting(3, 'a')])), ['done']);
    });
  });

  test('when one makes SQLite end the whole transaction, all are told so', async () => {
    await withDatabase((database, operations) => {
      const replies = runGroup(
        database,
        {
          ...operations,
          effectDone: () => {
            database.execute('ROLLBACK');
            throw new Error('the disk is gone');
          },
        },
        [setting(1, 'a'), { id: 2, name: 'effectDone', given: ['x'] }, setting(3, 'b')],
      );
      assert.deepEqual(codes(replies), ['store-failed', 'store-failed', 'store-failed']);
      assert.match(JSON.stringify(replies[2]), /the disk is gone/);
      assert.equal(operations.getSetting('a'), undefined);
      assert.equal(operations.getSetting('b'), undefined);
    });
  });

  test('a full disk is said clearly, harms nothing, and ends when there is room again', async () => {
    await withDatabase((database, operations) => {
      assert.deepEqual(codes(runGroup(database, operations, [setting(1, 'early')])), ['done']);
      const pages = database.first('PRAGMA page_count')?.number('page_count') ?? 0;
      database.execute(`PRAGMA max_page_count = ${pages + 1}`);
      const [large] = runGroup(database, operations, [setting(2, 'large', 'x'.repeat(100_000))]);
      assert.ok(large?.kind === 'failed');
      assert.equal(large.failure.code, 'store-failed');
      assert.match(large.failure.message, /^There is no room left for the store /);
      assert.equal(operations.getSetting('early'), 'x');
      assert.equal(operations.getSetting('large'), undefined);

      database.execute('PRAGMA max_page_count = 1000000');
      assert.deepEqual(codes(runGroup(database, operations, [setting(3, 'large', 'x'.repeat(100_000))])), ['done']);
      assert.equal(database.first('PRAGMA integrity_check')?.text('integrity_check'), 'ok');
    });
  });

  test('reads alone take no transaction, and one that fails does not touch the others', async () => {
    await withDatabase((database, operations) => {
      runGroup(database, operations, [setting(1, 'a')]);
      database.execute("INSERT INTO executions VALUES ('exe_x', 'a', 'w', 'running', 0, '', '{not json')");
      const replies = runGroup(
        withCommit(database, () => assert.fail('a commit')),
        operations,
        [
          { id: 1, name: 'getSummary', given: ['exe_x'] },
          { id: 2, name: 'getSetting', given: ['a'] },
        ],
      );
      assert.deepEqual(codes(replies), ['store-failed', 'done']);
      assert.match(JSON.stringify(replies[0]), /is damaged/);
    });
  });
});
