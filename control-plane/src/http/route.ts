import { OutriderError, type Problem } from '@outrider/shared/errors.ts';
import { didYouMean } from '@outrider/shared/nearest.ts';
import { z } from 'zod';
import type { Actor } from '../auth/api-keys.ts';
import type { Permission } from '../auth/roles.ts';
import { type DocumentText, documentText, jsonBody, type RawBody } from './body.ts';
import { idempotencyKeyOf } from './idempotency.ts';
import type { SseStream } from './sse.ts';

export type Method = 'GET' | 'PUT' | 'POST' | 'DELETE';

/** What a handler answers; the server turns it into bytes. */
export type Answer =
  | {
      readonly kind: 'json';
      readonly status: number;
      readonly body: unknown;
      readonly headers?: Readonly<Record<string, string>>;
    }
  | {
      readonly kind: 'text';
      readonly status: number;
      readonly contentType: string;
      readonly text: string;
      readonly headers?: Readonly<Record<string, string>>;
    }
  /** Text that may be long: written as it is read. */
  | { readonly kind: 'chunks'; readonly contentType: string; readonly chunks: AsyncIterable<string> }
  /** A file of known length. `done` is called once, when it was sent or its reader went away. */
  | {
      readonly kind: 'bytes';
      readonly contentType: string;
      readonly length: number;
      readonly content: AsyncIterable<Uint8Array>;
      readonly headers: Readonly<Record<string, string>>;
      readonly done: () => Promise<void>;
    }
  | { readonly kind: 'empty'; readonly status: number; readonly headers?: Readonly<Record<string, string>> }
  /** `run` ends when there is nothing more to say, or soon after the client or the server went away. */
  | { readonly kind: 'stream'; readonly run: (stream: SseStream) => Promise<void> };

/** A request as the server hands it to a route: not looked at yet, but for who asks. */
export interface RawRequest {
  readonly method: string;
  /** Path as sent, without the query. */
  readonly path: string;
  readonly params: unknown;
  readonly query: unknown;
  readonly body: RawBody | undefined;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly actor: Actor;
}

export interface RouteRequest<Params, Query, Body> {
  readonly params: Params;
  readonly query: Query;
  readonly body: Body;
  readonly actor: Actor;
  readonly header: (name: string) => string | undefined;
  /** Given by the caller, and only on routes that take it. */
  readonly idempotencyKey: string | undefined;
}

/** What a route takes as its body. */
export type BodySpec<Body extends z.ZodType> =
  | { readonly kind: 'json'; readonly schema: Body; readonly mayBeEmpty?: boolean }
  /** Resources as YAML or JSON text, read by the document parser and not by the route. */
  | { readonly kind: 'documents'; readonly schema: Body; readonly describedBy: z.ZodType };

/** The `schema` of a body of documents. */
export const documentBody = z.custom<DocumentText>();

export interface RouteAnswerSpec {
  readonly status: number;
  readonly description: string;
  readonly schema?: z.ZodType;
  /** Other than JSON. */
  readonly contentTypes?: readonly string[];
  readonly headers?: Readonly<Record<string, string>>;
}

interface RouteMeta {
  readonly method: Method;
  /** With `{name}` for parameters, as OpenAPI writes it. */
  readonly path: string;
  readonly operationId: string;
  readonly tag: string;
  readonly summary: string;
  readonly description?: string;
  /** `public`: without a key. */
  readonly permission: Permission | 'public';
  readonly takesIdempotencyKey?: boolean;
  /** Request headers beyond those that all routes know. */
  readonly requestHeaders?: Readonly<Record<string, string>>;
  readonly answers: readonly RouteAnswerSpec[];
  /** Left out of /openapi.json: pages, not API. */
  readonly hidden?: boolean;
}

export interface RouteSpec<Params extends z.ZodObject, Query extends z.ZodObject, Body extends z.ZodType>
  extends RouteMeta {
  readonly params: Params;
  readonly query: Query;
  readonly body?: BodySpec<Body>;
  readonly handle: (
    request: RouteRequest<z.output<Params>, z.output<Query>, z.output<Body>>,
  ) => Answer | Promise<Answer>;
}

