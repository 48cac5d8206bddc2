import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  cpSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { damageOfLog } from '@outrider/control-plane/store/sqlite/check-log.ts';
import { backUpClosedStore } from '@outrider/control-plane/store/sqlite/closed-backup.ts';
import { closeDatabase, openDatabase } from '@outrider/control-plane/store/sqlite/open-database.ts';
import { restoreStore } from '@outrider/control-plane/store/sqlite/restore.ts';
import { T0 } from '../../contracts/store/fixtures.ts';
import { inDirectory } from '../../contracts/store/stores.ts';
import { eventually } from '../../support/processes.ts';
import { Acknowledged } from './acknowledged.ts';

const HEADER_BYTES = 32;
const FRAME_BYTES = 24 + 4_096;

/** A store as a killed control plane leaves it: with commits in its log. */
describe('the log of a store that was killed', () => {
  let scenes: string;
  const acknowledged = new Acknowledged();

  before(async () => {
    scenes = mkdtempSync(join(tmpdir(), 'outrider-log-'));
    const path = join(scenes, 'template', 'outrider.db');
    const script = fileURLToPath(new URL('./kill-child.ts', import.meta.url));
    const child = spawn(process.execPath, [script, path, 'seed'], { stdio: ['ignore', 'pipe', 'inherit'] });
    let said = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      said += text;
    });
    await eventually('some acknowledgements', () => (said.split('\n').length > 200 ? true : undefined));
    child.kill('SIGKILL');
    await once(child, 'close');
    for (const line of said.split('\n').slice(0, -1)) acknowledged.note(line);
  });
  after(() => rmSync(scenes, { recursive: true, force: true }));

  function scene(): { readonly path: string; readonly log: string; readonly directory: string } {
    const directory = mkdtempSync(join(scenes, 'scene-'));
    cpSync(join(scenes, 'template'), directory, { recursive: true });
    const path = join(directory, 'outrider.db');
    return { path, log: `${path}-wal`, directory };
  }

  function overwrite(file: string, offset: number, bytes: Uint8Array): void {
    const content = readFileSync(file);
    content.set(bytes, offset);
    writeFileSync(file, content);
  }

  const contentOf = (directory: string) =>
    Object.fromEntries(
      readdirSync(directory).map((name) => [name, readFileSync(join(directory, name)).toString('base64')]),
    );
  const frameCount = (log: string) => Math.floor((readFileSync(log).length - HEADER_BYTES) / FRAME_BYTES);
  const NOISE = new Uint8Array(100).fill(0xa5);

  test('gives everything back when it is whole', () => {
    const { path, log } = scene();
    assert.ok(frameCount(log) > 50);
    assert.equal(damageOfLog(log), undefined);
    assert.deepEqual(acknowledged.audit(path), []);
  });

  const places = [
    { says: 'a page in the middle', at: (frames: number) => HEADER_BYTES + Math.floor(frames / 2) * FRAME_BYTES + 200 },
    {
      says: 'the head of a frame in the middle',
      at: (frames: number) => HEADER_BYTES + Math.floor(frames / 2) * FRAME_BYTES,
    },
    { says: 'the first frame', at: () => HEADER_BYTES + 500 },
    { says: 'its head', at: () => 8 },
    { says: 'its beginning', at: () => 0 },
  ];
  for (const { says, at } of places) {
    test(`is refused when ${says} was overwritten, and nothing is changed`, () => {
      const { path, log, directory } = scene();
      overwrite(log, at(frameCount(log)), NOISE);
      const content = contentOf(directory);
      assert.throws(() => openDatabase(path), {
        code: 'store-failed',
        message: new RegExp(`^The store ${path} is damaged: .*its log`),
        hint: /backup/,
      });
      assert.deepEqual(contentOf(directory), content);
    });
  }

  test('is kept beside the new store as it is, when a backup is brought back', () => {
    const { path, log, directory } = scene();
    const backup = join(directory, 'backup.db');
    cpSync(path, join(directory, 'fresh.db'));
    closeDatabase(openDatabase(join(directory, 'fresh.db')));
    backUpClosedStore(join(directory, 'fresh.db'), backup);
    overwrite(log, HEADER_BYTES + 500, NOISE);
    const bytes = readFileSync(log);
    const { replaced } = restoreStore({ from: backup, to: path, atMs: T0, notBeforeMs: T0 });
    assert.ok(readFileSync(`${replaced}-wal`).equals(bytes));
    closeDatabase(openDatabase(path));
  });

  test('is taken up to a last transaction that was not written to its end', () => {
    const { path, log } = scene();
    truncateSync(log, readFileSync(log).length - 1_000);
    assert.equal(damageOfLog(log), undefined);
    closeDatabase(openDatabase(path));
  });

  test('is whole again when a process has opened the store', () => {
    const { path, log } = scene();
    const database = openDatabase(path);
    assert.equal(readFileSync(log).length, 0);
    closeDatabase(database);
    assert.equal(existsSync(log), false);
  });
});

test('a file that cannot be read is a clear error, and left as it is', {
  skip: process.geteuid?.() === 0 ? false : 'only root can become somebody else',
}, async () => {
  await inDirectory(async (directory) => {
    const path = join(directory, 'outrider.db');
    closeDatabase(openDatabase(path));
    const bytes = readFileSync(path);
    process.seteuid?.(65_534);
    try {
      assert.throws(() => openDatabase(path), {
        code: 'store-failed',
        message: new RegExp(`^The store ${path} cannot be read or written`),
      });
    } finally {
      process.seteuid?.(0);
    }
    assert.ok(readFileSync(path).equals(bytes));
    assert.deepEqual(readdirSync(directory), ['outrider.db']);
  });
});
