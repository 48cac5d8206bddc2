import {
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { OutriderError } from '@outrider/shared/errors.ts';
import { damageOfLog } from './check-log.ts';
import { type Database, databaseOf } from './database.ts';
import { damaged, storeFailure } from './failures.ts';
import { MIGRATIONS } from './schema.ts';

/** Marks our files among all SQLite files: `OUTR`. */
const APPLICATION_ID = 0x4f555452;
/** How long an opener waits for another one that is about to give up. */
const LOCK_WAIT_MS = 200;
/** The write-ahead log is cut back to this size after a burst. */
const WAL_SIZE_LIMIT_BYTES = 67_108_864;

/**
 * Opens the file, or makes it. What holds afterwards, as long as it is open:
 * - no other process has it open (its lock ends with the process, however that ends);
 * - a commit returns only after it was flushed to the disk (WAL with synchronous=FULL);
 * - it passed SQLite's quick check and has the present schema.
 * Throws `store-locked`, or `store-failed` with the file unchanged.
 *
 * The file must never be opened by other means in this process: closing any descriptor of it drops the lock.
 */
export function openDatabase(path: string): Database {
  try {
    requireNotHalfRestored(path);
    makeFile(path);
    requireSoundLog(path);
    const place = placeOf(path);
    const connection = new DatabaseSync(path, { timeout: LOCK_WAIT_MS });
    let locked = false;
    try {
      const database = databaseOf(connection, path);
      lockDatabase(database);
      locked = true;
      noteHolder(path);
      requireNotHalfRestored(path);
      if (placeOf(path) !== place) throw replacedMeanwhile(path);
      requireOwnFile(database, { mayBeNew: true });
      requireKnownVersion(database);
      makeDurable(database);
      requireSound(database);
      migrate(database);
      beginLog(database);
      return database;
    } catch (error) {
      if (locked) removeNote(path);
      connection.close();
      throw error;
    }
  } catch (error) {
    throw withHolder(storeFailure(error, path), path);
  }
}

/** Ends the use of the file: the note of who holds it goes first, while it is still true. */
export function closeDatabase(database: Database): void {
  removeNote(database.path);
  database.close();
}

/** A new file is readable by its owner only (it holds hashes and keys), and its place survives a loss of power. */
function makeFile(path: string): void {
  const directory = dirname(path);
  const firstMade = mkdirSync(directory, { recursive: true, mode: 0o700 });
  try {
    closeSync(openSync(path, 'wx', 0o600));
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EEXIST') return;
    throw error;
  }
  syncDirectory(directory);
  if (firstMade === undefined) return;
  for (let made = directory; made.length >= firstMade.length; made = dirname(made)) syncDirectory(dirname(made));
}

/** What was made, renamed or removed in it is so after a loss of power, too. */
export function syncDirectory(directory: string): void {
  // Windows knows no flush of a directory.
  if (process.platform === 'win32') return;
  const descriptor = openSync(directory, 'r');
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

/** A whole store that is about to take the place of the one at `path`; while it lies there, nobody opens what is at `path`. */
export function restoringPath(path: string): string {
  return `${path}.restoring`;
}

function requireNotHalfRestored(path: string): void {
  const restoring = restoringPath(path);
  if (!existsSync(restoring)) return;
  throw new OutriderError('store-failed', `A restore of the store ${path} was not finished`, {
    hint: `Run outrider restore again, or remove ${restoring} to go on without it.`,
    data: { file: path, restoring },
  });
}

/** Before SQLite sees it: that would pass over what is behind the damage, and tidy it away when it closes the file. */
function requireSoundLog(path: string): void {
  const damage = damageOfFreeLog(path);
  if (damage !== undefined) throw damaged(path, damage);
}

/** What is wrong with the log of a store that nobody has open; what is being written at this moment may look like damage, too. */
export function damageOfFreeLog(path: string): string | undefined {
  const damage = damageOfLog(`${path}-wal`);
  return damage === undefined || isHeld(path) ? undefined : damage;
}

function isHeld(path: string): boolean {
  const connection = new DatabaseSync(path, { readOnly: true, timeout: 0 });
  try {
    const database = databaseOf(connection, path);
    database.first('PRAGMA locking_mode = EXCLUSIVE');
    database.first('SELECT count(*) AS tables FROM sqlite_schema');
    return false;
  } catch (error) {
    return storeFailure(error, path).code === 'store-locked';
  } finally {
    connection.close();
  }
}

/** Which file lies there, whatever its name. */
function placeOf(path: string): string {
  const { dev, ino } = statSync(path, { bigint: true });
  return `${dev}:${ino}`;
}

function replacedMeanwhile(path: string): OutriderError {
  return new OutriderError('store-locked', `The store ${path} is just being restored`, { data: { file: path } });
}

/** Takes the one lock before anything is read, and keeps it. */
export function lockDatabase(database: Database): void {
  database.first('PRAGMA locking_mode = EXCLUSIVE');
  database.execute('BEGIN EXCLUSIVE; COMMIT');
}

/** Throws `store-failed` for a database of another program. */
export function requireOwnFile(database: Database, { mayBeNew }: { readonly mayBeNew: boolean }): void {
  const applicationId = pragma(database, 'application_id');
  const version = pragma(database, 'user_version');
  const tables = database.first('SELECT count(*) AS tables FROM sqlite_schema')?.number('tables');
  const isNew = applicationId === 0 && version === 0 && tables === 0;
  if (applicationId === APPLICATION_ID || (isNew && mayBeNew)) return;
  throw new OutriderError('store-failed', `${database.path} is a database of another program`, {
    data: { file: database.path },
    hint: 'Name another file. This one was left as it is.',
  });
}

export function requireKnownVersion(database: Database): void {
  const version = pragma(database, 'user_version');
  if (Number(version) <= MIGRATIONS.length) return;
  throw new OutriderError('store-failed', `The store ${database.path} was written by a newer version of Outrider`, {
    data: { file: database.path, version: Number(version), known: MIGRATIONS.length },
    hint: 'Start the newer version again. The file was left as it is.',
  });
}

/** Sets what durability rests on, and reads it back: a setting that did not hold must never go unnoticed. */
function makeDurable(database: Database): void {
  for (const [name, value, read] of [
    ['journal_mode', 'WAL', 'wal'],
    ['synchronous', 'FULL', 2],
    ['foreign_keys', 'ON', 1],
    ['trusted_schema', 'OFF', 0],
    ['cell_size_check', 'ON', 1],
    ['temp_store', 'MEMORY', 2],
    ['journal_size_limit', WAL_SIZE_LIMIT_BYTES, WAL_SIZE_LIMIT_BYTES],
  ] as const) {
    database.execute(`PRAGMA ${name} = ${value}`);
    const held = pragma(database, name);
    if (held !== read) {
      throw new OutriderError('store-failed', `The store ${database.path} does not take ${name} = ${value}: ${held}`);
    }
  }
}

function requireSound(database: Database): void {
  const findings = database.all('PRAGMA quick_check(1)').map((row) => row.text('quick_check'));
  if (findings.length !== 1 || findings[0] !== 'ok') throw damaged(database.path, findings.join('; '));
}

/** An empty log: nothing that an earlier process or a failed commit left half written lies in it (see check-log.ts). */
export function beginLog(database: Database): void {
  database.first('PRAGMA wal_checkpoint(TRUNCATE)');
}

function migrate(database: Database): void {
  for (let version = Number(pragma(database, 'user_version')); version < MIGRATIONS.length; version++) {
    database.execute(`
      BEGIN IMMEDIATE;
      ${MIGRATIONS[version]}
      PRAGMA application_id = ${APPLICATION_ID};
      PRAGMA user_version = ${version + 1};
      COMMIT;
    `);
  }
}

function pragma(database: Database, name: string): string | number | null {
  const row = database.first(`PRAGMA ${name}`);
  if (row === undefined) return null;
  return name === 'journal_mode' ? row.text(name) : row.number(name);
}

/** A note beside the file: which process holds it. Only for people; the lock itself is SQLite's. */
function holderPath(path: string): string {
  return `${path}.pid`;
}

export function noteHolder(path: string): void {
  // The note of a holder that was killed is not true any more, whether or not a new one can be written.
  removeNote(path);
  try {
    writeFileSync(holderPath(path), `${process.pid}\n`, { mode: 0o600 });
  } catch {
    // A full disk, say: then others are not told who holds the file. The store can still be read.
  }
}

export function removeNote(path: string): void {
  try {
    rmSync(holderPath(path), { force: true });
  } catch {
    // A note that stays behind is read only while somebody else holds the lock, and then was overwritten.
  }
}

/** Says in a `store-locked` who has it. */
export function withHolder(failure: OutriderError, path: string): OutriderError {
  if (failure.code !== 'store-locked') return failure;
  const pid = holderOf(path);
  if (pid === undefined) return failure;
  return new OutriderError('store-locked', `The store ${path} is in use by process ${pid}`, {
    cause: failure,
    data: { file: path, pid },
  });
}

function holderOf(path: string): number | undefined {
  try {
    const note = readFileSync(holderPath(path), 'utf8').trim();
    return /^[0-9]{1,10}$/.test(note) ? Number(note) : undefined;
  } catch {
    // No note, or not readable: then it is not known.
    return undefined;
  }
}
