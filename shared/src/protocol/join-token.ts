/**
 * The texts that a delegate authenticates with. Each holds the id under which the control plane finds its row, and a
 * secret of which the control plane keeps the SHA-256 only.
 */

export interface Secret {
  readonly id: string;
  readonly secret: string;
}
export interface JoinTokenParts extends Secret {
  /** SHA-256 of the CA certificate (DER), base64url: what the delegate pins. Null for plaintext on loopback. */
  readonly caFingerprint: string | null;
}

const TOKEN = /^ojt_([0-9A-Za-z]{1,64})_([A-Za-z0-9_-]{16,128})(?:\.([A-Za-z0-9_-]{43}))?$/;
const CREDENTIAL = /^odc_([0-9A-Za-z]{1,64})_([A-Za-z0-9_-]{16,128})$/;

export function formatJoinToken(parts: JoinTokenParts): string {
  const pin = parts.caFingerprint === null ? '' : `.${parts.caFingerprint}`;
  return `ojt_${parts.id}_${parts.secret}${pin}`;
}

/** Undefined: it is no join token. */
export function parseJoinToken(text: string): JoinTokenParts | undefined {
  const [, id, secret, caFingerprint] = TOKEN.exec(text.trim()) ?? [];
  if (id === undefined || secret === undefined) return undefined;
  return { id, secret, caFingerprint: caFingerprint ?? null };
}

export function formatCredential(parts: Secret): string {
  return `odc_${parts.id}_${parts.secret}`;
}

export function parseCredential(text: string): Secret | undefined {
  const [, id, secret] = CREDENTIAL.exec(text) ?? [];
  return id === undefined || secret === undefined ? undefined : { id, secret };
}
