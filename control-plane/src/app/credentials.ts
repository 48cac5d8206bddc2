import { createHash } from 'node:crypto';
import { parseCredential } from '@outrider/shared/protocol/join-token.ts';
import type { RenewRequest, RenewResponse } from '@outrider/shared/protocol/messages.ts';
import { CREDENTIAL_OVERLAP_MS, CREDENTIAL_TTL_MS } from '@outrider/shared/protocol/timings.ts';
import { presented as judge, type RetiredGeneration } from '../domain/fleet/credential.ts';
import { Listeners } from './listeners.ts';
import type { Logger } from './logger.ts';
import type { Clock, CredentialRow, FleetStore } from './ports.ts';

/** Who a connecting delegate is. Client certificates will be another implementation. */
export interface DelegateAuthenticator {
  /** `delegateName` null: anybody may come, under the name in Hello. */
  authenticate(presented: PresentedIdentity): Promise<
    | {
        readonly kind: 'ok';
        readonly delegateName: string | null;
        /** Which credential it is: the same through all its generations. */
        readonly credentialId?: string;
      }
    | { readonly kind: 'refused'; readonly because: string }
  >;
}

/** What the transport has of the other side. */
export interface PresentedIdentity {
  /** The text after `Bearer `, if any. */
  readonly bearer: string | undefined;
  /**
   * It would begin a session, and not go on with one: a rightful delegate does that with its newest credential only, so an
   * older one locks the delegate.
   */
  readonly beginsSession?: boolean;
}

/** How a delegate's credential goes on after the join (domain/fleet/credential.ts has the rules). */
export interface Credentials extends DelegateAuthenticator {
  /**
   * Ends the presented generation and begins the next. An older generation that wants another renewal than the one that
   * ended it locks the delegate. Throws `store-failed` only.
   */
  renew(presented: PresentedIdentity, request: RenewRequest): Promise<RenewOutcome>;
  /** Lets the delegate join again; what it had stays revoked. False: it was not locked. */
  unlock(delegateName: string, by: string): Promise<boolean>;
  /** After a delegate was locked or unlocked. */
  onLockChanged(listener: (delegateName: string) => void): () => void;
}

export type RenewOutcome =
  | ({ readonly kind: 'ok' } & RenewResponse)
  /** `invalid`: the request can never be met; otherwise the credential is of no use any more. */
  | { readonly kind: 'refused' | 'invalid'; readonly because: string };

/** In insecure mode everybody on the loopback address is who they say they are. */
export const OPEN_DOOR: DelegateAuthenticator = {
  authenticate: async () => ({ kind: 'ok', delegateName: null }),
};

export interface CredentialDependencies {
  readonly store: FleetStore;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Tests shorten them. */
  readonly credentialTtlMs?: number;
  readonly credentialOverlapMs?: number;
}

const REFUSALS = {
  unknown: 'the credential is not known',
  expired: 'the credential has expired',
  revoked: 'the credential was revoked',
  superseded: 'the credential has been renewed; its newer generation counts',
} as const;
const REUSED = 'the next secret of a credential must be a new one';

