import { statfsSync } from 'node:fs';
import { dirname } from 'node:path';
import { type ErrorCode, OutriderError } from '@outrider/shared/errors.ts';
import type { JsonObject } from '@outrider/shared/json.ts';

/** Primary result codes of SQLite (sqlite.org/rescode.html); the low byte of an extended one. */
const SQLITE_BUSY = 5;
const SQLITE_LOCKED = 6;
const SQLITE_READONLY = 8;
const SQLITE_IOERR = 10;
const SQLITE_CORRUPT = 11;
const SQLITE_FULL = 13;
const SQLITE_CANTOPEN = 14;
const SQLITE_NOTADB = 26;

/** Turns whatever an operation on the file threw into an error of ours, once. */
export function storeFailure(thrown: unknown, path: string): OutriderError {
  if (thrown instanceof OutriderError) return thrown;
  const words = thrown instanceof Error ? thrown.message : String(thrown);
  const details = { cause: thrown, data: { file: path } };
  const code = resultCode(thrown) ?? systemCode(thrown);
  // SQLite does not say why it could not make or extend a file.
  switch ((code === SQLITE_CANTOPEN || code === SQLITE_IOERR) && isDiskFull(path) ? SQLITE_FULL : code) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return new OutriderError('store-locked', `The store ${path} is in use by another process`, details);
    case SQLITE_FULL:
    case 'ENOSPC':
    case 'EDQUOT':
      return new OutriderError('store-failed', `There is no room left for the store ${path}: ${words}`, {
        ...details,
        hint: 'Make room on its disk. Nothing that was stored is lost.',
      });
    case SQLITE_CORRUPT:
      return damaged(path, words, thrown);
    case SQLITE_NOTADB:
      return new OutriderError('store-failed', `${path} is not a database of Outrider: ${words}`, {
        ...details,
        hint: 'Name another file in OUTRIDER_STORE. This one was left as it is.',
      });
    case SQLITE_READONLY:
    case SQLITE_CANTOPEN:
    case SQLITE_IOERR:
    case 'EACCES':
    case 'EPERM':
    case 'EROFS':
    case 'ENOENT':
    case 'ENOTDIR':
    case 'EISDIR':
    case 'EIO':
      return new OutriderError('store-failed', `The store ${path} cannot be read or written: ${words}`, {
        ...details,
        hint: 'See that its directory exists, that it may be written, and that the disk is sound.',
      });
    default:
      return new OutriderError('store-failed', `The store ${path} failed: ${words}`, details);
  }
}

const NO_ROOM_BYTES = 65_536;

function isDiskFull(path: string): boolean {
  try {
    const { bavail, bsize } = statfsSync(dirname(path));
    return bavail * bsize < NO_ROOM_BYTES;
  } catch {
    // Its directory is not there.
    return false;
  }
}

export function damaged(path: string, words: string, cause?: unknown): OutriderError {
  return new OutriderError('store-failed', `The store ${path} is damaged: ${words}`, {
    cause,
    data: { file: path },
    hint: 'Restore it from a backup. It was left as it is.',
  });
}

function resultCode(thrown: unknown): number | undefined {
  if (!(thrown instanceof Error) || !('errcode' in thrown) || typeof thrown.errcode !== 'number') return undefined;
  return thrown.errcode & 0xff;
}

/** What Node calls a refusal of the operating system, such as EACCES. */
function systemCode(thrown: unknown): string | undefined {
  return thrown instanceof Error && 'code' in thrown && typeof thrown.code === 'string' ? thrown.code : undefined;
}

/** An error as it travels between the threads. */
export interface SentFailure {
  readonly code: ErrorCode;
  readonly message: string;
  readonly hint: string;
  readonly data: JsonObject;
}

export function sentFailure({ code, message, hint, data }: OutriderError): SentFailure {
  return { code, message, hint, data };
}

export function receivedFailure({ code, message, hint, data }: SentFailure): OutriderError {
  return new OutriderError(code, message, { hint, data });
}
