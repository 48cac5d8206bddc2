import { createHmac } from 'node:crypto';
import type { Randomness } from '../ports.ts';
import type { DeliveryRow, WebhookRow, WebhookSecret } from './ports.ts';

/** Signing as Standard Webhooks describes it: HMAC-SHA256 over `ID.SECONDS.BODY`, one signature for each good secret. */

const PREFIX = 'whsec_';
const SECRET_BYTES = 32;

/** `whsec_` and 32 random bytes in base64. */
export function newSecret(randomness: Randomness): string {
  return `${PREFIX}${Buffer.from(randomness.bytes(SECRET_BYTES)).toString('base64')}`;
}

export function goodSecrets(webhook: Pick<WebhookRow, 'secrets'>, nowMs: number): readonly WebhookSecret[] {
  return webhook.secrets.filter(({ untilMs }) => untilMs === null || untilMs > nowMs);
}

/** The headers of an attempt. Its time is that of the attempt, so that receivers can refuse what is replayed to them. */
export function signedHeaders(
  webhook: Pick<WebhookRow, 'secrets'>,
  delivery: Pick<DeliveryRow, 'id' | 'payload'>,
  nowMs: number,
): Readonly<Record<string, string>> {
  const seconds = String(Math.floor(nowMs / 1_000));
  const signatures = goodSecrets(webhook, nowMs).map(({ secret }) => {
    const key = Buffer.from(secret.slice(PREFIX.length), 'base64');
    const digest = createHmac('sha256', key).update(`${delivery.id}.${seconds}.${delivery.payload}`).digest('base64');
    return `v1,${digest}`;
  });
  return { 'webhook-id': delivery.id, 'webhook-timestamp': seconds, 'webhook-signature': signatures.join(' ') };
}
