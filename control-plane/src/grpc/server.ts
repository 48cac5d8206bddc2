import { isIPv6 } from 'node:net';
import { type Metadata, Server, type ServerInterceptor } from '@grpc/grpc-js';
import { OutriderError } from '@outrider/shared/errors.ts';
import { DELEGATE_SERVICE, METHOD_SINCE } from '@outrider/shared/protocol/service.ts';
import {
  CONNECTION_IDLE_MS,
  DRAIN_RECONNECT_MS,
  HELLO_TIMEOUT_MS,
  KEEPALIVE_TIME_MS,
  KEEPALIVE_TIMEOUT_MS,
  LAST_WORDS_MS,
  MAX_STREAMS_PER_CONNECTION,
  SHUTDOWN_GRACE_MS,
  TRANSPORT_MAX_MESSAGE_BYTES,
} from '@outrider/shared/protocol/timings.ts';
import { PROTOCOL_RANGE, type ProtocolRange } from '@outrider/shared/protocol/versions.ts';
import type { DelegateGateway, Timers } from '../app/dispatch/ports.ts';
import type { DelegateAuthenticator, Joining } from '../app/joining.ts';
import type { Logger } from '../app/logger.ts';
import type { Clock } from '../app/ports.ts';
import type { TlsIdentity } from '../tls/identity.ts';
import { createCallGuard } from './call-guard.ts';
import { controlHandler } from './control-stream.ts';
import { serverCredentials } from './credentials.ts';
import { createDoor } from './door.ts';
import { joinHandler } from './join-call.ts';
import { logsHandler } from './logs-stream.ts';
import type { OpenStreams } from './open-streams.ts';
import { pollHandler } from './poll-call.ts';
import { renewHandler } from './renew-call.ts';
import { destroySilentSockets } from './silent-sockets.ts';

export interface GrpcServerOptions {
  readonly address: { readonly host: string; readonly port: number };
  /** `insecure`: plaintext; the caller has made sure that the address is loopback. */
  readonly security: { readonly kind: 'insecure' } | { readonly kind: 'tls'; readonly identity: TlsIdentity };
  readonly gateway: DelegateGateway;
  /** OPEN_DOOR in insecure mode. */
  readonly authenticator: DelegateAuthenticator;
  /** Null: nobody can join, as in insecure mode. */
  readonly joining: Pick<Joining, 'join' | 'renew'> | null;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly logger: Logger;
  /** Tests shorten them. */
  readonly timings?: {
    readonly helloTimeoutMs?: number;
    readonly unaryDeadlineMs?: number;
    readonly answeredCloseMs?: number;
    readonly shutdownGraceMs?: number;
    readonly pollHoldMs?: number;
    readonly pollLostMs?: number;
    readonly pollGoneMs?: number;
    readonly pollLookMs?: number;
  };
  /** The gateway's. What a newer version brought is not there: such a call is answered UNIMPLEMENTED. */
  readonly protocol?: ProtocolRange;
}

export interface GrpcServer {
  readonly port: number;
  /** Tells delegates to come back later and lets no more in; what runs goes on. */
  drain(reason?: string): void;
  /** Drains, waits a little for the streams to end, then ends them. Safe to call twice. */
  close(): Promise<void>;
}

/**
 * The delegates' door: authentication before any handler, thin handlers, bounded queues. What the messages mean is the
 * gateway's matter.
 * @throws configuration-invalid when the address cannot be bound
 */
