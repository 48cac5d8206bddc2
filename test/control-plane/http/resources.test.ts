import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { applied, resource, resourceList } from '@outrider/shared/api/schemas.ts';
import { startTestApi, type TestApi } from '../../support/api.ts';

const environment = (name: string, type = 'NON_PROD') => ({
  apiVersion: 'outrider/v1',
  kind: 'Environment',
  metadata: { name },
  spec: { type },
});

describe('resources over HTTP', () => {
  let api: TestApi;
  before(async () => {
    api = await startTestApi();
  });
  after(() => api.close());

  test('PUT creates with 201; the same again changes nothing; a GET answers it with its ETag', async () => {
    const created = await api.call('PUT', '/v1/environments/stage', { body: environment('stage') });
    assert.equal(created.status, 201, created.text);
    assert.equal(created.headers.get('etag'), '"1"');
    const again = await api.call('PUT', '/v1/environments/stage', { body: environment('stage') });
    assert.equal(again.status, 200);
    assert.equal(again.headers.get('etag'), '"1"');
    const got = await api.call('GET', '/v1/environments/stage');
    assert.equal(got.headers.get('etag'), '"1"');
    assert.deepEqual(got.json, created.json);
    assert.equal(resource.parse(got.json).status.updatedBy, 'local');
  });

  test('a change needs If-Match: 428 without, 412 with another version, 200 with the right one', async () => {
    const body = environment('stage', 'PROD');
    const without = await api.call('PUT', '/v1/environments/stage', { body });
    assert.equal(without.status, 428, without.text);
    assert.deepEqual((without.json['data'] as { version: number }).version, 1);
    const stale = await api.call('PUT', '/v1/environments/stage', { body, headers: { 'if-match': '"7"' } });
    assert.equal(stale.status, 412, stale.text);
    const right = await api.call('PUT', '/v1/environments/stage', { body, headers: { 'if-match': '"1"' } });
    assert.equal(right.status, 200, right.text);
    assert.equal(right.headers.get('etag'), '"2"');
    const any = await api.call('PUT', '/v1/environments/stage', {
      body: environment('stage'),
      headers: { 'if-match': '*' },
    });
    assert.equal(any.headers.get('etag'), '"3"');
  });

  test('If-None-Match: * creates and never replaces', async () => {
    const headers = { 'if-none-match': '*' };
    assert.equal((await api.call('PUT', '/v1/environments/once', { body: environment('once'), headers })).status, 201);
    const body = environment('once', 'PROD');
    assert.equal((await api.call('PUT', '/v1/environments/once', { body, headers })).status, 412);
  });

  for (const headers of [
    { 'if-match': 'abc' },
    { 'if-match': 'W/"1"' },
    { 'if-none-match': '"1"' },
    { 'if-match': '"1"', 'if-none-match': '*' },
  ]) {
    test(`${JSON.stringify(headers)} is refused`, async () => {
      const answer = await api.call('PUT', '/v1/environments/odd', { body: environment('odd'), headers });
      assert.equal(answer.status, 400);
    });
  }

  test('what a GET answers can be sent back, its status included', async () => {
    const got = await api.call('GET', '/v1/environments/stage');
    const put = await api.call('PUT', '/v1/environments/stage', { body: got.json });
    assert.equal(put.status, 200, put.text);
    assert.equal(put.headers.get('etag'), got.headers.get('etag'));
  });

  test('old versions stay readable by number', async () => {
    const old = resource.parse((await api.call('GET', '/v1/environments/stage?version=2')).json);
    assert.equal(old.spec['type'], 'PROD');
    assert.equal((await api.call('GET', '/v1/environments/stage?version=99')).status, 404);
  });

  test('the address and the body must name the same', async () => {
    const other = await api.call('PUT', '/v1/environments/other', { body: environment('stage') });
    assert.equal(other.status, 400);
    assert.match(String(other.json['detail']), /default\/other.*default\/stage/);
    assert.equal((await api.call('PUT', '/v1/services/stage', { body: environment('stage') })).status, 400);
  });

  test('?application= names the application, also for a body that names none; spaces are percent-encoded', async () => {
    const body = environment('big lab');
    const put = await api.call('PUT', '/v1/environments/big%20lab?application=My%20App', { body });
    assert.equal(put.status, 201, put.text);
    assert.equal(resource.parse(put.json).metadata.application, 'My App');
    assert.equal((await api.call('GET', '/v1/environments/big%20lab?application=My%20App')).status, 200);
    assert.equal((await api.call('GET', '/v1/environments/big%20lab')).status, 404);
  });

  test('YAML is as good as JSON', async () => {
    const text = 'apiVersion: outrider/v1\nkind: Environment\nmetadata: { name: yaml }\nspec: { type: PROD }\n';
    const headers = { 'content-type': 'application/yaml' };
    assert.equal((await api.call('PUT', '/v1/environments/yaml', { text, headers })).status, 201);
    const applying = await api.call('POST', '/v1/apply', {
      text: `${text}---\n${text.replace('yaml', 'yaml2')}`,
      headers,
    });
    assert.deepEqual(
      applied.parse(applying.json).items.map(({ outcome }) => outcome),
      ['unchanged', 'created'],
    );
  });

  test('apply is all or nothing', async () => {
    const text = `${JSON.stringify(environment('whole'))}\n---\n${JSON.stringify({ ...environment('half'), spec: {} })}`;
    const refused = await api.call('POST', '/v1/apply', { text, headers: { 'content-type': 'application/yaml' } });
    assert.equal(refused.status, 422, refused.text);
    assert.equal((await api.call('GET', '/v1/environments/whole')).status, 404);
  });

  test('validate stores nothing', async () => {
    const good = await api.call('POST', '/v1/validate', { body: environment('thought') });
    assert.equal(good.status, 200, good.text);
    assert.deepEqual(good.json, { items: [{ kind: 'Environment', application: 'default', name: 'thought' }] });
    assert.equal((await api.call('GET', '/v1/environments/thought')).status, 404);
  });

  test('lists are paged by cursor, and by the Link header', async () => {
    const names: string[] = [];
    let path: string | null = '/v1/environments?limit=2';
    for (let pages = 0; path !== null && pages < 20; pages += 1) {
      const answer = await api.call('GET', path);
      const page = resourceList.parse(answer.json);
      assert.ok(page.items.length <= 2);
      names.push(...page.items.map(({ metadata }) => `${metadata.application}/${metadata.name}`));
      const next = /^<([^>]+)>; rel="next"$/.exec(answer.headers.get('link') ?? '')?.[1] ?? null;
      assert.equal(next === null, page.nextCursor === null);
      path = next;
    }
    const whole = resourceList.parse((await api.call('GET', '/v1/environments')).json);
    assert.deepEqual(
      names,
      whole.items.map(({ metadata }) => `${metadata.application}/${metadata.name}`),
    );
    assert.equal(new Set(names).size, names.length);
    const one = resourceList.parse((await api.call('GET', '/v1/environments?application=My%20App')).json);
    assert.equal(one.items.length, 1);
  });

  test('DELETE answers 204, then 404; with If-Match it deletes that version only', async () => {
    assert.equal((await api.call('DELETE', '/v1/environments/once', { headers: { 'if-match': '"9"' } })).status, 412);
    assert.equal((await api.call('DELETE', '/v1/environments/once', { headers: { 'if-match': '"1"' } })).status, 204);
    assert.equal((await api.call('DELETE', '/v1/environments/once')).status, 404);
  });
});
