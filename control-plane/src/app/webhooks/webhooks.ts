import { WEBHOOK_TEST_EVENT } from '@outrider/shared/api/webhook-schemas.ts';
import { OutriderError } from '@outrider/shared/errors.ts';
import { sortableId } from '@outrider/shared/ids.ts';
import type { Clock, Randomness } from '../ports.ts';
import { newDelivery, payloadOf } from './deliveries.ts';
import type { DeliveryRow, WebhookRow, WebhookStore } from './ports.ts';
import { goodSecrets, newSecret } from './signature.ts';
import type { WebhookTimings } from './timings.ts';

/** A webhook without its secrets: they are answered once, when they are made. */
export type WebhookInfo = Omit<WebhookRow, 'secrets'>;
export interface WebhookWish {
  readonly url: string;
  readonly events: readonly string[];
  readonly application: string | null;
}

/** What admins do with webhooks, as the HTTP API offers it. @throws not-found for what is not there */
export interface Webhooks {
  /** @throws request-invalid for an address that is never sent to; overloaded at the limit of MAX_WEBHOOKS */
  create(wish: WebhookWish, by: string): Promise<{ readonly info: WebhookInfo; readonly secret: string }>;
  list(): Promise<readonly WebhookInfo[]>;
  get(id: string): Promise<WebhookInfo>;
  replace(id: string, wish: WebhookWish & { readonly enabled: boolean }, by: string): Promise<WebhookInfo>;
  remove(id: string): Promise<void>;
  /** Makes a new secret; the one before stays good for a while, and both sign. */
  rotate(id: string): Promise<{ readonly info: WebhookInfo; readonly secret: string }>;
  /** Sends a message that says nothing. @throws not-allowed-now when it is switched off */
  test(id: string): Promise<DeliveryRow>;
  /** Newest first. */
  deliveries(id: string, page: { readonly cursor?: string | undefined; readonly limit: number }): Promise<DeliveryPage>;
  delivery(id: string, deliveryId: string): Promise<DeliveryRow>;
  /** Sends it again under its id. @throws not-allowed-now when the webhook is switched off */
  redeliver(id: string, deliveryId: string): Promise<DeliveryRow>;
}
export interface DeliveryPage {
  readonly items: readonly DeliveryRow[];
  readonly nextCursor: string | null;
}

export interface WebhooksDependencies {
  readonly store: WebhookStore;
  readonly clock: Clock;
  readonly randomness: Randomness;
  readonly timings: WebhookTimings;
  /** Why nothing is ever sent to this address; undefined: nothing is known against it. */
  readonly refusal: (url: string) => string | undefined;
  /** There may be something to send. */
  readonly added: () => void;
}

export const MAX_WEBHOOKS = 100;

export function createWebhooks(dependencies: WebhooksDependencies): Webhooks {
  const { store, clock, randomness, timings } = dependencies;
  const find = async (id: string) => (await store.getWebhook(id)) ?? noSuchWebhook(id);
  return {
    async create(wish, by) {
      requireReachable(dependencies, wish.url);
      if ((await store.listWebhooks()).length >= MAX_WEBHOOKS) {
        throw new OutriderError('overloaded', `There are ${MAX_WEBHOOKS} webhooks already`, {
          hint: 'Delete one that nobody listens at any more.',
        });
      }
      const nowMs = clock.now();
      const secret = newSecret(randomness);
      const row: WebhookRow = {
        id: sortableId('wh', nowMs, randomness.bytes(10)),
        ...wish,
        secrets: [{ secret, untilMs: null }],
        disabled: null,
        createdAtMs: nowMs,
        createdBy: by,
      };
      await store.createWebhook(row);
      return { info: infoOf(row), secret };
    },
    list: async () => (await store.listWebhooks()).map(infoOf),
    get: async (id) => infoOf(await find(id)),
    async replace(id, { enabled, ...wish }, by) {
      requireReachable(dependencies, wish.url);
      const { disabled } = await find(id);
      const off = disabled ?? { atMs: clock.now(), because: `${by} switched it off` };
      const row = await store.changeWebhook(id, { ...wish, disabled: enabled ? null : off });
      return infoOf(row ?? noSuchWebhook(id));
    },
    async remove(id) {
      if (!(await store.deleteWebhook(id))) noSuchWebhook(id);
    },
    async rotate(id) {
      const row = await find(id);
      const nowMs = clock.now();
      const secret = newSecret(randomness);
      const [latest] = goodSecrets(row, nowMs);
      const before = latest === undefined ? [] : [{ secret: latest.secret, untilMs: nowMs + timings.oldSecretMs }];
      const changed = await store.changeWebhook(id, { secrets: [{ secret, untilMs: null }, ...before] });
      return { info: infoOf(changed ?? noSuchWebhook(id)), secret };
    },
    ...deliveriesOfWebhooks(dependencies, find),
  };
}

function deliveriesOfWebhooks(
  { store, clock, randomness, added }: WebhooksDependencies,
  find: (id: string) => Promise<WebhookRow>,
): Pick<Webhooks, 'test' | 'deliveries' | 'delivery' | 'redeliver'> {
  const findDelivery = async (id: string, deliveryId: string) => {
    const row = await store.getDelivery(deliveryId);
    return row === undefined || row.webhookId !== id ? noSuchDelivery(id, deliveryId) : row;
  };
  return {
    async test(id) {
      requireOn(await find(id));
      const atMs = clock.now();
      const type = WEBHOOK_TEST_EVENT;
      const payload = payloadOf(type, atMs, { webhook: { id } });
      const source = sortableId('test', atMs, randomness.bytes(10));
      const row = newDelivery(id, source, { type, executionId: null, payload, atMs });
      await store.addDeliveries([row]);
      added();
      return row;
    },
    async deliveries(id, { cursor, limit }) {
      await find(id);
      const options = { limit: limit + 1, ...(cursor === undefined ? {} : { before: cursor }) };
      const found = await store.listDeliveries(id, options);
      const items = found.slice(0, limit);
      return { items, nextCursor: found.length > limit ? (items.at(-1)?.id ?? null) : null };
    },
    delivery: findDelivery,
    async redeliver(id, deliveryId) {
      requireOn(await find(id));
      await findDelivery(id, deliveryId);
      const row = await store.redeliver(deliveryId, clock.now());
      added();
      return row ?? noSuchDelivery(id, deliveryId);
    },
  };
}

function requireReachable({ refusal }: WebhooksDependencies, url: string): void {
  const because = refusal(url);
  if (because === undefined) return;
  throw new OutriderError('request-invalid', `The field \`url\` is wrong: ${because}`, {
    hint: 'Give a public https address; addresses inside a network are allowed by OUTRIDER_WEBHOOK_NETWORKS.',
  });
}

function requireOn({ id, disabled }: WebhookRow): void {
  if (disabled === null) return;
  throw new OutriderError('not-allowed-now', `The webhook ${id} is switched off: ${disabled.because}`, {
    hint: 'Switch it on first: PUT it with "enabled": true.',
  });
}

function infoOf({ secrets: _secrets, ...info }: WebhookRow): WebhookInfo {
  return info;
}

function noSuchWebhook(id: string): never {
  throw new OutriderError('not-found', `There is no webhook ${id}`, { hint: 'List what there is: GET /v1/webhooks.' });
}

function noSuchDelivery(id: string, deliveryId: string): never {
  throw new OutriderError('not-found', `The webhook ${id} has no delivery ${deliveryId}`, {
    hint: `List what there is: GET /v1/webhooks/${id}/deliveries. What has ended is kept for 30 days.`,
  });
}
