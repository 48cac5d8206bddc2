import type { FleetStore } from '../../app/ports.ts';
import { renewed } from '../../domain/fleet/credential.ts';
import type { OperationsOf } from '../operations.ts';
import type { MemoryState } from './state.ts';

type CredentialOperation = 'findCredential' | 'findCredentials' | 'renewCredential' | 'revokeCredentials';

export function memoryCredentials(state: MemoryState): Pick<OperationsOf<FleetStore>, CredentialOperation> {
  const { credentials } = state;
  return {
    findCredential: (id) => credentials.get(id),
    findCredentials: (ids) => [...new Set(ids)].flatMap((id) => credentials.get(id) ?? []),
    renewCredential(id, secretSha256, next, atMs) {
      const row = credentials.get(id);
      if (row === undefined) return { kind: 'unknown' };
      const renewal = renewed(row, secretSha256, next, atMs);
      switch (renewal.kind) {
        case 'renewed':
          credentials.set(id, renewal.row);
          return { kind: 'renewed', credential: renewal.row };
        case 'repeated':
          return { kind: 'repeated', credential: row };
        case 'retired':
          return { ...renewal, credential: row };
        default:
          return renewal;
      }
    },
    revokeCredentials: (delegateName, atMs) => revokeAll(state, delegateName, atMs),
  };
}

/** Answers how many were valid until now. */
export function revokeAll({ credentials }: MemoryState, delegateName: string, atMs: number): number {
  const valid = [...credentials.values()].filter(
    (credential) => credential.delegateName === delegateName && credential.revokedAtMs === null,
  );
  for (const credential of valid) credentials.set(credential.id, { ...credential, revokedAtMs: atMs });
  return valid.length;
}
