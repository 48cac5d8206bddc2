import type { FleetStore } from '../../app/ports.ts';
import { credentialIdReused } from '../limits.ts';
import type { OperationsOf } from '../operations.ts';
import type { MemoryState } from './state.ts';
import { compareText } from './values.ts';

export function memoryFleet({ delegates, tokens, credentials }: MemoryState): OperationsOf<FleetStore> {
  return {
    seeDelegate(row) {
      delegates.set(row.name, { ...row, firstSeenMs: delegates.get(row.name)?.firstSeenMs ?? row.lastSeenMs });
    },
    listDelegates: () => [...delegates.values()].toSorted((left, right) => compareText(left.name, right.name)),
    removeDelegate: (name) => delegates.delete(name),

    createJoinToken(row) {
      if (!tokens.has(row.id)) tokens.set(row.id, row);
    },
    listJoinTokens: () =>
      [...tokens.values()].toSorted(
        (left, right) => left.createdAtMs - right.createdAtMs || compareText(left.id, right.id),
      ),
    revokeJoinToken(id, atMs) {
      const token = tokens.get(id);
      if (token === undefined) return false;
      tokens.set(id, { ...token, revokedAtMs: token.revokedAtMs ?? atMs });
      return true;
    },
    redeemJoinToken(id, secretSha256, delegateName, credential, atMs) {
      const token = tokens.get(id);
      if (token === undefined || token.secretSha256 !== secretSha256) return 'unknown';
      const issued = credentials.get(credential.id);
      if (issued !== undefined) {
        if (issued.secretSha256 !== credential.secretSha256) throw credentialIdReused(credential.id);
        return 'ok';
      }
      if (token.revokedAtMs !== null) return 'revoked';
      if (token.expiresAtMs <= atMs) return 'expired';
      if (token.delegateName !== null && token.delegateName !== delegateName) return 'other-name';
      if (token.usesLeft === 0) return 'used-up';
      tokens.set(id, { ...token, usesLeft: token.usesLeft === null ? null : token.usesLeft - 1 });
      credentials.set(credential.id, credential);
      return 'ok';
    },
    findCredential: (id) => credentials.get(id),
    revokeCredentials(delegateName, atMs) {
      const valid = [...credentials.values()].filter(
        (credential) => credential.delegateName === delegateName && credential.revokedAtMs === null,
      );
      for (const credential of valid) credentials.set(credential.id, { ...credential, revokedAtMs: atMs });
      return valid.length;
    },
  };
}
