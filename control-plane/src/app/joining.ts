import { OutriderError } from '@outrider/shared/errors.ts';
import { formatCredential, formatJoinToken, parseJoinToken } from '@outrider/shared/protocol/join-token.ts';
import type { JoinRequest, JoinResponse } from '@outrider/shared/protocol/messages.ts';
import { CREDENTIAL_TTL_MS, JOIN_REPEAT_MS } from '@outrider/shared/protocol/timings.ts';
import { type Credentials, createCredentials, sha256 } from './credentials.ts';
import type { Logger } from './logger.ts';
import type { Clock, CredentialRow, FleetStore, JoinTokenRow, Randomness } from './ports.ts';

/** Everything about a join token but its secret. */
export type JoinTokenInfo = Omit<JoinTokenRow, 'secretSha256'>;

/**
 * How delegates come to be trusted: an operator makes a token, the delegate exchanges it once for a credential of its own
 * name. Of both the store has the SHA-256 of a 32-byte secret only.
 */
export interface Joining extends Credentials {
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
  /**
   * The same request again, because its answer was lost, gets the same answer for JOIN_REPEAT_MS and spends no second use:
   * when the delegate made the secret itself.
   * @throws join-refused, with the reason
   */
  join(request: JoinRequest): Promise<JoinResponse>;
}

export interface JoiningDependencies {
  readonly store: FleetStore;
  readonly clock: Clock;
  readonly randomness: Randomness;
  readonly logger: Logger;
  /** TlsIdentity.caFingerprint; null in insecure mode. */
  readonly caFingerprint: string | null;
  /** Tests shorten them. */
  readonly credentialTtlMs?: number;
  readonly credentialOverlapMs?: number;
}

export { type DelegateAuthenticator, OPEN_DOOR, type PresentedIdentity } from './credentials.ts';

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

export function createJoining(dependencies: JoiningDependencies): Joining {
  const { store, clock, randomness, logger, caFingerprint, credentialTtlMs = CREDENTIAL_TTL_MS } = dependencies;
  const newSecret = () => ({
    id: hex(randomness.bytes(8)),
    secret: Buffer.from(randomness.bytes(32)).toString('base64url'),
  });
  return {
    ...createCredentials(dependencies),
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
    async join(request) {
      const { joinToken, delegateName, instanceId, version } = request;
      if (!DELEGATE_NAME.test(delegateName)) throw new OutriderError('join-refused', NAME_RULE);
      const token = parseJoinToken(joinToken);
      if (token === undefined) throw new OutriderError('join-refused', 'that is no join token (it begins with ojt_)');
      const now = clock.now();
      const own = request.secretSha256 === '' ? newSecret() : undefined;
      const credential: CredentialRow = {
        // Made of the request: the same request again is about the same credential.
        id: own?.id ?? sha256(`${token.id}/${delegateName}/${request.secretSha256}`).slice(0, 32),
        secretSha256: own === undefined ? request.secretSha256 : sha256(own.secret),
        delegateName,
        issuedAtMs: now,
        expiresAtMs: now + credentialTtlMs,
        revokedAtMs: null,
        generation: 1,
        retired: [],
      };
      const outcome = await store.redeemJoinToken(token.id, sha256(token.secret), delegateName, credential, now);
      logger.info({ tokenId: token.id, delegateName, instanceId, version, outcome }, 'A delegate asks to join');
      if (outcome !== 'ok') throw new OutriderError('join-refused', REFUSALS[outcome]);
      if (own !== undefined) {
        const { expiresAtMs } = credential;
        return { credential: formatCredential(own), credentialId: own.id, expiresAtMs, delegateName };
      }
      const { expiresAtMs } = stillOffered(await store.findCredential(credential.id), now);
      return { credential: '', credentialId: credential.id, expiresAtMs, delegateName };
    },
  };
}

/** What this request got, now or a moment ago. */
function stillOffered(row: CredentialRow | undefined, now: number): CredentialRow {
  if (row === undefined) throw new OutriderError('store-failed', 'The credential that was just issued is not there');
  if (row.revokedAtMs !== null) throw new OutriderError('join-refused', 'the credential of this request was revoked');
  if (now - row.issuedAtMs > JOIN_REPEAT_MS) throw new OutriderError('join-refused', REFUSALS['used-up']);
  return row;
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

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}
