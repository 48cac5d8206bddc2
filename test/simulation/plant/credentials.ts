import { createHash } from 'node:crypto';
import type { Store } from '@outrider/control-plane/app/ports.ts';
import { CREDENTIAL_TTL_MS } from '@outrider/shared/protocol/timings.ts';

/** Lets a delegate in from now on, as joining would, with a credential of this id. */
export async function enrol(store: Store, delegateName: string, id: string, atMs: number): Promise<void> {
  const secretSha256 = createHash('sha256').update(id).digest('hex');
  const expiresAtMs = atMs + CREDENTIAL_TTL_MS;
  const tokenId = `token-${id}`;
  await store.createJoinToken({
    id: tokenId,
    secretSha256,
    delegateName,
    usesLeft: 1,
    createdAtMs: atMs,
    createdBy: 'simulation',
    expiresAtMs,
    revokedAtMs: null,
  });
  const credential = { id, delegateName, issuedAtMs: atMs, secretSha256, generation: 1, retired: [], expiresAtMs };
  await store.redeemJoinToken(tokenId, secretSha256, delegateName, { ...credential, revokedAtMs: null }, atMs);
}
