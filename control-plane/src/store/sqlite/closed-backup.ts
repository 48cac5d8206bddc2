import { closeSync, existsSync, fsyncSync, linkSync, openSync, rmSync } from 'node:fs';
import { dirname } from 'node:path';
import { OutriderError } from '@outrider/shared/errors.ts';
import type { StoreFacts } from '../../app/ports.ts';
import { storeFailure } from './failures.ts';
import { inspectStoreFile } from './inspect.ts';
import { closeDatabase, openDatabase, syncDirectory } from './open-database.ts';

/**
 * Copies a store that nobody has open into a file that is not there yet; it has that name only when it is whole, checked and
 * on the disk. Throws `store-locked` when a process has the store, `store-failed`, or `not-allowed-now` when the file exists.
 */
export function backUpClosedStore(path: string, file: string): StoreFacts {
  if (!existsSync(path)) {
    throw new OutriderError('store-failed', `There is no store ${path}`, { hint: 'See OUTRIDER_STORE.' });
  }
  if (existsSync(file)) {
    throw new OutriderError('not-allowed-now', `${file} exists already`, { hint: 'Name another file, or remove it.' });
  }
  const database = openDatabase(path);
  const partial = `${file}.partial`;
  try {
    rmSync(partial, { force: true });
    // Through SQLite itself: another descriptor of the file would cost the lock when it is closed.
    database.run('VACUUM INTO ?', partial);
    const facts = inspectStoreFile(partial);
    flush(partial);
    linkSync(partial, file);
    syncDirectory(dirname(file));
    return facts;
  } catch (error) {
    throw storeFailure(error, file);
  } finally {
    rmSync(partial, { force: true });
    closeDatabase(database);
  }
}

function flush(file: string): void {
  const descriptor = openSync(file, 'r+');
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}
