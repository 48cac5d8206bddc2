import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { after, afterEach, before, beforeEach, describe, test } from 'node:test';
import { delivery, deliveryList, newWebhook, webhook } from '@outrider/shared/api/webhook-schemas.ts';
import { startTestApi, type TestApi } from '../../support/api.ts';
import { eventually } from '../../support/processes.ts';
import { type Received, type Receiver, startReceiver } from '../../support/receiver.ts';
import { succeedAll } from '../../support/scripted-delegate.ts';

const FAST = {
  webhookTimings: { tickMs: 20, attemptMs: 2_000, claimMs: 3_000, pausesMs: [10, 10], oldSecretMs: 60_000 },
};

/** What a receiver does that follows Standard Webhooks. */
function verified({ headers, body }: Received, secret: string): boolean {
  const key = Buffer.from(secret.replace('whsec_', ''), 'base64');
  const content = `${String(headers['webhook-id'])}.${String(headers['webhook-timestamp'])}.${body}`;
  const wanted = `v1,${createHmac('sha256', key).update(content).digest('base64')}`;
  return String(headers['webhook-signature']).split(' ').includes(wanted);
}

describe('outgoing webhooks', () => {
  let api: TestApi;
  let receiver: Receiver;
  let id: string;
  let secret: string;

  before(async () => {
    api = await startTestApi({}, FAST);
    await api.applyReplica();
    await api.delegate(succeedAll);
  });
  after(() => api.close());
  beforeEach(async () => {
    receiver = await startReceiver();
    const made = await api.call('POST', '/v1/webhooks', { body: { url: receiver.url } });
    assert.equal(made.status, 201, made.text);
    ({ id, secret } = newWebhook.parse(made.json));
    assert.equal(made.headers.get('location'), `/v1/webhooks/${id}`);
  });
  afterEach(async () => {
    await api.call('DELETE', `/v1/webhooks/${id}`);
    await receiver.close();
  });

  const settled = (deliveryId: string) =>
    eventually(`${deliveryId} has ended`, async () => {
      const { json } = await api.call('GET', `/v1/webhooks/${id}/deliveries/${deliveryId}`);
      const row = delivery.parse(json);
      return row.state === 'pending' ? undefined : row;
    });
  const sendTest = async () => {
    const sent = await api.call('POST', `/v1/webhooks/${id}/test`);
    assert.equal(sent.status, 202, sent.text);
    return delivery.parse(sent.json);
  };

  test('the start and the end of an execution are told, signed, and listed as delivered', async () => {
    const execution = await api.run();
    await api.untilEnded(execution);
    const received = await receiver.until(2);
    assert.ok(received.every((one) => verified(one, secret)));
    const messages = received.map(({ body }) => JSON.parse(body));
    assert.deepEqual(
      messages.map(({ type }) => type),
      ['execution.started', 'execution.succeeded'],
    );
    const [started, ended] = messages.map(({ data }) => data.execution);
    assert.equal(started.id, execution);
    assert.deepEqual([started.status, started.endedAt, ended.status], ['running', null, 'succeeded']);
    assert.deepEqual(ended.artifacts, { 'Example Default_Replica': ':1.28' });
    assert.equal('variables' in ended, false, 'variables stay inside');
    const { items } = deliveryList.parse((await api.call('GET', `/v1/webhooks/${id}/deliveries`)).json);
    assert.deepEqual(
      items.map(({ event, executionId }) => [event, executionId]),
      [
        ['execution.succeeded', execution],
        ['execution.started', execution],
      ],
    );
    const last = await settled(items[0]?.id ?? '');
    assert.equal(last.state, 'delivered');
    assert.equal(last.payload, received[1]?.body);
    assert.equal(last.id, received[1]?.headers['webhook-id']);
    assert.deepEqual(
      last.attempts.map(({ status, because }) => [status, because]),
      [[204, null]],
    );
  });

  test('only what was asked for is told', async () => {
    const wish = { url: receiver.url, events: ['execution.succeeded'], application: 'ECS' };
    assert.equal((await api.call('PUT', `/v1/webhooks/${id}`, { body: wish })).status, 200);
    await api.untilEnded(await api.run());
    await receiver.until(1);
    await api.call('PUT', `/v1/webhooks/${id}`, { body: { ...wish, application: 'another' } });
    await api.untilEnded(await api.run());
    await settled((await sendTest()).id);
    assert.deepEqual(
      receiver.received.map(({ body }) => JSON.parse(body).type),
      ['execution.succeeded', 'webhook.test'],
    );
  });

  test('what fails is tried again under the same id, given up at last, and sent again when asked', async () => {
    receiver.answer(500);
    const { id: deliveryId } = await sendTest();
    const failed = await settled(deliveryId);
    assert.equal(failed.state, 'failed');
    assert.deepEqual(
      failed.attempts.map(({ status, because }) => [status, because]),
      Array.from({ length: 3 }, () => [500, 'it answered 500']),
    );
    assert.deepEqual(new Set(receiver.received.map(({ headers }) => headers['webhook-id'])), new Set([deliveryId]));
    receiver.answer(200);
    const again = await api.call('POST', `/v1/webhooks/${id}/deliveries/${deliveryId}/redeliver`);
    assert.equal(again.status, 202, again.text);
    const done = await settled(deliveryId);
    assert.equal(done.state, 'delivered');
    assert.equal(done.attempts.length, 4);
  });

  test('a receiver that answers 410 is switched off and hears nothing more until it is switched on', async () => {
    receiver.answer(410);
    const { id: deliveryId } = await sendTest();
    assert.equal((await settled(deliveryId)).state, 'failed');
    const off = await eventually('it is off', async () => {
      const seen = webhook.parse((await api.call('GET', `/v1/webhooks/${id}`)).json);
      return seen.disabled === null ? undefined : seen.disabled;
    });
    assert.match(off.because, /410/);
    const refused = await api.call('POST', `/v1/webhooks/${id}/deliveries/${deliveryId}/redeliver`);
    assert.equal(refused.json['code'], 'not-allowed-now');
    await api.untilEnded(await api.run());
    const { items } = deliveryList.parse((await api.call('GET', `/v1/webhooks/${id}/deliveries`)).json);
    assert.equal(items.length, 1);
    receiver.answer(200);
    const events = ['execution.started'];
    await api.call('PUT', `/v1/webhooks/${id}`, { body: { url: receiver.url, events, enabled: true } });
    await sendTest();
    await receiver.until(2);
  });

  test('a new secret is good at once, and the old one for a while', async () => {
    const rotated = newWebhook.parse((await api.call('POST', `/v1/webhooks/${id}/rotate-secret`)).json);
    assert.notEqual(rotated.secret, secret);
    await sendTest();
    const [received] = await receiver.until(1);
    assert.ok(received !== undefined && verified(received, secret) && verified(received, rotated.secret));
  });

  test('a slow receiver holds up no other', async () => {
    receiver.answer('hang');
    await sendTest();
    await receiver.until(1);
    const other = await startReceiver();
    try {
      const made = newWebhook.parse((await api.call('POST', '/v1/webhooks', { body: { url: other.url } })).json);
      await api.call('POST', `/v1/webhooks/${made.id}/test`);
      await other.until(1);
      await api.call('DELETE', `/v1/webhooks/${made.id}`);
    } finally {
      await other.close();
    }
  });

  test('the secret is answered once and by nothing else', async () => {
    for (const path of ['/v1/webhooks', `/v1/webhooks/${id}`]) {
      const { text } = await api.call('GET', path);
      assert.ok(text.includes(id));
      assert.doesNotMatch(text, /whsec_|secret/);
    }
  });

  for (const [what, body, says] of [
    ['a file', { url: 'file:///etc/passwd' }, /url/],
    ['a private address', { url: 'https://10.0.0.1/' }, /10\.0\.0\.1 is not a public address/],
    ['the metadata of the machine', { url: 'http://169.254.169.254/latest' }, /never sent to/],
    ['an unknown event', { url: 'https://a.example/', events: ['execution.bored'] }, /events/],
  ] as const) {
    test(`${what} is refused at once`, async () => {
      const refused = await api.call('POST', '/v1/webhooks', { body });
      assert.equal(refused.status, 400, refused.text);
      assert.match(refused.text, says);
    });
  }

  test('what is not there is told so', async () => {
    for (const path of ['/v1/webhooks/wh_none', '/v1/webhooks/wh_none/deliveries', `/v1/webhooks/${id}/deliveries/x`]) {
      assert.equal((await api.call('GET', path)).status, 404, path);
    }
  });
});
