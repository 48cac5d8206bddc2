import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { trigger, triggered, triggerToken } from '@outrider/shared/api/trigger-schemas.ts';
import type { Logger } from '../../../control-plane/src/app/logger.ts';
import { controlPlaneConfig } from '../../../control-plane/src/config.ts';
import { startControlPlane } from '../../../control-plane/src/main.ts';
import { startTestApi, type TestApi } from '../../support/api.ts';
import { eventually } from '../../support/processes.ts';
import { succeedAll } from '../../support/scripted-delegate.ts';

const WORKFLOW = 'ECS Replica Strategy';
const SERVICE = 'Example Default_Replica';
const at = (name: string, rest = '') => `/v1/triggers/${encodeURIComponent(name)}${rest}?application=ECS`;

describe('a webhook that starts a workflow', () => {
  let api: TestApi;
  before(async () => {
    api = await startTestApi({}, { triggerTimings: { tickMs: 20, callsPerWindow: 8 } });
    await api.applyReplica();
    await api.delegate(succeedAll);
  });
  after(() => api.close());

  async function made(name: string, body: object = {}): Promise<string> {
    const put = await api.call('PUT', at(name), { body: { workflow: WORKFLOW, webhook: {}, ...body } });
    assert.equal(put.status, 201, put.text);
    const token = await api.call('POST', at(name, '/token'));
    assert.equal(token.status, 201, token.text);
    return triggerToken.parse(token.json).path;
  }
  const read = async (name: string) => trigger.parse((await api.call('GET', at(name))).json);

  test('takes artifacts, variables and a reason, and history names it as the starter', async () => {
    const hook = await made('from ci', { variables: { DesiredInstances: '100%' } });
    const body = { artifacts: { [SERVICE]: ':1.28' }, reason: 'build 7' };
    const called = await api.call('POST', hook, { body });
    assert.equal(called.status, 201, called.text);
    const { executionId } = triggered.parse(called.json);
    const execution = await api.untilEnded(executionId);
    assert.equal(execution['status'], 'succeeded');
    assert.deepEqual(
      [execution['startedBy'], execution['reason'], execution['variables']],
      ['trigger ECS/from ci', 'build 7', { DesiredInstances: '100%' }],
    );
    const { firings, webhook } = await read('from ci');
    assert.deepEqual(webhook, { hasToken: true });
    assert.deepEqual(
      firings.map(({ outcome, executionId: id }) => [outcome, id]),
      [['started', executionId]],
    );
  });

  test('with an Idempotency-Key starts once, however often it is called', async () => {
    const hook = await made('once');
    const options = { body: { artifacts: { [SERVICE]: ':1.28' } }, headers: { 'idempotency-key': 'push-7' } };
    const first = await api.call('POST', hook, options);
    const second = await api.call('POST', hook, options);
    assert.equal(second.headers.get('idempotency-replayed'), 'true');
    assert.equal(second.json['executionId'], first.json['executionId']);
    await api.untilEnded(String(first.json['executionId']));
    assert.equal((await read('once')).firings.length, 1);
  });

  test('is refused what the trigger fixes, what the workflow does not know, and where something runs', async () => {
    const hook = await made('strict', { artifacts: { [SERVICE]: ':1.28' } });
    const fixed = await api.call('POST', hook, { body: { artifacts: { [SERVICE]: ':evil' } } });
    assert.deepEqual([fixed.status, fixed.json['code']], [400, 'request-invalid']);
    const unknown = await api.call('POST', hook, { body: { variables: { Nonsense: 1 } } });
    assert.equal(unknown.status, 400, unknown.text);
    const { firings } = await read('strict');
    assert.deepEqual(
      firings.map(({ outcome }) => outcome),
      ['refused', 'refused'],
    );
    assert.match(firings[1]?.because ?? '', /Nonsense/);
    assert.equal((await api.call('POST', hook, { body: { workflow: 'another' } })).status, 400);
  });

  test('with another token, an older one or none is not opened', async () => {
    const older = await made('closed');
    await api.call('POST', at('closed', '/token'));
    for (const hook of [older, `${older.slice(0, -1)}0`, '/v1/hooks/oht_x_y', '/v1/hooks/x']) {
      const refused = await api.call('POST', hook, { body: {} });
      assert.deepEqual([refused.status, refused.json['code']], [401, 'not-authenticated'], hook);
      assert.equal(refused.json['instance'], '/v1/hooks/…', 'the token stands in no answer');
    }
  });

  test('that is switched off or deleted starts nothing', async () => {
    const hook = await made('off');
    await api.call('PUT', at('off'), { body: { workflow: WORKFLOW, webhook: {}, enabled: false } });
    const off = await api.call('POST', hook, { body: {} });
    assert.equal(off.json['code'], 'not-allowed-now');
    assert.equal((await api.call('DELETE', at('off'))).status, 204);
    assert.equal((await api.call('POST', hook, { body: {} })).status, 401);
    assert.equal((await api.call('DELETE', at('off'))).status, 404);
  });

  test('is not called without end', async () => {
    const hook = await made('wild');
    const answers = [];
    for (let call = 0; call < 9; call++) answers.push(await api.call('POST', hook, { body: { variables: { No: 1 } } }));
    assert.deepEqual([...new Set(answers.slice(0, 8).map(({ status }) => status))], [400]);
    assert.equal(answers[8]?.json['code'], 'overloaded');
  });

  test('a schedule starts by itself, and has no token', async () => {
    const artifacts = { [SERVICE]: ':1.28' };
    const body = { workflow: WORKFLOW, schedule: { cron: '* * * * *', timeZone: 'Europe/Berlin' }, artifacts };
    assert.equal((await api.call('PUT', at('clock'), { body })).status, 201);
    assert.equal((await api.call('POST', at('clock', '/token'))).json['code'], 'not-allowed-now');
    const { schedule } = await read('clock');
    const nextAtMs = Date.parse(schedule?.nextAt ?? '');
    assert.ok(nextAtMs > Date.now() - 1_000 && nextAtMs <= Date.now() + 60_000);
    // Its time comes now: nobody waits a minute for it.
    await api.controlPlane.store.changeTrigger({ application: 'ECS', name: 'clock' }, { nextAtMs: Date.now() });
    const firing = await eventually('it starts', async () => (await read('clock')).firings[0]);
    assert.equal(firing.outcome, 'started', firing.because ?? '');
    assert.equal((await api.untilEnded(firing.executionId ?? ''))['startedBy'], 'trigger ECS/clock');
    await api.call('DELETE', at('clock'));
  });

  for (const [what, body, status] of [
    ['both ways to start', { workflow: WORKFLOW, webhook: {}, schedule: { cron: '* * * * *' } }, 400],
    ['no way to start', { workflow: WORKFLOW }, 400],
    ['a schedule that is none', { workflow: WORKFLOW, schedule: { cron: 'daily' } }, 400],
    ['a schedule that never comes', { workflow: WORKFLOW, schedule: { cron: '0 0 30 2 *' } }, 400],
    ['an unknown time zone', { workflow: WORKFLOW, schedule: { cron: '* * * * *', timeZone: 'Mars/Base' } }, 400],
    ['a workflow that is none', { workflow: 'none', webhook: {} }, 422],
  ] as const) {
    test(`a trigger with ${what} is refused`, async () => {
      const refused = await api.call('PUT', at('bad'), { body });
      assert.equal(refused.status, status, refused.text);
    });
  }
});

