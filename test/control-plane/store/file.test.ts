import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readFileSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { describe, test } from 'node:test';
import { openStore } from '@outrider/control-plane/store/open.ts';
import { closeDatabase, openDatabase } from '@outrider/control-plane/store/sqlite/open-database.ts';
import { MIGRATIONS } from '@outrider/control-plane/store/sqlite/schema.ts';
import { commitOf, freshExecutionId, leasedTask, logLines } from '../../contracts/store/fixtures.ts';
import { inDirectory } from '../../contracts/store/stores.ts';

/** Runs with a closed store that holds an execution with five events, and a log of many pages if asked for. */
async function withClosedStore(
  use: (path: string, executionId: string) => Promise<void>,
  content: { readonly log: boolean } = { log: false },
): Promise<void> {
  await inDirectory(async (directory) => {
    const path = join(directory, 'outrider.db');
    const store = await openStore(`sqlite:${path}`);
    const executionId = freshExecutionId();
    await store.commit(commitOf(executionId, 0, { count: 5 }));
    if (content.log) await store.appendLog(await leasedTask(store), 0, logLines(5_000));
    await store.close();
    await use(path, executionId);
  });
}

/** Does to the closed file what nobody should. */
function tamper(path: string, sql: string): void {
  const connection = new DatabaseSync(path, { enableForeignKeyConstraints: false });
  connection.exec(sql);
  connection.close();
}

describe('the file of a store', () => {
  test('a file that is no database is refused by name and left as it is', async () => {
    await inDirectory(async (directory) => {
      const path = join(directory, 'notes.txt');
      const text = 'Remember the milk. '.repeat(500);
      writeFileSync(path, text);
      await assert.rejects(openStore(`sqlite:${path}`), {
        code: 'store-failed',
        message: new RegExp(`^${path} is not a database of Outrider`),
        hint: /OUTRIDER_STORE/,
      });
      assert.equal(readFileSync(path, 'utf8'), text);
      assert.equal(existsSync(`${path}.pid`), false);
    });
  });

  test('the database of another program is refused and left as it is', async () => {
    await inDirectory(async (directory) => {
      const path = join(directory, 'other.db');
      tamper(path, 'CREATE TABLE songs (title TEXT)');
      const before = readFileSync(path);
      await assert.rejects(openStore(`sqlite:${path}`), {
        code: 'store-failed',
        message: `${path} is a database of another program`,
      });
      assert.deepEqual(readFileSync(path), before);
    });
  });

  test('a store of a newer version is refused and left as it is', async () => {
    await withClosedStore(async (path) => {
      tamper(path, `PRAGMA user_version = ${MIGRATIONS.length + 1}`);
      await assert.rejects(openStore(`sqlite:${path}`), {
        code: 'store-failed',
        message: `The store ${path} was written by a newer version of Outrider`,
      });
    });
  });

  test('a page that was overwritten is found when the store is opened', async () => {
    await withClosedStore(
      async (path) => {
        const bytes = readFileSync(path);
        const page = Math.floor(bytes.length / 4096 / 2) * 4096;
        bytes.fill(0xa5, page, page + 4096);
        writeFileSync(path, bytes);
        await assert.rejects(openStore(`sqlite:${path}`), {
          code: 'store-failed',
          message: new RegExp(`^The store ${path} is damaged`),
          hint: /backup/,
        });
        assert.deepEqual(readFileSync(path), bytes);
      },
      { log: true },
    );
  });

  test('a file that was cut off is found when the store is opened', async () => {
    await withClosedStore(
      async (path) => {
        truncateSync(path, readFileSync(path).length - 4096 * 3);
        await assert.rejects(openStore(`sqlite:${path}`), { code: 'store-failed', message: /is damaged/ });
      },
      { log: true },
    );
  });

  const places = [
    { says: 'is a directory', path: (directory: string) => directory },
    { says: 'lies below a file', path: (directory: string) => join(directory, 'file', 'outrider.db') },
    { says: 'is a link that leads nowhere', path: (directory: string) => join(directory, 'link') },
  ];
  for (const { says, path } of places) {
    test(`a path that ${says} is a clear error`, async () => {
      await inDirectory(async (directory) => {
        writeFileSync(join(directory, 'file'), '');
        symlinkSync(join(directory, 'nowhere', 'x'), join(directory, 'link'));
        await assert.rejects(openStore(`sqlite:${path(directory)}`), {
          code: 'store-failed',
          message: /outrider|link|store/i,
        });
      });
    });
  }

  test('every commit is flushed to the disk, after the first and after every later open', async () => {
    await inDirectory(async (directory) => {
      const path = join(directory, 'outrider.db');
      for (const before of ['', 'PRAGMA journal_mode = DELETE']) {
        // Somebody turned the journal back with another tool.
        if (before !== '') tamper(path, before);
        const database = openDatabase(path);
        const settingOf = (name: string) => database.first(`PRAGMA ${name}`)?.number(name);
        const FULL = 2;
        assert.equal(settingOf('synchronous'), FULL);
        assert.equal(database.first('PRAGMA journal_mode')?.text('journal_mode'), 'wal');
        assert.equal(settingOf('foreign_keys'), 1);
        closeDatabase(database);
      }
    });
  });

  test('a relative path is taken from the working directory, once, when the store is opened', async () => {
    await inDirectory(async (directory) => {
      const before = process.cwd();
      mkdirSync(join(directory, 'elsewhere'));
      process.chdir(directory);
      try {
        const store = await openStore('sqlite:.outrider/outrider.db');
        process.chdir(join(directory, 'elsewhere'));
        await store.check();
        await store.close();
        assert.equal(existsSync(join(directory, '.outrider', 'outrider.db')), true);
      } finally {
        process.chdir(before);
      }
    });
  });
});

