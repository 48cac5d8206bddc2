import http from 'node:http';
import fc from 'fast-check';
import { REQUEST_SAMPLES } from './http-samples.ts';

/** One request of the operator API, as the API's own description knows it. */
export interface ApiOperation {
  readonly method: string;
  /** With `{name}` for parameters. */
  readonly path: string;
  readonly operationId: string;
  readonly query: readonly string[];
  readonly headers: readonly string[];
  readonly hasBody: boolean;
}

/** What goes over the socket: nothing in it is checked or encoded on the way. */
export interface WireRequest {
  readonly operation: string;
  readonly method: string;
  readonly target: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer | undefined;
}

export interface WireAnswer {
  readonly status: number;
  readonly contentType: string;
  readonly text: string;
  readonly milliseconds: number;
}

/** Reads the operations from /openapi.json, so that a new route is fuzzed by itself. */
export function operationsOf(openApi: unknown): readonly ApiOperation[] {
  const found: ApiOperation[] = [];
  for (const [path, methods] of Object.entries(recordOf(recordOf(openApi)['paths']))) {
    for (const [method, described] of Object.entries(recordOf(methods))) {
      const operation = recordOf(described);
      const parameters = Array.isArray(operation['parameters']) ? operation['parameters'].map(recordOf) : [];
      const named = (place: string) =>
        parameters.filter((parameter) => parameter['in'] === place).map((parameter) => String(parameter['name']));
      found.push({
        method: method.toUpperCase(),
        path,
        operationId: String(operation['operationId']),
        query: named('query'),
        headers: named('header'),
        hasBody: operation['requestBody'] !== undefined,
      });
    }
  }
  return found;
}

/** Generated bad (and now and then good) requests of one operation. */
export function badRequests(operation: ApiOperation): fc.Arbitrary<WireRequest> {
  return fc
    .record({
      parameter: segment,
      query: mostly(
        {},
        fc.dictionary(fc.oneof(fc.constantFrom(...operation.query, 'colour', '__proto__'), word), parameterValue, {
          maxKeys: 4,
        }),
      ),
      application: fc.boolean(),
      rawQuery: rarely(fc.constantFrom('&&&==', '%zz=%', 'a'.repeat(3_000), 'after=1&after=2', 'limit[]=1')),
      headers: mostly(
        {},
        fc.dictionary(fc.constantFrom(...operation.headers, ...COMMON_HEADERS), headerValue, { maxKeys: 4 }),
      ),
      body: operation.hasBody ? body(operation.operationId) : rarely(body(operation.operationId)),
    })
    .map(({ parameter, query, application, rawQuery, headers, body: content }) => {
      const path = operation.path.replace(/\{[a-z]+\}/gi, parameter);
      const pairs = Object.entries(query).map(
        ([name, given]) => `${encodeURIComponent(name)}=${encodeURIComponent(given)}`,
      );
      const search = [
        ...pairs,
        ...(rawQuery === null ? [] : [rawQuery]),
        ...(application && operation.query.includes('application') ? ['application=ECS'] : []),
      ].join('&');
      return {
        operation: operation.operationId,
        method: operation.method,
        target: search === '' ? path : `${path}?${search}`,
        headers: { ...(content === null ? {} : { 'content-type': content.type }), ...headers },
        body: content?.bytes,
      };
    });
}

/** Sends it on a connection of its own kind of agent. Streams are read for a moment and left. */
export async function send(url: string, request: WireRequest, agent: http.Agent): Promise<WireAnswer> {
  const { hostname, port } = new URL(url);
  const begun = performance.now();
  return new Promise((resolve, reject) => {
    const { method, target, headers, body: content } = request;
    const length = content === undefined ? {} : { 'content-length': String(content.length) };
    const call = http.request({
      host: hostname,
      port,
      method,
      path: target,
      headers: { ...headers, ...length },
      agent,
    });
    call.on('response', (answer) => {
      const parts: Buffer[] = [];
      const contentType = answer.headers['content-type'] ?? '';
      const finish = () =>
        resolve({
          status: answer.statusCode ?? 0,
          contentType,
          text: Buffer.concat(parts).toString('utf8'),
          milliseconds: performance.now() - begun,
        });
      answer.on('data', (chunk: Buffer) => parts.push(chunk));
      answer.on('end', finish);
      if (contentType.startsWith('text/event-stream')) {
        finish();
        call.destroy();
      }
    });
    call.on('error', reject);
    call.end(content);
  });
}

const COMMON_HEADERS = [
  'if-match',
  'if-none-match',
  'idempotency-key',
  'accept',
  'last-event-id',
  'content-encoding',
  'range',
  'x-forwarded-host',
];

