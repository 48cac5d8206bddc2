import assert from 'node:assert/strict';
import http from 'node:http';
import net from 'node:net';
import { after, before, describe, test } from 'node:test';
import { problem } from '@outrider/shared/api/schemas.ts';
import fc from 'fast-check';
import { startTestApi, type TestApi } from '../support/api.ts';
import { succeedAll } from '../support/scripted-delegate.ts';
import {
  type ApiOperation,
  badRequests,
  operationsOf,
  send,
  type WireAnswer,
  type WireRequest,
} from './http-requests.ts';
import { REQUEST_SAMPLES } from './http-samples.ts';
import { heapAfterCollection } from './memory.ts';

const RUNS_PER_OPERATION = 120;
/** No answer may take longer, however bad the request: others wait meanwhile. */
const SLOWEST_ANSWER_MS = 5_000;

describe('whatever is sent to the operator API, it answers clearly and lives on', () => {
  let api: TestApi;
  let operations: readonly ApiOperation[];
  const agent = new http.Agent({ keepAlive: true, maxSockets: 8 });
  const statuses = new Map<number, number>();

  before(async () => {
    api = await startTestApi();
    await api.applyReplica();
    operations = operationsOf((await api.call('GET', '/openapi.json')).json);
  });
  after(async () => {
    agent.destroy();
    await api.close();
  });

  async function judge(request: WireRequest): Promise<void> {
    const answer = await send(api.url, request, agent);
    statuses.set(answer.status, (statuses.get(answer.status) ?? 0) + 1);
    assertClear(answer, request);
  }

  test('every operation is fuzzed, and every body that one takes has a sample', () => {
    assert.ok(operations.length >= 35);
    const taking = operations.filter((operation) => operation.hasBody).map((operation) => operation.operationId);
    assert.deepEqual(taking.toSorted(), Object.keys(REQUEST_SAMPLES).toSorted());
  });

  test(`every operation refuses ${RUNS_PER_OPERATION} generated requests, or takes them, without a defect`, async (context) => {
    const heapBefore = heapAfterCollection();
    for (const operation of operations) {
      await fc.assert(fc.asyncProperty(badRequests(operation), judge), {
        numRuns: RUNS_PER_OPERATION,
        seed: 20_261,
        endOnFailure: true,
      });
    }
    const told = [...statuses]
      .toSorted(([left], [right]) => left - right)
      .map(([status, count]) => `${status}: ${count}`);
    context.diagnostic(`answers by status: ${told.join(', ')}`);
    // Both kinds must have come, or nothing was judged.
    assert.ok((statuses.get(200) ?? 0) > 50 && (statuses.get(400) ?? 0) > 500 && (statuses.get(404) ?? 0) > 100);
    const grownMiB = (heapAfterCollection() - heapBefore) / 2 ** 20;
    context.diagnostic(`heap grew by ${grownMiB.toFixed(1)} MiB`);
    assert.ok(grownMiB < 40, `the heap grew by ${grownMiB.toFixed(1)} MiB`);
  });

  const garbage: readonly (readonly [what: string, bytes: string | Buffer, answer: RegExp])[] = [
    ['bytes that are not HTTP', Buffer.from([0, 1, 2, 255, 254, 13, 10, 13, 10]), /^HTTP\/1\.1 400/],
    ['a TLS greeting to a plain listener', Buffer.from('16030100a5010000a10303', 'hex'), /^HTTP\/1\.1 400/],
    [
      'both a length and chunks',
      'POST /v1/apply HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
      /^HTTP\/1\.1 400/,
    ],
    [
      'two lengths',
      'POST /v1/apply HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nabcde',
      /^HTTP\/1\.1 400/,
    ],
    ['no Host', 'GET /v1/executions HTTP/1.1\r\n\r\n', /^HTTP\/1\.1 400/],
    [
      'another Host',
      'GET /v1/executions HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n',
      /^HTTP\/1\.1 403/,
    ],
    [
      'headers of 64 KiB',
      `GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Long: ${'a'.repeat(65_536)}\r\n\r\n`,
      /^HTTP\/1\.1 400.*larger than 16 KiB/s,
    ],
    [
      'a chunk of no number',
      'POST /v1/apply HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n',
      /^HTTP\/1\.1 400/,
    ],
    ['a method of no name', 'BREW /v1/executions HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n', /^HTTP\/1\.1 (400|405|404)/],
    [
      'a request that ends half way',
      'POST /v1/apply HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 500\r\n\r\nabc',
      /^HTTP\/1\.1 400/,
    ],
  ];
  for (const [what, bytes, expected] of garbage) {
    test(`${what}: refused in words`, async () => {
      const answered = await rawExchange(api.url, bytes);
      assert.match(answered, expected);
      assert.doesNotMatch(answered, TRACE);
    });
  }

  test('2 000 connections that say nothing keep nobody from being answered', async () => {
    const { hostname, port } = new URL(api.url);
    const silent = Array.from({ length: 2_000 }, () => net.connect(Number(port), hostname).on('error', () => {}));
    try {
      await Promise.all(silent.map((socket) => new Promise((resolve) => socket.once('connect', resolve))));
      assert.equal((await api.call('GET', '/readyz')).status, 200);
    } finally {
      for (const socket of silent) socket.destroy();
    }
  });

  test('a watcher that reads nothing holds no more than a little memory while much happens', async (context) => {
    await api.delegate(succeedAll, 'vpc-stage', ['vpc-stage']);
    const heapBefore = heapAfterCollection();
    const stalled = await Promise.all(Array.from({ length: 20 }, () => stalledWatcher(api.url)));
    for (let count = 0; count < 30; count++) await api.untilEnded(await api.run());
    const grownMiB = (heapAfterCollection() - heapBefore) / 2 ** 20;
    for (const socket of stalled) socket.destroy();
    context.diagnostic(`30 executions, 20 stalled watchers: heap grew by ${grownMiB.toFixed(1)} MiB`);
    assert.ok(grownMiB < 60, `the heap grew by ${grownMiB.toFixed(1)} MiB`);
  });

  test('after all of this it is ready and a deployment goes through', async () => {
    assert.equal((await api.call('GET', '/readyz')).status, 200);
    assert.equal((await api.untilEnded(await api.run()))['status'], 'succeeded');
  });
});

