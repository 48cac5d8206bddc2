import { z } from 'zod';
import { named, time } from './schemas.ts';

/** What is told to receivers outside, and the shapes of `/v1/webhooks`. */

/** What happens to executions, by the names that receivers choose from. Each execution has one of the ends, and at most one start. */
export const WEBHOOK_EVENTS = [
  'execution.started',
  'execution.waiting',
  'execution.succeeded',
  'execution.failed',
  'execution.rolled_back',
  'execution.rollback_failed',
  'execution.aborted',
  'execution.rejected',
] as const;
export type WebhookEvent = (typeof WEBHOOK_EVENTS)[number];

/** What `POST /v1/webhooks/{id}/test` sends. */
export const WEBHOOK_TEST_EVENT = 'webhook.test';

const url = z
  .url({ protocol: /^https?$/ })
  .max(2_048)
  .describe('https; http only for an address in OUTRIDER_WEBHOOK_NETWORKS');
const events = z.array(z.enum(WEBHOOK_EVENTS)).min(1).max(WEBHOOK_EVENTS.length).describe('What it is told of');
const application = z
  .string()
  .min(1)
  .max(128)
  .nullable()
  .describe('Only of executions of this application; null: of all');

export const webhook = named(
  'Webhook',
  z.object({
    id: z.string(),
    url: z.string(),
    events: z.array(z.string()),
    application: z.string().nullable(),
    disabled: z.object({ at: time, because: z.string() }).nullable().describe('Nothing is sent; null: it is on'),
    createdAt: time,
    createdBy: z.string(),
  }),
);
export type WebhookBody = z.infer<typeof webhook>;

export const newWebhook = named(
  'NewWebhook',
  webhook.extend({ secret: z.string().describe('`whsec_…`, to verify signatures with; shown this once') }),
);
export const webhookList = named('WebhookList', z.object({ items: z.array(webhook) }));
export const createWebhook = named(
  'CreateWebhook',
  z.strictObject({ url, events: events.default([...WEBHOOK_EVENTS]), application: application.default(null) }),
);
export const replaceWebhook = named(
  'ReplaceWebhook',
  z.strictObject({ url, events, application: application.default(null), enabled: z.boolean().default(true) }),
);

export const DELIVERY_STATES = ['pending', 'delivered', 'failed'] as const;
export const delivery = named(
  'Delivery',
  z.object({
    id: z.string().describe('Also the header `webhook-id`: the same for every attempt'),
    event: z.string(),
    executionId: z.string().nullable(),
    state: z.enum(DELIVERY_STATES),
    createdAt: time,
    nextAttemptAt: time.nullable().describe('Null: there is none to come'),
    attempts: z
      .array(
        z.object({
          at: time,
          milliseconds: z.number().describe('Until its answer'),
          status: z.number().int().nullable().describe('HTTP status; null: there was no answer'),
          because: z.string().nullable().describe('Why it counts as failed; null: it was delivered'),
        }),
      )
      .describe('The newest 20, oldest first'),
    payload: z.string().describe('The body as it is sent'),
  }),
);
export type DeliveryBody = z.infer<typeof delivery>;
export const deliveryList = named(
  'DeliveryList',
  z.object({ items: z.array(delivery), nextCursor: z.string().nullable() }),
);
