import { createHash, X509Certificate } from 'node:crypto';
import { OutriderError } from '@outrider/shared/errors.ts';
import { formatCredential } from '@outrider/shared/protocol/join-token.ts';
import type { JoinResponse } from '@outrider/shared/protocol/messages.ts';
import { METHOD_SINCE } from '@outrider/shared/protocol/service.ts';
import { PROTOCOL_RANGE, type ProtocolRange } from '@outrider/shared/protocol/versions.ts';
import { type DelegateConfig, formatAddress } from './config.ts';
import {
  type Credential,
  forgetPendingJoin,
  readCredential,
  readPendingJoin,
  renewalTime,
  writeCredential,
  writePendingJoin,
} from './credential-file.ts';
import { askToJoin, fetchCaCertificate } from './join.ts';
import type { Logger } from './logger.ts';
import { sha256 } from './renew.ts';

export type { Credential } from './credential-file.ts';

export interface IdentityOptions {
  readonly config: Pick<DelegateConfig, 'controlPlane' | 'joinToken' | 'name'>;
  readonly directory: string;
  readonly instanceId: string;
  readonly version: string;
  readonly now: () => number;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  /** 32 random bytes, base64url. */
  readonly newSecret: () => string;
  readonly logger: Logger;
  /** Default: PROTOCOL_RANGE. Tests of upgrades give another. */
  readonly protocol?: ProtocolRange;
  /** Ends a join that is under way, with `unreachable`. */
  readonly signal?: AbortSignal;
}

/**
 * The credential from an earlier start, or a new one for the join token. It is kept in a file that only this user may read.
 * @throws join-refused with what to do; unreachable when the control plane does not answer
 */
export async function obtainCredential(options: IdentityOptions): Promise<Credential> {
  const { config, directory, logger, now } = options;
  const known = readCredential(directory);
  if (known !== undefined && counts(known, now()) && pinned(known, config.joinToken?.caFingerprint)) return known;
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
  const { config, directory, instanceId, version, now, random, signal } = options;
  const { joinToken, controlPlane, name } = config;
  if (joinToken === null || joinToken.caFingerprint === null) {
    throw new OutriderError('join-refused', 'OUTRIDER_JOIN_TOKEN is missing');
  }
  const caCertificatePem = await fetchCaCertificate(controlPlane, joinToken.caFingerprint, controlPlane.host, signal);
  const secret = makesSecret(options) ? pendingSecret(options, joinToken.id) : '';
  const request = {
    joinToken: joinToken.text,
    delegateName: name,
    instanceId,
    version,
    secretSha256: secret === '' ? '' : sha256(secret),
  };
  let response: JoinResponse;
  try {
    response = await askToJoin(controlPlane, caCertificatePem, request, signal);
  } catch (thrown) {
    // What was refused is not asked again: another attempt is another request.
    if (OutriderError.from(thrown).code === 'join-refused') forgetPendingJoin(directory);
    throw thrown;
  }
  const { credential, credentialId, expiresAtMs } = response;
  const joined: Credential = {
    // A control plane of protocol 1 has made the secret itself.
    bearer: credential === '' ? formatCredential({ id: credentialId, secret }) : credential,
    expiresAtMs,
    renewAtMs: renewalTime(now(), expiresAtMs, random()),
    caCertificatePem,
    next: null,
    previous: null,
  };
  writeCredential(directory, joined);
  forgetPendingJoin(directory);
  options.logger.info({ controlPlane: formatAddress(controlPlane) }, 'The delegate has joined');
  return joined;
}

function makesSecret({ protocol = PROTOCOL_RANGE }: IdentityOptions): boolean {
  return protocol.max >= METHOD_SINCE.renew;
}

/**
 * The secret that this delegate will have, made once for a token and on the disk before it is used: a join whose answer was
 * lost is asked for again with the same one, also by the next process, and spends no second use of the token.
 */
function pendingSecret({ directory, newSecret }: IdentityOptions, tokenId: string): string {
  const pending = readPendingJoin(directory);
  if (pending?.tokenId === tokenId) return pending.secret;
  const secret = newSecret();
  writePendingJoin(directory, { tokenId, secret });
  return secret;
}

/** A renewal that was asked for may have been done: it lasts longer then. */
function counts({ expiresAtMs, next }: Credential, nowMs: number): boolean {
  return expiresAtMs > nowMs || (next !== null && next.madeAtMs + next.lifeMs > nowMs);
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
