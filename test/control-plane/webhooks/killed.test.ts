import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { delivery, newWebhook } from '@outrider/shared/api/webhook-schemas.ts';
import { inDirectory } from '../../contracts/store/stores.ts';
import { eventually } from '../../support/processes.ts';
import { startReceiver } from '../../support/receiver.ts';

async function start(store: string): Promise<{ readonly child: ChildProcess; readonly url: string }> {
  const script = fileURLToPath(new URL('./kill-child.ts', import.meta.url));
  const child = spawn(process.execPath, [script, store], { stdio: ['ignore', 'pipe', 'inherit'] });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const { value } = await lines.next();
  return { child, url: String(value) };
}

async function kill(child: ChildProcess): Promise<void> {
  const closed = once(child, 'close');
  child.kill('SIGKILL');
  await closed;
}

async function call(method: string, url: string, body?: object): Promise<unknown> {
  const content =
    body === undefined ? {} : { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } };
  const answer = await fetch(url, { method, ...content });
  return await answer.json();
}

test('what was being sent when the control plane was killed is sent again under the same id, and noted once', async () => {
  const receiver = await startReceiver();
  try {
    await inDirectory(async (directory) => {
      const store = join(directory, 'outrider.db');
      receiver.answer('hang');
      const first = await start(store);
      const { id } = newWebhook.parse(await call('POST', `${first.url}/v1/webhooks`, { url: receiver.url }));
      const sent = delivery.parse(await call('POST', `${first.url}/v1/webhooks/${id}/test`));
      await receiver.until(1);
      await kill(first.child);

      receiver.answer(200);
      const second = await start(store);
      try {
        const ended = await eventually('it is delivered', async () => {
          const row = delivery.parse(await call('GET', `${second.url}/v1/webhooks/${id}/deliveries/${sent.id}`));
          return row.state === 'delivered' ? row : undefined;
        });
        assert.deepEqual(
          ended.attempts.map(({ status }) => status),
          [200],
        );
        assert.ok(receiver.received.length >= 2);
        for (const { headers, body } of receiver.received) {
          assert.deepEqual([headers['webhook-id'], body], [sent.id, sent.payload]);
        }
      } finally {
        await kill(second.child);
      }
    });
  } finally {
    await receiver.close();
  }
});
