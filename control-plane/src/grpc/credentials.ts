import { experimental, ServerCredentials } from '@grpc/grpc-js';
import type { TlsIdentity, TlsMaterial } from '../tls/identity.ts';

type Update = { readonly certificate: Buffer; readonly privateKey: Buffer };

/** Credentials of the listener; with TLS a renewed certificate is taken up by the next handshake. */
export function serverCredentials(
  security: { readonly kind: 'insecure' } | { readonly kind: 'tls'; readonly identity: TlsIdentity },
): ServerCredentials {
  if (security.kind === 'insecure') return ServerCredentials.createInsecure();
  return experimental.createCertificateProviderServerCredentials(new IdentityProvider(security.identity), null, false);
}

/** Our identity as grpc-js wants to be told of certificates: at once when it listens, and at each renewal. */
class IdentityProvider implements experimental.CertificateProvider {
  readonly #identity: TlsIdentity;
  readonly #stops = new Map<experimental.IdentityCertificateUpdateListener, () => void>();

  constructor(identity: TlsIdentity) {
    this.#identity = identity;
  }

  addIdentityCertificateListener(listener: experimental.IdentityCertificateUpdateListener): void {
    // Not at once: grpc-js listens for what this causes only after it has added us.
    queueMicrotask(() => listener(update(this.#identity.current())));
    this.#stops.set(
      listener,
      this.#identity.onRenewed((material) => listener(update(material))),
    );
  }

  removeIdentityCertificateListener(listener: experimental.IdentityCertificateUpdateListener): void {
    this.#stops.get(listener)?.();
    this.#stops.delete(listener);
  }

  /** Client certificates are not asked for. */
  addCaCertificateListener(): void {}
  removeCaCertificateListener(): void {}
}

function update(material: TlsMaterial): Update {
  return {
    certificate: Buffer.from(material.certificateChainPem),
    privateKey: Buffer.from(material.privateKeyPem),
  };
}
