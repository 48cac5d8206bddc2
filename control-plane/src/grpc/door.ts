import {
  type Metadata,
  ServerInterceptingCall,
  type ServerInterceptor,
  ServerListenerBuilder,
  status,
} from '@grpc/grpc-js';
import { AUTHORIZATION_METADATA, DELEGATE_SERVICE, SESSION_METADATA } from '@outrider/shared/protocol/service.ts';
import type { DelegateAuthenticator } from '../app/credentials.ts';
import type { DelegatePeer } from '../app/dispatch/ports.ts';
import type { Logger } from '../app/logger.ts';

export interface Door {
  /** Lets in who can prove a name; everybody else never reaches a handler. */
  readonly interceptor: ServerInterceptor;
  /** Who has been let in with this call. */
  peerOf(metadata: Metadata): DelegatePeer;
  /** From now on nobody is let in. False: that was so already. */
  shut(): boolean;
}

const BEARER = /^Bearer ([^\s]{1,512})$/;
/** These look at what is presented themselves. */
const UNAUTHENTICATED: ReadonlySet<string> = new Set([DELEGATE_SERVICE.join.path, DELEGATE_SERVICE.renew.path]);

/** The credential that a call carries, if any. */
export function bearerOf(metadata: Metadata): string | undefined {
  const [, bearer] = BEARER.exec(metadata.get(AUTHORIZATION_METADATA).map(String).at(0) ?? '') ?? [];
  return bearer;
}

export function createDoor(authenticator: DelegateAuthenticator, logger: Logger): Door {
  // By the call's own metadata object: nothing a client sends can look like it.
  const peers = new WeakMap<Metadata, DelegatePeer>();
  let open = true;

  async function admit(metadata: Metadata, address: string, path: string): Promise<string | undefined> {
    // Logs, and each Poll but the first, go on with a session. Who says so falsely is let in no further.
    const beginsSession = path !== DELEGATE_SERVICE.logs.path && metadata.get(SESSION_METADATA).length === 0;
    const verdict = await authenticator.authenticate({ bearer: bearerOf(metadata), beginsSession });
    if (verdict.kind === 'refused') return verdict.because;
    const { delegateName, credentialId } = verdict;
    peers.set(metadata, { delegateName, address, ...(credentialId === undefined ? {} : { credentialId }) });
    return undefined;
  }

  const interceptor: ServerInterceptor = (method, call) =>
    new ServerInterceptingCall(call, {
      start(next) {
        const listener = new ServerListenerBuilder().withOnReceiveMetadata((metadata, proceed) => {
          // A session over Poll goes on, as an open stream does; to a new one the gateway says no.
          if (!open && method.path !== DELEGATE_SERVICE.poll.path)
            return call.sendStatus({ code: status.UNAVAILABLE, details: 'the control plane is shutting down' });
          const address = call.getConnectionInfo().remoteAddress ?? 'unknown';
          if (UNAUTHENTICATED.has(method.path)) {
            peers.set(metadata, { delegateName: null, address });
            return proceed(metadata);
          }
          admit(metadata, address, method.path).then(
            (because) => {
              if (because === undefined) return proceed(metadata);
              logger.warn({ address, because }, 'A delegate was turned away');
              call.sendStatus({ code: status.UNAUTHENTICATED, details: because });
            },
            (thrown: unknown) => {
              logger.error({ err: thrown }, 'A credential could not be checked');
              call.sendStatus({ code: status.UNAVAILABLE, details: 'the credential cannot be checked now' });
            },
          );
        });
        next(listener.build());
      },
    });

  return {
    interceptor,
    peerOf: (metadata) => peers.get(metadata) ?? { delegateName: '', address: 'unknown' },
    shut() {
      const was = open;
      open = false;
      return was;
    },
  };
}
