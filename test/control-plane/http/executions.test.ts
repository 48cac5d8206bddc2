import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { execution, executionList } from '@outrider/shared/api/schemas.ts';
import { z } from 'zod';
import { startTestApi, type TestApi } from '../../support/api.ts';
import { matchGolden } from '../../support/golden.ts';
import { succeedAll } from '../../support/scripted-delegate.ts';

const BODY = {
  workflow: 'ECS Replica Strategy',
  application: 'ECS',
  artifacts: { 'Example Default_Replica': ':1.28' },
  reason: 'a test',
};

/** Nothing is answered that the description does not name. */
function assertDescribed(schema: z.ZodType, value: unknown, path = ''): void {
  const inner = schema instanceof z.ZodOptional || schema instanceof z.ZodNullable ? schema.unwrap() : schema;
  if (inner instanceof z.ZodArray && Array.isArray(value)) {
    for (const [index, item] of value.entries()) assertDescribed(inner.element as z.ZodType, item, `${path}/${index}`);
  }
  if (!(inner instanceof z.ZodObject) || typeof value !== 'object' || value === null) return;
  for (const [name, member] of Object.entries(value)) {
    const described: z.ZodType | undefined = inner.shape[name];
    assert.ok(described !== undefined, `${path}/${name} is not described`);
    assertDescribed(described, member, `${path}/${name}`);
  }
}

describe('executions over HTTP', () => {
  let api: TestApi;
  before(async () => {
    api = await startTestApi();
    await api.applyReplica();
    await api.delegate(succeedAll);
  });
  after(() => api.close());

  test('a start answers 201 with the execution and where to read it', async () => {
    const started = await api.call('POST', '/v1/executions', { body: BODY });
    assert.equal(started.status, 201, started.text);
    const { id, reason, startedBy, phases } = execution.parse(started.json);
    assert.equal(started.headers.get('location'), `/v1/executions/${id}`);
    assert.equal(reason, 'a test');
    assert.equal(startedBy, 'local');
    assert.deepEqual(
      phases.map(({ name }) => name),
      ['Phase 1', 'Phase 2'],
    );
    const json = await api.untilEnded(id);
    assertDescribed(execution, json);
    const ended = execution.parse(json);
    assert.equal(ended.status, 'succeeded');
    assert.equal(ended.currentPhase, null);
  });

  test('the same Idempotency-Key gives the same execution, quoted or not; another body gives 422', async () => {
    const first = await api.call('POST', '/v1/executions', { body: BODY, headers: { 'idempotency-key': '"build 1"' } });
    assert.equal(first.headers.get('idempotency-replayed'), null);
    await api.untilEnded(String(first.json['id']));
    const reordered = Object.fromEntries(Object.entries(BODY).toReversed());
    for (const [key, body] of [
      ['"build 1"', BODY],
      ['build 1', BODY],
      ['build 1', reordered],
    ] as const) {
      const again = await api.call('POST', '/v1/executions', { body, headers: { 'idempotency-key': key } });
      assert.equal(again.status, 201);
      assert.equal(again.headers.get('idempotency-replayed'), 'true');
      assert.equal(again.json['id'], first.json['id']);
    }
    const other = await api.call('POST', '/v1/executions', {
      body: { ...BODY, reason: 'another' },
      headers: { 'idempotency-key': 'build 1' },
    });
    assert.equal(other.status, 422);
    assert.equal(other.json['code'], 'idempotency-key-reused');
  });

  for (const key of ['', '"unfinished', 'x'.repeat(256), '"a" b']) {
    test(`the Idempotency-Key ${JSON.stringify(key.slice(0, 20))} is none`, async () => {
      const answer = await api.call('POST', '/v1/executions', { body: BODY, headers: { 'idempotency-key': key } });
      assert.equal(answer.status, 400, answer.text);
      assert.match(String(answer.json['detail']), /Idempotency-Key/);
    });
  }

  test('sent many times at once, one key starts one execution', async () => {
    const send = () => api.call('POST', '/v1/executions', { body: BODY, headers: { 'idempotency-key': 'at once' } });
    const answers = await Promise.all(Array.from({ length: 8 }, send));
    assert.deepEqual(new Set(answers.map(({ status }) => status)), new Set([201]));
    assert.equal(new Set(answers.map(({ json }) => json['id'])).size, 1);
    await api.untilEnded(String(answers[0]?.json['id']));
  });

  test('lists are newest first, filtered and paged', async () => {
    for (let count = 0; count < 3; count += 1) await api.untilEnded(await api.run());
    const all = executionList.parse((await api.call('GET', '/v1/executions?limit=200')).json);
    const ids = all.items.map(({ id }) => id);
    assert.deepEqual(ids, ids.toSorted().toReversed());
    const paged: string[] = [];
    let cursor: string | null = '';
    for (let pages = 0; cursor !== null && pages < 50; pages += 1) {
      const query: string = cursor === '' ? '' : `&cursor=${encodeURIComponent(cursor)}`;
      const page = executionList.parse((await api.call('GET', `/v1/executions?limit=2${query}`)).json);
      paged.push(...page.items.map(({ id }) => id));
      cursor = page.nextCursor;
    }
    assert.deepEqual(paged, ids);
    const none = executionList.parse((await api.call('GET', '/v1/executions?status=failed,aborted')).json);
    assert.deepEqual(none.items, []);
    const other = executionList.parse((await api.call('GET', '/v1/executions?workflow=other')).json);
    assert.deepEqual(other.items, []);
  });

  test('abort and rollback of what has ended: 409 and the reason', async () => {
    const id = await api.run();
    await api.untilEnded(id);
    for (const act of ['abort', 'rollback']) {
      const answer = await api.call('POST', `/v1/executions/${id}/${act}`);
      assert.equal(answer.status, 409, answer.text);
      assert.equal(answer.json['code'], 'not-allowed-now');
    }
  });

  test('metrics count requests and delegates, and name no execution', async () => {
    const { text } = await api.call('GET', '/metrics');
    assert.match(text, /outrider_build_info\{version="[0-9.]+"\} 1/);
    assert.match(text, /outrider_delegates_connected\{name="vpc-stage"\} 1/);
    assert.match(text, /outrider_http_requests_total\{route="\/v1\/executions",method="POST",status="201"\} [0-9]+/);
    assert.doesNotMatch(text, /exe_/);
  });

  test('/openapi.json is what it was, and every reference in it leads somewhere', async () => {
    const { json, text } = await api.call('GET', '/openapi.json');
    const schemas: Record<string, unknown> = JSON.parse(
      JSON.stringify((json['components'] as { schemas: object }).schemas),
    );
    for (const [, name] of text.matchAll(/"\$ref":"#\/components\/schemas\/([^"]+)"/g)) {
      assert.ok(name !== undefined && name in schemas, `${name} is described`);
    }
    const version = (json['info'] as { version: string }).version;
    matchGolden(
      'openapi.json',
      `${JSON.stringify(json, null, 2).replace(`"version": "${version}"`, '"version": "VERSION"')}\n`,
    );
  });

  test('readiness names what it looked at', async () => {
    const ready = await api.call('GET', '/readyz');
    assert.deepEqual(ready.json['checks'], { store: 'ok' });
  });
});
