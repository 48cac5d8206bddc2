import { createHash } from 'node:crypto';
import { closeSync, fstatSync, fsyncSync, openSync, readSync, statfsSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import { OutriderError } from '@outrider/shared/errors.ts';
import type { Database } from './database.ts';
import { beginLog } from './open-database.ts';

/**
 * A copy of the store's file while the store goes on working. In WAL mode only a checkpoint writes into the main file: after
 * one that took everything, and with the next ones put off, the main file is the whole store of that moment and stays so
 * for as long as it takes to read it. What is committed meanwhile gathers in the write-ahead log.
 */

/** The main file, held still. */
export interface StillFile {
  /** For reading. Whoever closed it would drop SQLite's lock on the file with it. */
  readonly descriptor: number;
  readonly bytes: number;
}

/** What a disk must have left beyond the copy, so that the store itself can go on writing. */
const ROOM_TO_SPARE_BYTES = 67_108_864;
const BLOCK_BYTES = 1_048_576;
/** SQLite's own default. */
const AUTOMATIC_CHECKPOINT_PAGES = 1_000;

/** Of one open database. */
export class MainFile {
  readonly #database: Database;
  #descriptor: number | undefined;
  #held = false;

  constructor(database: Database) {
    this.#database = database;
  }

  /** Throws what SQLite throws, or `store-failed`. */
  hold(): StillFile {
    const database = this.#database;
    this.#held = true;
    database.execute('PRAGMA wal_autocheckpoint = 0');
    try {
      const left = database.first('PRAGMA wal_checkpoint(TRUNCATE)');
      if (left?.number('busy') !== 0 || left.number('log') !== left.number('checkpointed')) {
        throw new OutriderError(
          'store-failed',
          `The log of the store ${database.path} cannot be folded into its file now`,
        );
      }
      this.#descriptor ??= openSync(database.path, 'r');
      return { descriptor: this.#descriptor, bytes: fstatSync(this.#descriptor).size };
    } catch (error) {
      this.release();
      throw error;
    }
  }

  release(): void {
    this.#held = false;
    this.#database.execute(`PRAGMA wal_autocheckpoint = ${AUTOMATIC_CHECKPOINT_PAGES}`);
  }

  /** After a commit that failed; as long as the file is held still, its log stays as it is. */
  tidyLog(): void {
    try {
      if (!this.#held) beginLog(this.#database);
    } catch {
      // The disk still fails. It is tried again with the next commit that fails.
    }
  }

  /** After the database was closed, and with it its lock. */
  closed(): void {
    if (this.#descriptor !== undefined) closeSync(this.#descriptor);
    this.#descriptor = undefined;
  }
}

/** Writes the copy, a file that is not there yet, and answers its SHA-256 (hex). */
export function copyStillFile({ descriptor, bytes }: StillFile, to: string): string {
  requireRoom(to, bytes);
  const hash = createHash('sha256');
  const target = openSync(to, 'wx', 0o600);
  try {
    const block = Buffer.allocUnsafe(BLOCK_BYTES);
    for (let offset = 0; offset < bytes; ) {
      const length = readSync(descriptor, block, 0, Math.min(BLOCK_BYTES, bytes - offset), offset);
      if (length === 0)
        throw new OutriderError('store-failed', 'The file of the store became shorter while it was copied');
      const part = block.subarray(0, length);
      hash.update(part);
      writeAll(target, part);
      offset += length;
    }
    fsyncSync(target);
  } finally {
    closeSync(target);
  }
  return hash.digest('hex');
}

function writeAll(descriptor: number, bytes: Uint8Array): void {
  for (let written = 0; written < bytes.length; ) written += writeSync(descriptor, bytes, written);
}

function requireRoom(to: string, bytes: number): void {
  const { bavail, bsize } = statfsSync(dirname(to));
  const free = bavail * bsize;
  if (free >= bytes + ROOM_TO_SPARE_BYTES) return;
  const megabytes = (count: number) => Math.ceil(count / 1_000_000);
  throw new OutriderError(
    'store-failed',
    `There is no room for a copy of the store beside it: ${megabytes(bytes + ROOM_TO_SPARE_BYTES)} MB are needed, ${megabytes(free)} MB are free`,
    {
      hint: 'Make room on its disk, or stop the control plane and use `outrider backup --offline` with a file elsewhere.',
    },
  );
}
