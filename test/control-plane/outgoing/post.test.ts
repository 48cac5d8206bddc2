import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { createReach, LOOPBACK_NETWORKS } from '../../../control-plane/src/outgoing/addresses.ts';
import { createPost } from '../../../control-plane/src/outgoing/post.ts';
import { freePort } from '../../support/processes.ts';
import { type Receiver, startReceiver } from '../../support/receiver.ts';

describe('a request to a receiver', () => {
  let receiver: Receiver;
  before(async () => {
    receiver = await startReceiver();
  });
  after(() => receiver.close());

  const open = createPost(createReach(LOOPBACK_NETWORKS));
  const closed = createPost(createReach([]));
  const to = (url: string, given: { timeoutMs?: number; signal?: AbortSignal } = {}) => ({
    url,
    headers: { 'content-type': 'application/json' },
    body: '{"ü":1}',
    timeoutMs: 5_000,
    signal: new AbortController().signal,
    ...given,
  });

  test('carries body and path as they are', async () => {
    receiver.answer(202);
    const outcome = await open(to(`${receiver.url}?a=b%20c`));
    assert.deepEqual(outcome, { kind: 'answered', status: 202, retryAfter: null });
    const last = receiver.received.at(-1);
    assert.deepEqual([last?.path, last?.body], ['/hook?a=b%20c', '{"ü":1}']);
  });

  test('follows no redirect', async () => {
    receiver.answer(302, { location: `${receiver.url}/elsewhere` });
    const count = receiver.received.length;
    assert.deepEqual(await open(to(receiver.url)), { kind: 'answered', status: 302, retryAfter: null });
    assert.equal(receiver.received.length, count + 1);
  });

  test('answers what the receiver asks for', async () => {
    receiver.answer(503, { 'retry-after': '17' });
    assert.deepEqual(await open(to(receiver.url)), { kind: 'answered', status: 503, retryAfter: '17' });
  });

  test('is given up when no answer comes in time, or when we stop', async () => {
    receiver.answer('hang');
    const late = await open(to(receiver.url, { timeoutMs: 50 }));
    assert.deepEqual(late, { kind: 'failed', because: 'no answer within 0.05 s' });
    const stopping = new AbortController();
    const count = receiver.received.length;
    const stopped = open(to(receiver.url, { signal: stopping.signal }));
    await receiver.until(count + 1);
    stopping.abort();
    assert.equal((await stopped).kind, 'failed');
  });

  test('to an inner address is refused before anything is sent, also when a name leads there', async () => {
    const count = receiver.received.length;
    const direct = await closed(to(receiver.url));
    assert.ok(direct.kind === 'failed' && /127\.0\.0\.1 is not a public address/.test(direct.because));
    const named = await closed(to(receiver.url.replace('127.0.0.1', 'localhost')));
    assert.ok(named.kind === 'failed' && /localhost: .*is not a public address/.test(named.because), named.kind);
    assert.equal(receiver.received.length, count);
  });

  test('to a name that is allowed goes to the address that was judged', async () => {
    receiver.answer(200);
    const outcome = await open(to(receiver.url.replace('127.0.0.1', 'localhost')));
    assert.equal(outcome.kind, 'answered');
  });

  test('to where nobody listens says so', async () => {
    const outcome = await open(to(`http://127.0.0.1:${await freePort()}/`));
    assert.ok(outcome.kind === 'failed' && /ECONNREFUSED/.test(outcome.because));
  });
});
