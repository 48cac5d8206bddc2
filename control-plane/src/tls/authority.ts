import 'reflect-metadata';
import type { webcrypto } from 'node:crypto';
import { isIP } from 'node:net';
import { OutriderError } from '@outrider/shared/errors.ts';
import { parseJsonObject } from '@outrider/shared/json.ts';
import {
  AuthorityKeyIdentifierExtension,
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  type JsonGeneralNames,
  KeyUsageFlags,
  KeyUsagesExtension,
  PemConverter,
  SubjectAlternativeNameExtension,
  SubjectKeyIdentifierExtension,
  X509Certificate,
  X509CertificateGenerator,
} from '@peculiar/x509';
import type { Clock, KeyStore } from '../app/ports.ts';
import type { TlsMaterial } from './identity.ts';

/** The control plane's own certificate authority. */
export interface Authority {
  readonly certificatePem: string;
  readonly privateKey: webcrypto.CryptoKey;
}

export interface IssuedCertificate extends TlsMaterial {
  readonly renewAtMs: number;
  readonly expiresAtMs: number;
}

const SETTING = 'tls-ca';
const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;
const DAY_MS = 86_400_000;
const CA_LIFE_MS = 3_650 * DAY_MS;
const SERVER_LIFE_MS = 90 * DAY_MS;
const RENEW_BEFORE_MS = 30 * DAY_MS;
/** Clocks differ: what was made now is valid for those that are behind. */
const BACKDATED_MS = DAY_MS;

/** The CA out of the store; made there at the first start. Several replicas may start at once: the first one's stays. */
export async function loadAuthority(dependencies: {
  readonly store: Pick<KeyStore, 'getSetting' | 'setSetting'>;
  readonly clock: Clock;
}): Promise<Authority> {
  const { store, clock } = dependencies;
  const known = await store.getSetting(SETTING);
  if (known !== undefined) return await parseAuthority(known);
  const made = await makeAuthority(clock.now());
  if ((await store.setSetting(SETTING, made)) === 'ok') return await parseAuthority(made);
  return await parseAuthority((await store.getSetting(SETTING)) ?? made);
}

/** A key and a certificate for these host names and addresses, signed by the CA. The key is never stored. */
export async function issueServerCertificate(
  authority: Authority,
  names: readonly string[],
  nowMs: number,
): Promise<IssuedCertificate> {
  const ca = new X509Certificate(authority.certificatePem);
  const keys = await generateKeys();
  const expiresAtMs = Math.min(nowMs + SERVER_LIFE_MS, ca.notAfter.getTime());
  const certificate = await X509CertificateGenerator.create({
    subject: 'CN=Outrider control plane',
    issuer: ca.subject,
    notBefore: new Date(nowMs - BACKDATED_MS),
    notAfter: new Date(expiresAtMs),
    signingAlgorithm: ALGORITHM,
    publicKey: keys.publicKey,
    signingKey: authority.privateKey,
    extensions: [
      new BasicConstraintsExtension(false, undefined, true),
      new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
      new ExtendedKeyUsageExtension([ExtendedKeyUsage.serverAuth]),
      new SubjectAlternativeNameExtension(alternativeNames(names)),
      await AuthorityKeyIdentifierExtension.create(ca.publicKey),
      await SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return {
    certificateChainPem: `${certificate.toString('pem')}\n${authority.certificatePem}\n`,
    privateKeyPem: await privateKeyPem(keys.privateKey),
    expiresAtMs,
    renewAtMs: expiresAtMs - RENEW_BEFORE_MS,
  };
}

async function makeAuthority(nowMs: number): Promise<string> {
  const keys = await generateKeys();
  const certificate = await X509CertificateGenerator.createSelfSigned({
    name: 'CN=Outrider CA',
    notBefore: new Date(nowMs - BACKDATED_MS),
    notAfter: new Date(nowMs + CA_LIFE_MS),
    signingAlgorithm: ALGORITHM,
    keys,
    extensions: [
      new BasicConstraintsExtension(true, 0, true),
      new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
      await SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return JSON.stringify({ certificate: certificate.toString('pem'), privateKey: await privateKeyPem(keys.privateKey) });
}

async function parseAuthority(setting: string): Promise<Authority> {
  const { certificate, privateKey } = parseJsonObject(setting) ?? {};
  if (typeof certificate !== 'string' || typeof privateKey !== 'string') {
    throw new OutriderError('store-failed', 'The certificate authority in the store cannot be read', {
      hint: 'Restore the store from a backup; with a new CA every delegate has to join again.',
    });
  }
  const [pkcs8] = PemConverter.decode(privateKey);
  if (pkcs8 === undefined) throw new OutriderError('store-failed', 'The key of the certificate authority is missing');
  const key = await crypto.subtle.importKey('pkcs8', pkcs8, ALGORITHM, false, ['sign']);
  return { certificatePem: certificate, privateKey: key };
}

async function generateKeys(): Promise<webcrypto.CryptoKeyPair> {
  return await crypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']);
}

async function privateKeyPem(key: webcrypto.CryptoKey): Promise<string> {
  return PemConverter.encode(await crypto.subtle.exportKey('pkcs8', key), 'PRIVATE KEY');
}

function alternativeNames(names: readonly string[]): JsonGeneralNames {
  return names.map((name) => ({ type: isIP(name) === 0 ? 'dns' : 'ip', value: name }));
}