const TRACE = /\.ts:[0-9]+|node:internal|at Object\.|node_modules/;

function assertClear(answer: WireAnswer, request: WireRequest): void {
  const said = `${request.method} ${request.target.slice(0, 200)} → ${answer.status} ${answer.text.slice(0, 500)}`;
  assert.ok(answer.milliseconds < SLOWEST_ANSWER_MS, `${said}: took ${answer.milliseconds} ms`);
  assert.doesNotMatch(answer.text, TRACE, said);
  assert.ok(answer.status >= 200 && answer.status < 500, said);
  if (answer.status < 400) return;
  assert.match(answer.contentType, /^application\/problem\+json/, said);
  const { data } = problem.safeParse(JSON.parse(answer.text));
  assert.ok(data !== undefined && data.detail !== '' && data.hint !== '' && data.status === answer.status, said);
  assert.notEqual(data.code, 'internal', said);
}

/** What comes back until the other side ends the connection or nothing comes for a while. */
async function rawExchange(url: string, bytes: string | Buffer): Promise<string> {
  const { hostname, port } = new URL(url);
  const socket = net.connect(Number(port), hostname);
  let answered = '';
  return new Promise((resolve) => {
    const finish = () => {
      socket.destroy();
      resolve(answered);
    };
    socket.setTimeout(500, finish);
    socket.on('data', (chunk: Buffer) => {
      answered += chunk.toString('latin1');
    });
    socket.on('error', finish);
    socket.on('close', finish);
    socket.end(bytes);
  });
}

async function stalledWatcher(url: string): Promise<net.Socket> {
  const { hostname, port } = new URL(url);
  const socket = net.connect(Number(port), hostname).on('error', () => {});
  socket.pause();
  socket.write('GET /v1/changes HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: text/event-stream\r\n\r\n');
  await new Promise((resolve) => socket.once('connect', resolve));
  return socket;
}