/** A row of the route table: all that the server, /openapi.json and the tests need to know. */
export interface Route extends RouteMeta {
  readonly params: z.ZodObject;
  readonly query: z.ZodObject;
  readonly body: BodySpec<z.ZodType> | undefined;
  /** Checks everything, then handles. @throws request-invalid and whatever the use case throws */
  readonly run: (request: RawRequest) => Promise<Answer>;
}

export function defineRoute<Params extends z.ZodObject, Query extends z.ZodObject, Body extends z.ZodType>(
  spec: RouteSpec<Params, Query, Body>,
): Route {
  const { handle, body, ...meta } = spec;
  return {
    ...meta,
    body,
    async run(raw) {
      const params = check(spec.params, raw.params, 'path');
      const query = check(spec.query, singleValues(raw.query), 'query parameter');
      const checkedBody = await bodyOf(body, raw);
      const key = spec.takesIdempotencyKey === true ? raw.headers['idempotency-key'] : undefined;
      const header = (name: string) => singleHeader(raw.headers, name);
      return handle({
        params,
        query,
        body: checkedBody,
        actor: raw.actor,
        header,
        idempotencyKey: idempotencyKeyOf(key),
      });
    },
  };
}

async function bodyOf<Body extends z.ZodType>(
  spec: BodySpec<Body> | undefined,
  raw: RawRequest,
): Promise<z.output<Body>>;
async function bodyOf(spec: BodySpec<z.ZodType> | undefined, raw: RawRequest): Promise<unknown> {
  if (spec === undefined) return undefined;
  if (spec.kind === 'documents') return documentText(raw.body);
  return check(spec.schema, jsonBody(raw.body, spec.mayBeEmpty === true), 'field');
}

type Part = 'path' | 'query parameter' | 'field';

function check<Schema extends z.ZodType>(schema: Schema, value: unknown, part: Part): z.output<Schema> {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const problems = parsed.error.issues.slice(0, MAX_PROBLEMS).flatMap((issue) => problemsOf(issue, part, schema));
  const first = problems[0];
  const message =
    problems.length === 1 && first !== undefined ? first.message : `The request has ${problems.length} faults`;
  const hint = problems.length === 1 ? first?.hint : undefined;
  throw new OutriderError('request-invalid', message, { problems, ...(hint === undefined ? {} : { hint }) });
}

const MAX_PROBLEMS = 50;

function problemsOf(issue: z.core.$ZodIssue, part: Part, schema: z.ZodType): Problem[] {
  if (issue.code === 'unrecognized_keys') {
    const known = issue.path.length === 0 && schema instanceof z.ZodObject ? Object.keys(schema.shape) : [];
    return issue.keys.map((key) => unknownKey(key, [...issue.path, key], part, known));
  }
  const name = issue.path.map(String).join('.');
  const subject = name === '' ? 'The body' : `The ${part} \`${name}\``;
  const message = `${subject} is wrong: ${lowerFirst(issue.message)}`;
  return [part === 'field' ? { message, pointer: pointerOf(issue.path) } : { message }];
}

function unknownKey(key: string, path: readonly PropertyKey[], part: Part, known: readonly string[]): Problem {
  const message = `There is no ${part} \`${key.slice(0, 200)}\``;
  const list = known.length === 0 ? 'none' : known.map((name) => `\`${name}\``).join(', ');
  const meant = didYouMean(key, known);
  const hint = meant === undefined ? `Known here: ${list}.` : `D${meant.slice(1)} Known here: ${list}.`;
  return { message, hint, ...(part === 'field' ? { pointer: pointerOf(path) } : {}) };
}

function pointerOf(path: readonly PropertyKey[]): string {
  return path.map((part) => `/${String(part).replaceAll('~', '~0').replaceAll('/', '~1')}`).join('');
}

/** Query parameters as single texts: one that stands twice says two things. */
function singleValues(query: unknown): unknown {
  if (typeof query !== 'object' || query === null) return {};
  for (const [name, value] of Object.entries(query)) {
    if (Array.isArray(value)) {
      throw new OutriderError('request-invalid', `The query parameter \`${name}\` stands there ${value.length} times`, {
        hint: 'Give it once.',
      });
    }
  }
  return { ...query };
}

function singleHeader(headers: RawRequest['headers'], name: string): string | undefined {
  const value = headers[name.toLowerCase()];
  return Array.isArray(value) ? value.join(', ') : value;
}

function lowerFirst(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1);
}
