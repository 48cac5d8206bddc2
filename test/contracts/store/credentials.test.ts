import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { CredentialRow, Store } from '@outrider/control-plane/app/ports.ts';
import { presented, renewed } from '@outrider/control-plane/domain/fleet/credential.ts';
import { CREDENTIAL_GENERATIONS_KEPT } from '@outrider/shared/protocol/timings.ts';
import { credentialOf, freshName, T0, tokenOf } from './fixtures.ts';
import { forEachStore } from './stores.ts';

const DAY_MS = 86_400_000;
const secret = (generation: number) => generation.toString(16).padStart(64, '0');
const next = (generation: number) => ({
  secretSha256: secret(generation),
  expiresAtMs: T0 + (generation + 1) * DAY_MS,
});

async function joined(store: Store, changes: Partial<CredentialRow> = {}): Promise<CredentialRow> {
  const token = tokenOf();
  const credential = credentialOf({ secretSha256: secret(1), delegateName: freshName('vpc'), ...changes });
  await store.createJoinToken(token);
  const answer = await store.redeemJoinToken(token.id, token.secretSha256, credential.delegateName, credential, T0);
  assert.equal(answer, 'ok');
  return credential;
}

forEachStore('credentials', (store) => {
  test('a renewed credential is the next generation under the same id, with a new secret and a new end', async () => {
    const { id } = await joined(store());
    const outcome = await store().renewCredential(id, secret(1), next(2), T0 + 5);
    assert.ok(outcome.kind === 'renewed');
    assert.deepEqual(await store().findCredential(id), outcome.credential);
    const { secretSha256, generation, retired, expiresAtMs, issuedAtMs } = outcome.credential;
    assert.deepEqual([secretSha256, generation, expiresAtMs, issuedAtMs], [secret(2), 2, T0 + 3 * DAY_MS, T0]);
    assert.deepEqual(retired, [{ generation: 1, secretSha256: secret(1), atMs: T0 + 5 }]);
  });

  test('the same renewal again, because its answer was lost, gets the same answer and changes nothing', async () => {
    const { id } = await joined(store());
    const first = await store().renewCredential(id, secret(1), next(2), T0 + 5);
    const again = await store().renewCredential(id, secret(1), { ...next(2), expiresAtMs: T0 + 9 * DAY_MS }, T0 + 50);
    assert.ok(first.kind === 'renewed' && again.kind === 'repeated');
    assert.deepEqual(again.credential, first.credential);
  });

  test('a generation that was renewed before and comes back for another renewal is told apart from all else', async () => {
    const { id } = await joined(store());
    for (const generation of [1, 2]) {
      await store().renewCredential(id, secret(generation), next(generation + 1), T0 + generation);
    }
    const known = await store().findCredential(id);
    for (const generation of [1, 2]) {
      const outcome = await store().renewCredential(id, secret(generation), next(7), T0 + 10);
      assert.ok(outcome.kind === 'retired');
      assert.equal(outcome.generation.generation, generation);
      assert.equal(outcome.generation.atMs, T0 + generation);
    }
    // The renewal that ended the first generation is not the last one any more.
    assert.equal((await store().renewCredential(id, secret(1), next(2), T0 + 10)).kind, 'retired');
    assert.deepEqual(await store().findCredential(id), known);
  });

  const refusals = [
    { says: 'with a secret that it never had', change: {}, shown: 9, wanted: 'unknown' },
    { says: 'that was revoked', change: { revokedAtMs: T0 }, shown: 1, wanted: 'revoked' },
    { says: 'that has expired', change: { expiresAtMs: T0 + 5 }, shown: 1, wanted: 'expired' },
  ] as const;
  for (const { says, change, shown, wanted } of refusals) {
    test(`a credential ${says} is not renewed: ${wanted}`, async () => {
      const credential = await joined(store(), change);
      assert.equal((await store().renewCredential(credential.id, secret(shown), next(2), T0 + 5)).kind, wanted);
      assert.deepEqual(await store().findCredential(credential.id), credential);
    });
  }

  test('a credential that does not exist is not renewed, and a secret is not used twice', async () => {
    assert.equal((await store().renewCredential('none', secret(1), next(2), T0)).kind, 'unknown');
    const { id } = await joined(store());
    assert.equal((await store().renewCredential(id, secret(1), next(1), T0)).kind, 'reused');
    await store().renewCredential(id, secret(1), next(2), T0);
    assert.equal((await store().renewCredential(id, secret(2), next(1), T0)).kind, 'reused');
  });

  test('of two that renew one generation at once, one renews it', async () => {
    const { id } = await joined(store());
    const outcomes = await Promise.all([3, 4].map((each) => store().renewCredential(id, secret(1), next(each), T0)));
    assert.deepEqual(
      outcomes.map((outcome) => outcome.kind),
      ['renewed', 'retired'],
    );
  });

  test('only so many ended generations are remembered', async () => {
    const { id } = await joined(store());
    for (let generation = 1; generation <= CREDENTIAL_GENERATIONS_KEPT + 3; generation++) {
      const outcome = await store().renewCredential(id, secret(generation), next(generation + 1), T0 + generation);
      assert.equal(outcome.kind, 'renewed');
    }
    const row = await store().findCredential(id);
    assert.equal(row?.retired.length, CREDENTIAL_GENERATIONS_KEPT);
    assert.equal(row?.retired[0]?.generation, CREDENTIAL_GENERATIONS_KEPT + 3);
    assert.equal((await store().renewCredential(id, secret(2), next(99), T0)).kind, 'unknown');
  });

  test('a join request that is repeated after its credential was renewed spends no second use, and lets nobody in', async () => {
    const token = tokenOf({ usesLeft: 2 });
    const credential = credentialOf({ secretSha256: secret(1) });
    await store().createJoinToken(token);
    const redeem = () => store().redeemJoinToken(token.id, token.secretSha256, 'vpc-1', credential, T0);
    await redeem();
    await store().renewCredential(credential.id, secret(1), next(2), T0);
    assert.equal(await redeem(), 'used-up');
    assert.equal((await store().listJoinTokens()).find(({ id }) => id === token.id)?.usesLeft, 1);
  });

  test('a locked delegate has no valid credential, gets none, and is as it was when an operator unlocks it', async () => {
    const name = freshName('vpc');
    const sight = { name, tags: ['a'], version: '1', region: 'r', stepTypes: [] };
    await store().seeDelegate({ ...sight, lastSeenMs: T0 });
    const { id } = await joined(store(), { delegateName: name });
    assert.equal(await store().lockDelegate(name, 'its key was copied', T0 + 1), true);
    assert.equal(await store().lockDelegate(name, 'something else', T0 + 2), false);
    assert.equal((await store().findCredential(id))?.revokedAtMs, T0 + 1);
    assert.deepEqual((await store().getDelegate(name))?.lock, { atMs: T0 + 1, because: 'its key was copied' });
    await store().seeDelegate({ ...sight, lastSeenMs: T0 + 9 });
    assert.equal((await store().getDelegate(name))?.lock?.atMs, T0 + 1);

    const token = tokenOf({ usesLeft: null, delegateName: name });
    await store().createJoinToken(token);
    const fresh = credentialOf({ delegateName: name });
    const redeem = () => store().redeemJoinToken(token.id, token.secretSha256, name, fresh, T0);
    assert.equal(await redeem(), 'locked');
    assert.equal(await store().unlockDelegate(name), true);
    assert.equal(await store().unlockDelegate(name), false);
    assert.equal(await redeem(), 'ok');
    assert.equal((await store().findCredential(id))?.revokedAtMs, T0 + 1);
    assert.deepEqual(await store().getDelegate(name), { ...sight, firstSeenMs: T0, lastSeenMs: T0 + 9, lock: null });
  });

  test('a name that was never seen can be locked, and a removed one is not locked any more', async () => {
    const name = freshName('vpc');
    assert.equal(await store().unlockDelegate(name), false);
    assert.equal(await store().getDelegate(name), undefined);
    assert.equal(await store().lockDelegate(name, 'because', T0), true);
    assert.ok((await store().listDelegates()).some((row) => row.name === name && row.lock !== null));
    assert.equal(await store().removeDelegate(name), true);
    assert.equal(await store().lockDelegate(name, 'because', T0), true);
  });

  test('several credentials are found at once, each once', async () => {
    const [one, two] = [await joined(store()), await joined(store())];
    const found = await store().findCredentials([two.id, 'none', one.id, two.id]);
    const ids = found.map((row) => row.id).toSorted();
    assert.deepEqual(ids, [one.id, two.id].toSorted());
    assert.deepEqual(await store().findCredentials([]), []);
  });
});

describe('the generations of a credential', () => {
  const row = { ...credentialOf({ secretSha256: secret(1) }), retired: [], generation: 1 };

  test('what has ended says so before anything else, so that a delegate that tries all it has locks nobody out', () => {
    const second = renewed(row, secret(1), next(2), T0);
    assert.ok(second.kind === 'renewed');
    for (const [change, wanted] of [
      [{ revokedAtMs: T0 }, 'revoked'],
      [{ expiresAtMs: T0 }, 'expired'],
      [{}, 'retired'],
    ] as const) {
      assert.equal(presented({ ...second.row, ...change }, secret(1), T0).kind, wanted);
      assert.equal(presented({ ...second.row, ...change }, secret(9), T0).kind, 'unknown');
    }
    assert.equal(presented(second.row, secret(2), T0).kind, 'current');
  });
});
