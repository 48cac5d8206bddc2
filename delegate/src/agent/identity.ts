import { createHash, X509Certificate } from 'node:crypto';
import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { OutriderError } from '@outrider/shared/errors.ts';
import { parseJsonObject } from '@outrider/shared/json.ts';
import { type DelegateConfig, formatAddress } from './config.ts';
import { askToJoin, fetchCaCertificate } from './join.ts';
import type { Logger } from './logger.ts';

/** What the delegate proves itself with, and whom it believes. */
export interface Credential {
  readonly bearer: string;
  readonly expiresAtMs: number;
  readonly caCertificatePem: string;
}

export interface IdentityOptions {
  readonly config: Pick<DelegateConfig, 'controlPlane' | 'joinToken' | 'name'>;
  readonly directory: string;
  readonly instanceId: string;
  readonly version: string;
  readonly now: () => number;
  readonly logger: Logger;
  /** Ends a join that is under way, with `unreachable`. */
  readonly signal?: AbortSignal;
}

/**
 * The credential from an earlier start, or a new one for the join token. It is kept in a file that only this user may read.
 * @throws join-refused with what to do; unreachable when the control plane does not answer
 */
export async function obtainCredential(options: IdentityOptions): Promise<Credential> {
  const { config, logger, now } = options;
  const known = readCredential(fileOf(options));
  if (known !== undefined && known.expiresAtMs > now() && pinned(known, config.joinToken?.caFingerprint)) return known;
  if (config.joinToken === null) {
    const why =
      known === undefined ? 'This delegate has not joined yet' : 'The credential of this delegate has expired';
    throw new OutriderError('join-refused', `${why}, and OUTRIDER_JOIN_TOKEN is missing`, {
      hint: 'Make a token with `outrider tokens create` and set OUTRIDER_JOIN_TOKEN.',
    });
  }
  logger.debug({ controlPlane: formatAddress(config.controlPlane) }, 'The delegate joins');
  return await join(options);
}

/** Exchanges the join token again, whatever is kept. @throws as obtainCredential */
export async function join(options: IdentityOptions): Promise<Credential> {
  const { config, instanceId, version, signal } = options;
  const { joinToken, controlPlane, name } = config;
  if (joinToken === null || joinToken.caFingerprint === null) {
    throw new OutriderError('join-refused', 'OUTRIDER_JOIN_TOKEN is missing');
  }
  const caCertificatePem = await fetchCaCertificate(controlPlane, joinToken.caFingerprint, controlPlane.host, signal);
  const request = { joinToken: joinToken.text, delegateName: name, instanceId, version, secretSha256: '' };
  const { credential, expiresAtMs } = await askToJoin(controlPlane, caCertificatePem, request, signal);
  const joined: Credential = { bearer: credential, expiresAtMs, caCertificatePem };
  writeCredential(fileOf(options), joined);
  options.logger.info({ controlPlane: formatAddress(controlPlane) }, 'The delegate has joined');
  return joined;
}

function fileOf(options: IdentityOptions): string {
  return path.join(options.directory, 'credential.json');
}

/** A token of another control plane means that the delegate was moved there. */
function pinned(credential: Credential, caFingerprint: string | null | undefined): boolean {
  if (caFingerprint === null || caFingerprint === undefined) return true;
  try {
    const raw = new X509Certificate(credential.caCertificatePem).raw;
    return createHash('sha256').update(raw).digest('base64url') === caFingerprint;
  } catch {
    return false;
  }
}

/** Undefined: there is none that can be read. */
function readCredential(file: string): Credential | undefined {
  try {
    const { bearer, expiresAtMs, caCertificatePem } = parseJsonObject(readFileSync(file, 'utf8')) ?? {};
    if (typeof bearer !== 'string' || typeof expiresAtMs !== 'number' || typeof caCertificatePem !== 'string') {
      return undefined;
    }
    return { bearer, expiresAtMs, caCertificatePem };
  } catch {
    return undefined;
  }
}

function writeCredential(file: string, credential: Credential): void {
  const fresh = `${file}.new`;
  rmSync(fresh, { force: true });
  writeFileSync(fresh, JSON.stringify(credential), { mode: 0o600, flush: true });
  renameSync(fresh, file);
}
