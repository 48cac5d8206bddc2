import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, test } from 'node:test';
import { createHttpClient } from '@outrider/delegate/host/http-client.ts';
import type { HttpRequest } from '@outrider/delegate/host/ports.ts';
import { StepStopped } from '@outrider/delegate/steps/contract.ts';

const request = (url: string, changes: Partial<HttpRequest> = {}): HttpRequest => ({
  method: 'GET',
  url,
  headers: {},
  body: undefined,
  timeoutMs: 10_000,
  bodyLimitBytes: 1_000,
  ...changes,
});
const NEVER = new AbortController().signal;

/** Accepts, and says nothing. */
async function silentServer(): Promise<{ readonly url: string; readonly asked: Promise<unknown>; close(): void }> {
  const server = createServer(() => undefined).listen(0, '127.0.0.1');
  const asked = once(server, 'request');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    asked,
    close() {
      server.closeAllConnections();
      server.close();
    },
  };
}

describe('requests of workflows', () => {
  for (const url of [
    'http://169.254.170.2/v2/credentials/x',
    'http://169.254.169.254/latest/meta-data/',
    'http://[fd00:ec2::254]/latest/',
    'http://[fe80::1]/',
    'http://[::ffff:169.254.169.254]/',
  ]) {
    test(`${url} is not asked: the credentials of the delegate are there`, async () => {
      const answer = await createHttpClient({}).send(request(url), NEVER);
      assert.match(answer.kind === 'failed' ? answer.why : '', /link-local addresses are not asked/);
    });
  }

  test('a server that says nothing is given up after the time of the request', async () => {
    const server = await silentServer();
    try {
      const answer = await createHttpClient({}).send(request(server.url, { timeoutMs: 50 }), NEVER);
      assert.deepEqual(answer, { kind: 'failed', why: 'no answer within 0.05 s' });
    } finally {
      server.close();
    }
  });

  test('a request ends as soon as its step is to stop', async () => {
    const server = await silentServer();
    try {
      const stop = new AbortController();
      const sent = createHttpClient({}).send(request(server.url), stop.signal);
      const ended = assert.rejects(sent, (error) => error instanceof StepStopped && error.reason === 'aborted');
      await server.asked;
      stop.abort('aborted');
      await ended;
      await assert.rejects(createHttpClient({}).send(request(server.url), stop.signal), StepStopped);
    } finally {
      server.close();
    }
  });

  test('HTTP_PROXY is used, save for the hosts of NO_PROXY', async () => {
    const asked: string[] = [];
    const proxy = createServer((incoming, response) => {
      asked.push(incoming.url ?? '');
      response.end('from the proxy');
    }).listen(0, '127.0.0.1');
    await once(proxy, 'listening');
    proxy.on('connect', (incoming, socket) => {
      asked.push(incoming.url ?? '');
      socket.end('HTTP/1.1 502 no\r\n\r\n');
    });
    const HTTP_PROXY = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`;
    try {
      await createHttpClient({ HTTP_PROXY }).send(request('http://service.internal/health'), NEVER);
      assert.match(asked.join(' '), /service\.internal/);
      asked.length = 0;
      const direct = createHttpClient({ HTTP_PROXY, NO_PROXY: '127.0.0.1' });
      await direct.send(request('http://127.0.0.1:1/'), NEVER);
      assert.deepEqual(asked, []);
    } finally {
      proxy.closeAllConnections();
      proxy.close();
    }
  });
});
