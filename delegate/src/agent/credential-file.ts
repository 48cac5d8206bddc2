import { closeSync, fsyncSync, openSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { parseJsonObject } from '@outrider/shared/json.ts';
import {
  CREDENTIAL_RENEW_JITTER,
  CREDENTIAL_RENEW_SHARE,
  CREDENTIAL_TTL_MS,
} from '@outrider/shared/protocol/timings.ts';

/** What the delegate proves itself with, and whom it believes. */
export interface Credential {
  readonly bearer: string;
  readonly expiresAtMs: number;
  /** When it is to be renewed. */
  readonly renewAtMs: number;
  readonly caCertificatePem: string;
  /** The generation that a renewal under way is to begin: stored before the control plane is asked for it. */
  readonly next: NextGeneration | null;
  /** The generation before: a control plane that was restored from a backup may know that one only. */
  readonly previous: string | null;
}
export interface NextGeneration {
  readonly bearer: string;
  readonly madeAtMs: number;
  /** How long it is good for once the control plane has it. */
  readonly lifeMs: number;
}

/** A join under way: the secret that was made for a join token, by that token's id. */
export interface PendingJoin {
  readonly tokenId: string;
  readonly secret: string;
}

/** When a credential that is issued now is to be renewed. `random`: uniform in [0, 1). */
export function renewalTime(nowMs: number, expiresAtMs: number, random: number): number {
  const share = CREDENTIAL_RENEW_SHARE + CREDENTIAL_RENEW_JITTER * (2 * random - 1);
  return Math.round(nowMs + Math.max(expiresAtMs - nowMs, 0) * share);
}

const CREDENTIAL = 'credential.json';
const PENDING_JOIN = 'joining.json';

/** Undefined: there is none that can be read. */
export function readCredential(directory: string): Credential | undefined {
  const value = readJson(path.join(directory, CREDENTIAL));
  const { bearer, expiresAtMs, caCertificatePem, renewAtMs, next, previous } = value ?? {};
  if (typeof bearer !== 'string' || typeof expiresAtMs !== 'number' || typeof caCertificatePem !== 'string') {
    return undefined;
  }
  return {
    bearer,
    expiresAtMs,
    caCertificatePem,
    // Of a version that knew no renewal.
    renewAtMs: typeof renewAtMs === 'number' ? renewAtMs : expiresAtMs - CREDENTIAL_TTL_MS * CREDENTIAL_RENEW_SHARE,
    next: readNext(next),
    previous: typeof previous === 'string' ? previous : null,
  };
}

/** On the disk when it returns. At every moment the old file or the new one is whole. */
export function writeCredential(directory: string, credential: Credential): void {
  writeWhole(directory, CREDENTIAL, JSON.stringify(credential));
}

export function readPendingJoin(directory: string): PendingJoin | undefined {
  const { tokenId, secret } = readJson(path.join(directory, PENDING_JOIN)) ?? {};
  return typeof tokenId === 'string' && typeof secret === 'string' ? { tokenId, secret } : undefined;
}

/** As writeCredential. */
export function writePendingJoin(directory: string, pending: PendingJoin): void {
  writeWhole(directory, PENDING_JOIN, JSON.stringify(pending));
}

export function forgetPendingJoin(directory: string): void {
  rmSync(path.join(directory, PENDING_JOIN), { force: true });
}

function readNext(value: unknown): NextGeneration | null {
  if (typeof value !== 'object' || value === null) return null;
  if (!('bearer' in value) || !('madeAtMs' in value) || !('lifeMs' in value)) return null;
  const { bearer, madeAtMs, lifeMs } = value;
  if (typeof bearer !== 'string' || typeof madeAtMs !== 'number' || typeof lifeMs !== 'number') return null;
  return { bearer, madeAtMs, lifeMs };
}

function readJson(file: string) {
  try {
    return parseJsonObject(readFileSync(file, 'utf8'));
  } catch {
    return undefined;
  }
}

function writeWhole(directory: string, name: string, content: string): void {
  const file = path.join(directory, name);
  const fresh = `${file}.new`;
  rmSync(fresh, { force: true });
  writeFileSync(fresh, content, { mode: 0o600, flush: true });
  renameSync(fresh, file);
  const handle = openSync(directory, 'r');
  try {
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
}
