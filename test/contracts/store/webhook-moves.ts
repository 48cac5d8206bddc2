import type { DeliveryRow, WebhookRow } from '@outrider/control-plane/app/webhooks/ports.ts';
import type { OperationName } from '@outrider/control-plane/store/operations.ts';
import { T0 } from './fixtures.ts';
import { type Builder, type Picker, WORLD } from './picker.ts';

/** Moves of webhooks and of what they are told. */

export const WEBHOOK_IDS = ['wh_1', 'wh_2', 'wh_3'] as const;
export const DELIVERY_IDS = Array.from({ length: 8 }, (_, index) => `msg_${index}`);

export function webhookOf(given: Partial<WebhookRow> = {}): WebhookRow {
  return {
    id: 'wh_1',
    url: 'https://receiver.example/hook?ü="',
    events: ['execution.started'],
    application: null,
    secrets: [{ secret: 'whsec_AAAA', untilMs: null }],
    disabled: null,
    createdAtMs: T0,
    createdBy: 'ada',
    ...given,
  };
}

export function deliveryOf(given: Partial<DeliveryRow> = {}): DeliveryRow {
  return {
    id: 'msg_0',
    webhookId: 'wh_1',
    type: 'execution.started',
    executionId: WORLD.executions[0] ?? null,
    payload: '{"type":"execution.started","ü":"\\u0000"}',
    createdAtMs: T0,
    state: 'pending',
    tries: 0,
    nextAttemptMs: T0,
    attempts: [],
    ...given,
  };
}

export function webhookBuilders() {
  const webhookId = (pick: Picker) => pick.oneOf(WEBHOOK_IDS);
  const deliveryId = (pick: Picker) => pick.oneOf(DELIVERY_IDS);
  return {
    createWebhook: (pick) => {
      const row = webhookOf({ id: webhookId(pick), createdAtMs: pick.time(), application: pick.oneOf([null, 'ECS']) });
      return (store) => store.createWebhook(row);
    },
    getWebhook: (pick) => {
      const id = webhookId(pick);
      return (store) => store.getWebhook(id);
    },
    listWebhooks: () => (store) => store.listWebhooks(),
    changeWebhook: (pick) => {
      const id = webhookId(pick);
      const atMs = pick.time();
      const disabled = pick.rarely(2) ? { atMs, because: 'ada switched it off' } : null;
      const change = { disabled, ...(pick.rarely(2) ? { url: `https://${atMs}/` } : {}) };
      return (store) => store.changeWebhook(id, change);
    },
    deleteWebhook: (pick) => {
      const id = webhookId(pick);
      return (store) => store.deleteWebhook(id);
    },
    addDeliveries: (pick) => {
      const rows = Array.from({ length: 1 + pick.below(3) }, () => {
        const atMs = pick.time();
        return deliveryOf({ id: deliveryId(pick), webhookId: webhookId(pick), createdAtMs: atMs, nextAttemptMs: atMs });
      });
      return (store) => store.addDeliveries(rows);
    },
    claimDeliveries: (pick) => {
      const now = pick.time();
      const busy = pick.rarely(2) ? [webhookId(pick)] : [];
      const [until, limit] = [now + 1_000 + pick.below(3) * 1_000, 1 + pick.below(3)];
      return (store) => store.claimDeliveries(now, until, busy, limit);
    },
    noteAttempt: (pick) => {
      const [id, atMs] = [deliveryId(pick), pick.time()];
      const delivered = pick.rarely(2);
      const attempt = {
        atMs,
        milliseconds: pick.below(50),
        status: delivered ? 200 : null,
        because: delivered ? null : 'x',
      };
      const next = pick.rarely(2)
        ? { state: 'pending' as const, nextAttemptMs: atMs + 5_000 }
        : { state: delivered ? ('delivered' as const) : ('failed' as const), nextAttemptMs: null };
      return (store) => store.noteAttempt(id, attempt, next);
    },
    redeliver: (pick) => {
      const [id, atMs] = [deliveryId(pick), pick.time()];
      return (store) => store.redeliver(id, atMs);
    },
    getDelivery: (pick) => {
      const id = deliveryId(pick);
      return (store) => store.getDelivery(id);
    },
    listDeliveries: (pick) => {
      const id = webhookId(pick);
      const options = { limit: 1 + pick.below(4), ...(pick.rarely(3) ? { before: deliveryId(pick) } : {}) };
      return (store) => store.listDeliveries(id, options);
    },
    forgetDeliveries: (pick) => {
      const [before, limit] = [pick.time(), 1 + pick.below(2)];
      return (store) => store.forgetDeliveries(before, limit);
    },
  } satisfies Partial<Record<OperationName, Builder>>;
}
