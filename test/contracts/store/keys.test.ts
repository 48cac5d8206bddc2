import assert from 'node:assert/strict';
import { test } from 'node:test';
import { apiKeyOf, freshName, T0 } from './fixtures.ts';
import { forEachStore } from './stores.ts';

forEachStore('keys and settings', (store) => {
  test('an API key is made once and found by its id', async () => {
    const key = apiKeyOf({ expiresAtMs: T0 + 1, role: 'admin' });
    assert.equal(await store().createApiKey(key), 'ok');
    assert.equal(await store().createApiKey({ ...key, role: 'viewer' }), 'exists');
    assert.deepEqual(await store().findApiKey(key.id), key);
    assert.equal(await store().findApiKey('none'), undefined);
  });

  test('keys are listed in the order of their making', async () => {
    const keys = [3, 1, 2].map((age) => apiKeyOf({ createdAtMs: T0 - age }));
    const [oldest, newest, middle] = keys;
    for (const key of keys) await store().createApiKey(key);
    assert.deepEqual(
      (await store().listApiKeys()).filter((row) => row.createdAtMs < T0),
      [oldest, middle, newest],
    );
  });

  test('the use and the end of a key are noted', async () => {
    const key = apiKeyOf();
    await store().createApiKey(key);
    await store().touchApiKey(key.id, T0 + 1);
    await store().touchApiKey(key.id, T0 + 2);
    assert.equal(await store().revokeApiKey(key.id, T0 + 3), true);
    assert.equal(await store().revokeApiKey(key.id, T0 + 4), true);
    assert.deepEqual(await store().findApiKey(key.id), { ...key, lastUsedAtMs: T0 + 2, revokedAtMs: T0 + 3 });
    assert.equal(await store().revokeApiKey('none', T0), false);
    await store().touchApiKey('none', T0);
    assert.equal(await store().findApiKey('none'), undefined);
  });

  test('a setting is written once', async () => {
    const key = freshName('setting');
    const value = '-----BEGIN CERTIFICATE-----\nü\u0000\n';
    assert.equal(await store().getSetting(key), undefined);
    assert.equal(await store().setSetting(key, value), 'ok');
    assert.equal(await store().setSetting(key, 'other'), 'exists');
    assert.equal(await store().getSetting(key), value);
  });
});
