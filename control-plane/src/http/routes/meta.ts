import { health } from '@outrider/shared/api/schemas.ts';
import { ERRORS, isErrorCode, OutriderError } from '@outrider/shared/errors.ts';
import { z } from 'zod';
import { openApiDocument } from '../openapi.ts';
import type { HttpDependencies } from '../ports.ts';
import { defineRoute, type Route } from '../route.ts';

/** Health, metrics, and what describes the API itself. `described` is the table that /openapi.json is made from. */
export function metaRoutes(dependencies: HttpDependencies, described: readonly Route[]): Route[] {
  const own = [...healthRoutes(dependencies), metricsRoute(dependencies), errorRoute()];
  const openApi = defineRoute({
    method: 'GET',
    path: '/openapi.json',
    operationId: 'readOpenApi',
    tag: 'About',
    summary: 'This description, OpenAPI 3.1',
    permission: 'public',
    params: z.strictObject({}),
    query: z.strictObject({}),
    answers: [{ status: 200, description: 'OpenAPI 3.1' }],
    handle: () => ({ kind: 'json', status: 200, body: document() }),
  });
  let made: unknown;
  const document = () => {
    made ??= openApiDocument([...described, ...own, openApi], dependencies.version);
    return made;
  };
  return [...own, openApi];
}

function healthRoutes({ readiness, version }: HttpDependencies): Route[] {
  return [
    defineRoute({
      method: 'GET',
      path: '/healthz',
      operationId: 'readHealth',
      tag: 'About',
      summary: 'Whether the process answers',
      permission: 'public',
      params: z.strictObject({}),
      query: z.strictObject({}),
      answers: [{ status: 200, description: 'It does', schema: health }],
      handle: () => ({ kind: 'json', status: 200, body: { status: 'ok', version } }),
    }),
    defineRoute({
      method: 'GET',
      path: '/readyz',
      operationId: 'readReadiness',
      tag: 'About',
      summary: 'Whether work can be done: the store takes writes, the listeners are up',
      permission: 'public',
      params: z.strictObject({}),
      query: z.strictObject({}),
      answers: [{ status: 200, description: 'It can; a 503 says which check fails', schema: health }],
      async handle() {
        const checks: Record<string, string> = {};
        for (const [name, check] of Object.entries(readiness)) {
          checks[name] = await check().then(
            () => 'ok',
            (thrown: unknown) => OutriderError.from(thrown).message,
          );
        }
        const failing = Object.entries(checks).filter(([, result]) => result !== 'ok');
        if (failing.length === 0) return { kind: 'json', status: 200, body: { status: 'ok', version, checks } };
        const message = failing.map(([name, result]) => `${name}: ${result}`).join('; ');
        throw new OutriderError('not-ready', message, { data: { checks } });
      },
    }),
  ];
}

function metricsRoute({ metrics }: HttpDependencies): Route {
  return defineRoute({
    method: 'GET',
    path: '/metrics',
    operationId: 'readMetrics',
    tag: 'About',
    summary: 'Numbers for Prometheus',
    permission: 'read',
    params: z.strictObject({}),
    query: z.strictObject({}),
    answers: [{ status: 200, description: 'Prometheus text format', contentTypes: ['text/plain'] }],
    async handle() {
      return {
        kind: 'text',
        status: 200,
        contentType: 'text/plain; version=0.0.4; charset=utf-8',
        text: await metrics(),
      };
    },
  });
}

/** The page that the `type` of a problem document leads to. */
function errorRoute(): Route {
  return defineRoute({
    method: 'GET',
    path: '/errors/{code}',
    operationId: 'readErrorPage',
    tag: 'About',
    summary: 'What an error code means and what to do about it',
    permission: 'public',
    params: z.strictObject({ code: z.string().max(100) }),
    query: z.strictObject({}),
    answers: [{ status: 200, description: 'A page of text', contentTypes: ['text/plain'] }],
    handle({ params }) {
      const { code } = params;
      if (!isErrorCode(code)) throw new OutriderError('not-found', `There is no error code ${code}`);
      const kind = ERRORS[code];
      const lines = [
        `${code}: ${kind.title}`,
        '',
        `What to do:        ${kind.hint}`,
        `Try again as is:   ${kind.retryable ? 'it may succeed later' : 'it will fail again'}`,
        `HTTP status:       ${kind.httpStatus}`,
        `Exit code:         ${kind.exitCode}`,
        '',
      ];
      return { kind: 'text', status: 200, contentType: 'text/plain; charset=utf-8', text: lines.join('\n') };
    },
  });
}
