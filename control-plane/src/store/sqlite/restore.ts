import {
  chmodSync,
  constants,
  copyFileSync,
  existsSync,
  mkdirSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
} from 'node:fs';
import { dirname, resolve } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { OutriderError } from '@outrider/shared/errors.ts';
import type { StoreFacts } from '../../app/ports.ts';
import { generationByClock } from '../../domain/fleet/epochs.ts';
import { RESTORATION_SETTING, readRestoration } from '../restoration.ts';
import { type Database, databaseOf } from './database.ts';
import { storeFailure } from './failures.ts';
import { inspectStoreFile, requireAlone } from './inspect.ts';
import {
  closeDatabase,
  damageOfFreeLog,
  lockDatabase,
  noteHolder,
  openDatabase,
  removeNote,
  requireOwnFile,
  restoringPath,
  syncDirectory,
  withHolder,
} from './open-database.ts';
import { sqliteTasks } from './tasks.ts';

export interface RestoreOrder {
  readonly from: string;
  /** Path of the store that is replaced. */
  readonly to: string;
  readonly atMs: number;
  /** When everybody who had a lease of the lost store must have stopped. */
  readonly notBeforeMs: number;
}
export interface Restored extends StoreFacts {
  readonly store: string;
  /** Where the store lies that was there before; null: there was none. */
  readonly replaced: string | null;
}

/**
 * Puts a copy of the backup in the place of the store, which is kept beside it. At every moment, whatever happens, either
 * the old store or the new one lies there whole, or neither, and then `openDatabase` refuses until this is run again.
 * The backup is only read. Throws `store-locked` when a process has the store, `store-failed` for a backup that is not whole.
 */
export function restoreStore({ from, to, atMs, notBeforeMs }: RestoreOrder): Restored {
  const source = resolve(from);
  const target = existsSync(to) ? realpathSync(to) : resolve(to);
  if (existsSync(source) && realpathSync(source) === target) {
    throw new OutriderError('request-invalid', `${from} is the store itself, not a backup of it`, {
      hint: 'Name the file that `outrider backup` wrote.',
    });
  }
  try {
    mkdirSync(dirname(target), { recursive: true, mode: 0o700 });
    // First of all: nothing is worth doing while somebody works with it.
    const old = lockOld(target);
    try {
      const above = old.generation ?? generationByClock(atMs);
      const fresh = prepare(source, target, { atMs, notBeforeMs, above });
      return { ...fresh, store: target, replaced: exchange(target, atMs, old) };
    } finally {
      old.unlock();
    }
  } catch (error) {
    throw withHolder(storeFailure(error, target), target);
  }
}

/** The store that is replaced. */
interface OldStore {
  /** Undefined: there is none, or it cannot be read. */
  readonly generation: number | undefined;
  /** May be called again. */
  unlock(): void;
}

/** Nobody else gets the file until it is unlocked. One that is too damaged to be locked cannot be opened by anybody either. */
function lockOld(path: string): OldStore {
  // A damaged log is kept as it is; SQLite would tidy away what lies behind the damage.
  const isLost = !existsSync(path) || damageOfFreeLog(path) !== undefined;
  if (isLost) return { generation: undefined, unlock() {} };
  const connection = new DatabaseSync(path, { timeout: LOCK_WAIT_MS });
  const database = databaseOf(connection, path);
  let locked = false;
  const unlock = () => {
    if (!connection.isOpen) return;
    if (locked) removeNote(path);
    connection.close();
  };
  try {
    lockDatabase(database);
    locked = true;
    noteHolder(path);
    requireOwnFile(database, { mayBeNew: true });
  } catch (error) {
    if (!isDamage(error, path) || !locked) unlock();
    if (!isDamage(error, path)) throw error;
  }
  try {
    return { generation: connection.isOpen ? lastGeneration(database) : undefined, unlock };
  } catch {
    // Damaged, or made a moment ago and still empty.
    return { generation: undefined, unlock };
  }
}

const LOCK_WAIT_MS = 200;

/** Damage is the usual reason to restore; anything else (somebody has it, it is not ours) stands against it. */
function isDamage(error: unknown, path: string): boolean {
  return !(error instanceof OutriderError) && storeFailure(error, path).code !== 'store-locked';
}

function lastGeneration(database: Database): number {
  // So that nothing of it lies in its log any more.
  database.first('PRAGMA wal_checkpoint(TRUNCATE)');
  const setting = database.first('SELECT value FROM settings WHERE key = ?', RESTORATION_SETTING);
  return readRestoration(setting?.text('value')).generation;
}

/** A whole store of the next generation, on the disk, beside its place. */
function prepare(
  source: string,
  target: string,
  { atMs, notBeforeMs, above }: { readonly atMs: number; readonly notBeforeMs: number; readonly above: number },
): StoreFacts {
  const unfinished = unfinishedPath(target);
  const discard = () => {
    for (const suffix of ['', '-wal', '-journal', '.pid']) rmSync(`${unfinished}${suffix}`, { force: true });
  };
  discard();
  try {
    copyBackup(source, unfinished);
    const facts = inspectStoreFile(unfinished, source);
    const database = openDatabase(unfinished);
    try {
      database.execute('BEGIN IMMEDIATE');
      const { generation } = sqliteTasks(database).raiseGeneration(atMs, notBeforeMs, above);
      database.execute('COMMIT');
      database.first('PRAGMA wal_checkpoint(TRUNCATE)');
      return { ...facts, generation };
    } finally {
      closeDatabase(database);
    }
  } catch (error) {
    discard();
    throw error;
  }
}

function copyBackup(source: string, to: string): void {
  try {
    requireAlone(source);
  } catch (error) {
    throw storeFailure(error, source);
  }
  copyFileSync(source, to, constants.COPYFILE_EXCL);
  chmodSync(to, 0o600);
}

/** Answers where the old store lies then. */
function exchange(target: string, atMs: number, old: OldStore): string | null {
  const directory = dirname(target);
  const restoring = restoringPath(target);
  // From here on nobody opens the place, until the new store has it.
  renameSync(unfinishedPath(target), restoring);
  syncDirectory(directory);
  const aside = asideOf(target, atMs);
  for (const suffix of ['-wal', '-journal', '']) {
    const part = `${target}${suffix}`;
    if (!existsSync(part)) continue;
    if (suffix !== '' && statSync(part).size === 0) rmSync(part);
    else renameSync(part, `${aside}${suffix}`);
  }
  syncDirectory(directory);
  // Before the new one is there: closing removes files that have the name of its log.
  old.unlock();
  renameSync(restoring, target);
  syncDirectory(directory);
  return existsSync(aside) ? aside : null;
}

function unfinishedPath(target: string): string {
  return `${target}.being-restored`;
}

function asideOf(target: string, atMs: number): string {
  const name = `${target}.replaced-${new Date(atMs).toISOString().replace(/[-:]|\.[0-9]+/g, '')}`;
  let free = name;
  for (let count = 2; existsSync(free); count++) free = `${name}-${count}`;
  return free;
}
