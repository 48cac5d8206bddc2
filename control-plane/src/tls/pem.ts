import { createHash, X509Certificate } from 'node:crypto';

/** The certificates of a PEM text, in its order, each as PEM. */
export function splitCertificates(pem: string): readonly string[] {
  return pem.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
}

/** SHA-256 of the certificate (DER), base64url: 43 characters. */
export function fingerprintOf(certificatePem: string): string {
  return createHash('sha256').update(new X509Certificate(certificatePem).raw).digest('base64url');
}
