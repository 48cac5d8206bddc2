import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { request } from 'node:http';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { startTestApi, type TestApi } from '../../support/api.ts';

const BOOTSTRAP = 'a-first-key-of-another-form-0123456789';

describe('API keys over TLS', () => {
  let api: TestApi;
  let directory: string;
  const as = (key: string) => ({ headers: { authorization: `Bearer ${key}` } });

  before(async () => {
    directory = mkdtempSync(path.join(tmpdir(), 'outrider-access-'));
    api = await startTestApi({
      OUTRIDER_INSECURE: '0',
      OUTRIDER_DATA_DIR: directory,
      OUTRIDER_BOOTSTRAP_KEY: BOOTSTRAP,
    });
    setDefaultCACertificates([...getCACertificates('default'), readFileSync(path.join(directory, 'ca.pem'), 'utf8')]);
  });
  after(async () => {
    await api.close();
    rmSync(directory, { recursive: true, force: true });
  });

  async function create(role: string, expiresInSeconds: number | null = 3_600): Promise<{ id: string; key: string }> {
    const body = { name: `a ${role}`, role, expiresInSeconds };
    const made = await api.call('POST', '/v1/api-keys', { body, ...as(BOOTSTRAP) });
    assert.equal(made.status, 201, made.text);
    return { id: String(made.json['id']), key: String(made.json['key']) };
  }

  test('the listener speaks TLS and the bootstrap key is an admin', async () => {
    assert.match(api.url, /^https:/);
    assert.equal((await api.call('GET', '/v1/api-keys', as(BOOTSTRAP))).status, 200);
  });

  test('a new key has the form ok_ID_SECRET, is shown once and never again', async () => {
    const { id, key } = await create('viewer');
    assert.match(key, new RegExp(`^ok_${id}_[0-9a-f]{64}$`));
    const listed = await api.call('GET', '/v1/api-keys', as(BOOTSTRAP));
    assert.ok(listed.text.includes(id));
    assert.ok(!listed.text.includes(key.slice(-64)));
    assert.ok(!listed.text.includes(BOOTSTRAP));
  });

  test('a viewer looks, an operator acts, only an admin changes who may', async () => {
    const rights = [
      { role: 'viewer', look: 200, act: 403, administer: 403 },
      { role: 'operator', look: 200, act: 404, administer: 403 },
      { role: 'admin', look: 200, act: 404, administer: 200 },
    ];
    for (const { role, look, act, administer } of rights) {
      const { key } = await create(role);
      assert.equal((await api.call('GET', '/v1/executions', as(key))).status, look, role);
      const acted = await api.call('POST', '/v1/executions', { body: { workflow: 'none' }, ...as(key) });
      assert.equal(acted.status, act, `${role}: ${acted.text}`);
      assert.equal((await api.call('GET', '/v1/join-tokens', as(key))).status, administer, role);
    }
  });

  test('a refusal names the role that is needed', async () => {
    const { key } = await create('viewer');
    const refused = await api.call('DELETE', '/v1/workflows/none', as(key));
    assert.equal(refused.json['code'], 'not-permitted');
    assert.match(String(refused.json['hint']), /operator/);
  });

  test('a revoked key opens nothing, at once', async () => {
    const { id, key } = await create('viewer', null);
    assert.equal((await api.call('GET', '/v1/executions', as(key))).status, 200);
    assert.equal((await api.call('DELETE', `/v1/api-keys/${id}`, as(BOOTSTRAP))).status, 204);
    assert.equal((await api.call('GET', '/v1/executions', as(key))).status, 401);
  });

  test('an act is signed with the name of the key', async () => {
    const { key } = await create('operator');
    const body = {
      apiVersion: 'outrider/v1',
      kind: 'Environment',
      metadata: { name: 'stage' },
      spec: { type: 'NON_PROD' },
    };
    const put = await api.call('PUT', '/v1/environments/stage', { body, ...as(key) });
    assert.equal(put.status, 201, put.text);
    const stored = await api.call('GET', '/v1/environments/stage', as(key));
    assert.match(stored.text, /"updatedBy":"a operator"/);
  });

  test('the bootstrap variable is read only while there is no key', async () => {
    const keys = await api.controlPlane.store.listApiKeys();
    assert.equal(keys.filter((key) => key.name === 'bootstrap').length, 1);
    assert.ok(keys.every((key) => /^[0-9a-f]{64}$/.test(key.secretSha256)));
  });

  test('a join token is answered once, with the fingerprint that delegates pin', async () => {
    const made = await api.call('POST', '/v1/join-tokens', {
      body: { delegateName: 'vpc', uses: null },
      ...as(BOOTSTRAP),
    });
    assert.equal(made.status, 201, made.text);
    assert.match(String(made.json['token']), /^ojt_.+_.+\..{43}$/);
    const listed = await api.call('GET', '/v1/join-tokens', as(BOOTSTRAP));
    assert.ok(!listed.text.includes(String(made.json['token'])));
    assert.equal((await api.call('DELETE', `/v1/join-tokens/${String(made.json['id'])}`, as(BOOTSTRAP))).status, 204);
    assert.match((await api.call('GET', '/v1/join-tokens', as(BOOTSTRAP))).text, /"revokedAt":"20/);
  });

  test('a join token for any number of uses must name its delegate', async () => {
    const refused = await api.call('POST', '/v1/join-tokens', { body: { uses: null }, ...as(BOOTSTRAP) });
    assert.equal(refused.status, 400);
  });
});

describe('the keyless loopback listener', () => {
  let api: TestApi;
  before(async () => {
    api = await startTestApi();
  });
  after(() => api.close());

  /** fetch does not let a test choose the Host. */
  async function statusWith(headers: Readonly<Record<string, string>>): Promise<number> {
    return await new Promise((resolve, reject) => {
      const asked = request(`${api.url}/v1/executions`, { headers: { ...headers } }, (response) => {
        response.resume();
        resolve(response.statusCode ?? 0);
      });
      asked.on('error', reject).end();
    });
  }

  for (const [headers, status] of [
    [{ host: 'localhost:8800' }, 200],
    [{ host: '127.0.0.1' }, 200],
    [{ host: '[::1]:1' }, 200],
    [{ host: 'attacker.example' }, 403],
    [{ host: 'localhost.attacker.example:8800' }, 403],
    [{ host: '10.0.0.1:8800' }, 403],
    [{ host: '127.0.0.1:8800', origin: 'http://127.0.0.1:8800' }, 200],
    [{ host: '127.0.0.1:8800', origin: 'https://attacker.example' }, 403],
    [{ host: '127.0.0.1:8800', origin: 'http://127.0.0.1:9999' }, 403],
    [{ host: '127.0.0.1:8800', origin: 'null' }, 403],
  ] as const) {
    test(`${JSON.stringify(headers)} is answered with ${status}`, async () => {
      assert.equal(await statusWith(headers), status);
    });
  }

  for (const [what, sent] of [
    ['what is not HTTP', 'hello\r\n\r\n'],
    ['a head without end', `GET / HTTP/1.1\r\nhost: localhost\r\nx: ${'x'.repeat(20_000)}\r\n\r\n`],
  ] as const) {
    test(`${what} is answered with problem+json`, async () => {
      const socket = connect(Number(new URL(api.url).port), '127.0.0.1');
      socket.end(sent);
      let answer = '';
      for await (const chunk of socket) answer += String(chunk);
      assert.match(answer, /^HTTP\/1\.1 400 .*\r\ncontent-type: application\/problem\+json/);
      assert.match(answer, /"code":"request-invalid"/);
    });
  }

  test('the page forbids foreign scripts, inline scripts and frames', async () => {
    const page = await api.call('GET', '/');
    const policy = page.headers.get('content-security-policy') ?? '';
    assert.match(policy, /default-src 'none'/);
    assert.match(policy, /frame-ancestors 'none'/);
    assert.doesNotMatch(policy, /unsafe|https?:/);
    assert.doesNotMatch(page.text, /<script(?![^>]*src="\/)/);
    assert.doesNotMatch(page.text, /(src|href)="(https?:)?\/\//);
    assert.doesNotMatch(page.text, /\son[a-z]+="/);
    for (const asset of ['/page.js', '/page.css']) assert.equal((await api.call('GET', asset)).status, 200);
  });

  test('the script of the page never writes markup', async () => {
    const script = await api.call('GET', '/page.js');
    assert.doesNotMatch(script.text, /innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(/);
  });
});
