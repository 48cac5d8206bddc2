import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { backUpClosedStore } from '@outrider/control-plane/store/sqlite/closed-backup.ts';
import { closeDatabase, openDatabase } from '@outrider/control-plane/store/sqlite/open-database.ts';
import { sqliteOperations } from '@outrider/control-plane/store/sqlite/operations.ts';
import { restoreStore } from '@outrider/control-plane/store/sqlite/restore.ts';
import { Journal } from '@outrider/delegate/agent/journal.ts';
import { encodeRecord, JOURNAL_MARK } from '@outrider/delegate/agent/journal-format.ts';
import { commitOf, freshExecutionId } from '../contracts/store/fixtures.ts';
import { type CrashPoints, crashPoints } from './crash-points.ts';
import { type Chance, Disk } from './disk.ts';

const script = (name: string) => fileURLToPath(new URL(name, import.meta.url));

async function onDisk(use: (disk: Disk) => Promise<CrashPoints>): Promise<CrashPoints> {
  const disk = new Disk();
  try {
    return await use(disk);
  } finally {
    disk.remove();
  }
}

/** A store that is opened for the first time: whatever is left of it can be opened. */
export async function firstOpening(chance: Chance, share: number): Promise<CrashPoints> {
  return await onDisk((disk) => {
    const path = join('new', 'outrider.db');
    const args = [join(disk.live, path)];
    return crashPoints(
      disk,
      script('./open-store-child.ts'),
      args,
      chance,
      (image) => tried(() => eventsIn(join(image, path), '')),
      share,
    );
  });
}

/** A restore over a store: what is left is the old store or the new one, whole, or nobody gets in until it was repeated. */
export async function restoring(chance: Chance, share: number): Promise<CrashPoints> {
  return await onDisk((disk) => {
    const path = join(disk.live, 'outrider.db');
    const backup = join(disk.live, 'backup.db');
    const id = freshExecutionId();
    write(path, id, 0, 1);
    backUpClosedStore(path, backup);
    write(path, id, 1, 2);
    const args = [backup, path];
    return crashPoints(
      disk,
      script('../control-plane/store/restore-child.ts'),
      args,
      chance,
      (image) => auditRestore(image, id),
      share,
    );
  });
}

function auditRestore(image: string, executionId: string): string[] {
  const path = join(image, 'outrider.db');
  return tried(() => {
    if (existsSync(`${path}.restoring`)) {
      let refusal = '';
      try {
        closeDatabase(openDatabase(path));
      } catch (error) {
        refusal = String(error);
      }
      if (!refusal.includes('was not finished')) return [`it can be opened in the middle of a restore: ${refusal}`];
      restoreStore({ from: join(image, 'backup.db'), to: path, atMs: Date.now(), notBeforeMs: Date.now() });
      return eventsIn(path, executionId) === 1 ? [] : ['repeating the restore did not restore'];
    }
    if (!existsSync(path)) return [`there is no store: ${readdirSync(image).join(', ')}`];
    const events = eventsIn(path, executionId);
    if (events === 3) return [];
    if (events !== 1) return [`the store has ${events} events`];
    const kept = readdirSync(image).find((name) => name.includes('.replaced-'));
    if (kept === undefined) return ['the store that was replaced is gone'];
    return eventsIn(join(image, kept), executionId) === 3 ? [] : ['the store that was replaced is not whole'];
  });
}

function write(path: string, executionId: string, seq: number, count: number): void {
  const database = openDatabase(path);
  database.execute('BEGIN IMMEDIATE');
  sqliteOperations(database).commit(commitOf(executionId, seq, { count }));
  database.execute('COMMIT');
  closeDatabase(database);
}

function eventsIn(path: string, executionId: string): number {
  const database = openDatabase(path);
  try {
    return sqliteOperations(database).readEvents(executionId, 0, 100).length;
  } finally {
    closeDatabase(database);
  }
}

function tried(work: () => unknown): string[] {
  try {
    const result = work();
    return Array.isArray(result) ? result.map(String) : [];
  } catch (error) {
    return [error instanceof Error ? error.message : String(error)];
  }
}

/** A journal with a damaged record that is opened: what stands before the damage is never forgotten. */
export async function openingDamagedJournal(chance: Chance, share: number): Promise<CrashPoints> {
  return await onDisk((disk) => {
    const offer = {
      taskId: 'exe_a/p1.1/1',
      epoch: 7,
      task: {},
      deadlineMs: 1,
      facts: {},
      checkpointSequence: 0,
      logOffset: 0,
    };
    const records = [
      encodeRecord({ kind: 'accepted', offer }),
      encodeRecord({ kind: 'started', taskId: offer.taskId, epoch: 7 }),
    ];
    const broken = Buffer.from(records[1] ?? []).fill(0xff, 12, 20);
    const directory = join(disk.live, 'journal-directory');
    mkdirSync(directory);
    writeFileSync(join(directory, 'journal'), Buffer.concat([JOURNAL_MARK, ...records, broken, ...records]));
    return crashPoints(disk, script('./open-journal-child.ts'), [directory], chance, auditJournal, share);
  });
}

async function auditJournal(image: string): Promise<string[]> {
  const logger = { debug() {}, info() {}, warn() {}, error() {} };
  const journal = await Journal.open({ directory: join(image, 'journal-directory'), logger, now: () => Date.now() });
  await journal.close();
  return journal.state.get('exe_a/p1.1/1')?.started === true ? [] : ['what was written before the damage is forgotten'];
}
