import type { CredentialRow, DelegateLock, DelegateRow, FleetStore, JoinTokenRow } from '../../app/ports.ts';
import { credentialIdReused } from '../limits.ts';
import type { OperationsOf } from '../operations.ts';
import { findCredential, revokeAll, sqliteCredentials, writeCredential } from './credentials.ts';
import type { Database, Row } from './database.ts';

export function sqliteFleet(database: Database): OperationsOf<FleetStore> {
  return { ...delegateOperations(database), ...tokenOperations(database), ...sqliteCredentials(database) };
}

type DelegateOperation =
  | 'seeDelegate'
  | 'getDelegate'
  | 'listDelegates'
  | 'removeDelegate'
  | 'lockDelegate'
  | 'unlockDelegate';

function delegateOperations(database: Database): Pick<OperationsOf<FleetStore>, DelegateOperation> {
  return {
    seeDelegate({ name, tags, version, region, stepTypes, lastSeenMs }) {
      database.run(
        `INSERT INTO delegates (name, tags, version, region, step_types, first_seen_ms, last_seen_ms)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?6)
         ON CONFLICT (name) DO UPDATE SET tags = excluded.tags, version = excluded.version, region = excluded.region,
           step_types = excluded.step_types, last_seen_ms = excluded.last_seen_ms`,
        name,
        JSON.stringify(tags),
        version,
        region,
        JSON.stringify(stepTypes),
        lastSeenMs,
      );
    },
    getDelegate(name) {
      const row = database.first('SELECT * FROM delegates WHERE name = ?', name);
      return row === undefined ? undefined : delegateOf(row);
    },
    listDelegates: () => database.all('SELECT * FROM delegates ORDER BY name').map(delegateOf),
    removeDelegate: (name) => database.run('DELETE FROM delegates WHERE name = ?', name) === 1,
    lockDelegate(name, because, atMs) {
      revokeAll(database, name, atMs);
      database.run(
        `INSERT INTO delegates (name, tags, version, region, step_types, first_seen_ms, last_seen_ms)
         VALUES (?1, '[]', '', '', '[]', ?2, ?2) ON CONFLICT (name) DO NOTHING`,
        name,
        atMs,
      );
      const locked = database.run(
        'UPDATE delegates SET locked_at_ms = ?, locked_because = ? WHERE name = ? AND locked_at_ms IS NULL',
        atMs,
        because,
        name,
      );
      return locked === 1;
    },
    unlockDelegate: (name) =>
      database.run(
        `UPDATE delegates SET locked_at_ms = NULL, locked_because = NULL
         WHERE name = ? AND locked_at_ms IS NOT NULL`,
        name,
      ) === 1,
  };
}

function tokenOperations(
  database: Database,
): Pick<OperationsOf<FleetStore>, 'createJoinToken' | 'listJoinTokens' | 'revokeJoinToken' | 'redeemJoinToken'> {
  return {
    createJoinToken(row) {
      database.run(
        `INSERT INTO join_tokens
           (id, secret_sha256, delegate_name, uses_left, created_at_ms, created_by, expires_at_ms, revoked_at_ms)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO NOTHING`,
        row.id,
        row.secretSha256,
        row.delegateName,
        row.usesLeft,
        row.createdAtMs,
        row.createdBy,
        row.expiresAtMs,
        row.revokedAtMs,
      );
    },
    listJoinTokens: () => database.all('SELECT * FROM join_tokens ORDER BY created_at_ms, id').map(tokenOf),
    revokeJoinToken: (id, atMs) =>
      database.run('UPDATE join_tokens SET revoked_at_ms = coalesce(revoked_at_ms, ?) WHERE id = ?', atMs, id) === 1,
    redeemJoinToken(id, secretSha256, delegateName, credential, atMs) {
      const row = database.first('SELECT * FROM join_tokens WHERE id = ? AND secret_sha256 = ?', id, secretSha256);
      if (row === undefined) return 'unknown';
      const issued = issuedAs(database, credential);
      if (issued !== undefined) return issued;
      if (isLocked(database, delegateName)) return 'locked';
      const refusal = refusalOf(tokenOf(row), delegateName, atMs);
      if (refusal !== undefined) return refusal;
      database.run('UPDATE join_tokens SET uses_left = uses_left - 1 WHERE id = ?', id);
      writeCredential(database, credential);
      return 'ok';
    },
  };
}

function refusalOf(
  token: JoinTokenRow,
  delegateName: string,
  atMs: number,
): 'revoked' | 'expired' | 'other-name' | 'used-up' | undefined {
  if (token.revokedAtMs !== null) return 'revoked';
  if (atMs >= token.expiresAtMs) return 'expired';
  if (token.delegateName !== null && token.delegateName !== delegateName) return 'other-name';
  return token.usesLeft === 0 ? 'used-up' : undefined;
}

/** This very credential was issued before: the request is repeated, and spends nothing. */
function issuedAs(database: Database, credential: CredentialRow): 'ok' | 'used-up' | undefined {
  const issued = findCredential(database, credential.id);
  if (issued === undefined) return undefined;
  if (issued.retired.some((each) => each.secretSha256 === credential.secretSha256)) return 'used-up';
  if (issued.secretSha256 !== credential.secretSha256) throw credentialIdReused(credential.id);
  return 'ok';
}

function isLocked(database: Database, delegateName: string): boolean {
  return (
    database.first('SELECT 1 FROM delegates WHERE name = ? AND locked_at_ms IS NOT NULL', delegateName) !== undefined
  );
}

function delegateOf(row: Row): DelegateRow {
  return {
    name: row.text('name'),
    tags: row.json('tags'),
    version: row.text('version'),
    region: row.text('region'),
    stepTypes: row.json('step_types'),
    firstSeenMs: row.number('first_seen_ms'),
    lastSeenMs: row.number('last_seen_ms'),
    lock: lockOf(row),
  };
}

function lockOf(row: Row): DelegateLock | null {
  const atMs = row.numberOrNull('locked_at_ms');
  return atMs === null ? null : { atMs, because: row.text('locked_because') };
}

function tokenOf(row: Row): JoinTokenRow {
  return {
    id: row.text('id'),
    secretSha256: row.text('secret_sha256'),
    delegateName: row.textOrNull('delegate_name'),
    usesLeft: row.numberOrNull('uses_left'),
    createdAtMs: row.number('created_at_ms'),
    createdBy: row.text('created_by'),
    expiresAtMs: row.number('expires_at_ms'),
    revokedAtMs: row.numberOrNull('revoked_at_ms'),
  };
}
