import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { receivedFailure, sentFailure, storeFailure } from '@outrider/control-plane/store/sqlite/failures.ts';
import { OutriderError } from '@outrider/shared/errors.ts';

function sqliteError(errcode: number): Error {
  return Object.assign(new Error('words of SQLite'), { code: 'ERR_SQLITE_ERROR', errcode });
}

describe('what SQLite reports', () => {
  const table = [
    { name: 'SQLITE_BUSY', errcode: 5, code: 'store-locked', message: 'The store /s.db is in use by another process' },
    {
      name: 'SQLITE_LOCKED',
      errcode: 6,
      code: 'store-locked',
      message: 'The store /s.db is in use by another process',
    },
    { name: 'SQLITE_BUSY_RECOVERY', errcode: 261, code: 'store-locked', message: /is in use/ },
    {
      name: 'SQLITE_READONLY',
      errcode: 8,
      code: 'store-failed',
      message: /cannot be read or written: words of SQLite$/,
    },
    { name: 'SQLITE_IOERR_FSYNC', errcode: 1034, code: 'store-failed', message: /cannot be read or written/ },
    { name: 'SQLITE_CANTOPEN', errcode: 14, code: 'store-failed', message: /cannot be read or written/ },
    { name: 'SQLITE_FULL', errcode: 13, code: 'store-failed', message: /^There is no room left for the store \/s\.db/ },
    { name: 'SQLITE_CORRUPT_INDEX', errcode: 779, code: 'store-failed', message: /^The store \/s\.db is damaged/ },
    { name: 'SQLITE_NOTADB', errcode: 26, code: 'store-failed', message: /is not a database of Outrider/ },
    { name: 'SQLITE_MISUSE', errcode: 21, code: 'store-failed', message: 'The store /s.db failed: words of SQLite' },
  ] as const;
  for (const { name, errcode, code, message } of table) {
    test(`${name} is told as ${code}`, () => {
      assert.throws(
        () => {
          throw storeFailure(sqliteError(errcode), '/s.db');
        },
        { code, message, data: { file: '/s.db' } },
      );
    });
  }

  const refusals = [
    ['ENOSPC', /^There is no room left for the store \/s\.db: words/],
    ['EACCES', /^The store \/s\.db cannot be read or written: words/],
    ['ENOTDIR', /^The store \/s\.db cannot be read or written: words/],
  ] as const;
  for (const [code, message] of refusals) {
    test(`${code} from the operating system is told in words`, () => {
      const error = storeFailure(Object.assign(new Error('words'), { code }), '/s.db');
      assert.equal(error.code, 'store-failed');
      assert.match(error.message, message);
    });
  }

  test('an error of ours stays what it is', () => {
    const error = new OutriderError('internal', 'x');
    assert.equal(storeFailure(error, '/s.db'), error);
  });

  test('whatever else is thrown becomes a failed store', () => {
    assert.equal(storeFailure('a word', '/s.db').message, 'The store /s.db failed: a word');
  });

  test('an error crosses the threads whole, but for its cause', () => {
    const error = storeFailure(sqliteError(13), '/s.db');
    const received = receivedFailure(structuredClone(sentFailure(error)));
    const { code, message, hint, data } = error;
    assert.ok(received instanceof OutriderError);
    assert.deepEqual(
      { code: received.code, message: received.message, hint: received.hint, data: received.data },
      { code, message, hint, data },
    );
  });
});
