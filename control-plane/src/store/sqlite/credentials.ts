import type { CredentialRow, FleetStore } from '../../app/ports.ts';
import { type RetiredGeneration, renewed } from '../../domain/fleet/credential.ts';
import type { OperationsOf } from '../operations.ts';
import type { Database, Row } from './database.ts';

type CredentialOperation = 'findCredential' | 'findCredentials' | 'renewCredential' | 'revokeCredentials';

export function sqliteCredentials(database: Database): Pick<OperationsOf<FleetStore>, CredentialOperation> {
  return {
    findCredential: (id) => findCredential(database, id),
    findCredentials: (ids) => [...new Set(ids)].flatMap((id) => findCredential(database, id) ?? []),
    renewCredential(id, secretSha256, next, atMs) {
      const row = findCredential(database, id);
      if (row === undefined) return { kind: 'unknown' };
      const renewal = renewed(row, secretSha256, next, atMs);
      switch (renewal.kind) {
        case 'renewed':
          database.run(
            'UPDATE credentials SET secret_sha256 = ?, generation = ?, retired = ?, expires_at_ms = ? WHERE id = ?',
            renewal.row.secretSha256,
            renewal.row.generation,
            JSON.stringify(renewal.row.retired),
            renewal.row.expiresAtMs,
            id,
          );
          return { kind: 'renewed', credential: renewal.row };
        case 'repeated':
          return { kind: 'repeated', credential: row };
        case 'retired':
          return { ...renewal, credential: row };
        default:
          return renewal;
      }
    },
    revokeCredentials: (delegateName, atMs) => revokeAll(database, delegateName, atMs),
  };
}

/** Answers how many were valid until now. */
export function revokeAll(database: Database, delegateName: string, atMs: number): number {
  return database.run(
    'UPDATE credentials SET revoked_at_ms = ? WHERE delegate_name = ? AND revoked_at_ms IS NULL',
    atMs,
    delegateName,
  );
}

export function findCredential(database: Database, id: string): CredentialRow | undefined {
  const row = database.first('SELECT * FROM credentials WHERE id = ?', id);
  return row === undefined ? undefined : credentialOf(row);
}

export function writeCredential(database: Database, row: CredentialRow): void {
  database.run(
    `INSERT INTO credentials
       (id, secret_sha256, delegate_name, issued_at_ms, expires_at_ms, revoked_at_ms, generation, retired)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
    row.id,
    row.secretSha256,
    row.delegateName,
    row.issuedAtMs,
    row.expiresAtMs,
    row.revokedAtMs,
    row.generation,
    JSON.stringify(row.retired),
  );
}

function credentialOf(row: Row): CredentialRow {
  return {
    id: row.text('id'),
    secretSha256: row.text('secret_sha256'),
    delegateName: row.text('delegate_name'),
    issuedAtMs: row.number('issued_at_ms'),
    expiresAtMs: row.number('expires_at_ms'),
    revokedAtMs: row.numberOrNull('revoked_at_ms'),
    generation: row.number('generation'),
    retired: row.json<readonly RetiredGeneration[]>('retired'),
  };
}
