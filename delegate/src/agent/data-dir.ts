import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { OutriderError } from '@outrider/shared/errors.ts';

/** Where one delegate keeps what must outlive its process. */
export interface DataDirectory {
  /** Journal and credential. */
  readonly root: string;
  readonly logs: string;
  /** Scripts that run; made when there is one. */
  readonly scripts: string;
  /** Others may use it from now on. */
  release(): void;
}

/**
 * The folder of this delegate's name, taken for this process. Two processes with one journal would ruin it.
 * @throws configuration-invalid when it cannot be written or another process has it
 */
export function takeDataDirectory(dataDir: string, delegateName: string): DataDirectory {
  const root = path.join(dataDir, 'delegates', folderOf(delegateName));
  const lock = path.join(root, 'lock');
  try {
    mkdirSync(path.join(root, 'logs'), { recursive: true, mode: 0o700 });
    const holder = readIfThere(lock);
    if (holder !== undefined && lives(holder)) {
      throw new OutriderError(
        'store-locked',
        `Process ${holder.pid} is the delegate "${delegateName}" in ${dataDir} already`,
        {
          hint: 'Stop it, or give this one another OUTRIDER_DELEGATE_NAME or OUTRIDER_DATA_DIR.',
        },
      );
    }
    writeFileSync(lock, JSON.stringify(ownMark()), { mode: 0o600 });
  } catch (thrown) {
    if (thrown instanceof OutriderError) throw thrown;
    const why = thrown instanceof Error ? thrown.message : String(thrown);
    throw new OutriderError('configuration-invalid', `OUTRIDER_DATA_DIR: ${root} cannot be used: ${why}`, {
      hint: 'Name a folder that this process may write.',
      cause: thrown,
    });
  }
  return {
    root,
    logs: path.join(root, 'logs'),
    scripts: path.join(root, 'scripts'),
    release: () => rmSync(lock, { force: true }),
  };
}

/** A name may hold what a file system does not like, or differ from another only in case. */
function folderOf(delegateName: string): string {
  const plain = delegateName.replace(/[^A-Za-z0-9_.-]/g, '_').slice(0, 60);
  return `${plain}-${createHash('sha256').update(delegateName).digest('hex').slice(0, 8)}`;
}

/** A process, told from a later one with the same number. */
interface ProcessMark {
  readonly pid: number;
  /** Of /proc, where there is one: ticks from boot to the process's start, and the boot's id. */
  readonly started: string;
}

function ownMark(): ProcessMark {
  return { pid: process.pid, started: startedAt(process.pid) };
}

/** This very process counts as gone: a delegate that was stopped in it may come again. */
function lives(mark: ProcessMark): boolean {
  if (mark.pid === process.pid) return false;
  try {
    process.kill(mark.pid, 0);
  } catch (thrown) {
    return thrown instanceof Error && 'code' in thrown && thrown.code === 'EPERM';
  }
  return mark.started === startedAt(mark.pid);
}

function startedAt(pid: number): string {
  try {
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
    // Fields after the command, which stands in brackets and may hold anything; the 20th of them is the start.
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)?.split(' ') ?? [];
    return `${boot}/${fields[19] ?? ''}`;
  } catch {
    return '';
  }
}

function readIfThere(file: string): ProcessMark | undefined {
  try {
    const value: unknown = JSON.parse(readFileSync(file, 'utf8'));
    if (typeof value !== 'object' || value === null || !('pid' in value) || !('started' in value)) return undefined;
    const { pid, started } = value;
    return typeof pid === 'number' && typeof started === 'string' ? { pid, started } : undefined;
  } catch {
    return undefined;
  }
}
