import {
  callTrigger,
  putTrigger,
  type TriggerBody,
  trigger,
  triggered,
  triggerList,
  triggerToken,
} from '@outrider/shared/api/trigger-schemas.ts';
import { DEFAULT_APPLICATION } from '@outrider/shared/model/common.ts';
import { z } from 'zod';
import type { TriggerInfo } from '../../app/triggers/triggers.ts';
import type { HttpDependencies } from '../ports.ts';
import { defineRoute, type Route } from '../route.ts';
import { HOOKS_PATH } from '../secret-paths.ts';

const none = z.strictObject({});
const name = z.string().regex(/^[A-Za-z0-9 _.-]{1,128}$/, 'expected 1 to 128 of letters, digits, space and _ . -');
const params = z.strictObject({ name });
const query = z.strictObject({ application: name.default(DEFAULT_APPLICATION) });

/** What starts workflows without a person. */
export function triggerRoutes(dependencies: HttpDependencies): Route[] {
  return [...readRoutes(dependencies), ...changeRoutes(dependencies), callRoute(dependencies)];
}

function readRoutes({ triggers }: HttpDependencies): Route[] {
  return [
    defineRoute({
      method: 'GET',
      path: '/v1/triggers',
      operationId: 'listTriggers',
      tag: 'Triggers',
      summary: 'Lists triggers by application and name',
      permission: 'read',
      params: none,
      query: z.strictObject({ application: name.optional() }),
      answers: [{ status: 200, description: 'All of them', schema: triggerList }],
      async handle({ query: { application } }) {
        const items = (await triggers.list(application)).map(triggerBody);
        return { kind: 'json', status: 200, body: { items } };
      },
    }),
    defineRoute({
      method: 'GET',
      path: '/v1/triggers/{name}',
      operationId: 'getTrigger',
      tag: 'Triggers',
      summary: 'Reads a trigger with what came of it lately',
      permission: 'read',
      params,
      query,
      answers: [{ status: 200, description: 'The trigger', schema: trigger }],
      async handle({ params: { name: named }, query: { application } }) {
        return { kind: 'json', status: 200, body: triggerBody(await triggers.get({ application, name: named })) };
      },
    }),
  ];
}

/** A trigger gives others the power to deploy: for admins only. */
function changeRoutes({ triggers }: HttpDependencies): Route[] {
  return [
    defineRoute({
      method: 'PUT',
      path: '/v1/triggers/{name}',
      operationId: 'putTrigger',
      tag: 'Triggers',
      summary: 'Makes or replaces a trigger, standing on the key of who asks',
      permission: 'administer',
      params,
      query,
      body: { kind: 'json', schema: putTrigger },
      answers: [
        { status: 200, description: 'It was replaced', schema: trigger },
        { status: 201, description: 'It was made', schema: trigger },
      ],
      async handle({ params: { name: named }, query: { application }, body, actor }) {
        const { webhook: _webhook, schedule, ...wish } = body;
        const when =
          schedule === undefined ? ({ kind: 'webhook' } as const) : { kind: 'schedule' as const, ...schedule };
        const { info, created } = await triggers.put({ application, name: named }, { ...wish, when }, actor);
        return { kind: 'json', status: created ? 201 : 200, body: triggerBody(info) };
      },
    }),
    defineRoute({
      method: 'DELETE',
      path: '/v1/triggers/{name}',
      operationId: 'deleteTrigger',
      tag: 'Triggers',
      summary: 'Deletes a trigger; what it started goes on',
      permission: 'administer',
      params,
      query,
      answers: [{ status: 204, description: 'It starts nothing any more' }],
      async handle({ params: { name: named }, query: { application } }) {
        await triggers.remove({ application, name: named });
        return { kind: 'empty', status: 204 };
      },
    }),
    defineRoute({
      method: 'POST',
      path: '/v1/triggers/{name}/token',
      operationId: 'createTriggerToken',
      tag: 'Triggers',
      summary: 'Makes the token that calls a trigger, answered this once; the one before opens nothing any more',
      permission: 'administer',
      params,
      query,
      answers: [{ status: 201, description: 'The token', schema: triggerToken }],
      async handle({ params: { name: named }, query: { application } }) {
        const token = await triggers.newToken({ application, name: named });
        return { kind: 'json', status: 201, body: { token, path: `${HOOKS_PATH}${token}` } };
      },
    }),
  ];
}

function callRoute({ triggers }: HttpDependencies): Route {
  return defineRoute({
    method: 'POST',
    path: `${HOOKS_PATH}{token}`,
    operationId: 'callTrigger',
    tag: 'Triggers',
    summary: 'Starts the workflow of a trigger; the token in the path is the key',
    permission: 'public',
    takesIdempotencyKey: true,
    params: z.strictObject({ token: z.string().min(1).max(256) }),
    query: none,
    body: { kind: 'json', schema: callTrigger, mayBeEmpty: true },
    answers: [
      {
        status: 201,
        description: 'It was started',
        schema: triggered,
        headers: { 'Idempotency-Replayed': '`true`: an earlier request started it' },
      },
    ],
    async handle({ params: { token }, body, idempotencyKey }) {
      const { execution, replayed } = await triggers.call(token, { ...body, idempotencyKey });
      const { id, status } = execution;
      return {
        kind: 'json',
        status: 201,
        body: { executionId: id, status, path: `/v1/executions/${id}` },
        ...(replayed ? { headers: { 'idempotency-replayed': 'true' } } : {}),
      };
    },
  });
}

function triggerBody(info: TriggerInfo): TriggerBody {
  const { name: named, application, workflow, when, artifacts, variables, enabled, changedAtMs, changedBy } = info;
  const firings = info.firings.map(({ atMs, ...firing }) => ({ at: iso(atMs), ...firing }));
  return {
    name: named,
    application,
    workflow,
    ...(when.kind === 'webhook'
      ? { webhook: { hasToken: info.hasToken } }
      : { schedule: { cron: when.cron, timeZone: when.timeZone, nextAt: isoOrNull(info.nextAtMs) } }),
    artifacts,
    variables,
    enabled,
    changedAt: iso(changedAtMs),
    changedBy,
    firings,
  };
}

function isoOrNull(atMs: number | null): string | null {
  return atMs === null ? null : iso(atMs);
}

function iso(atMs: number): string {
  return new Date(atMs).toISOString();
}
