import {
  createWebhook,
  type DeliveryBody,
  delivery,
  deliveryList,
  newWebhook,
  replaceWebhook,
  type WebhookBody,
  webhook,
  webhookList,
} from '@outrider/shared/api/webhook-schemas.ts';
import { z } from 'zod';
import type { DeliveryRow } from '../../app/webhooks/ports.ts';
import type { WebhookInfo } from '../../app/webhooks/webhooks.ts';
import type { HttpDependencies } from '../ports.ts';
import { defineRoute, type Route } from '../route.ts';
import { nextLink, pageQuery } from './paging.ts';

const params = z.strictObject({ id: z.string().min(1).max(128) });
const deliveryParams = params.extend({ delivery: z.string().min(1).max(128) });
const none = z.strictObject({});
/** Where messages go and what signs them is as good as a key: for admins only. */
const common = { tag: 'Webhooks', permission: 'administer' } as const;

/** Receivers outside, and what each of them was told. */
export function webhookRoutes(dependencies: HttpDependencies): Route[] {
  return [...readRoutes(dependencies), ...changeRoutes(dependencies), ...deliveryRoutes(dependencies)];
}

function readRoutes({ webhooks }: HttpDependencies): Route[] {
  return [
    defineRoute({
      ...common,
      method: 'GET',
      path: '/v1/webhooks',
      operationId: 'listWebhooks',
      summary: 'Lists webhooks, without their secrets',
      params: none,
      query: none,
      answers: [{ status: 200, description: 'All of them', schema: webhookList }],
      async handle() {
        return { kind: 'json', status: 200, body: { items: (await webhooks.list()).map(webhookBody) } };
      },
    }),
    defineRoute({
      ...common,
      method: 'GET',
      path: '/v1/webhooks/{id}',
      operationId: 'getWebhook',
      summary: 'Reads a webhook, without its secrets',
      params,
      query: none,
      answers: [{ status: 200, description: 'The webhook', schema: webhook }],
      async handle({ params: { id } }) {
        return { kind: 'json', status: 200, body: webhookBody(await webhooks.get(id)) };
      },
    }),
  ];
}

function changeRoutes({ webhooks }: HttpDependencies): Route[] {
  return [
    defineRoute({
      ...common,
      method: 'POST',
      path: '/v1/webhooks',
      operationId: 'createWebhook',
      summary: 'Tells an address what happens from now on; its secret is answered this once',
      params: none,
      query: none,
      body: { kind: 'json', schema: createWebhook },
      answers: [{ status: 201, description: 'The webhook', schema: newWebhook }],
      async handle({ body, actor }) {
        const { info, secret } = await webhooks.create(body, actor.name);
        const headers = { location: `/v1/webhooks/${info.id}` };
        return { kind: 'json', status: 201, body: { ...webhookBody(info), secret }, headers };
      },
    }),
    defineRoute({
      ...common,
      method: 'PUT',
      path: '/v1/webhooks/{id}',
      operationId: 'replaceWebhook',
      summary: 'Changes what a webhook is told and where, or switches it off or on',
      params,
      query: none,
      body: { kind: 'json', schema: replaceWebhook },
      answers: [{ status: 200, description: 'The webhook as it is now', schema: webhook }],
      async handle({ params: { id }, body, actor }) {
        return { kind: 'json', status: 200, body: webhookBody(await webhooks.replace(id, body, actor.name)) };
      },
    }),
    defineRoute({
      ...common,
      method: 'DELETE',
      path: '/v1/webhooks/{id}',
      operationId: 'deleteWebhook',
      summary: 'Deletes a webhook with its deliveries',
      params,
      query: none,
      answers: [{ status: 204, description: 'Nothing more is sent' }],
      async handle({ params: { id } }) {
        await webhooks.remove(id);
        return { kind: 'empty', status: 204 };
      },
    }),
    defineRoute({
      ...common,
      method: 'POST',
      path: '/v1/webhooks/{id}/rotate-secret',
      operationId: 'rotateWebhookSecret',
      summary: 'Makes a new secret, answered this once; the one before signs too for 24 hours',
      params,
      query: none,
      answers: [{ status: 200, description: 'The webhook and its new secret', schema: newWebhook }],
      async handle({ params: { id } }) {
        const { info, secret } = await webhooks.rotate(id);
        return { kind: 'json', status: 200, body: { ...webhookBody(info), secret } };
      },
    }),
  ];
}

function deliveryRoutes({ webhooks }: HttpDependencies): Route[] {
  return [
    defineRoute({
      ...common,
      method: 'POST',
      path: '/v1/webhooks/{id}/test',
      operationId: 'testWebhook',
      summary: 'Sends a message that says nothing',
      params,
      query: none,
      answers: [{ status: 202, description: 'It is being sent', schema: delivery }],
      async handle({ params: { id } }) {
        return { kind: 'json', status: 202, body: deliveryBody(await webhooks.test(id)) };
      },
    }),
    defineRoute({
      ...common,
      method: 'GET',
      path: '/v1/webhooks/{id}/deliveries',
      operationId: 'listDeliveries',
      summary: 'Lists what a webhook was told and is to be told, newest first',
      params,
      query: z.strictObject(pageQuery),
      answers: [{ status: 200, description: 'A page of them', schema: deliveryList }],
      async handle({ params: { id }, query }) {
        const { items, nextCursor } = await webhooks.deliveries(id, query);
        const headers = nextLink(`/v1/webhooks/${encodeURIComponent(id)}/deliveries`, query, nextCursor);
        return { kind: 'json', status: 200, body: { items: items.map(deliveryBody), nextCursor }, headers };
      },
    }),
    defineRoute({
      ...common,
      method: 'GET',
      path: '/v1/webhooks/{id}/deliveries/{delivery}',
      operationId: 'getDelivery',
      summary: 'Reads a delivery with its attempts',
      params: deliveryParams,
      query: none,
      answers: [{ status: 200, description: 'The delivery', schema: delivery }],
      async handle({ params: { id, delivery: deliveryId } }) {
        return { kind: 'json', status: 200, body: deliveryBody(await webhooks.delivery(id, deliveryId)) };
      },
    }),
    defineRoute({
      ...common,
      method: 'POST',
      path: '/v1/webhooks/{id}/deliveries/{delivery}/redeliver',
      operationId: 'redeliver',
      summary: 'Sends a delivery again under its id, however it ended',
      params: deliveryParams,
      query: none,
      answers: [{ status: 202, description: 'It is being sent', schema: delivery }],
      async handle({ params: { id, delivery: deliveryId } }) {
        return { kind: 'json', status: 202, body: deliveryBody(await webhooks.redeliver(id, deliveryId)) };
      },
    }),
  ];
}

function webhookBody({ id, url, events, application, disabled, createdAtMs, createdBy }: WebhookInfo): WebhookBody {
  return {
    id,
    url,
    events: [...events],
    application,
    disabled: disabled === null ? null : { at: iso(disabled.atMs), because: disabled.because },
    createdAt: iso(createdAtMs),
    createdBy,
  };
}

function deliveryBody(row: DeliveryRow): DeliveryBody {
  const { id, type, executionId, state, createdAtMs, nextAttemptMs, attempts, payload } = row;
  return {
    id,
    event: type,
    executionId,
    state,
    createdAt: iso(createdAtMs),
    nextAttemptAt: nextAttemptMs === null ? null : iso(nextAttemptMs),
    attempts: attempts.map(({ atMs, ...attempt }) => ({ at: iso(atMs), ...attempt })),
    payload,
  };
}

function iso(atMs: number): string {
  return new Date(atMs).toISOString();
}