export async function startGrpcServer(options: GrpcServerOptions): Promise<GrpcServer> {
  const { gateway, joining, logger, protocol = PROTOCOL_RANGE, timers } = options;
  const door = createDoor(options.authenticator, logger);
  const peerOf = (metadata: Metadata) => door.peerOf(metadata);
  const { unaryDeadlineMs, answeredCloseMs } = options.timings ?? {};
  const guard = createCallGuard({ timers, peerOf, unaryDeadlineMs, answeredCloseMs });
  const server = createServer([guard.outside, door.interceptor, guard.inside]);
  const helloTimeoutMs = options.timings?.helloTimeoutMs ?? HELLO_TIMEOUT_MS;
  const streams: OpenStreams = new Set();
  const { pollHoldMs, pollLostMs, pollGoneMs, pollLookMs } = options.timings ?? {};
  const pollTimings = { holdMs: pollHoldMs, lostMs: pollLostMs, goneMs: pollGoneMs, lookMs: pollLookMs };
  const pollOptions = { gateway, logger, timers, peerOf, streams, ...pollTimings };
  server.addService(DELEGATE_SERVICE, {
    join: joinHandler({ ...options, ownSecrets: protocol.max >= METHOD_SINCE.renew }),
    control: controlHandler({ gateway, logger, timers, helloTimeoutMs, peerOf, streams }),
    logs: logsHandler({ gateway, logger, peerOf, streams }),
    ...(protocol.max >= METHOD_SINCE.poll ? { poll: pollHandler(pollOptions) } : {}),
    ...(protocol.max >= METHOD_SINCE.renew ? { renew: renewHandler({ ...options, credentials: joining }) } : {}),
  });
  const port = await bind(server, options);
  const stopLooking = destroySilentSockets(port);
  const graceMs = options.timings?.shutdownGraceMs ?? SHUTDOWN_GRACE_MS;
  let closing: Promise<void> | undefined;
  const drain = (reason = 'the control plane is shutting down') => {
    if (!door.shut()) return;
    gateway.drain(DRAIN_RECONNECT_MS, reason);
  };
  return {
    port,
    drain,
    close() {
      drain();
      closing ??= shutDown(server, streams, timers, graceMs).finally(stopLooking);
      return closing;
    },
  };
}

function createServer(interceptors: ServerInterceptor[]): Server {
  return new Server({
    interceptors,
    'grpc.keepalive_time_ms': KEEPALIVE_TIME_MS,
    'grpc.keepalive_timeout_ms': KEEPALIVE_TIMEOUT_MS,
    'grpc.max_concurrent_streams': MAX_STREAMS_PER_CONNECTION,
    // Also one on which nothing was ever said: a socket is cheap, ten thousand are not.
    'grpc.max_connection_idle_ms': CONNECTION_IDLE_MS,
    'grpc.max_receive_message_length': TRANSPORT_MAX_MESSAGE_BYTES,
    'grpc.max_send_message_length': TRANSPORT_MAX_MESSAGE_BYTES,
    'grpc.enable_channelz': 0,
  });
}

async function bind(server: Server, { address, security }: GrpcServerOptions): Promise<number> {
  const target = `${isIPv6(address.host) ? `[${address.host}]` : address.host}:${address.port}`;
  const credentials = serverCredentials(security);
  return await new Promise((resolve, reject) => {
    server.bindAsync(target, credentials, (error, port) => {
      if (error === null) resolve(port);
      else {
        const hint = 'Choose another OUTRIDER_GRPC_ADDR, or stop what listens there.';
        reject(
          new OutriderError('configuration-invalid', `${target} cannot be bound: ${error.message}`, {
            hint,
            cause: error,
          }),
        );
      }
    });
  });
}

/**
 * `tryShutdown` never ends while a stream is open, and a client of a server that was shut down by force hears of it only by its
 * keepalive: so what is still open after the grace is ended with a word first.
 */
async function shutDown(server: Server, streams: OpenStreams, timers: Timers, graceMs: number): Promise<void> {
  await new Promise<void>((resolve) => {
    let cancel = timers.after(graceMs, () => {
      for (const stream of streams) stream.shutDown();
      cancel = timers.after(LAST_WORDS_MS, () => {
        server.forceShutdown();
        resolve();
      });
    });
    server.tryShutdown(() => {
      cancel();
      resolve();
    });
  });
}
