import { type ApiKeyBody, apiKeyList, createApiKey, newApiKey } from '@outrider/shared/api/schemas.ts';
import { OutriderError } from '@outrider/shared/errors.ts';
import { z } from 'zod';
import type { ApiKeyInfo } from '../../auth/api-keys.ts';
import type { HttpDependencies } from '../ports.ts';
import { defineRoute, type Route } from '../route.ts';

/** API keys: who may do what. */
export function keyRoutes({ apiKeys, clock }: HttpDependencies): Route[] {
  return [
    defineRoute({
      method: 'GET',
      path: '/v1/api-keys',
      operationId: 'listApiKeys',
      tag: 'API keys',
      summary: 'Lists API keys, without their secrets',
      permission: 'administer',
      params: z.strictObject({}),
      query: z.strictObject({}),
      answers: [{ status: 200, description: 'All of them', schema: apiKeyList }],
      async handle() {
        return { kind: 'json', status: 200, body: { items: (await apiKeys.list()).map(keyBody) } };
      },
    }),
    defineRoute({
      method: 'POST',
      path: '/v1/api-keys',
      operationId: 'createApiKey',
      tag: 'API keys',
      summary: 'Makes an API key; its text is answered this once',
      permission: 'administer',
      params: z.strictObject({}),
      query: z.strictObject({}),
      body: { kind: 'json', schema: createApiKey },
      answers: [{ status: 201, description: 'The key', schema: newApiKey }],
      async handle({ body, actor }) {
        const { name, role, expiresInSeconds } = body;
        const expiresAtMs = expiresInSeconds === null ? null : clock.now() + expiresInSeconds * 1_000;
        const { info, key } = await apiKeys.create({ name, role, expiresAtMs }, actor.name);
        return { kind: 'json', status: 201, body: { ...keyBody(info), key } };
      },
    }),
    defineRoute({
      method: 'DELETE',
      path: '/v1/api-keys/{id}',
      operationId: 'revokeApiKey',
      tag: 'API keys',
      summary: 'Revokes an API key at once',
      permission: 'administer',
      params: z.strictObject({ id: z.string().min(1).max(128) }),
      query: z.strictObject({}),
      answers: [{ status: 204, description: 'It opens nothing any more' }],
      async handle({ params }) {
        if (await apiKeys.revoke(params.id)) return { kind: 'empty', status: 204 };
        throw new OutriderError('not-found', `There is no API key ${params.id}`, {
          hint: 'List what there is: outrider keys list.',
        });
      },
    }),
  ];
}

function keyBody(info: ApiKeyInfo): ApiKeyBody {
  return {
    id: info.id,
    name: info.name,
    role: info.role,
    createdAt: new Date(info.createdAtMs).toISOString(),
    createdBy: info.createdBy,
    expiresAt: iso(info.expiresAtMs),
    revokedAt: iso(info.revokedAtMs),
    lastUsedAt: iso(info.lastUsedAtMs),
  };
}

function iso(atMs: number | null): string | null {
  return atMs === null ? null : new Date(atMs).toISOString();
}
