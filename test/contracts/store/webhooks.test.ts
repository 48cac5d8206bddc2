import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DELIVERY_ATTEMPTS_KEPT } from '@outrider/control-plane/app/webhooks/ports.ts';
import { freshName, T0 } from './fixtures.ts';
import { forEachStore } from './stores.ts';
import { deliveryOf, webhookOf } from './webhook-moves.ts';

const FAR = T0 + 1e9;

forEachStore('webhooks and their deliveries', (store) => {
  async function aWebhook(given: Parameters<typeof webhookOf>[0] = {}): Promise<string> {
    const id = freshName('wh');
    await store().createWebhook(webhookOf({ ...given, id }));
    return id;
  }

  test('a webhook is made, changed in part, and gone with its deliveries', async () => {
    const id = await aWebhook();
    const changed = await store().changeWebhook(id, { url: 'https://other.example/' });
    assert.deepEqual(changed, webhookOf({ id, url: 'https://other.example/' }));
    assert.deepEqual(await store().getWebhook(id), changed);
    const delivery = deliveryOf({ id: freshName('msg'), webhookId: id, nextAttemptMs: FAR });
    await store().addDeliveries([delivery]);
    assert.equal(await store().deleteWebhook(id), true);
    assert.equal(await store().deleteWebhook(id), false);
    assert.equal(await store().getDelivery(delivery.id), undefined);
    assert.equal(await store().changeWebhook(id, { disabled: null }), undefined);
  });

  test('what is added twice is there once, and nothing is added for a webhook that is gone', async () => {
    const webhookId = await aWebhook();
    const row = deliveryOf({ id: freshName('msg'), webhookId, nextAttemptMs: FAR });
    const lost = deliveryOf({ id: freshName('msg'), webhookId: 'wh_never' });
    await store().addDeliveries([row, lost]);
    await store().addDeliveries([{ ...row, payload: 'another' }]);
    assert.deepEqual(await store().getDelivery(row.id), row);
    assert.equal(await store().getDelivery(lost.id), undefined);
  });

  test('of each receiver the oldest that is due is taken, once, until its time is over', async () => {
    const [first, second] = [await aWebhook(), await aWebhook()];
    const rows = [first, first, second].map((webhookId) => deliveryOf({ id: freshName('msg'), webhookId }));
    await store().addDeliveries(rows);
    const taken = await store().claimDeliveries(T0, T0 + 60, [], 10);
    assert.deepEqual(
      taken.map((row) => [row.id, row.nextAttemptMs]),
      [
        [rows[0]?.id, T0 + 60],
        [rows[2]?.id, T0 + 60],
      ],
    );
    assert.deepEqual(
      (await store().claimDeliveries(T0, T0 + 60, [second], 10)).map((row) => row.id),
      [rows[1]?.id],
    );
    assert.deepEqual(await store().claimDeliveries(T0 + 59, T0 + 120, [], 10), []);
    assert.deepEqual(
      (await store().claimDeliveries(T0 + 60, T0 + 120, [], 1)).map((row) => row.id),
      [rows[0]?.id],
      'who took it never told how it ended',
    );
    for (const row of rows) await store().deleteWebhook(row.webhookId);
  });

  test('how an attempt ended is kept, and what has ended is not due until it is asked for again', async () => {
    const webhookId = await aWebhook();
    const { id } = deliveryOf({ id: freshName('msg') });
    await store().addDeliveries([deliveryOf({ id, webhookId })]);
    const attempt = { atMs: T0, milliseconds: 12, status: 200, because: null };
    assert.equal(await store().noteAttempt(id, attempt, { state: 'delivered', nextAttemptMs: null }), true);
    assert.equal(await store().noteAttempt('msg_none', attempt, { state: 'delivered', nextAttemptMs: null }), false);
    assert.deepEqual(await store().claimDeliveries(FAR - 1, FAR, [], 10), []);
    const again = await store().redeliver(id, T0 + 7);
    assert.deepEqual([again?.state, again?.tries, again?.nextAttemptMs], ['pending', 0, T0 + 7]);
    assert.deepEqual(again?.attempts, [attempt]);
    for (let count = 0; count < DELIVERY_ATTEMPTS_KEPT; count++) {
      await store().noteAttempt(id, { ...attempt, atMs: count }, { state: 'failed', nextAttemptMs: null });
    }
    const last = await store().getDelivery(id);
    assert.equal(last?.attempts.length, DELIVERY_ATTEMPTS_KEPT);
    assert.equal(last?.attempts[0]?.atMs, 0, 'the oldest was dropped');
  });

  test('deliveries are listed newest first, page by page, and old ones are forgotten when they have ended', async () => {
    const webhookId = await aWebhook();
    const rows = [1, 2, 3].map((age) =>
      deliveryOf({ id: freshName('msg'), webhookId, createdAtMs: age, nextAttemptMs: FAR }),
    );
    await store().addDeliveries(rows);
    const ids = rows.map((row) => row.id);
    const page = await store().listDeliveries(webhookId, { limit: 2 });
    assert.deepEqual(
      page.map((row) => row.id),
      [ids[2], ids[1]],
    );
    const [, last] = page;
    const rest = await store().listDeliveries(webhookId, { limit: 2, before: last?.id ?? '' });
    assert.deepEqual(
      rest.map((row) => row.id),
      [ids[0]],
    );
    const ended = { atMs: 1, milliseconds: 1, status: 500, because: 'it answered 500' };
    await store().noteAttempt(ids[0] ?? '', ended, { state: 'failed', nextAttemptMs: null });
    assert.equal(await store().forgetDeliveries(3, 10), 1);
    assert.deepEqual(
      (await store().listDeliveries(webhookId, { limit: 10 })).map((row) => row.id),
      [ids[2], ids[1]],
      'what is still to be sent is never forgotten',
    );
    await store().deleteWebhook(webhookId);
  });
});
