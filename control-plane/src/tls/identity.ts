import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { OutriderError } from '@outrider/shared/errors.ts';
import type { Timers } from '../app/dispatch/ports.ts';
import type { Logger } from '../app/logger.ts';
import type { Clock, KeyStore } from '../app/ports.ts';
import { type Authority, issueServerCertificate, loadAuthority } from './authority.ts';
import { fingerprintOf, splitCertificates } from './pem.ts';

/** What the listeners present. Both PEM texts may hold several blocks; the chain ends with the CA's certificate. */
export interface TlsMaterial {
  readonly certificateChainPem: string;
  readonly privateKeyPem: string;
}

export interface TlsIdentity {
  current(): TlsMaterial;
  /** Called with new material before the old one expires. Answers how to stop listening. */
  onRenewed(listener: (material: TlsMaterial) => void): () => void;
  /** The certificate that signed the others: what clients trust. */
  readonly caCertificatePem: string;
  /** Its SHA-256 over DER, base64url: the end of every join token, which delegates pin. */
  readonly caFingerprint: string;
  /** Stops renewing. */
  close(): void;
}

/** Certificate files given by the operator, or a certificate for these names from the control plane's own CA. */
export type TlsSource =
  | { readonly kind: 'files'; readonly certFile: string; readonly keyFile: string }
  | { readonly kind: 'own-ca'; readonly publicNames: readonly string[] };

export interface TlsDependencies {
  readonly store: Pick<KeyStore, 'getSetting' | 'setSetting'>;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly logger: Logger;
}

/** Names that the made certificate always carries. */
const LOCAL_NAMES = ['localhost', '127.0.0.1', '::1'];
const LOOK_EVERY_MS = 6 * 3_600_000;

/**
 * The identity of both listeners. The CA is made once, at the first start, and lives in the store (all replicas need the
 * same); server keys live in memory only and are made anew at each start and each renewal.
 * @throws configuration-invalid when given files cannot be used
 */
export async function createTlsIdentity(source: TlsSource, dependencies: TlsDependencies): Promise<TlsIdentity> {
  return source.kind === 'files'
    ? await identityFromFiles(source.certFile, source.keyFile)
    : await ownIdentity(source.publicNames, dependencies);
}

async function ownIdentity(publicNames: readonly string[], dependencies: TlsDependencies): Promise<TlsIdentity> {
  const { clock, timers, logger } = dependencies;
  const authority = await loadAuthority(dependencies);
  const names = [...new Set([...LOCAL_NAMES, ...publicNames])];
  let issued = await issueServerCertificate(authority, names, clock.now());
  const listeners = new Set<(material: TlsMaterial) => void>();
  let cancel: () => void = () => {};
  const arm = () => {
    cancel = timers.after(LOOK_EVERY_MS, () => void look());
  };
  const look = async () => {
    try {
      if (clock.now() >= issued.renewAtMs) {
        issued = await issueServerCertificate(authority, names, clock.now());
        logger.info({ names, expiresAt: new Date(issued.expiresAtMs).toISOString() }, 'The certificate was renewed');
        for (const listener of listeners) listener(issued);
      }
    } catch (thrown) {
      logger.error({ err: thrown }, 'The certificate could not be renewed; it is tried again');
    }
    arm();
  };
  arm();
  return {
    current: () => issued,
    onRenewed(listener) {
      listeners.add(listener);
      return () => {
        listeners.delete(listener);
      };
    },
    ...trusted(authority),
    close: () => cancel(),
  };
}

function trusted(authority: Authority): Pick<TlsIdentity, 'caCertificatePem' | 'caFingerprint'> {
  return { caCertificatePem: authority.certificatePem, caFingerprint: fingerprintOf(authority.certificatePem) };
}

/** The last certificate of the file is taken for the CA: that is what join tokens pin. */
async function identityFromFiles(certFile: string, keyFile: string): Promise<TlsIdentity> {
  const certificateChainPem = await readPem('OUTRIDER_TLS_CERT', certFile);
  const privateKeyPem = await readPem('OUTRIDER_TLS_KEY', keyFile);
  const certificates = splitCertificates(certificateChainPem);
  const [own] = certificates;
  const last = certificates.at(-1);
  if (own === undefined || last === undefined) {
    throw new OutriderError('configuration-invalid', `OUTRIDER_TLS_CERT: ${certFile} holds no certificate in PEM form`);
  }
  checkPair(own, privateKeyPem, certFile, keyFile);
  return {
    current: () => ({ certificateChainPem, privateKeyPem }),
    onRenewed: () => () => {},
    caCertificatePem: last,
    caFingerprint: fingerprintOf(last),
    close: () => {},
  };
}

async function readPem(variable: string, file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (thrown) {
    const why = thrown instanceof Error ? thrown.message : String(thrown);
    throw new OutriderError('configuration-invalid', `${variable}: ${file} cannot be read: ${why}`, { cause: thrown });
  }
}

function checkPair(certificatePem: string, privateKeyPem: string, certFile: string, keyFile: string): void {
  let fits: boolean;
  try {
    const key = createPrivateKey(privateKeyPem);
    fits = new X509Certificate(certificatePem).checkPrivateKey(key);
  } catch (thrown) {
    const why = thrown instanceof Error ? thrown.message : String(thrown);
    throw new OutriderError('configuration-invalid', `${certFile} and ${keyFile} cannot be used: ${why}`, {
      cause: thrown,
    });
  }
  if (!fits) {
    throw new OutriderError(
      'configuration-invalid',
      `OUTRIDER_TLS_KEY: ${keyFile} is not the key of the certificate in ${certFile}`,
    );
  }
}
