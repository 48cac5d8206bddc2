import { constants } from 'node:fs';
import { copyFile, type FileHandle, mkdir, open, readFile, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { OutriderError } from '@outrider/shared/errors.ts';
import type { TaskId } from '@outrider/shared/ids.ts';
import { JOURNAL_COMPACT_BYTES, JOURNAL_MAX_BYTES } from '@outrider/shared/protocol/timings.ts';
import { encodeRecord, JOURNAL_MARK, type JournalRecord, parseJournal } from './journal-format.ts';
import { applyRecord, foldJournal, type JournaledTask, type JournalState, recordsOf } from './journal-state.ts';
import type { Logger } from './logger.ts';

export interface JournalOptions {
  readonly directory: string;
  readonly logger: Logger;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  readonly compactBytes?: number;
  readonly maxBytes?: number;
}

/** What the agent needs of a journal. */
export type OpenJournal = Pick<Journal, 'state' | 'full' | 'append' | 'close'>;

/**
 * What the delegate must not forget: the work it took on, the facts of it, and results until the control plane has them.
 * A record is on the disk when `append` resolves; only then may be done what it announces.
 */
export class Journal {
  readonly #options: JournalOptions;
  readonly #tasks: Map<TaskId, JournaledTask>;
  #file: FileHandle;
  #bytes: number;
  /** Appends and rewrites follow each other. */
  #last: Promise<void> = Promise.resolve();
  #closed = false;
  #compactAt: number;

  private constructor(options: JournalOptions, file: FileHandle, bytes: number, tasks: Map<TaskId, JournaledTask>) {
    this.#options = options;
    this.#file = file;
    this.#bytes = bytes;
    this.#tasks = tasks;
    this.#compactAt = this.#compactionPoint();
  }

  /**
   * Opens or begins the journal. A torn last record is cut off. A damaged file is set aside and told of; what stands before
   * the damage is kept, and the control plane gives the rest to somebody else when the leases end.
   */
  static async open(options: JournalOptions): Promise<Journal> {
    const { directory, logger } = options;
    await mkdir(directory, { recursive: true, mode: 0o700 });
    const file = journalFile(directory);
    const content = await readIfThere(file);
    const parsed = content === undefined ? undefined : parseJournal(content);
    if (parsed?.kind === 'damaged') {
      const aside = `${file}.damaged-${options.now()}`;
      // A copy: whoever is interrupted here finds what stands before the damage again.
      await copyFile(file, aside);
      const fields = { file: aside, intactBytes: parsed.bytes, records: parsed.records.length };
      logger.error(fields, 'The journal is damaged; it was set aside, and work that it forgot is given to others');
    } else if (parsed?.kind === 'torn') {
      logger.warn(
        { file, bytes: parsed.bytes },
        'The last record of the journal was not written to its end; it is cut off',
      );
    }
    const records = parsed?.records ?? [];
    const tasks = new Map(foldJournal(records));
    // Written anew at every start: short, whole, and without what is not needed any more.
    const { handle, bytes } = await writeAnew(directory, tasks, options.now());
    return new Journal(options, handle, bytes, tasks);
  }

  /** What the records say. */
  get state(): JournalState {
    return this.#tasks;
  }

  /** No new work may be taken on: there is no room to remember it. */
  get full(): boolean {
    return this.#bytes >= (this.#options.maxBytes ?? JOURNAL_MAX_BYTES);
  }

  /** Resolves when the record is on the disk. @throws store-failed when it cannot be written */
  async append(record: JournalRecord): Promise<void> {
    await this.#inTurn(async () => {
      const bytes = encodeRecord(record);
      await this.#write(bytes);
      this.#bytes += bytes.length;
      applyRecord(this.#tasks, record);
      if (this.#bytes > this.#compactAt) await this.#compact();
    });
  }

  async #write(bytes: Buffer): Promise<void> {
    try {
      await this.#file.appendFile(bytes);
      await this.#file.datasync();
    } catch (thrown) {
      // Half a record must not stay there: with another behind it, it would look like damage.
      await this.#file.truncate(this.#bytes);
      throw thrown;
    }
  }

  /** Waits for what is being written. Nothing can be appended after it. */
  async close(): Promise<void> {
    await this.#inTurn(async () => {
      if (this.#closed) return;
      this.#closed = true;
      await this.#file.close();
    });
  }

  /** Twice what is needed now: a journal of much living work is not rewritten with every record. */
  #compactionPoint(): number {
    return Math.max(this.#options.compactBytes ?? JOURNAL_COMPACT_BYTES, 2 * this.#bytes);
  }

  /** Without room for a second file the first one still counts: it is tried again when that has doubled. */
  async #compact(): Promise<void> {
    const { directory, now, logger } = this.#options;
    const before = this.#file;
    try {
      const { handle, bytes } = await writeAnew(directory, this.#tasks, now());
      this.#file = handle;
      this.#bytes = bytes;
      await before.close();
    } catch (thrown) {
      logger.warn({ err: thrown }, 'The journal could not be rewritten; it goes on growing');
    }
    this.#compactAt = this.#compactionPoint();
  }

  async #inTurn(work: () => Promise<void>): Promise<void> {
    const turn = this.#last.then(async () => {
      if (this.#closed) return;
      await work();
    });
    this.#last = turn.catch(() => {});
    try {
      await turn;
    } catch (thrown) {
      const why = thrown instanceof Error ? thrown.message : String(thrown);
      throw new OutriderError('store-failed', `The journal cannot be written: ${why}`, {
        hint: 'See that OUTRIDER_DATA_DIR has room and may be written.',
        cause: thrown,
      });
    }
  }
}

function journalFile(directory: string): string {
  return path.join(directory, 'journal');
}

/** A new file beside the old one, on the disk before it takes its place: at every moment one of them is whole. */
async function writeAnew(
  directory: string,
  tasks: Map<TaskId, JournaledTask>,
  nowMs: number,
): Promise<{ handle: FileHandle; bytes: number }> {
  const records = recordsOf(tasks, nowMs);
  const kept = foldJournal(records);
  for (const taskId of tasks.keys()) if (!kept.has(taskId)) tasks.delete(taskId);
  const content = Buffer.concat([JOURNAL_MARK, ...records.map(encodeRecord)]);
  const fresh = `${journalFile(directory)}.new`;
  await rm(fresh, { force: true });
  const handle = await open(
    fresh,
    constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_APPEND,
    0o600,
  );
  await handle.writeFile(content);
  await handle.datasync();
  await rename(fresh, journalFile(directory));
  await syncDirectory(directory);
  return { handle, bytes: content.length };
}

async function syncDirectory(directory: string): Promise<void> {
  const handle = await open(directory, constants.O_RDONLY);
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

async function readIfThere(file: string): Promise<Buffer | undefined> {
  try {
    return await readFile(file);
  } catch (thrown) {
    if (thrown instanceof Error && 'code' in thrown && thrown.code === 'ENOENT') return undefined;
    throw thrown;
  }
}