/** Often the plain one: what is checked first must not hide what is checked later. */
function mostly<Value>(plain: Value, other: fc.Arbitrary<Value>): fc.Arbitrary<Value> {
  return fc.oneof({ weight: 3, arbitrary: fc.constant(plain) }, { weight: 2, arbitrary: other });
}

function rarely<Value>(other: fc.Arbitrary<Value>): fc.Arbitrary<Value | null> {
  return fc.oneof({ weight: 7, arbitrary: fc.constant(null) }, { weight: 1, arbitrary: other });
}

const word = fc.string({ unit: 'grapheme', maxLength: 12 });
const parameterValue: fc.Arbitrary<string> = fc.oneof(
  word,
  fc.constantFrom(
    '',
    '0',
    '-1',
    '1e9',
    'NaN',
    'null',
    '9007199254740993',
    '\u0000',
    '../../etc/passwd',
    "' OR 1=1 --",
    'x'.repeat(5_000),
  ),
);
/** Legal in a header as bytes, whatever it means. */
const headerValue: fc.Arbitrary<string> = fc.oneof(
  fc.constantFrom(
    '',
    '*',
    '""',
    '"1"',
    'W/"1"',
    '"999999999999999999999"',
    'text/event-stream',
    'text/plain',
    'application/yaml',
    '-5',
    'gzip',
    'bytes=0-1',
  ),
  fc.string({ unit: fc.integer({ min: 0x20, max: 0x7e }).map((code) => String.fromCharCode(code)), maxLength: 40 }),
  fc.constant('k'.repeat(6_000)),
);
/** A path segment as sent: percent-encoded where the wire wants it, and sometimes wrongly. */
const segment: fc.Arbitrary<string> = fc.oneof(
  parameterValue.map((text) => encodeURIComponent(text)),
  fc.constantFrom(
    'none',
    'Example%20Default_Replica',
    'ECS%20Replica%20Strategy',
    'stage-ecs',
    'example',
    '%',
    '%zz',
    '%00',
    '%2e%2e%2f',
    '..',
    '%ff%fe',
    '{id}',
    'exe_01ARZ3NDEKTSV4RRFFQ69G5FAV',
    'p1.1',
    'a/b',
  ),
);

interface Content {
  readonly type: string;
  readonly bytes: Buffer;
}

function body(operationId: string): fc.Arbitrary<Content> {
  const sample = REQUEST_SAMPLES[operationId];
  const json = (content: unknown) => ({
    type: 'application/json',
    bytes: Buffer.from(JSON.stringify(content) ?? 'null'),
  });
  const arbitrary = fc.jsonValue({ maxDepth: 4 }).map(json);
  const types = fc.constantFrom(
    'application/json',
    'application/json; charset=latin1',
    'application/yaml',
    'text/plain',
    'multipart/form-data',
    '',
    'x',
  );
  const shapes = [
    arbitrary,
    fc.record({ type: types, bytes: fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes)) }),
    fc.constantFrom(
      { type: 'application/json', bytes: Buffer.from('['.repeat(50_000)) },
      { type: 'application/json', bytes: Buffer.from(`${'{"a":'.repeat(20_000)}1${'}'.repeat(20_000)}`) },
      { type: 'application/json', bytes: Buffer.from('{"__proto__":{"admin":true},"constructor":{"prototype":1}}') },
      { type: 'application/json', bytes: Buffer.from('{"a":1e400,"b":-0,"c":"\\ud800"}') },
      { type: 'application/yaml', bytes: Buffer.from('a: &a [1]\nb: [*a, *a]\nc: !!js/function "x"\n') },
      { type: 'application/yaml', bytes: Buffer.from(`${'- '.repeat(2_000)}x`) },
    ),
    ...(sample === undefined ? [] : [mutated(sample).map(json)]),
  ];
  return fc.oneof(...shapes);
}

/** A good body of which some members are replaced, missing, doubled in size, or joined by others. */
function mutated(sample: unknown): fc.Arbitrary<unknown> {
  return fc
    .tuple(fc.integer(), fc.jsonValue({ maxDepth: 2 }), fc.integer({ min: 0, max: 40 }))
    .map(([how, other, at]) => {
      let left = at;
      const change = (node: unknown): unknown => {
        if (left-- === 0) return Math.abs(how) % 3 === 0 ? undefined : other;
        if (Array.isArray(node)) return Math.abs(how) % 7 === 0 ? [...node, ...node].map(change) : node.map(change);
        if (typeof node !== 'object' || node === null) return node;
        return Object.fromEntries(Object.entries(node).map(([name, child]) => [name, change(child)]));
      };
      return change(sample);
    });
}

function recordOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? Object.fromEntries(Object.entries(value)) : {};
}
