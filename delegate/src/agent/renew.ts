import { createHash } from 'node:crypto';
import { Metadata, status } from '@grpc/grpc-js';
import { encodeRenewRequest } from '@outrider/shared/protocol/codec.ts';
import { parseCredential } from '@outrider/shared/protocol/join-token.ts';
import type { RenewResponse } from '@outrider/shared/protocol/messages.ts';
import { AUTHORIZATION_METADATA, DELEGATE_SERVICE } from '@outrider/shared/protocol/service.ts';
import { openChannel } from './channel.ts';
import type { Address } from './config.ts';
import { callOnce } from './unary.ts';

export interface RenewRequest {
  readonly address: Address;
  readonly caCertificatePem: string;
  readonly bearer: string;
  readonly nextBearer: string;
  readonly instanceId: string;
}

export type RenewAnswer =
  | ({ readonly kind: 'ok' } & RenewResponse)
  /** Whether it was done is not known: the same is asked again. */
  | { readonly kind: 'unreachable'; readonly why: string }
  /** `unknown-method`: the control plane is of a version without renewals. */
  | { readonly kind: 'refused' | 'unknown-method'; readonly why: string };

/** Asks for the next generation of a credential, over a connection of its own. Never throws. */
export async function askToRenew(request: RenewRequest): Promise<RenewAnswer> {
  const { address, caCertificatePem, bearer, nextBearer, instanceId } = request;
  const nextSecretSha256 = sha256(parseCredential(nextBearer)?.secret ?? '');
  const encoded = encodeRenewRequest({ nextSecretSha256, instanceId });
  if (encoded.kind === 'too-large') return { kind: 'refused', why: encoded.why };
  const metadata = new Metadata();
  metadata.set(AUTHORIZATION_METADATA, `Bearer ${bearer}`);
  const channel = openChannel(address, caCertificatePem);
  try {
    const answer = await callOnce(channel.client, DELEGATE_SERVICE.renew, encoded.bytes, { metadata });
    switch (answer.kind) {
      case 'ok':
        return { kind: 'ok', ...answer.message };
      case 'unreachable':
        return { kind: 'unreachable', why: answer.error.message };
      case 'refused':
        return { kind: REFUSED.get(answer.code) ?? 'refused', why: answer.details };
    }
  } finally {
    channel.destroy();
  }
}

/** Too many at once is no word about the credential. */
const REFUSED: ReadonlyMap<status, 'unknown-method' | 'unreachable'> = new Map([
  [status.UNIMPLEMENTED, 'unknown-method'],
  [status.RESOURCE_EXHAUSTED, 'unreachable'],
]);

export function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
