import type { OperationName } from '@outrider/control-plane/store/operations.ts';
import { apiKeyOf, credentialOf, T0, tokenOf } from './fixtures.ts';
import { type Builder, type Picker, WORLD } from './picker.ts';

/** Moves of delegates, their tokens and credentials; of API keys and settings. */

export function fleetBuilders() {
  const delegateName = (pick: Picker) => pick.oneOf(WORLD.instances).delegate;
  return {
    seeDelegate: (pick) => {
      const row = {
        name: delegateName(pick),
        tags: [pick.oneOf(WORLD.ids)],
        version: '1.0.0',
        region: 'us-east-1',
        stepTypes: ['shell-script'],
        lastSeenMs: pick.time(),
      };
      return (store) => store.seeDelegate(row);
    },
    listDelegates: () => (store) => store.listDelegates(),
    removeDelegate: (pick) => {
      const name = delegateName(pick);
      return (store) => store.removeDelegate(name);
    },
    getDelegate: (pick) => {
      const name = delegateName(pick);
      return (store) => store.getDelegate(name);
    },
    lockDelegate: (pick) => {
      const [name, at] = [delegateName(pick), pick.time()];
      return (store) => store.lockDelegate(name, `copied at ${at}`, at);
    },
    unlockDelegate: (pick) => {
      const name = delegateName(pick);
      return (store) => store.unlockDelegate(name);
    },
    createJoinToken: (pick) => {
      const token = tokenOf({
        id: `token-${pick.below(4)}`,
        secretSha256: pick.oneOf(WORLD.secrets),
        delegateName: pick.rarely(3) ? delegateName(pick) : null,
        usesLeft: pick.rarely(3) ? null : pick.below(3),
        createdAtMs: pick.time(),
        expiresAtMs: T0 + 6_500,
      });
      return (store) => store.createJoinToken(token);
    },
    listJoinTokens: () => (store) => store.listJoinTokens(),
    revokeJoinToken: (pick) => {
      const [id, at] = [`token-${pick.below(8)}`, pick.time()];
      return (store) => store.revokeJoinToken(id, at);
    },
    redeemJoinToken: (pick) => {
      const [id, secret, name] = [`token-${pick.below(4)}`, pick.oneOf(WORLD.secrets), delegateName(pick)];
      const credential = credentialOf({
        id: `credential-${pick.below(6)}`,
        secretSha256: pick.oneOf(WORLD.secrets),
        delegateName: name,
      });
      const at = pick.time();
      return (store) => store.redeemJoinToken(id, secret, name, credential, at);
    },
    findCredential: (pick) => {
      const id = `credential-${pick.below(6)}`;
      return (store) => store.findCredential(id);
    },
    findCredentials: (pick) => {
      const ids = [`credential-${pick.below(12)}`, `credential-${pick.below(12)}`];
      return (store) => store.findCredentials(ids);
    },
    renewCredential: (pick) => {
      const [id, secret, next] = [`credential-${pick.below(7)}`, pick.oneOf(WORLD.secrets), pick.oneOf(WORLD.secrets)];
      const at = pick.rarely(8) ? T0 + 90_000_000 : pick.time();
      const expiresAtMs = T0 + 86_400_000;
      return (store) => store.renewCredential(id, secret, { secretSha256: next, expiresAtMs }, at);
    },
    revokeCredentials: (pick) => {
      const [name, at] = [delegateName(pick), pick.time()];
      return (store) => store.revokeCredentials(name, at);
    },
  } satisfies Partial<Record<OperationName, Builder>>;
}

export function keyBuilders() {
  const idOf = (pick: Picker) => `key-${pick.below(6)}`;
  return {
    createApiKey: (pick) => {
      const key = apiKeyOf({
        id: idOf(pick),
        role: pick.oneOf(['viewer', 'operator', 'admin'] as const),
        createdAtMs: pick.time(),
        expiresAtMs: pick.rarely(2) ? pick.time() : null,
      });
      return (store) => store.createApiKey(key);
    },
    findApiKey: (pick) => {
      const id = idOf(pick);
      return (store) => store.findApiKey(id);
    },
    listApiKeys: () => (store) => store.listApiKeys(),
    revokeApiKey: (pick) => {
      const [id, at] = [idOf(pick), pick.time()];
      return (store) => store.revokeApiKey(id, at);
    },
    touchApiKey: (pick) => {
      const [id, at] = [idOf(pick), pick.time()];
      return (store) => store.touchApiKey(id, at);
    },
    getSetting: (pick) => {
      const key = pick.oneOf(WORLD.ids);
      return (store) => store.getSetting(key);
    },
    setSetting: (pick) => {
      const [key, value] = [pick.oneOf(WORLD.ids), pick.oneOf(WORLD.secrets)];
      return (store) => store.setSetting(key, value);
    },
  } satisfies Partial<Record<OperationName, Builder>>;
}