describe('the hash chain of a history', () => {
  const forgeries = [
    {
      says: 'an event was changed',
      sql: `UPDATE events SET event = replace(event, 'Phase 3', 'Phase X') WHERE seq = 3`,
      seq: 3,
    },
    { says: 'the time of an event was changed', sql: 'UPDATE events SET at_ms = at_ms + 1 WHERE seq = 2', seq: 2 },
    { says: 'an event is no JSON any more', sql: `UPDATE events SET event = '{' WHERE seq = 4`, seq: 4 },
    { says: 'an event was cut out', sql: 'DELETE FROM events WHERE seq = 3', seq: 3 },
    { says: 'the newest events were dropped', sql: 'DELETE FROM events WHERE seq > 3', seq: 4 },
    { says: 'all events were dropped', sql: 'DELETE FROM events', seq: 1 },
    {
      says: 'the newest events were dropped and the head set back',
      sql: 'DELETE FROM events WHERE seq > 3; UPDATE executions SET last_seq = 3',
      seq: 3,
    },
    {
      says: 'two events changed places',
      sql: 'UPDATE events SET seq = -seq WHERE seq IN (2, 3); UPDATE events SET seq = 5 + seq WHERE seq < 0',
      seq: 2,
    },
    {
      says: 'an event was added behind the head',
      sql: `INSERT INTO events SELECT execution_id, 6, at_ms, event, hash, hash FROM events WHERE seq = 5`,
      seq: 6,
    },
    {
      says: 'the history belongs to another execution',
      sql: `UPDATE executions SET id = 'exe_other'; UPDATE events SET execution_id = 'exe_other'`,
      seq: 1,
      id: 'exe_other',
    },
  ];
  for (const { says, sql, seq, id } of forgeries) {
    test(`shows at which event it broke when ${says}`, async () => {
      await withClosedStore(async (path, executionId) => {
        tamper(path, sql);
        const store = await openStore(`sqlite:${path}`);
        assert.deepEqual(await store.verifyHistory(id ?? executionId), { kind: 'broken', seq });
        await store.close();
      });
    });
  }
});
