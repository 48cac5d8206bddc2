import type { DelegateRow, FleetStore } from '../../app/ports.ts';
import { credentialIdReused } from '../limits.ts';
import type { OperationsOf } from '../operations.ts';
import { memoryCredentials, revokeAll } from './credentials.ts';
import type { MemoryState } from './state.ts';
import { compareText } from './values.ts';

export function memoryFleet(state: MemoryState): OperationsOf<FleetStore> {
  return { ...delegateOperations(state), ...tokenOperations(state), ...memoryCredentials(state) };
}

type DelegateOperation =
  | 'seeDelegate'
  | 'getDelegate'
  | 'listDelegates'
  | 'removeDelegate'
  | 'lockDelegate'
  | 'unlockDelegate';

function delegateOperations(state: MemoryState): Pick<OperationsOf<FleetStore>, DelegateOperation> {
  const { delegates } = state;
  return {
    seeDelegate(row) {
      const { firstSeenMs, lock } = delegates.get(row.name) ?? { firstSeenMs: row.lastSeenMs, lock: null };
      delegates.set(row.name, { ...row, firstSeenMs, lock });
    },
    getDelegate: (name) => delegates.get(name),
    listDelegates: () => [...delegates.values()].toSorted((left, right) => compareText(left.name, right.name)),
    removeDelegate: (name) => delegates.delete(name),
    lockDelegate(name, because, atMs) {
      revokeAll(state, name, atMs);
      const row = delegates.get(name) ?? neverSeen(name, atMs);
      if (row.lock !== null) return false;
      delegates.set(name, { ...row, lock: { atMs, because } });
      return true;
    },
    unlockDelegate(name) {
      const row = delegates.get(name);
      if (row === undefined || row.lock === null) return false;
      delegates.set(name, { ...row, lock: null });
      return true;
    },
  };
}

function neverSeen(name: string, atMs: number): DelegateRow {
  return { name, tags: [], version: '', region: '', stepTypes: [], firstSeenMs: atMs, lastSeenMs: atMs, lock: null };
}

type TokenOperation = 'createJoinToken' | 'listJoinTokens' | 'revokeJoinToken' | 'redeemJoinToken';

function tokenOperations({
  delegates,
  tokens,
  credentials,
}: MemoryState): Pick<OperationsOf<FleetStore>, TokenOperation> {
  return {
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
        if (issued.retired.some((each) => each.secretSha256 === credential.secretSha256)) return 'used-up';
        if (issued.secretSha256 !== credential.secretSha256) throw credentialIdReused(credential.id);
        return 'ok';
      }
      if (delegates.get(delegateName)?.lock) return 'locked';
      if (token.revokedAtMs !== null) return 'revoked';
      if (token.expiresAtMs <= atMs) return 'expired';
      if (token.delegateName !== null && token.delegateName !== delegateName) return 'other-name';
      if (token.usesLeft === 0) return 'used-up';
      tokens.set(id, { ...token, usesLeft: token.usesLeft === null ? null : token.usesLeft - 1 });
      credentials.set(credential.id, credential);
      return 'ok';
    },
  };
}
