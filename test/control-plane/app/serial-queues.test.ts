import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SerialQueues } from '@outrider/control-plane/app/serial-queues.ts';
import { OutriderError } from '@outrider/shared/errors.ts';

test('jobs of one key run in their order, those of another key do not wait for them', async () => {
  const queues = new SerialQueues(10);
  const seen: string[] = [];
  const gate = Promise.withResolvers<void>();
  const first = queues.run('a', async () => {
    await gate.promise;
    seen.push('a1');
  });
  const second = queues.run('a', async () => {
    seen.push('a2');
  });
  await queues.run('b', async () => {
    seen.push('b1');
  });
  gate.resolve();
  await Promise.all([first, second]);
  assert.deepEqual(seen, ['b1', 'a1', 'a2']);
});

test('a job that fails does not stop those behind it', async () => {
  const queues = new SerialQueues(10);
  const failing = queues.run('a', async () => {
    throw new Error('broken');
  });
  const following = queues.run('a', async () => 'fine');
  await assert.rejects(failing, /broken/);
  assert.equal(await following, 'fine');
});

test('more jobs than may wait are refused, and room comes back', async () => {
  const queues = new SerialQueues(2);
  const gate = Promise.withResolvers<void>();
  const waiting = [queues.run('a', () => gate.promise), queues.run('a', async () => undefined)];
  await assert.rejects(
    queues.run('a', async () => undefined),
    (thrown) => thrown instanceof OutriderError && thrown.code === 'overloaded',
  );
  gate.resolve();
  await Promise.all(waiting);
  assert.equal(await queues.run('a', async () => 'room'), 'room');
});
