import { createHash, timingSafeEqual } from 'node:crypto';
import { OutriderError } from '@outrider/shared/errors.ts';
import {
  formatCredential,
  formatJoinToken,
  parseCredential,
  parseJoinToken,
} from '@outrider/shared/protocol/join-token.ts';
import type { JoinRequest, JoinResponse } from '@outrider/shared/protocol/messages.ts';
import { CREDENTIAL_TTL_MS } from '@outrider/shared/protocol/timings.ts';
import type { Logger } from './logger.ts';
import type { Clock, CredentialRow, FleetStore, JoinTokenRow, Randomness } from './ports.ts';

/** Everything about a join token but its secret. */
export type JoinTokenInfo = Omit<JoinTokenRow, 'secretSha256'>;

/**
 * How delegates come to be trusted: an operator makes a token, the delegate exchanges it once for a credential of its own
 * name. Of both the store has the SHA-256 of a 32-byte secret only.
 */
export interface Joining extends DelegateAuthenticator {
  /**
   * The token's text is answered once. `uses` null: any number of times, which asks for a `delegateName`, so that a leaked
   * token cannot take another delegate's place.
   * @throws request-invalid
   */
  create(
    wish: { readonly delegateName: string | null; readonly uses: number | null; readonly expiresAtMs: number },
    by: string,
  ): Promise<{ readonly info: JoinTokenInfo; readonly token: string }>;
  list(): Promise<readonly JoinTokenInfo[]>;
  /** False: there is no such token. Credentials that it gave stay valid. */
  revoke(id: string): Promise<boolean>;
  /** @throws join-refused, with the reason */
  join(request: JoinRequest): Promise<JoinResponse>;
}

/** Who a connecting delegate is. Client certificates will be another implementation. */
export interface DelegateAuthenticator {
  /** `delegateName` null: anybody may come, under the name in Hello. */
  authenticate(
    presented: PresentedIdentity,
  ): Promise<
    | { readonly kind: 'ok'; readonly delegateName: string | null }
    | { readonly kind: 'refused'; readonly because: string }
  >;
}

/** What the transport has of the other side. */
export interface PresentedIdentity {
  /** The text after `Bearer `, if any. */
  readonly bearer: string | undefined;
}

export interface JoiningDependencies {
  readonly store: FleetStore;
  readonly clock: Clock;
  readonly randomness: Randomness;
  readonly logger: Logger;
  /** TlsIdentity.caFingerprint; null in insecure mode. */
  readonly caFingerprint: string | null;
}

/** In insecure mode everybody on the loopback address is who they say they are. */
export const OPEN_DOOR: DelegateAuthenticator = {
  authenticate: async () => ({ kind: 'ok', delegateName: null }),
};

const DELEGATE_NAME = /^[A-Za-z0-9][A-Za-z0-9 _.-]{0,127}$/;
const USES_MAX = 1_000;
const REFUSALS = {
  unknown: 'the join token is not known',
  expired: 'the join token has expired',
  revoked: 'the join token was revoked',
  'used-up': 'the join token was used already',
  'other-name': 'the join token is for another delegate name',
  locked: 'the delegate is locked until an operator unlocks it',
} as const;

export function createJoining({ store, clock, randomness, logger, caFingerprint }: JoiningDependencies): Joining {
  const newSecret = () => ({
    id: hex(randomness.bytes(8)),
    secret: Buffer.from(randomness.bytes(32)).toString('base64url'),
  });
  return {
    async create(wish, by) {
      checkWish(wish, clock.now());
      const { id, secret } = newSecret();
      const info: JoinTokenInfo = {
        id,
        delegateName: wish.delegateName,
        usesLeft: wish.uses,
        createdAtMs: clock.now(),
        createdBy: by,
        expiresAtMs: wish.expiresAtMs,
        revokedAtMs: null,
      };
      await store.createJoinToken({ ...info, secretSha256: sha256(secret) });
      return { info, token: formatJoinToken({ id, secret, caFingerprint }) };
    },
    async list() {
      return (await store.listJoinTokens()).map(infoOf);
    },
    async revoke(id) {
      return await store.revokeJoinToken(id, clock.now());
    },
    async join({ joinToken, delegateName, instanceId, version }) {
      if (!DELEGATE_NAME.test(delegateName)) throw new OutriderError('join-refused', NAME_RULE);
      const token = parseJoinToken(joinToken);
      if (token === undefined) throw new OutriderError('join-refused', 'that is no join token (it begins with ojt_)');
      const { id, secret } = newSecret();
      const now = clock.now();
      const credential: CredentialRow = {
        id,
        secretSha256: sha256(secret),
        delegateName,
        issuedAtMs: now,
        expiresAtMs: now + CREDENTIAL_TTL_MS,
        revokedAtMs: null,
        generation: 1,
        retired: [],
      };
      const outcome = await store.redeemJoinToken(token.id, sha256(token.secret), delegateName, credential, now);
      logger.info({ tokenId: token.id, delegateName, instanceId, version, outcome }, 'A delegate asks to join');
      if (outcome !== 'ok') throw new OutriderError('join-refused', REFUSALS[outcome]);
      return {
        credential: formatCredential({ id, secret }),
        credentialId: id,
        expiresAtMs: credential.expiresAtMs,
        delegateName,
      };
    },
    async authenticate({ bearer }) {
      const presented = bearer === undefined ? undefined : parseCredential(bearer);
      if (presented === undefined) return { kind: 'refused', because: 'no credential was presented' };
      const row = await store.findCredential(presented.id);
      // The comparison takes the same time whether the row is there or not.
      const known = sameDigest(sha256(presented.secret), row?.secretSha256 ?? sha256(''));
      if (row === undefined || !known) return { kind: 'refused', because: 'the credential is not known' };
      if (row.revokedAtMs !== null) return { kind: 'refused', because: 'the credential was revoked' };
      if (row.expiresAtMs <= clock.now()) return { kind: 'refused', because: 'the credential has expired' };
      return { kind: 'ok', delegateName: row.delegateName };
    },
  };
}

const NAME_RULE =
  'a delegate name has 1–128 letters, digits, spaces, "_", "." and "-", and begins with a letter or digit';

function checkWish(wish: Parameters<Joining['create']>[0], now: number): void {
  const problem = (pointer: string, message: string, hint: string) => {
    throw new OutriderError('request-invalid', message, { hint, problems: [{ message, hint, pointer }] });
  };
  const { delegateName, uses, expiresAtMs } = wish;
  if (expiresAtMs <= now) problem('/expiresAt', 'the join token would have expired already', 'Choose a time to come.');
  if (delegateName !== null && !DELEGATE_NAME.test(delegateName))
    problem('/delegateName', NAME_RULE, 'Choose such a name.');
  if (uses === null && delegateName === null) {
    problem(
      '/delegateName',
      'a token for any number of uses must be bound to one delegate name',
      'Name the delegate, or limit the uses.',
    );
  }
  if (uses !== null && (!Number.isInteger(uses) || uses < 1 || uses > USES_MAX)) {
    problem('/uses', `the number of uses is a whole number from 1 to ${USES_MAX}`, 'Leave it out for one use.');
  }
}

function infoOf(row: JoinTokenRow): JoinTokenInfo {
  const { id, delegateName, usesLeft, createdAtMs, createdBy, expiresAtMs, revokedAtMs } = row;
  return { id, delegateName, usesLeft, createdAtMs, createdBy, expiresAtMs, revokedAtMs };
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

function sameDigest(a: string, b: string): boolean {
  return timingSafeEqual(Buffer.from(a, 'hex'), Buffer.from(b, 'hex'));
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}
