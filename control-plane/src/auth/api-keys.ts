import { createHash, timingSafeEqual } from 'node:crypto';
import { OutriderError } from '@outrider/shared/errors.ts';
import type { ApiKeyRow, Clock, KeyStore, Randomness, Role } from '../app/ports.ts';

/** Who asks, as history and audit name them. */
export interface Actor {
  readonly name: string;
  readonly role: Role;
  /** Null for the keyless loopback mode. */
  readonly keyId: string | null;
}

/** Everything about a key but its secret. */
export type ApiKeyInfo = Omit<ApiKeyRow, 'secretSha256'>;

/**
 * API keys: `ok_ID_SECRET`, 32 random bytes of secret, kept only as SHA-256. The text of a new key is answered once and
 * can never be read again.
 */
export interface ApiKeys {
  /** The key's owner; undefined when it is unknown, revoked or expired (which of these is nobody's business). */
  authenticate(presented: string): Promise<Actor | undefined>;
  /** @throws request-invalid when it would have expired already */
  create(
    wish: { readonly name: string; readonly role: Role; readonly expiresAtMs: number | null },
    by: string,
  ): Promise<{ readonly info: ApiKeyInfo; readonly key: string }>;
  list(): Promise<readonly ApiKeyInfo[]>;
  /** False: there is no such key. A revoked key stays revoked. */
  revoke(id: string): Promise<boolean>;
  /** Stores the first admin key while there is none at all; later calls change nothing. */
  bootstrap(key: string): Promise<'stored' | 'not-needed'>;
}

interface Dependencies {
  readonly store: KeyStore;
  readonly clock: Clock;
  readonly randomness: Randomness;
}

/** Uses of one key within this time are noted once, so that reading does not mean writing. */
const TOUCH_INTERVAL_MS = 60_000;
const MAX_REMEMBERED_TOUCHES = 10_000;

export function createApiKeys({ store, clock, randomness }: Dependencies): ApiKeys {
  const touched = new Map<string, number>();

  async function touch(id: string, nowMs: number): Promise<void> {
    if (nowMs - (touched.get(id) ?? Number.NEGATIVE_INFINITY) < TOUCH_INTERVAL_MS) return;
    if (touched.size >= MAX_REMEMBERED_TOUCHES) touched.clear();
    touched.set(id, nowMs);
    await store.touchApiKey(id, nowMs);
  }

  return {
    async authenticate(presented) {
      const row = await store.findApiKey(keyIdOf(presented));
      const nowMs = clock.now();
      if (row === undefined || !sameDigest(row.secretSha256, sha256(presented))) return undefined;
      if (row.revokedAtMs !== null || (row.expiresAtMs !== null && row.expiresAtMs <= nowMs)) return undefined;
      await touch(row.id, nowMs);
      return { name: row.name, role: row.role, keyId: row.id };
    },

    async create({ name, role, expiresAtMs }, by) {
      const nowMs = clock.now();
      if (expiresAtMs !== null && expiresAtMs <= nowMs) {
        throw new OutriderError('request-invalid', 'The key would have expired already', {
          hint: 'Give a time in the future.',
        });
      }
      const id = hex(randomness.bytes(6));
      const key = `ok_${id}_${hex(randomness.bytes(32))}`;
      const row = newRow({ id, name, secretSha256: sha256(key), role, createdAtMs: nowMs, createdBy: by, expiresAtMs });
      const outcome = await store.createApiKey(row);
      if (outcome === 'exists') throw new OutriderError('internal', `The random key id ${id} came up twice`);
      return { info: infoOf(row), key };
    },

    async list() {
      return (await store.listApiKeys()).map(infoOf);
    },

    revoke: (id) => store.revokeApiKey(id, clock.now()),

    async bootstrap(key) {
      if ((await store.listApiKeys()).length > 0) return 'not-needed';
      const id = keyIdOf(key);
      const nowMs = clock.now();
      const made = { id, name: 'bootstrap', secretSha256: sha256(key), role: 'admin' } as const;
      const row = newRow({ ...made, createdAtMs: nowMs, createdBy: 'OUTRIDER_BOOTSTRAP_KEY', expiresAtMs: null });
      return (await store.createApiKey(row)) === 'ok' ? 'stored' : 'not-needed';
    },
  };
}

/** The id within the key; for a bootstrap key of another form, one made from its digest. */
function keyIdOf(key: string): string {
  return /^ok_([0-9A-Za-z]{1,40})_.+$/.exec(key)?.[1] ?? `x${sha256(key).slice(0, 11)}`;
}

function newRow(row: Omit<ApiKeyRow, 'revokedAtMs' | 'lastUsedAtMs'>): ApiKeyRow {
  return { ...row, revokedAtMs: null, lastUsedAtMs: null };
}

function infoOf(row: ApiKeyRow): ApiKeyInfo {
  const { id, name, role, createdAtMs, createdBy, expiresAtMs, revokedAtMs, lastUsedAtMs } = row;
  return { id, name, role, createdAtMs, createdBy, expiresAtMs, revokedAtMs, lastUsedAtMs };
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

function sameDigest(left: string, right: string): boolean {
  const [a, b] = [Buffer.from(left), Buffer.from(right)];
  return a.length === b.length && timingSafeEqual(a, b);
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}
