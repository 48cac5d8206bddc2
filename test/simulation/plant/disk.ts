import type { OpenJournal } from '@outrider/delegate/agent/journal.ts';
import {
  encodeRecord,
  JOURNAL_MARK,
  type JournalRecord,
  parseJournal,
} from '@outrider/delegate/agent/journal-format.ts';
import { applyRecord, foldJournal, type JournaledTask, recordsOf } from '@outrider/delegate/agent/journal-state.ts';
import type { SpoolFile, SpoolFiles } from '@outrider/delegate/agent/spool-files.ts';
import type { Process } from './process.ts';

/** What a delegate's directory holds. It outlives its processes: what was written is in the page cache at least. */
export class Disk {
  journal: Buffer[] = [];
  readonly spools = new Map<string, Buffer>();
  /** The credential that lies there; null: none is asked for. */
  credentialId: string | null = null;

  /** A machine with an empty disk, which has joined anew with this credential. */
  wipe(credentialId: string | null): void {
    this.journal = [];
    this.spools.clear();
    this.credentialId = credentialId;
  }

  copy(): Disk {
    const copy = new Disk();
    copy.credentialId = this.credentialId;
    copy.journal = [...this.journal];
    for (const [name, content] of this.spools) copy.spools.set(name, content);
    return copy;
  }
}

/** What may end the process at an effect: before it, after it, or not. Answers `dead` when there is no effect any more. */
export type Strike = <T>(effect: 'journal-append' | 'spool-write', dead: T, act: () => T) => T;

/** The journal of one process over the disk, as Journal keeps it on a real one: the same bytes, the same way to open it. */
export function openDiskJournal(disk: Disk, process: Process, strike: Strike): OpenJournal {
  const parsed = disk.journal.length === 0 ? undefined : parseJournal(Buffer.concat(disk.journal));
  if (parsed?.kind === 'damaged') throw new Error('the journal is damaged, and nothing damages it here');
  const nowMs = Math.floor(process.clock.now());
  const records = recordsOf(foldJournal(parsed?.records ?? []), nowMs);
  const tasks = new Map<string, JournaledTask>(foldJournal(records));
  disk.journal = [JOURNAL_MARK, ...records.map(encodeRecord)];
  return {
    state: tasks,
    full: false,
    append: (record) => append(disk, tasks, record, process, strike),
    close: async () => {},
  };
}

async function append(
  disk: Disk,
  tasks: Map<string, JournaledTask>,
  record: JournalRecord,
  process: Process,
  strike: Strike,
): Promise<void> {
  await new Promise<void>((resolve) => {
    const bytes = encodeRecord(record);
    const written = strike('journal-append', false, () => {
      disk.journal.push(bytes);
      applyRecord(tasks, record);
      return true;
    });
    // The process was killed in the middle of it: half of the record is there.
    if (!written && process.random.chance(0.5))
      disk.journal.push(bytes.subarray(0, process.random.whole(1, bytes.length - 1)));
    process.clock.deliver(process.random.whole(1, 6), resolve, 'journal');
  });
}

/** The spools of one process over the disk. A dead process changes nothing. */
export function openDiskSpools(disk: Disk, process: Process, strike: Strike): SpoolFiles {
  const change = (act: () => void) => {
    if (process.alive) act();
  };
  return {
    names: () => [...disk.spools.keys()].toSorted(),
    open(name) {
      if (!disk.spools.has(name)) change(() => disk.spools.set(name, Buffer.alloc(0)));
      return openSpool(disk, name, change, strike);
    },
    replace: (name, content) => change(() => disk.spools.set(name, Buffer.from(content))),
    remove: (name) => change(() => disk.spools.delete(name)),
  };
}

function openSpool(disk: Disk, name: string, change: (act: () => void) => void, strike: Strike): SpoolFile {
  const content = () => disk.spools.get(name) ?? Buffer.alloc(0);
  return {
    content,
    read: (buffer, length, position) => content().copy(buffer, 0, position, position + length),
    append: (bytes) =>
      strike('spool-write', bytes.length, () => {
        disk.spools.set(name, Buffer.concat([content(), bytes]));
        return bytes.length;
      }),
    truncate: (length) => change(() => disk.spools.set(name, content().subarray(0, length))),
    sync: () => {},
    close: () => {},
  };
}
