import type { KeyStore } from '../../app/ports.ts';
import type { OperationsOf } from '../operations.ts';
import type { MemoryState } from './state.ts';
import { compareText } from './values.ts';

export function memoryKeys({ apiKeys: keys, settings }: MemoryState): OperationsOf<KeyStore> {
  return {
    createApiKey(row) {
      if (keys.has(row.id)) return 'exists';
      keys.set(row.id, row);
      return 'ok';
    },
    findApiKey: (id) => keys.get(id),
    listApiKeys: () =>
      [...keys.values()].toSorted(
        (left, right) => left.createdAtMs - right.createdAtMs || compareText(left.id, right.id),
      ),
    revokeApiKey(id, atMs) {
      const key = keys.get(id);
      if (key === undefined) return false;
      keys.set(id, { ...key, revokedAtMs: key.revokedAtMs ?? atMs });
      return true;
    },
    touchApiKey(id, atMs) {
      const key = keys.get(id);
      if (key !== undefined) keys.set(id, { ...key, lastUsedAtMs: atMs });
    },
    getSetting: (key) => settings.get(key),
    setSetting(key, value) {
      if (settings.has(key)) return 'exists';
      settings.set(key, value);
      return 'ok';
    },
  };
}
