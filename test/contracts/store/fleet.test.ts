import assert from 'node:assert/strict';
import { test } from 'node:test';
import { credentialOf, freshName, T0, tokenOf } from './fixtures.ts';
import { forEachStore } from './stores.ts';

const HOUR_MS = 3_600_000;

forEachStore('fleet', (store) => {
  test('a delegate is one row by its name, first and last sight included', async () => {
    const name = freshName('vpc');
    const sight = { name, tags: ['vpc-stage'], version: '1.0.0', region: 'us-east-1', stepTypes: ['shell-script'] };
    await store().seeDelegate({ ...sight, lastSeenMs: T0 });
    await store().seeDelegate({ ...sight, tags: ['vpc-prod', 'x'], version: '1.1.0', lastSeenMs: T0 + 5 });
    const rows = (await store().listDelegates()).filter((row) => row.name === name);
    assert.deepEqual(rows, [
      { ...sight, tags: ['vpc-prod', 'x'], version: '1.1.0', firstSeenMs: T0, lastSeenMs: T0 + 5, lock: null },
    ]);
    assert.equal(await store().removeDelegate(name), true);
    assert.equal(await store().removeDelegate(name), false);
    assert.ok((await store().listDelegates()).every((row) => row.name !== name));
  });

  test('what a caller does afterwards to what it gave or got does not reach the store', async () => {
    const name = freshName('vpc');
    const tags = ['vpc-stage'];
    const sight = { name, tags, version: '1.0.0', region: 'us-east-1', stepTypes: [], lastSeenMs: T0 };
    const seen = store().seeDelegate(sight);
    tags.push('vpc-prod');
    await seen;
    const tagsOf = async () => (await store().listDelegates()).find((row) => row.name === name)?.tags;
    assert.deepEqual(await tagsOf(), ['vpc-stage']);
    assert.notEqual(await tagsOf(), await tagsOf());
  });

  test('delegates are listed by name', async () => {
    const names = ['b', 'B', 'a-2', 'a'].map((name) => `sorted-${name}`);
    for (const name of names) {
      await store().seeDelegate({ name, tags: [], version: '1', region: 'r', stepTypes: [], lastSeenMs: T0 });
    }
    const listed = (await store().listDelegates()).map((row) => row.name).filter((name) => name.startsWith('sorted-'));
    assert.deepEqual(listed, ['sorted-B', 'sorted-a', 'sorted-a-2', 'sorted-b']);
  });

  const redemptions = [
    { says: 'its secret', token: {}, wanted: 'ok' },
    { says: 'a wrong secret', token: {}, secret: 'f'.repeat(64), wanted: 'unknown' },
    { says: 'a wrong secret after its end', token: { expiresAtMs: T0 }, secret: 'f'.repeat(64), wanted: 'unknown' },
    { says: 'the name it is bound to', token: { delegateName: 'vpc-1' }, wanted: 'ok' },
    { says: 'another name than it is bound to', token: { delegateName: 'vpc-2' }, wanted: 'other-name' },
    { says: 'its secret in its last moment', token: { expiresAtMs: T0 + 1 }, wanted: 'ok' },
    { says: 'its secret when it has expired', token: { expiresAtMs: T0 }, wanted: 'expired' },
    { says: 'its secret when it was revoked', token: { revokedAtMs: T0 - 1 }, wanted: 'revoked' },
    { says: 'its secret when no use is left', token: { usesLeft: 0 }, wanted: 'used-up' },
    { says: 'its secret when its uses are not counted', token: { usesLeft: null }, wanted: 'ok' },
  ] as const;
  for (const redemption of redemptions) {
    test(`a join token with ${redemption.says}: ${redemption.wanted}`, async () => {
      const token = tokenOf(redemption.token);
      const credential = credentialOf();
      await store().createJoinToken(token);
      const secret = 'secret' in redemption ? redemption.secret : token.secretSha256;
      const answer = await store().redeemJoinToken(token.id, secret, 'vpc-1', credential, T0);
      assert.equal(answer, redemption.wanted);
      const joined = redemption.wanted === 'ok';
      assert.deepEqual(await store().findCredential(credential.id), joined ? credential : undefined);
      const [left] = (await store().listJoinTokens()).filter((row) => row.id === token.id);
      assert.equal(left?.usesLeft, token.usesLeft === null || !joined ? token.usesLeft : token.usesLeft - 1);
    });
  }

  test('a join token that does not exist is unknown', async () => {
    assert.equal(await store().redeemJoinToken('none', 'x', 'vpc-1', credentialOf(), T0), 'unknown');
  });

  test('a one-time token lets in one of two that come at once', async () => {
    const token = tokenOf();
    await store().createJoinToken(token);
    const redeem = () => store().redeemJoinToken(token.id, token.secretSha256, 'vpc-1', credentialOf(), T0);
    assert.deepEqual(await Promise.all([redeem(), redeem()]), ['ok', 'used-up']);
  });

  test('the same join request again, because its answer was lost, spends nothing', async () => {
    const token = tokenOf({ usesLeft: 2 });
    const credential = credentialOf();
    await store().createJoinToken(token);
    const redeem = () => store().redeemJoinToken(token.id, token.secretSha256, 'vpc-1', credential, T0);
    assert.deepEqual([await redeem(), await redeem()], ['ok', 'ok']);
    assert.equal((await store().listJoinTokens()).find((row) => row.id === token.id)?.usesLeft, 1);
    const other = { ...credential, secretSha256: 'e'.repeat(64) };
    await assert.rejects(store().redeemJoinToken(token.id, token.secretSha256, 'vpc-1', other, T0), {
      code: 'internal',
    });
  });

  test('a token is made once, and tokens are listed in the order of their making', async () => {
    const [second, first] = [tokenOf({ createdAtMs: T0 - HOUR_MS }), tokenOf({ createdAtMs: T0 - 2 * HOUR_MS })];
    for (const token of [second, first, { ...first, usesLeft: 99 }]) await store().createJoinToken(token);
    const listed = (await store().listJoinTokens()).filter((row) => row.createdAtMs < T0);
    assert.deepEqual(listed, [first, second]);
  });

  test('a revoked token stays revoked since the first time', async () => {
    const token = tokenOf();
    await store().createJoinToken(token);
    assert.equal(await store().revokeJoinToken(token.id, T0 + 1), true);
    assert.equal(await store().revokeJoinToken(token.id, T0 + 2), true);
    assert.equal(await store().revokeJoinToken('none', T0), false);
    assert.equal((await store().listJoinTokens()).find((row) => row.id === token.id)?.revokedAtMs, T0 + 1);
  });

  test('revoking a delegate revokes each of its credentials that is still valid, and no other', async () => {
    const token = tokenOf({ usesLeft: null });
    await store().createJoinToken(token);
    const [mine, others] = [freshName('vpc'), freshName('vpc')];
    const credentials = [mine, mine, others].map((delegateName) => credentialOf({ delegateName }));
    for (const credential of credentials) {
      await store().redeemJoinToken(token.id, token.secretSha256, credential.delegateName, credential, T0);
    }
    assert.equal(await store().revokeCredentials(mine, T0 + 1), 2);
    assert.equal(await store().revokeCredentials(mine, T0 + 2), 0);
    const revoked = await Promise.all(credentials.map(({ id }) => store().findCredential(id)));
    assert.deepEqual(
      revoked.map((row) => row?.revokedAtMs),
      [T0 + 1, T0 + 1, null],
    );
    assert.equal(await store().findCredential('none'), undefined);
  });
});