export function createCredentials(dependencies: CredentialDependencies): Credentials {
  const { store, clock, logger, credentialTtlMs = CREDENTIAL_TTL_MS } = dependencies;
  const locks = createLocks(dependencies);
  return {
    async authenticate({ bearer, beginsSession = false }) {
      const shown = bearer === undefined ? undefined : parseCredential(bearer);
      if (shown === undefined) return { kind: 'refused', because: 'no credential was presented' };
      const row = await store.findCredential(shown.id);
      if (row === undefined) return { kind: 'refused', because: REFUSALS.unknown };
      // Digests are compared: how long that takes says nothing about the secret.
      const standing = judge(row, sha256(shown.secret), clock.now());
      switch (standing.kind) {
        case 'current':
          return { kind: 'ok', delegateName: row.delegateName, credentialId: row.id };
        case 'retired': {
          const because = beginsSession ? await locks.cameBack(row, standing.generation) : REFUSALS.superseded;
          return { kind: 'refused', because };
        }
        default:
          return { kind: 'refused', because: await locks.refusal(standing.kind, row) };
      }
    },
    async renew({ bearer }, { nextSecretSha256, instanceId }) {
      const shown = bearer === undefined ? undefined : parseCredential(bearer);
      if (shown === undefined) return { kind: 'refused', because: 'no credential was presented' };
      const now = clock.now();
      const next = { secretSha256: nextSecretSha256, expiresAtMs: now + credentialTtlMs };
      const outcome = await store.renewCredential(shown.id, sha256(shown.secret), next, now);
      switch (outcome.kind) {
        case 'renewed':
        case 'repeated': {
          const { generation, expiresAtMs, delegateName } = outcome.credential;
          logger.info(
            { delegate: delegateName, instanceId, generation, outcome: outcome.kind },
            'A credential was renewed',
          );
          return { kind: 'ok', generation, expiresAtMs };
        }
        case 'retired':
          return { kind: 'refused', because: await locks.cameBack(outcome.credential, outcome.generation) };
        case 'reused':
          return { kind: 'invalid', because: REUSED };
        default:
          return { kind: 'refused', because: await locks.refusal(outcome.kind, await store.findCredential(shown.id)) };
      }
    },
    unlock: (delegateName, by) => locks.unlock(delegateName, by),
    onLockChanged: (listener) => locks.onLockChanged(listener),
  };
}

interface Locks extends Pick<Credentials, 'unlock' | 'onLockChanged'> {
  /** An ended generation is shown: answers how to refuse it, after the delegate was locked if it has to be. */
  cameBack(row: CredentialRow, ended: RetiredGeneration): Promise<string>;
  /** How to refuse a credential that is of no use. */
  refusal(kind: 'unknown' | 'expired' | 'revoked', row: CredentialRow | undefined): Promise<string>;
}

function createLocks(dependencies: CredentialDependencies): Locks {
  const { store, clock, logger, credentialOverlapMs = CREDENTIAL_OVERLAP_MS } = dependencies;
  const listeners = new Listeners<[string]>('onLockChanged', logger);

  /** Two have one key, and which of them is the rightful one nobody can tell: both stay outside. */
  async function lock({ id, delegateName, generation }: CredentialRow, ended: RetiredGeneration): Promise<string> {
    const because =
      `its credential is in use at two places: generation ${ended.generation} came back after it had been renewed ` +
      `(the newest is ${generation}), so its key was copied`;
    if (await store.lockDelegate(delegateName, because, clock.now())) {
      logger.error(
        { delegate: delegateName, credentialId: id, generation, returned: ended.generation },
        `The delegate "${delegateName}" is locked: ${because}. Find out who has a copy of its data directory, then run ` +
          `\`outrider delegates unlock ${delegateName}\` and let it join with a new token`,
      );
    }
    listeners.tell(delegateName);
    return lockedText(delegateName, because);
  }

  return {
    // What was under way when the generation ended may still arrive; nothing does so much later.
    cameBack: async (row, ended) =>
      clock.now() - ended.atMs < credentialOverlapMs ? REFUSALS.superseded : await lock(row, ended),
    async refusal(kind, row) {
      if (kind !== 'revoked' || row === undefined) return REFUSALS[kind];
      const { lock: standing } = (await store.getDelegate(row.delegateName)) ?? { lock: null };
      return standing === null ? REFUSALS.revoked : lockedText(row.delegateName, standing.because);
    },
    async unlock(delegateName, by) {
      const unlocked = await store.unlockDelegate(delegateName);
      if (unlocked)
        logger.warn({ delegate: delegateName, by }, 'A delegate was unlocked; it may join with a new token');
      listeners.tell(delegateName);
      return unlocked;
    },
    onLockChanged: (listener) => listeners.add(listener),
  };
}

function lockedText(delegateName: string, because: string): string {
  return `the delegate ${delegateName} is locked until an operator unlocks it: ${because}`;
}

export function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
