import { statSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { pathToFileURL } from 'node:url';
import { OutriderError } from '@outrider/shared/errors.ts';
import type { StoreFacts } from '../../app/ports.ts';
import { RESTORATION_SETTING, readRestoration } from '../restoration.ts';
import { type Database, databaseOf } from './database.ts';
import { sqliteExecutions } from './executions.ts';
import { storeFailure } from './failures.ts';
import { requireKnownVersion, requireOwnFile } from './open-database.ts';

/**
 * Looks through a store file that nobody uses, without changing a byte of it or beside it: that it is a store of ours, that
 * every page, index and reference is sound, and that every history is as it was committed. Takes time with its size.
 * Throws `store-failed` with the first thing that is wrong; in its words the file is called `shownAs`.
 */
export function inspectStoreFile(path: string, shownAs: string = path): StoreFacts {
  try {
    requireAlone(path);
    const location = pathToFileURL(path);
    // Without this, SQLite would look for a log beside it and make files of its own.
    location.searchParams.set('immutable', '1');
    const connection = new DatabaseSync(location, { readOnly: true });
    try {
      const database = databaseOf(connection, shownAs);
      requireOwnFile(database, { mayBeNew: false });
      requireKnownVersion(database);
      requireWhole(database);
      requireHistories(database);
      return factsOf(database);
    } finally {
      connection.close();
    }
  } catch (error) {
    throw storeFailure(error, shownAs);
  }
}

/** Throws what Node throws, and `store-failed` for a file whose newest part lies beside it. */
export function requireAlone(path: string): void {
  const found = statSync(path);
  if (!found.isFile()) throw unfit(path, 'it is not a file');
  if (found.size === 0) throw unfit(path, 'it is empty');
  for (const suffix of ['-wal', '-journal']) {
    const beside = statSync(`${path}${suffix}`, { throwIfNoEntry: false });
    if (beside !== undefined && beside.size > 0) {
      throw unfit(path, `beside it lies ${path}${suffix}: it is in use, or was copied while it was`);
    }
  }
}

function requireWhole(database: Database): void {
  const findings = database.all('PRAGMA integrity_check(5)').map((row) => row.text('integrity_check'));
  if (findings.length !== 1 || findings[0] !== 'ok') throw unfit(database.path, findings.join('; '));
  const [dangling] = database.all('PRAGMA foreign_key_check');
  if (dangling !== undefined) {
    throw unfit(
      database.path,
      `a row of ${dangling.text('table')} refers to one of ${dangling.text('parent')} that is not there`,
    );
  }
}

function requireHistories(database: Database): void {
  const { verifyHistory } = sqliteExecutions(database);
  for (const row of database.all('SELECT id FROM executions ORDER BY id')) {
    const id = row.text('id');
    const verdict = verifyHistory(id);
    if (verdict.kind === 'broken') {
      throw unfit(database.path, `event ${verdict.seq} of execution ${id} is not as it was committed`);
    }
  }
}

function factsOf(database: Database): StoreFacts {
  const count = (sql: string) => database.first(sql)?.number('count') ?? 0;
  const setting = database.first('SELECT value FROM settings WHERE key = ?', RESTORATION_SETTING);
  return {
    executions: count('SELECT count(*) AS count FROM executions'),
    livingTasks: count("SELECT count(*) AS count FROM tasks WHERE state <> 'ended'"),
    generation: readRestoration(setting?.text('value')).generation,
  };
}

function unfit(path: string, why: string): OutriderError {
  return new OutriderError('store-failed', `${path} is not a whole store: ${why}`, {
    hint: 'Take another backup. This file was left as it is.',
    data: { file: path },
  });
}
