import assert from 'node:assert/strict';
import { beforeEach, describe, test } from 'node:test';
import { ROLES } from '@outrider/shared/api/schemas.ts';
import type { Store } from '../../../control-plane/src/app/ports.ts';
import { type ApiKeys, createApiKeys } from '../../../control-plane/src/auth/api-keys.ts';
import { allows, roleNeeded } from '../../../control-plane/src/auth/roles.ts';
import { createMemoryStore } from '../../../control-plane/src/store/memory.ts';

describe('API keys', () => {
  let store: Store;
  let keys: ApiKeys;
  let nowMs: number;
  let drawn: number;

  beforeEach(() => {
    store = createMemoryStore();
    nowMs = Date.UTC(2026, 0, 1);
    drawn = 0;
    const randomness = { bytes: (count: number) => new Uint8Array(count).fill((drawn += 1)) };
    keys = createApiKeys({ store, clock: { now: () => nowMs }, randomness });
  });

  const create = (expiresAtMs: number | null = null) =>
    keys.create({ name: 'ci', role: 'operator', expiresAtMs }, 'ana');

  test('a key opens as its name and role', async () => {
    const { info, key } = await create();
    assert.deepEqual(await keys.authenticate(key), { name: 'ci', role: 'operator', keyId: info.id });
    assert.equal(info.createdBy, 'ana');
  });

  test('another secret, another id and another form open nothing', async () => {
    const { info, key } = await create();
    const wrong = [
      `${key.slice(0, -1)}x`,
      key.toUpperCase(),
      `ok_${info.id}_`,
      `ok_zzz_${key.split('_')[2]}`,
      '',
      'ok_',
      key.slice(3),
    ];
    for (const presented of wrong) assert.equal(await keys.authenticate(presented), undefined, presented);
  });

  test('a key opens until the moment it expires', async () => {
    const { key } = await create(nowMs + 1_000);
    nowMs += 999;
    assert.notEqual(await keys.authenticate(key), undefined);
    nowMs += 1;
    assert.equal(await keys.authenticate(key), undefined);
  });

  test('a key that would have expired already is not made', async () => {
    await assert.rejects(create(nowMs), { code: 'request-invalid' });
  });

  test('a revoked key opens nothing; revoking twice and revoking nothing are told apart', async () => {
    const { info, key } = await create();
    assert.equal(await keys.revoke(info.id), true);
    assert.equal(await keys.authenticate(key), undefined);
    assert.equal(await keys.revoke('nothing'), false);
  });

  test('the store never sees the key, only its SHA-256', async () => {
    const { key } = await create();
    const [row] = await store.listApiKeys();
    assert.ok(row !== undefined);
    assert.ok(!JSON.stringify(row).includes(key.split('_')[2] ?? key));
    assert.ok(!JSON.stringify(await keys.list()).includes(row.secretSha256));
  });

  test('use is noted, but at most once a minute', async () => {
    const { key } = await create();
    const lastUsed = async () => (await keys.list())[0]?.lastUsedAtMs;
    await keys.authenticate(key);
    const first = nowMs;
    assert.equal(await lastUsed(), first);
    nowMs += 59_999;
    await keys.authenticate(key);
    assert.equal(await lastUsed(), first);
    nowMs += 1;
    await keys.authenticate(key);
    assert.equal(await lastUsed(), nowMs);
  });

  for (const key of ['ok_first_0123456789abcdef', 'any other text of some length']) {
    test(`the bootstrap key ${JSON.stringify(key)} becomes the first admin, and only the first`, async () => {
      assert.equal(await keys.bootstrap(key), 'stored');
      assert.equal((await keys.authenticate(key))?.role, 'admin');
      assert.equal(await keys.bootstrap('ok_second_0123456789abcdef'), 'not-needed');
      assert.equal(await keys.authenticate('ok_second_0123456789abcdef'), undefined);
    });
  }

  test('a bootstrap key that was revoked does not come back', async () => {
    await keys.bootstrap('ok_first_0123456789abcdef');
    await keys.revoke('first');
    assert.equal(await keys.bootstrap('ok_first_0123456789abcdef'), 'not-needed');
    assert.equal(await keys.authenticate('ok_first_0123456789abcdef'), undefined);
  });
});

describe('roles', () => {
  test('each role may do what the one before it may, and one thing more', () => {
    const permissions = ['read', 'operate', 'administer'] as const;
    assert.deepEqual(
      ROLES.map((role) => permissions.filter((permission) => allows(role, permission)).length),
      [1, 2, 3],
    );
    assert.deepEqual(permissions.map(roleNeeded), ['viewer', 'operator', 'admin']);
  });
});
