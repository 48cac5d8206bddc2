import { isIP } from 'node:net';
import { checkServerIdentity, createSecureContext } from 'node:tls';
import { ChannelCredentials, type ChannelOptions } from '@grpc/grpc-js';
import {
  KEEPALIVE_TIME_MS,
  KEEPALIVE_TIMEOUT_MS,
  TRANSPORT_MAX_MESSAGE_BYTES,
} from '@outrider/shared/protocol/timings.ts';
import type { Address } from './config.ts';

/** A name that nobody has: TLS has no way to name an address, and grpc-js would try to (Node's warning DEP0123). */
const NO_NAME = 'control-plane.outrider.invalid';

export function channelOptions({ host }: Address): ChannelOptions {
  return {
    // Otherwise a new channel takes up the stuck connection of the one that was thrown away.
    'grpc.use_local_subchannel_pool': 1,
    'grpc.keepalive_time_ms': KEEPALIVE_TIME_MS,
    'grpc.keepalive_timeout_ms': KEEPALIVE_TIMEOUT_MS,
    'grpc.keepalive_permit_without_calls': 1,
    'grpc.max_receive_message_length': TRANSPORT_MAX_MESSAGE_BYTES,
    'grpc.max_send_message_length': TRANSPORT_MAX_MESSAGE_BYTES,
    'grpc.enable_retries': 0,
    'grpc.enable_channelz': 0,
    'grpc.service_config_disable_resolution': 1,
    ...(isIP(host) === 0 ? {} : { 'grpc.ssl_target_name_override': NO_NAME }),
  };
}

/** Null: plaintext. Otherwise this certificate, and no other, is trusted to have signed the control plane's. */
export function channelCredentials({ host }: Address, caCertificatePem: string | null): ChannelCredentials {
  if (caCertificatePem === null) return ChannelCredentials.createInsecure();
  // A given certificate may be an intermediate one: what the token pinned is trusted as it is.
  const context = createSecureContext({ ca: caCertificatePem, allowPartialTrustChain: true, minVersion: 'TLSv1.2' });
  return ChannelCredentials.createFromSecureContext(context, {
    // Whatever name the handshake carries, the certificate must be for the host that was dialled.
    checkServerIdentity: (_name, certificate) => checkServerIdentity(host, certificate),
  });
}
