import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import type { Store, StoreBackup } from '@outrider/control-plane/app/ports.ts';
import { openStore } from '@outrider/control-plane/store/open.ts';
import type { OpenedStore } from '@outrider/control-plane/store/operations.ts';
import { backUpClosedStore } from '@outrider/control-plane/store/sqlite/closed-backup.ts';
import { inspectStoreFile } from '@outrider/control-plane/store/sqlite/inspect.ts';
import { commitOf, freshExecutionId, leasedTask, logLines } from '../../contracts/store/fixtures.ts';
import { inDirectory } from '../../contracts/store/stores.ts';

async function withStore(use: (store: OpenedStore, path: string, directory: string) => Promise<void>): Promise<void> {
  await inDirectory(async (directory) => {
    const path = join(directory, 'store', 'outrider.db');
    const store = await openStore(`sqlite:${path}`);
    try {
      await use(store, path, directory);
    } finally {
      await store.close();
    }
  });
}

async function makeBackup(store: OpenedStore): Promise<StoreBackup> {
  assert.ok(store.backups !== null);
  return await store.backups.makeBackup();
}

async function bytesOf(backup: StoreBackup): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  for await (const part of backup.content()) parts.push(part);
  return Buffer.concat(parts);
}

/** Some megabytes, so that copying them takes a while. */
async function fill(store: Store): Promise<void> {
  const ref = await leasedTask(store);
  const batch = logLines(30_000);
  for (let count = 0; count < 8; count++) {
    assert.equal((await store.appendLog(ref, count * batch.length, batch)).kind, 'ok');
  }
}

describe('a backup of a store that is in use', () => {
  test('holds everything that was acknowledged before, is whole, and leaves nothing behind', async () => {
    await withStore(async (store, path, directory) => {
      await fill(store);
      const executionId = freshExecutionId();
      let seq = 0;
      let stop = false;
      const write = async () => {
        for (; !stop; seq++) assert.deepEqual(await store.commit(commitOf(executionId, seq)), { kind: 'ok' });
      };
      const writing = write();
      while (seq < 20) await store.check();
      const before = seq;
      const backup = await makeBackup(store);
      const after = seq;
      stop = true;
      await writing;

      const content = await bytesOf(backup);
      assert.equal(content.length, backup.bytes);
      assert.equal(createHash('sha256').update(content).digest('hex'), backup.sha256);
      await backup.discard();
      assert.deepEqual(readdirSync(join(directory, 'store')).toSorted(), [
        'outrider.db',
        'outrider.db-wal',
        'outrider.db.pid',
      ]);
      assert.ok(after > before, 'the store went on working meanwhile');

      const file = join(directory, 'copy.db');
      writeFileSync(file, content);
      const { executions, livingTasks, generation } = backup;
      assert.deepEqual(inspectStoreFile(file), { executions, livingTasks, generation });
      const copy = await openStore(`sqlite:${file}`);
      const events = await copy.readEvents(executionId, 0, 10_000);
      assert.ok(events.length >= before && events.length <= after, `${before} ≤ ${events.length} ≤ ${after}`);
      await copy.close();
      assert.equal((await store.readEvents(executionId, 0, 10_000)).length, seq);
      assert.equal(existsSync(`${path}.being-copied`), false);
    });
  });

  test('one is made at a time, and the next when the first is no longer needed', async () => {
    await withStore(async (store) => {
      const first = await makeBackup(store);
      await assert.rejects(makeBackup(store), { code: 'overloaded' });
      await first.discard();
      await first.discard();
      await (await makeBackup(store)).discard();
    });
  });

  test('the log of the store is folded into its file again afterwards', async () => {
    await withStore(async (store, path) => {
      await (await makeBackup(store)).discard();
      const size = readFileSync(path).length;
      await fill(store);
      assert.ok(readFileSync(path).length > size);
    });
  });

  test('a store that is closed meanwhile is closed whole, and the backup fails', async () => {
    await inDirectory(async (directory) => {
      const path = join(directory, 'outrider.db');
      const store = await openStore(`sqlite:${path}`);
      await fill(store);
      const failed = assert.rejects(makeBackup(store), { code: 'store-failed' });
      await store.close();
      await failed;
      await assert.rejects(makeBackup(store), { code: 'store-failed' });
      assert.equal(inspectStoreFile(path).livingTasks, 1);
      assert.deepEqual(readdirSync(directory), ['outrider.db']);
    });
  });

  test('a store with a damaged page makes no backup, and says what is damaged', async () => {
    await withStore(async (store, path) => {
      await fill(store);
      await (await makeBackup(store)).discard();
      // The file as a failing disk would leave it, below the store that has it open.
      const bytes = readFileSync(path);
      const page = Math.floor(bytes.length / 4096 / 2) * 4096;
      bytes.fill(0xa5, page, page + 4096);
      writeFileSync(path, bytes, { flag: 'r+' });
      await assert.rejects(makeBackup(store), { code: 'store-failed', message: /is not a whole store: |is damaged: / });
      assert.equal(existsSync(`${path}.being-copied`), false);
    });
  });

  test('a memory store has none', async () => {
    assert.equal((await openStore('memory:')).backups, null);
  });
});

describe('a backup of a store that is closed', () => {
  test('is whole, and is never put in the place of another file', async () => {
    await inDirectory(async (directory) => {
      const path = join(directory, 'outrider.db');
      const store = await openStore(`sqlite:${path}`);
      await leasedTask(store);
      const file = join(directory, 'copy.db');
      assert.throws(() => backUpClosedStore(path, file), {
        code: 'store-locked',
        message: new RegExp(`by process ${process.pid}`),
      });
      await store.close();
      assert.deepEqual(backUpClosedStore(path, file), { executions: 1, livingTasks: 1, generation: 0 });
      const before = readFileSync(file);
      assert.throws(() => backUpClosedStore(path, file), {
        code: 'not-allowed-now',
        message: `${file} exists already`,
      });
      assert.deepEqual(readFileSync(file), before);
      assert.throws(() => backUpClosedStore(join(directory, 'none.db'), join(directory, 'x.db')), {
        message: /no store/,
      });
      assert.throws(() => backUpClosedStore(path, join(directory, 'none', 'x.db')), { code: 'store-failed' });
      assert.deepEqual(readdirSync(directory).toSorted(), ['copy.db', 'outrider.db']);
    });
  });
});
