import { createHash } from 'node:crypto';
import { createReadStream, statSync } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { OutriderError } from '@outrider/shared/errors.ts';
import { CALL_DEADLINE_MS, LEASE_TTL_MS } from '@outrider/shared/protocol/timings.ts';
import type { BackupReport, RestoreReport } from '../src/cli/commands/backup.ts';
import type { CliIo } from '../src/cli/io.ts';
import { controlPlaneConfig } from '../src/config.ts';
import { storeFile } from '../src/store/open.ts';
import { backUpClosedStore } from '../src/store/sqlite/closed-backup.ts';
import { restoreStore } from '../src/store/sqlite/restore.ts';

/** `outrider backup --offline FILE` */
export async function backUpStore(file: string, io: CliIo): Promise<BackupReport> {
  const facts = backUpClosedStore(pathOf(io), file);
  const hash = createHash('sha256');
  await pipeline(createReadStream(file), hash);
  const { executions, livingTasks } = facts;
  return { file, bytes: statSync(file).size, sha256: hash.digest('hex'), executions, livingTasks };
}

/** `outrider restore FILE` */
export async function restoreStoreFile(file: string, io: CliIo): Promise<RestoreReport> {
  const atMs = io.now();
  // A delegate of the lost store changes nothing after its lease, and its last call is over one deadline later.
  const notBeforeMs = atMs + LEASE_TTL_MS + CALL_DEADLINE_MS;
  const restored = restoreStore({ from: file, to: pathOf(io), atMs, notBeforeMs });
  return { ...restored, from: file, offersFrom: new Date(notBeforeMs).toISOString() };
}

function pathOf(io: CliIo): string {
  const { store } = controlPlaneConfig(io.env);
  const path = storeFile(store);
  if (path !== undefined) return path;
  throw new OutriderError('configuration-invalid', 'OUTRIDER_STORE names no file', {
    hint: 'Write `sqlite:PATH`, as the control plane is started with.',
  });
}
