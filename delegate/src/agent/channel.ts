import { isIP, type Socket } from 'node:net';
import { checkServerIdentity, createSecureContext } from 'node:tls';
import { ChannelCredentials, type ChannelOptions, Client } from '@grpc/grpc-js';
import {
  KEEPALIVE_TIME_MS,
  KEEPALIVE_TIMEOUT_MS,
  TRANSPORT_MAX_MESSAGE_BYTES,
} from '@outrider/shared/protocol/timings.ts';
import { type Address, formatAddress } from './config.ts';

/** A connection to the control plane that can really be ended. */
export interface Channel {
  readonly client: Client;
  /** A connection has been made at least once, TLS included. */
  readonly made: boolean;
  /** Ends it with whatever is under way on it. */
  destroy(): void;
}

/** A name that nobody has: TLS has no way to name an address, and grpc-js would try to (Node's warning DEP0123). */
const NO_NAME = 'control-plane.outrider.invalid';

/**
 * A channel of its own, that shares nothing with others. `caCertificatePem` null: plaintext; otherwise this certificate, and no
 * other, is trusted to have signed the control plane's.
 */
export function openChannel(address: Address, caCertificatePem: string | null): Channel {
  const sockets = new Set<Socket>();
  let destroyed = false;
  let made = false;
  const credentials = new TrackedCredentials(channelCredentials(address, caCertificatePem), {
    onSocket: (socket) => {
      // It may have become one only after the channel was given up.
      if (destroyed) socket.destroy();
      sockets.add(socket);
      socket.once('close', () => sockets.delete(socket));
    },
    onMade: () => {
      made = true;
    },
  });
  const client = new Client(formatAddress(address), credentials, channelOptions(address));
  return {
    client,
    get made() {
      return made;
    },
    destroy() {
      destroyed = true;
      client.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}

function channelOptions({ host }: Address): ChannelOptions {
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

function channelCredentials({ host }: Address, caCertificatePem: string | null): ChannelCredentials {
  if (caCertificatePem === null) return ChannelCredentials.createInsecure();
  // A given certificate may be an intermediate one: what the token pinned is trusted as it is.
  const context = createSecureContext({ ca: caCertificatePem, allowPartialTrustChain: true, minVersion: 'TLSv1.2' });
  return ChannelCredentials.createFromSecureContext(context, {
    // Whatever name the handshake carries, the certificate must be for the host that was dialled.
    checkServerIdentity: (_name, certificate) => checkServerIdentity(host, certificate),
  });
}

type CreateConnector = ChannelCredentials['_createSecureConnector'];

/**
 * Credentials that show us the sockets. Closing a channel of grpc-js does not end a connection that is still being made, and one
 * whose peer accepts it and then says nothing is being made for ever.
 */
class TrackedCredentials extends ChannelCredentials {
  readonly #inner: ChannelCredentials;
  readonly #told: { onSocket(socket: Socket): void; onMade(): void };

  constructor(inner: ChannelCredentials, told: { onSocket(socket: Socket): void; onMade(): void }) {
    super();
    this.#inner = inner;
    this.#told = told;
  }

  override _isSecure(): boolean {
    return this.#inner._isSecure();
  }

  override _equals(other: ChannelCredentials): boolean {
    return this === other;
  }

  override _createSecureConnector(...given: Parameters<CreateConnector>): ReturnType<CreateConnector> {
    const connector = this.#inner._createSecureConnector(...given);
    return {
      connect: async (socket) => {
        this.#told.onSocket(socket);
        const connected = await connector.connect(socket);
        this.#told.onMade();
        return connected;
      },
      waitForReady: () => connector.waitForReady(),
      getCallCredentials: () => connector.getCallCredentials(),
      destroy: () => connector.destroy(),
    };
  }
}
