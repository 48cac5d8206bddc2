import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { Store } from '@outrider/control-plane/app/ports.ts';
import { EPOCHS_PER_GENERATION } from '@outrider/control-plane/domain/fleet/epochs.ts';
import { openStore } from '@outrider/control-plane/store/open.ts';
import { backUpClosedStore } from '@outrider/control-plane/store/sqlite/closed-backup.ts';
import { sqliteExecutions } from '@outrider/control-plane/store/sqlite/executions.ts';
import { inspectStoreFile } from '@outrider/control-plane/store/sqlite/inspect.ts';
import { closeDatabase, openDatabase } from '@outrider/control-plane/store/sqlite/open-database.ts';
import { type Restored, restoreStore } from '@outrider/control-plane/store/sqlite/restore.ts';
import { commitOf, freshExecutionId, leasedTask, logLines, offer, T0 } from '../../contracts/store/fixtures.ts';
import { eventually } from '../../support/processes.ts';

const HOLD = T0 + 45_000;

/** A store that went on after its backup: the backup has one event of an execution, the store three. */
interface Scene {
  readonly directory: string;
  readonly path: string;
  readonly backup: string;
  readonly executionId: string;
  /** Leased before the backup. */
  readonly task: { readonly taskId: string; readonly epoch: number };
}

let scenes: string;
let template: { readonly executionId: string; readonly task: Scene['task'] };
before(async () => {
  scenes = mkdtempSync(join(tmpdir(), 'outrider-restore-'));
  const path = join(scenes, 'template', 'outrider.db');
  const executionId = freshExecutionId();
  const task = await withStore(path, async (store) => {
    await store.commit(commitOf(executionId, 0));
    const ref = await leasedTask(store);
    await store.appendLog(ref, 0, logLines(500));
    return ref;
  });
  mkdirSync(join(scenes, 'template', 'kept'));
  backUpClosedStore(path, join(scenes, 'template', 'kept', 'backup.db'));
  await withStore(path, (store) => store.commit(commitOf(executionId, 1, { count: 2 })));
  template = { executionId, task };
});
after(() => rmSync(scenes, { recursive: true, force: true }));

async function withBackup(use: (scene: Scene) => Promise<void>): Promise<void> {
  const directory = mkdtempSync(join(scenes, 'scene-'));
  cpSync(join(scenes, 'template'), directory, { recursive: true });
  await use({
    directory,
    path: join(directory, 'outrider.db'),
    backup: join(directory, 'kept', 'backup.db'),
    ...template,
  });
}

async function withStore<T>(path: string, use: (store: Store) => Promise<T>): Promise<T> {
  const store = await openStore(`sqlite:${path}`);
  try {
    return await use(store);
  } finally {
    await store.close();
  }
}

/** Opens the store as a control plane does. */
function eventsIn(path: string, id: string): number {
  const database = openDatabase(path);
  try {
    return sqliteExecutions(database).readEvents(id, 0, 100).length;
  } finally {
    closeDatabase(database);
  }
}

function restore({ path, backup }: Pick<Scene, 'path' | 'backup'>, atMs = T0): Restored {
  return restoreStore({ from: backup, to: path, atMs, notBeforeMs: HOLD });
}

