import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { problem } from '@outrider/shared/api/schemas.ts';
import { type Answer, startTestApi, type TestApi } from '../../support/api.ts';

interface Operation {
  readonly method: string;
  readonly path: string;
  readonly isPublic: boolean;
  readonly permission: string;
  readonly bodySchema: string | undefined;
  readonly takesYaml: boolean;
}

const KEY = 'ok_first_0123456789abcdef0123456789abcdef0123456789abcdef';

/** The rows of the route table, as the API itself describes them. */
async function operationsOf(api: TestApi): Promise<Operation[]> {
  const { json } = await api.call('GET', '/openapi.json');
  const paths: Record<string, Record<string, Record<string, unknown>>> = JSON.parse(JSON.stringify(json['paths']));
  return Object.entries(paths).flatMap(([route, methods]) =>
    Object.entries(methods).map(([method, operation]) => {
      const body = JSON.stringify(operation['requestBody'] ?? {});
      return {
        method: method.toUpperCase(),
        path: route
          .replace('{id}', 'exe_none')
          .replace('{step}', 'p1.1')
          .replace('{code}', 'internal')
          .replace(/\{[a-z]+\}/, 'none'),
        isPublic: Array.isArray(operation['security']),
        permission: String(operation['x-permission']),
        bodySchema: /"application\/json":\{"schema":\{"\$ref":"#\/components\/schemas\/([A-Za-z]+)"/.exec(body)?.[1],
        takesYaml: body.includes('application/yaml'),
      };
    }),
  );
}

async function assertProblem(api: TestApi, answer: Answer, status: number): Promise<void> {
  assert.equal(answer.status, status, answer.text);
  assert.match(answer.headers.get('content-type') ?? '', /^application\/problem\+json/);
  const parsed = problem.parse(answer.json);
  assert.equal(parsed.status, status);
  assert.notEqual(parsed.detail, '');
  assert.notEqual(parsed.hint, '');
  assert.doesNotMatch(answer.text, /\.ts:[0-9]+|node:internal|at Object\./, 'no stack trace');
  const page = await api.call('GET', parsed.type);
  assert.equal(page.status, 200, `${parsed.type} is a page`);
  assert.match(page.text, new RegExp(`^${parsed.code}: `));
}

describe('every route refuses bad requests with problem+json', () => {
  let api: TestApi;
  let directory: string;
  let operations: Operation[];
  const authorized = { authorization: `Bearer ${KEY}` };

  before(async () => {
    directory = mkdtempSync(path.join(tmpdir(), 'outrider-http-'));
    api = await startTestApi({ OUTRIDER_INSECURE: '0', OUTRIDER_DATA_DIR: directory, OUTRIDER_BOOTSTRAP_KEY: KEY });
    const authority = readFileSync(path.join(directory, 'ca.pem'), 'utf8');
    setDefaultCACertificates([...getCACertificates('default'), authority]);
    operations = await operationsOf(api);
  });
  after(async () => {
    await api.close();
    rmSync(directory, { recursive: true, force: true });
  });

  test('there are routes to ask', () => {
    assert.ok(operations.length >= 35, `${operations.length} operations`);
  });

  test('without a key every route that is not public answers 401', async () => {
    const closed = operations.filter((operation) => !operation.isPublic);
    for (const { method, path: route } of closed) {
      const answer = await api.call(method, route);
      await assertProblem(api, answer, 401);
      assert.match(answer.headers.get('www-authenticate') ?? '', /^Bearer/);
    }
  });

  test('public are only health, readiness, the description, the error pages, and where a token is the key', () => {
    const open = operations.filter((operation) => operation.isPublic).map((operation) => operation.path);
    assert.deepEqual(open.toSorted(), ['/errors/internal', '/healthz', '/openapi.json', '/readyz', '/v1/hooks/none']);
  });

  for (const header of ['Bearer', 'Bearer ok_first_wrong', 'Basic abc', `bearer ${KEY}x`, 'Bearer a b']) {
    test(`the header "Authorization: ${header.slice(0, 24)}" opens nothing`, async () => {
      await assertProblem(api, await api.call('GET', '/v1/executions', { headers: { authorization: header } }), 401);
    });
  }

  test('an unknown query parameter is refused by name on every route', async () => {
    for (const { method, path: route, bodySchema } of operations) {
      const body = bodySchema === undefined ? {} : { body: {} };
      const answer = await api.call(method, `${route}?colour=blue`, { headers: authorized, ...body });
      await assertProblem(api, answer, 400);
      assert.match(String(answer.json['detail']), /colour/, `${method} ${route}`);
    }
  });

  test('a body that is not JSON, of another type, or of another shape is refused on every route that takes JSON', async () => {
    const taking = operations.filter((operation) => operation.bodySchema !== undefined && !operation.takesYaml);
    assert.ok(taking.length >= 5);
    for (const { method, path: route } of taking) {
      const json = { ...authorized, 'content-type': 'application/json' };
      await assertProblem(api, await api.call(method, route, { text: '{"a":', headers: json }), 400);
      await assertProblem(api, await api.call(method, route, { text: '[1]', headers: json }), 400);
      const unknown = await api.call(method, route, { text: '{"colour":1}', headers: json });
      await assertProblem(api, unknown, 400);
      assert.match(unknown.text, /colour/);
      const form = { ...authorized, 'content-type': 'application/x-www-form-urlencoded' };
      await assertProblem(api, await api.call(method, route, { text: 'a=b', headers: form }), 415);
      const latin = new Uint8Array([0x7b, 0xff, 0x7d]);
      const response = await fetch(`${api.url}${route}`, { method, headers: json, body: latin });
      assert.equal(response.status, 400);
    }
  });

  test('a document that is none, empty or of another type is refused on every route that takes YAML', async () => {
    const taking = operations.filter((operation) => operation.takesYaml);
    assert.ok(taking.length >= 6);
    for (const { method, path: route } of taking) {
      const yaml = { ...authorized, 'content-type': 'application/yaml' };
      await assertProblem(api, await api.call(method, route, { text: 'kind: [Service', headers: yaml }), 422);
      await assertProblem(api, await api.call(method, route, { text: 'kind: Nothing', headers: yaml }), 422);
      await assertProblem(api, await api.call(method, route, { headers: yaml }), 400);
      const png = { ...authorized, 'content-type': 'image/png' };
      await assertProblem(api, await api.call(method, route, { text: 'x', headers: png }), 415);
    }
  });

  test('a body of 5 MB is answered with 413, however it is sent', async () => {
    const text = 'a'.repeat(5_000_000);
    for (const [method, route] of [
      ['POST', '/v1/apply'],
      ['POST', '/v1/executions'],
      ['PUT', '/v1/services/web'],
    ] as const) {
      const headers = { ...authorized, 'content-type': 'application/yaml' };
      const answer = await api.call(method, route, { text, headers });
      await assertProblem(api, answer, 413);
      assert.equal(answer.json['code'], 'document-too-large');
    }
  });

  for (const [what, method, route, status] of [
    ['a path that is none', 'GET', '/v1/nothing', 404],
    ['a method that a path does not know', 'PATCH', '/v1/executions', 405],
    ['a path that cannot be decoded', 'GET', '/v1/services/%zz', 400],
    ['a name that is too long', 'GET', `/v1/services/${'x'.repeat(200)}`, 400],
    ['a number that is none', 'GET', '/v1/executions?limit=many', 400],
    ['a number out of range', 'GET', '/v1/executions?limit=100000', 400],
    ['a parameter that stands twice', 'GET', '/v1/executions?limit=1&limit=2', 400],
    ['a status that is none', 'GET', '/v1/executions?status=running,happy', 400],
    ['a cursor that is none', 'GET', '/v1/workflows?cursor=abc', 400],
    ['an execution that is none', 'GET', '/v1/executions/exe_none', 404],
    ['events of an execution that is none', 'GET', '/v1/executions/exe_none/events', 404],
    ['the log of an execution that is none', 'GET', '/v1/executions/exe_none/steps/p1.1/logs', 404],
    ['a place in a log that is none', 'GET', '/v1/executions/exe_none/steps/p1.1/logs?after=x.y', 400],
    ['a workflow that is none', 'GET', '/v1/workflows/none', 404],
    ['a delegate that is none', 'GET', '/v1/delegates/none', 404],
    ['a join token that is none', 'DELETE', '/v1/join-tokens/none', 404],
    ['a key that is none', 'DELETE', '/v1/api-keys/none', 404],
    ['an error code that is none', 'GET', '/errors/none', 404],
  ] as const) {
    test(`${what}: ${status}`, async () => {
      await assertProblem(api, await api.call(method, route, { headers: authorized }), status);
    });
  }

  test('events of an execution that is none are a problem for followers, too', async () => {
    const headers = { ...authorized, accept: 'text/event-stream' };
    await assertProblem(api, await api.call('GET', '/v1/executions/exe_none/events', { headers }), 404);
  });

  test('JSON nested without end is refused, not walked', async () => {
    const deep = `${'['.repeat(100_000)}${']'.repeat(100_000)}`;
    for (const [method, route, text, status] of [
      ['POST', '/v1/executions', `{"workflow":"w","variables":{"a":${deep}}}`, 400],
      ['PUT', '/v1/services/web', `{"status":1,"spec":${deep}}`, 422],
      ['POST', '/v1/apply', `{"files":${deep}}`, 400],
      ['POST', '/v1/apply', deep, 422],
    ] as const) {
      const headers = { ...authorized, 'content-type': 'application/json' };
      await assertProblem(api, await api.call(method, route, { text, headers }), status);
    }
  });

  test('a wrong method says which are right', async () => {
    const answer = await api.call('DELETE', '/v1/executions', { headers: authorized });
    assert.equal(answer.headers.get('allow'), 'POST, GET');
  });

  test('a misspelt query parameter is named with the one that was meant', async () => {
    const answer = await api.call('GET', '/v1/executions?statsu=running', { headers: authorized });
    assert.match(String(answer.json['hint']), /status/);
  });
});
