import { DELIVERY_ATTEMPTS_KEPT, type DeliveryRow, type WebhookStore } from '../../app/webhooks/ports.ts';
import { readLimit } from '../limits.ts';
import type { OperationsOf } from '../operations.ts';
import type { MemoryState } from './state.ts';
import { asJson, compareText } from './values.ts';

export function memoryWebhooks(state: MemoryState): OperationsOf<WebhookStore> {
  const { webhooks, deliveries } = state;
  return {
    createWebhook(row) {
      if (!webhooks.has(row.id)) webhooks.set(row.id, asJson(row));
    },
    getWebhook: (id) => webhooks.get(id),
    listWebhooks: () =>
      [...webhooks.values()].toSorted(
        (left, right) => left.createdAtMs - right.createdAtMs || compareText(left.id, right.id),
      ),
    changeWebhook(id, change) {
      const row = webhooks.get(id);
      if (row === undefined) return undefined;
      const changed = asJson({ ...row, ...change });
      webhooks.set(id, changed);
      return changed;
    },
    deleteWebhook(id) {
      for (const [key, row] of deliveries) if (row.webhookId === id) deliveries.delete(key);
      return webhooks.delete(id);
    },
    addDeliveries(rows) {
      for (const row of rows) {
        if (webhooks.has(row.webhookId) && !deliveries.has(row.id)) deliveries.set(row.id, asJson(row));
      }
    },
    ...attempts(state),
    getDelivery: (id) => deliveries.get(id),
    listDeliveries(webhookId, { before, limit }) {
      const ids = [...deliveries.keys()];
      const end = before === undefined ? ids.length : Math.max(ids.indexOf(before), 0);
      return [...deliveries.values()]
        .slice(0, end)
        .filter((row) => row.webhookId === webhookId)
        .toReversed()
        .slice(0, readLimit(limit));
    },
    forgetDeliveries(beforeMs, limit) {
      const old = [...deliveries.values()].filter((row) => row.nextAttemptMs === null && row.createdAtMs < beforeMs);
      const gone = old.slice(0, readLimit(limit));
      for (const row of gone) deliveries.delete(row.id);
      return gone.length;
    },
  };
}

type Attempts = Pick<OperationsOf<WebhookStore>, 'claimDeliveries' | 'noteAttempt' | 'redeliver'>;

function attempts({ deliveries }: MemoryState): Attempts {
  const put = (row: DeliveryRow): DeliveryRow => {
    const kept = asJson(row);
    deliveries.set(row.id, kept);
    return kept;
  };
  return {
    claimDeliveries(nowMs, untilMs, busy, limit) {
      const taken = new Set(busy);
      const most = readLimit(limit);
      const claimed: DeliveryRow[] = [];
      for (const row of deliveries.values()) {
        if (claimed.length >= most) break;
        if (row.nextAttemptMs === null || row.nextAttemptMs > nowMs || taken.has(row.webhookId)) continue;
        taken.add(row.webhookId);
        claimed.push(row);
      }
      return claimed.map((row) => put({ ...row, nextAttemptMs: untilMs }));
    },
    noteAttempt(id, attempt, { state, nextAttemptMs }) {
      const row = deliveries.get(id);
      if (row === undefined) return false;
      const kept = [...row.attempts, attempt].slice(-DELIVERY_ATTEMPTS_KEPT);
      put({ ...row, state, nextAttemptMs, tries: row.tries + 1, attempts: kept });
      return true;
    },
    redeliver(id, atMs) {
      const row = deliveries.get(id);
      return row === undefined ? undefined : put({ ...row, state: 'pending', nextAttemptMs: atMs, tries: 0 });
    },
  };
}