/** Everything below a directory, byte by byte. */
function contentOf(directory: string): Record<string, string> {
  const entries = readdirSync(directory, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  const files = entries.map((entry) => join(entry.parentPath, entry.name)).toSorted();
  return Object.fromEntries(files.map((file) => [file, readFileSync(file).toString('base64')]));
}

function tamper(path: string, sql: string): void {
  const connection = new DatabaseSync(path, { enableForeignKeyConstraints: false });
  connection.exec(sql);
  connection.close();
}

describe('restoring a store', () => {
  test('brings back the backup, keeps the store that was there, and gives no epoch again', async () => {
    await withBackup(async (scene) => {
      const { path, backup, executionId, task } = scene;
      const bytes = readFileSync(backup);
      const restored = restore(scene);
      assert.deepEqual(restored, {
        store: path,
        replaced: `${path}.replaced-20250615T150640Z`,
        executions: 2,
        livingTasks: 1,
        generation: 1,
      });
      assert.ok(readFileSync(backup).equals(bytes), 'the backup was only read');
      assert.equal(statSync(path).mode & 0o777, 0o600);
      assert.equal(eventsIn(`${path}.replaced-20250615T150640Z`, executionId), 3);
      assert.equal(eventsIn(path, executionId), 1);
      await withStore(path, async (store) => {
        const row = await store.getTask(task.taskId);
        assert.deepEqual([row?.state, row?.epoch, row?.notBeforeMs], ['leased', EPOCHS_PER_GENERATION, HOLD]);
        assert.deepEqual(await store.renewLeases('instance-a', [task], HOLD), { extended: [], lost: [task] });
        assert.equal((await store.logDigest(task.taskId)).bytes, logLines(500).length);
      });
      const names = readdirSync(scene.directory).toSorted();
      assert.deepEqual(names, ['kept', 'outrider.db', 'outrider.db.replaced-20250615T150640Z']);
    });
  });

  test('the same backup a second time lies above all that the first restore gave', async () => {
    await withBackup(async (scene) => {
      const { path, task } = scene;
      restore(scene);
      const first = await withStore(path, async (store) => {
        const row = await store.getTask(task.taskId);
        await store.commit(
          commitOf(task.taskId.slice(0, 30), 1, {
            task: { kind: 'released', ...task, epoch: row?.epoch ?? 0, notBeforeMs: T0 },
          }),
        );
        return await offer(store, task.taskId);
      });
      const again = restore(scene, T0 + 1);
      assert.equal(again.generation, 2);
      assert.equal(again.replaced, `${path}.replaced-20250615T150640Z-2`);
      const epoch = await withStore(path, async (store) => (await store.getTask(task.taskId))?.epoch ?? 0);
      assert.ok(epoch > first.epoch, `${epoch} > ${first.epoch}`);
    });
  });

  test('where the lost store cannot be asked, the clock gives a generation that it cannot have had', async () => {
    await withBackup(async (scene) => {
      const at = Date.UTC(2027, 0, 1);
      const elsewhere = join(scene.directory, 'new', 'outrider.db');
      const restored = restore({ ...scene, path: elsewhere }, at);
      assert.equal(restored.replaced, null);
      assert.equal(restored.generation, 365 * 24 * 6 + 1);
      writeFileSync(scene.path, 'Remember the milk. '.repeat(500));
      assert.equal(restore(scene, at + 600_000).generation, 365 * 24 * 6 + 2);
      await withStore(scene.path, async (store) => {
        const row = await store.getTask(scene.task.taskId);
        assert.ok(Number.isSafeInteger(row?.epoch));
      });
    });
  });

  const damages = [
    { says: 'is no database any more', damage: (path: string) => writeFileSync(path, 'x'.repeat(9_000)) },
    { says: 'lost its end', damage: (path: string) => truncateSync(path, statSync(path).size - 3 * 4096) },
    { says: 'lost a page in the middle', damage: overwriteMiddle },
  ];
  for (const { says, damage } of damages) {
    test(`a store that ${says} is replaced, and kept as it is`, async () => {
      await withBackup(async (scene) => {
        damage(scene.path);
        const bytes = readFileSync(scene.path);
        const { replaced } = restore(scene);
        assert.ok(replaced !== null && readFileSync(replaced).equals(bytes));
        assert.equal(eventsIn(scene.path, scene.executionId), 1);
      });
    });
  }

  test('what a killed control plane left in its log is kept with the store that is replaced', async () => {
    await withBackup(async (scene) => {
      const child = spawn(process.execPath, [childFile('./kill-child.ts'), scene.path, 'seed'], {
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      let said = '';
      child.stdout.setEncoding('utf8').on('data', (text: string) => {
        said += text;
      });
      await eventually('an event is acknowledged', () => (said.includes('event exe_AAAA') ? true : undefined));
      child.kill('SIGKILL');
      await once(child, 'close');
      assert.ok(statSync(`${scene.path}-wal`).size > 0);
      const { replaced } = restore(scene);
      assert.equal(existsSync(`${scene.path}-wal`), false);
      assert.ok(eventsIn(replaced ?? '', `exe_${'A'.repeat(26)}`) > 0);
      assert.equal(eventsIn(scene.path, `exe_${'A'.repeat(26)}`), 0);
    });
  });

  test('through a link, the file that it leads to is replaced', async () => {
    await withBackup(async (scene) => {
      const link = join(scene.directory, 'link.db');
      symlinkSync(scene.path, link);
      assert.equal(restore({ ...scene, path: link }).store, scene.path);
      assert.equal(eventsIn(link, scene.executionId), 1);
    });
  });
});

function overwriteMiddle(path: string): void {
  const bytes = readFileSync(path);
  const page = Math.floor(bytes.length / 4096 / 2) * 4096;
  writeFileSync(path, bytes.fill(0xa5, page, page + 4096));
}

function childFile(name: string): string {
  return fileURLToPath(new URL(name, import.meta.url));
}

describe('what is not restored from', () => {
  const whole = /is not a whole store: /;
  const cases: readonly { says: string; spoil: (file: string) => void; message: RegExp; code?: string }[] = [
    {
      says: 'no database',
      spoil: (file) => writeFileSync(file, 'x'.repeat(9_000)),
      message: /not a database of Outrider/,
    },
    { says: 'empty', spoil: (file) => truncateSync(file, 0), message: whole },
    {
      says: 'cut off',
      spoil: (file) => truncateSync(file, statSync(file).size - 4096),
      message: /damaged|not a whole store/,
    },
    { says: 'cut off within a page', spoil: (file) => truncateSync(file, 5_000), message: /damaged|not a whole store/ },
    { says: 'damaged in the middle', spoil: overwriteMiddle, message: /damaged|not a whole store/ },
    {
      says: 'the database of another program',
      spoil: (file) => tamper(file, 'PRAGMA application_id = 7'),
      message: /database of another program/,
    },
    { says: 'of a newer version', spoil: (file) => tamper(file, 'PRAGMA user_version = 99'), message: /newer version/ },
    { says: 'without one of its events', spoil: (file) => tamper(file, 'DELETE FROM events'), message: whole },
    {
      says: 'forged in one of its events',
      spoil: (file) => tamper(file, `UPDATE events SET event = replace(event, 'Phase', 'Other')`),
      message: /event 1 of execution exe_\w+ is not as it was committed/,
    },
    {
      says: 'with a row that leads nowhere',
      spoil: (file) => tamper(file, `DELETE FROM task_facts; DELETE FROM log_chunks; DELETE FROM tasks`),
      message: /a row of task_work refers to/,
    },
    {
      says: 'copied with its log beside it',
      spoil: (file) => writeFileSync(`${file}-wal`, 'frames'),
      message: /backup\.db-wal: it is in use, or was copied while it was/,
    },
  ];
  for (const { says, spoil, message } of cases) {
    test(`a file that is ${says} is refused, and nothing is changed`, async () => {
      await withBackup(async (scene) => {
        spoil(scene.backup);
        const content = contentOf(scene.directory);
        assert.throws(() => restore(scene), { code: 'store-failed', message });
        assert.deepEqual(contentOf(scene.directory), content);
        assert.equal(eventsIn(scene.path, scene.executionId), 3);
      });
    });
  }

  test('a folder, a file that is not there, and the store itself are refused', async () => {
    await withBackup(async (scene) => {
      const content = contentOf(scene.directory);
      assert.throws(() => restore({ ...scene, backup: scene.directory }), { message: /it is not a file/ });
      assert.throws(() => restore({ ...scene, backup: join(scene.directory, 'none') }), {
        message: /none cannot be read/,
      });
      assert.throws(() => restore({ ...scene, backup: scene.path }), { message: /is the store itself/ });
      assert.deepEqual(contentOf(scene.directory), content);
    });
  });

  test('a store that a process has open is not replaced, and goes on', async () => {
    await withBackup(async (scene) => {
      const holder = spawn(process.execPath, [childFile('./lock-child.ts'), scene.path], {
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      try {
        await once(holder.stdout, 'data');
        assert.throws(() => restore(scene), {
          code: 'store-locked',
          message: `The store ${scene.path} is in use by process ${holder.pid}`,
        });
      } finally {
        holder.kill('SIGKILL');
        await once(holder, 'close');
      }
      assert.equal(eventsIn(scene.path, scene.executionId), 3);
      assert.deepEqual(readdirSync(scene.directory).toSorted(), ['kept', 'outrider.db']);
    });
  });

  test('the database of another program is not replaced', async () => {
    await withBackup(async (scene) => {
      const songs = join(scene.directory, 'songs.db');
      tamper(songs, 'CREATE TABLE songs (title TEXT)');
      const content = contentOf(scene.directory);
      assert.throws(() => restore({ ...scene, path: songs }), { message: /is a database of another program/ });
      assert.deepEqual(contentOf(scene.directory), content);
    });
  });
});

describe('a restore that is interrupted', () => {
  test('lets nobody open the place while it is not known which store is the right one', async () => {
    await withBackup(async (scene) => {
      const { path, backup, executionId } = scene;
      const refused = { code: 'store-failed', message: `A restore of the store ${path} was not finished` };
      copyFileSync(backup, `${path}.restoring`);
      await assert.rejects(openStore(`sqlite:${path}`), refused);
      renameSync(path, join(scene.directory, 'aside'));
      await assert.rejects(openStore(`sqlite:${path}`), refused);
      assert.equal(existsSync(path), false, 'no empty store was made');

      writeFileSync(join(scene.directory, 'bad'), 'x');
      assert.throws(() => restore({ path, backup: join(scene.directory, 'bad') }));
      await assert.rejects(openStore(`sqlite:${path}`), refused);
      restore(scene);
      assert.equal(eventsIn(path, executionId), 1);
    });
  });

  test('by kill -9 at any moment: the old store is there whole, or the new one, or nobody gets in until it is repeated', async () => {
    await withBackup(async (scene) => {
      const { path, backup, executionId } = scene;
      const seen = new Set<string>();
      for (let round = 0; round < ROUNDS; round++) {
        const child = spawn(process.execPath, [childFile('./restore-child.ts'), backup, path], {
          stdio: ['ignore', 'pipe', 'inherit'],
        });
        const closed = once(child, 'close');
        await once(child.stdout, 'data');
        const delay = Math.random() * 60;
        await Promise.race([closed, eventually('its moment', waiting(delay))]);
        child.kill('SIGKILL');
        await closed;
        seen.add(stateOf(path, executionId));
        for (const name of readdirSync(scene.directory).filter((entry) => entry.includes('.replaced-'))) {
          const kept = inspectStoreFile(join(scene.directory, name));
          assert.equal(kept.executions, 2, `${name} is whole`);
        }
      }
      restore(scene);
      assert.equal(stateOf(path, executionId), 'new');
      assert.ok(seen.size > 0);
    });
  });
});

const ROUNDS = Number(process.env['STORE_ROUNDS'] ?? 8);

function waiting(milliseconds: number): () => true | undefined {
  const end = performance.now() + milliseconds;
  return () => (performance.now() >= end ? true : undefined);
}

function stateOf(path: string, executionId: string): 'old' | 'new' | 'refused' {
  if (existsSync(`${path}.restoring`)) {
    assert.throws(() => openDatabase(path), { message: /was not finished/ });
    return 'refused';
  }
  const events = eventsIn(path, executionId);
  assert.ok(events === 1 || events === 3, `${events} events`);
  return events === 1 ? 'new' : 'old';
}