describe('a trigger where keys are asked for', () => {
  const BOOTSTRAP = 'a-first-key-of-another-form-0123456789';
  let directory: string;
  before(() => {
    directory = mkdtempSync(path.join(tmpdir(), 'outrider-triggers-'));
  });
  after(() => rmSync(directory, { recursive: true, force: true }));

  test('is made by admins only, stands on the key of its maker, and its token stands in no log', async () => {
    const logged: string[] = [];
    const log = (...given: readonly unknown[]) => void logged.push(JSON.stringify(given));
    const logger: Logger = { debug: log, info: log, warn: log, error: log };
    const controlPlane = await startControlPlane(
      controlPlaneConfig({
        OUTRIDER_STORE: 'memory:',
        OUTRIDER_HTTP_ADDR: '127.0.0.1:0',
        OUTRIDER_GRPC_ADDR: '127.0.0.1:0',
        OUTRIDER_DATA_DIR: directory,
        OUTRIDER_BOOTSTRAP_KEY: BOOTSTRAP,
      }),
      { logger },
    );
    setDefaultCACertificates([...getCACertificates('default'), readFileSync(path.join(directory, 'ca.pem'), 'utf8')]);
    try {
      const call = async (method: string, place: string, key: string | null, body?: object) => {
        const answer = await fetch(`${controlPlane.httpUrl}${place}`, {
          method,
          headers: {
            ...(body === undefined ? {} : { 'content-type': 'application/json' }),
            ...(key === null ? {} : { authorization: `Bearer ${key}` }),
          },
          ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        });
        const text = await answer.text();
        const json: Record<string, unknown> = text === '' ? {} : JSON.parse(text);
        return { status: answer.status, json };
      };
      const keyOf = async (role: string) => {
        const { json } = await call('POST', '/v1/api-keys', BOOTSTRAP, { name: role, role, expiresInSeconds: 3_600 });
        return { id: String(json['id']), key: String(json['key']) };
      };
      const files = ['environment', 'infrastructure', 'service', 'workflow'].map((name) => ({
        name: `${name}.yaml`,
        text: readFileSync(new URL(`../../../examples/replica-canary/${name}.yaml`, import.meta.url), 'utf8'),
      }));
      assert.equal((await call('POST', '/v1/apply', BOOTSTRAP, { files })).status, 200);

      const [admin, operator] = [await keyOf('admin'), await keyOf('operator')];
      const wish = { workflow: WORKFLOW, webhook: {} };
      assert.equal((await call('PUT', at('ci'), operator.key, wish)).status, 403);
      assert.equal((await call('PUT', at('ci'), admin.key, wish)).status, 201);
      const { path: hook, token } = triggerToken.parse((await call('POST', at('ci', '/token'), admin.key)).json);
      const called = await call('POST', hook, null, { artifacts: { [SERVICE]: ':1' } });
      assert.equal(called.json['code'], 'no-eligible-delegate', 'it would run, if there were a delegate');

      assert.equal((await call('DELETE', `/v1/api-keys/${admin.id}`, BOOTSTRAP)).status, 204);
      const revoked = await call('POST', hook, null, {});
      assert.deepEqual([revoked.status, revoked.json['code']], [403, 'not-permitted']);
      assert.ok(logged.some((line) => line.includes('/v1/hooks/…')));
      assert.ok(!logged.some((line) => line.includes(token)));
    } finally {
      await controlPlane.close();
    }
  });
});
