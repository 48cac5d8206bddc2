import type { ApiKeyRow, KeyStore, Role } from '../../app/ports.ts';
import type { OperationsOf } from '../operations.ts';
import type { Database, Row } from './database.ts';
import { damaged } from './failures.ts';

export function sqliteKeys(database: Database): OperationsOf<KeyStore> {
  return {
    createApiKey(row) {
      const added = database.run(
        `INSERT INTO api_keys (id, name, secret_sha256, role, created_at_ms, created_by, expires_at_ms, revoked_at_ms,
           last_used_at_ms)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO NOTHING`,
        row.id,
        row.name,
        row.secretSha256,
        row.role,
        row.createdAtMs,
        row.createdBy,
        row.expiresAtMs,
        row.revokedAtMs,
        row.lastUsedAtMs,
      );
      return added === 1 ? 'ok' : 'exists';
    },
    findApiKey(id) {
      const row = database.first('SELECT * FROM api_keys WHERE id = ?', id);
      return row === undefined ? undefined : keyOf(database, row);
    },
    listApiKeys: () =>
      database.all('SELECT * FROM api_keys ORDER BY created_at_ms, id').map((row) => keyOf(database, row)),
    revokeApiKey: (id, atMs) =>
      database.run('UPDATE api_keys SET revoked_at_ms = coalesce(revoked_at_ms, ?) WHERE id = ?', atMs, id) === 1,
    touchApiKey(id, atMs) {
      database.run('UPDATE api_keys SET last_used_at_ms = ? WHERE id = ?', atMs, id);
    },
    getSetting: (key) => database.first('SELECT value FROM settings WHERE key = ?', key)?.text('value'),
    setSetting: (key, value) =>
      database.run('INSERT INTO settings (key, value) VALUES (?, ?) ON CONFLICT (key) DO NOTHING', key, value) === 1
        ? 'ok'
        : 'exists',
  };
}

function keyOf(database: Database, row: Row): ApiKeyRow {
  return {
    id: row.text('id'),
    name: row.text('name'),
    secretSha256: row.text('secret_sha256'),
    role: roleOf(database, row.text('role')),
    createdAtMs: row.number('created_at_ms'),
    createdBy: row.text('created_by'),
    expiresAtMs: row.numberOrNull('expires_at_ms'),
    revokedAtMs: row.numberOrNull('revoked_at_ms'),
    lastUsedAtMs: row.numberOrNull('last_used_at_ms'),
  };
}

function roleOf(database: Database, text: string): Role {
  if (text === 'viewer' || text === 'operator' || text === 'admin') return text;
  throw damaged(database.path, `an API key has the role ${text}`);
}
