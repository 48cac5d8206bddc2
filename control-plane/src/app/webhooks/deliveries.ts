import { createHash } from 'node:crypto';
import type { Notification } from '../../domain/execution/notifications.ts';
import type { DeliveryRow, WebhookRow } from './ports.ts';

/**
 * What is to be sent because of one row of the outbox. The ids follow from the row, so that a row that is performed again
 * after a crash makes nothing that is not there.
 */
export function deliveriesOf(
  effectId: string,
  notification: Notification,
  webhooks: readonly WebhookRow[],
): readonly DeliveryRow[] {
  const { type, atMs, execution } = notification;
  const { startedAtMs, endedAtMs, ...facts } = execution;
  const data = {
    execution: { ...facts, startedAt: iso(startedAtMs), endedAt: endedAtMs === null ? null : iso(endedAtMs) },
  };
  const payload = payloadOf(type, atMs, data);
  return webhooks
    .filter((webhook) => wants(webhook, notification))
    .map((webhook) => newDelivery(webhook.id, effectId, { type, executionId: execution.id, payload, atMs }));
}

function wants(webhook: WebhookRow, { type, execution }: Notification): boolean {
  if (webhook.disabled !== null || !webhook.events.includes(type)) return false;
  return webhook.application === null || webhook.application === execution.application;
}

/** The body of a message, as Standard Webhooks shapes it. */
export function payloadOf(type: string, atMs: number, data: object): string {
  return JSON.stringify({ type, timestamp: iso(atMs), data });
}

/** `source` tells apart what is sent to one receiver. */
export function newDelivery(
  webhookId: string,
  source: string,
  message: Pick<DeliveryRow, 'type' | 'executionId' | 'payload'> & { readonly atMs: number },
): DeliveryRow {
  const { atMs, ...rest } = message;
  const digest = createHash('sha256')
    .update(JSON.stringify([webhookId, source]))
    .digest('hex');
  return {
    id: `msg_${digest.slice(0, 32)}`,
    webhookId,
    ...rest,
    createdAtMs: atMs,
    state: 'pending',
    tries: 0,
    nextAttemptMs: atMs,
    attempts: [],
  };
}

function iso(atMs: number): string {
  return new Date(atMs).toISOString();
}
