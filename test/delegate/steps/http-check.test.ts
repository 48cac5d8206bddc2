import assert from 'node:assert/strict';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, describe, test } from 'node:test';
import { createHttpClient } from '@outrider/delegate/host/http-client.ts';
import type { JsonObject } from '@outrider/shared/json.ts';
import { NO_HOST } from '../../support/no-host.ts';
import {
  failureCodeOf,
  outputOf,
  type StepRun,
  type StepWorld,
  startStepWorld,
  stepTask,
} from '../../support/step-harness.ts';

interface Reply {
  readonly status?: number;
  readonly body?: string;
  readonly headers?: Record<string, string>;
}

describe('an HTTP check', () => {
  let world: StepWorld;
  let server: Server;
  let base: string;
  let replies: Reply[] = [];
  const seen: { readonly method: string; readonly url: string; readonly header: string; readonly body: string }[] = [];

  before(async () => {
    world = await startStepWorld();
    server = createServer((request, response) => {
      void bodyOf(request).then((body) => {
        const { method = '', url = '', headers } = request;
        seen.push({ method, url, header: String(headers['x-check'] ?? ''), body });
        const reply = replies.length > 1 ? replies.shift() : replies[0];
        response.writeHead(reply?.status ?? 200, reply?.headers ?? {}).end(reply?.body ?? '');
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  after(async () => {
    server.closeAllConnections();
    server.close();
    await world.close();
  });

  const check = async (fields: JsonObject, answers: readonly Reply[] = [{}]): Promise<StepRun> => {
    replies = [...answers];
    seen.length = 0;
    const host = { ...NO_HOST, http: createHttpClient({}) };
    return await world.run(stepTask('http-check', { with: { url: `${base}/health`, ...fields } }), { host });
  };
  const evidenceOf = (run: StepRun) => (run.outcome.outcome === 'failed' ? run.outcome.failure.evidence : []);

  test('passes when the status is in the 200s, and gives status and body to later steps', async () => {
    const run = await check({}, [{ status: 204 }]);
    assert.deepEqual(outputOf(run), {
      httpUrl: `${base}/health`,
      httpMethod: 'GET',
      httpResponseCode: 204,
      httpResponseBody: '',
      attempts: 1,
    });
    assert.deepEqual(run.texts, [
      'Begin execution of command: HTTP Check',
      `GET ${base}/health`,
      'HTTP status 204, 0 characters',
      'The check has passed.',
      'Command execution finished with status SUCCESS',
    ]);
  });

  test('fails for another status, says which, and counts as a verification', async () => {
    const run = await check({}, [{ status: 503, body: 'warming up' }]);
    assert.equal(failureCodeOf(run), 'check-failed');
    assert.ok(run.outcome.outcome === 'failed' && run.outcome.failure.failureType === 'verification');
    assert.match(run.texts.join('\n'), /The check failed: HTTP status 503 is not 200-299/);
    assert.deepEqual(evidenceOf(run), [`GET ${base}/health`, 'HTTP status 503', 'Body: warming up']);
  });

  test('takes the statuses that are named, alone and as ranges', async () => {
    assert.equal((await check({ status: '301, 400-404' }, [{ status: 404 }])).outcome.outcome, 'succeeded');
    assert.equal(
      (await check({ status: 301 }, [{ status: 301, headers: { location: '/' } }])).outcome.outcome,
      'succeeded',
    );
    assert.equal(failureCodeOf(await check({ status: '301, 400-404' }, [{ status: 302 }])), 'check-failed');
    assert.equal(seen.length, 1, 'redirects are not followed');
  });

  test('holds the body against a text, a pattern and values of its JSON', async () => {
    const body = JSON.stringify({ status: 'up', checks: [{ name: 'db', ok: true }], version: 12 });
    const good = {
      bodyContains: '"up"',
      bodyMatches: '"version":\\d+',
      json: [
        { path: 'checks[0].ok', equals: true },
        { path: 'version', equals: 12 },
      ],
    };
    assert.equal((await check(good, [{ body }])).outcome.outcome, 'succeeded');
    const cases: readonly (readonly [JsonObject, RegExp])[] = [
      [{ bodyContains: 'down' }, /does not have the text "down"/],
      [{ bodyMatches: '^up$' }, /does not match \^up\$/],
      [{ json: [{ path: 'status', equals: 'down' }] }, /has up at status, not down/],
      [{ json: [{ path: 'checks[1].ok', equals: 'true' }] }, /has no value at checks\[1\]\.ok/],
    ];
    for (const [fields, says] of cases) {
      const run = await check(fields, [{ body }]);
      assert.equal(failureCodeOf(run), 'check-failed');
      assert.match(run.texts.join('\n'), says);
    }
  });

  test('asks again until as many right answers in a row have come as are needed', async () => {
    const bad = { status: 500 };
    const fields = { attempts: 10, intervalSeconds: 30, consecutiveSuccesses: 2 };
    const started = world.simulator.clock.now;
    const run = await check(fields, [bad, {}, bad, {}, {}]);
    assert.equal(outputOf(run)['attempts'], 5);
    assert.equal(seen.length, 5);
    assert.equal(world.simulator.clock.now - started, 4 * 30_000);
  });

  test('gives up as soon as the attempts that are left cannot be enough', async () => {
    const run = await check({ attempts: 4, consecutiveSuccesses: 3 }, [{}, { status: 500 }]);
    assert.equal(failureCodeOf(run), 'check-failed');
    assert.equal(seen.length, 2);
  });

  test('sends method, headers and body, and logs neither header values nor queries', async () => {
    const fields = {
      method: 'POST',
      url: `${base}/run?token=geheim`,
      headers: { 'X-Check': 'secret-1' },
      body: '{"a":1}',
    };
    const run = await check(fields);
    assert.deepEqual(seen, [{ method: 'POST', url: '/run?token=geheim', header: 'secret-1', body: '{"a":1}' }]);
    assert.doesNotMatch(JSON.stringify([run.texts, run.outcome]), /geheim|secret-1/);
  });

  test('says when nothing answers there, and what to look at', async () => {
    const run = await check({ url: 'http://127.0.0.1:1/' });
    assert.match(run.texts.join('\n'), /The check failed: .*ECONNREFUSED/);
    assert.match(run.texts.join('\n'), /What to do: See whether the delegate can reach the address/);
  });

  test('a pattern that takes for ever ends after a second and fails the check', async () => {
    const run = await check({ bodyMatches: '^(a+)+$' }, [{ body: `${'a'.repeat(40)}!` }]);
    assert.match(run.texts.join('\n'), /takes longer than a second/);
  });

  test('looks at the first 64 KiB of a body and says so when it fails', async () => {
    const body = `${'x'.repeat(70_000)}end`;
    const run = await check({ bodyContains: 'end' }, [{ body }]);
    assert.match(evidenceOf(run).join('\n'), /Only the first 65536 bytes/);
    assert.equal(String(outputOf(await check({}, [{ body }]))['httpResponseBody']).length, 16_384);
  });

  const refused: readonly (readonly [string, JsonObject, RegExp])[] = [
    ['an address that is none', { url: 'ftp://x/' }, /with\.?.*url: expected an http/],
    ['a status that is none', { status: '2xx' }, /is no status: write a status/],
    ['a pattern that is none', { bodyMatches: '(' }, /bodyMatches: that is no regular expression/],
    ['more successes than attempts', { consecutiveSuccesses: 2 }, /fewer attempts than successes/],
    ['a body for GET', { body: 'x' }, /GET and HEAD have no body/],
  ];
  for (const [what, fields, says] of refused) {
    test(`refuses ${what} before anything is asked`, async () => {
      const run = await check(fields);
      assert.equal(failureCodeOf(run), 'step-input-invalid');
      assert.match(run.texts.join('\n').replace('http-check: ', 'with.'), says);
      assert.deepEqual(seen, []);
    });
  }
});

async function bodyOf(request: IncomingMessage): Promise<string> {
  let text = '';
  for await (const chunk of request.setEncoding('utf8')) text += chunk;
  return text;
}
