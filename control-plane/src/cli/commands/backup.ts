import { createHash } from 'node:crypto';
import { type FileHandle, link, open, rm } from 'node:fs/promises';
import path from 'node:path';
import { OutriderError } from '@outrider/shared/errors.ts';
import { Argument, Option } from 'commander';
import { apiPath } from '../client.ts';
import type { AddCommand } from '../command.ts';
import type { CliContext } from '../context.ts';
import { EXIT } from '../exit-codes.ts';
import type { CliIo } from '../io.ts';
import { printJson, say } from '../print.ts';

/** What works on the file of a store itself; the composition root provides it. */
export interface StoreFiles {
  /** Copies the store of OUTRIDER_STORE, which nobody may have open, into a file that is not there yet. */
  backUp(file: string, io: CliIo): Promise<BackupReport>;
  /** Replaces the store of OUTRIDER_STORE, which nobody may have open, by the backup. */
  restore(file: string, io: CliIo): Promise<RestoreReport>;
}

/** What `outrider backup --json` prints. */
export interface BackupReport {
  readonly file: string;
  readonly bytes: number;
  /** Hex. */
  readonly sha256: string;
  readonly executions: number;
  readonly livingTasks: number;
}

/** What `outrider restore --json` prints. */
export interface RestoreReport {
  readonly store: string;
  readonly from: string;
  /** Where the store lies that was there before. */
  readonly replaced: string | null;
  readonly generation: number;
  readonly executions: number;
  readonly livingTasks: number;
  /** RFC 3339: no step is given to a delegate before this. */
  readonly offersFrom: string;
}

export function addBackup(add: AddCommand, files: StoreFiles): void {
  add<[string], { readonly offline?: boolean }>({
    name: 'backup',
    summary: 'copy the whole store of the control plane into a file',
    description:
      'The control plane goes on working; the file is the store as of one moment, checked. It needs the key of an admin, and ' +
      'holds what opens doors: hashes of keys, and the private key of the certificate authority. Keep it like a key.',
    examples: ['outrider backup outrider-$(date +%F).db', 'OUTRIDER_STORE=sqlite:… outrider backup --offline copy.db'],
    arguments: [new Argument('<file>', 'a file that is not there yet')],
    options: [new Option('--offline', 'of the store that OUTRIDER_STORE names, while no control plane runs')],
    async run(context, [file], { offline }) {
      const target = path.resolve(context.io.cwd, file);
      const report = offline === true ? await files.backUp(target, context.io) : await download(context, target);
      if (context.json) printJson(context, report);
      else context.io.stdout.write(`${report.file}\n`);
      const size = (report.bytes / 1_000_000).toFixed(1);
      say(context, `Backed up: ${executionsText(report)}, ${size} MB. Bring it back with: outrider restore ${file}`);
      return EXIT.done;
    },
  });
  add<[string], object>({
    name: 'restore',
    summary: 'replace the store that OUTRIDER_STORE names by a backup',
    description:
      'Only while no control plane runs on it. The store that is there is kept beside it. What happened after the backup is ' +
      'forgotten here, but not at AWS: running steps that can be repeated begin anew from what the backup knows, the others fail. ' +
      'Keys, join tokens and delegates that were revoked after the backup count again.',
    examples: ['OUTRIDER_STORE=sqlite:/var/lib/outrider/outrider.db outrider restore outrider-2026-01-31.db'],
    arguments: [new Argument('<file>', 'what outrider backup wrote')],
    async run(context, [file]) {
      const report = await files.restore(path.resolve(context.io.cwd, file), context.io);
      if (context.json) printJson(context, report);
      else context.io.stdout.write(`${report.store}\n`);
      say(context, `Restored: ${executionsText(report)}, restore generation ${report.generation}.`);
      if (report.replaced !== null) say(context, `The store that was there is kept as ${report.replaced}`);
      say(
        context,
        `No step is given to a delegate before ${report.offersFrom}, when their old ones must have stopped.`,
      );
      say(context, 'Revoke again what was revoked after the backup: outrider keys list, tokens list, delegates list.');
      return EXIT.done;
    },
  });
}

function executionsText({ executions, livingTasks }: Pick<BackupReport, 'executions' | 'livingTasks'>): string {
  const count = (number: number, one: string) => `${number} ${one}${number === 1 ? '' : 's'}`;
  return `${count(executions, 'execution')}, ${count(livingTasks, 'step')} under way`;
}

/** The file has its name only when it is there whole and on the disk. */
async function download(context: CliContext, file: string): Promise<BackupReport> {
  const partial = `${file}.partial`;
  const handle = await openPartial(partial, file);
  try {
    const { headers, body } = await context.client().download(apiPath('backup'), 'application/vnd.sqlite3');
    const { bytes, sha256 } = await save(body, handle);
    requireWhole(headers, bytes, sha256);
    await nameIt(partial, file);
    const numberOf = (name: string) => Number(headers.get(name) ?? '0');
    const executions = numberOf('x-outrider-executions');
    return { file, bytes, sha256, executions, livingTasks: numberOf('x-outrider-living-tasks') };
  } catch (thrown) {
    throw fileError(thrown, file);
  } finally {
    await handle.close();
    await rm(partial, { force: true });
  }
}

async function openPartial(partial: string, file: string): Promise<FileHandle> {
  try {
    return await open(partial, 'wx', 0o600);
  } catch (thrown) {
    throw fileError(thrown, file, partial);
  }
}

async function save(body: AsyncIterable<Uint8Array>, handle: FileHandle): Promise<{ bytes: number; sha256: string }> {
  const hash = createHash('sha256');
  let bytes = 0;
  for await (const part of body) {
    hash.update(part);
    bytes += part.length;
    await handle.appendFile(part);
  }
  await handle.sync();
  return { bytes, sha256: hash.digest('hex') };
}

function requireWhole(headers: Headers, bytes: number, sha256: string): void {
  const length = headers.get('content-length');
  const digest = /sha-256=:([^:]+):/.exec(headers.get('repr-digest') ?? '')?.[1];
  const wanted = digest === undefined ? '' : Buffer.from(digest, 'base64').toString('hex');
  if (wanted === sha256 && (length === null || Number(length) === bytes)) return;
  throw new OutriderError('unreachable', `The backup did not arrive whole: ${bytes} of ${length ?? 'unknown'} bytes`, {
    hint: 'Try again; nothing was kept of it.',
  });
}

/** Never in the place of another file. */
async function nameIt(partial: string, file: string): Promise<void> {
  await link(partial, file);
  const directory = await open(path.dirname(file), 'r');
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}

function fileError(thrown: unknown, file: string, partial?: string): OutriderError {
  if (thrown instanceof OutriderError) return thrown;
  const code = thrown instanceof Error && 'code' in thrown ? thrown.code : undefined;
  if (code === 'EEXIST') {
    return new OutriderError('not-allowed-now', `${partial ?? file} exists already`, {
      hint: 'Name another file, or remove it.',
      cause: thrown,
    });
  }
  const why = thrown instanceof Error ? thrown.message : String(thrown);
  return new OutriderError('request-invalid', `${file} cannot be written: ${why}`, {
    hint: 'Name a file in a folder that can be written and has room.',
    cause: thrown,
  });
}
