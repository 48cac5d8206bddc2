import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import type { LogChunk, Store, TaskChange } from '@outrider/control-plane/app/ports.ts';
import type { TaskRef } from '@outrider/shared/protocol/messages.ts';
import { change, leasedTask, logLines, offer, release, T0 } from './fixtures.ts';
import { forEachStore } from './stores.ts';

const EMPTY_SHA256 = createHash('sha256').digest('hex');

function textOf(chunks: readonly LogChunk[]): string {
  return Buffer.concat(chunks.map((chunk) => chunk.bytes)).toString('utf8');
}

async function wholeLog(store: Store, taskId: string): Promise<string> {
  return textOf(await store.readLog(taskId, 0, 100_000_000));
}

forEachStore('logs', (store) => {
  test('batches make one log, and the durable offset tells how far it reaches', async () => {
    const ref = await leasedTask(store());
    const [first, second] = [logLines(3), logLines(2, 4)];
    assert.deepEqual(await store().appendLog(ref, 0, first), { kind: 'ok', durableOffset: first.length });
    const end = first.length + second.length;
    assert.deepEqual(await store().appendLog(ref, first.length, second), { kind: 'ok', durableOffset: end });
    assert.equal(await wholeLog(store(), ref.taskId), Buffer.concat([first, second]).toString());
    assert.equal((await store().getTask(ref.taskId))?.logBytes, end);
    assert.deepEqual(await store().logDigest(ref.taskId), {
      bytes: end,
      sha256: createHash('sha256').update(first).update(second).digest('hex'),
    });
  });

  const overlaps = [
    { says: 'the same batch again', offset: 0, lines: 3, end: 3 },
    { says: 'a batch that reaches further than what is there', offset: 0, lines: 5, end: 5 },
    { says: 'a part of what is there', offset: 1, lines: 1, end: 3 },
    { says: 'an empty batch at the end', offset: 3, lines: 0, end: 3 },
    { says: 'an empty batch at the beginning', offset: 0, lines: 0, end: 3 },
  ];
  for (const { says, offset, lines, end } of overlaps) {
    test(`${says} adds only what is missing`, async () => {
      const ref = await leasedTask(store());
      await store().appendLog(ref, 0, logLines(3));
      const answer = await store().appendLog(ref, logLines(offset).length, logLines(lines, offset + 1));
      assert.deepEqual(answer, { kind: 'ok', durableOffset: logLines(end).length });
      assert.equal(await wholeLog(store(), ref.taskId), logLines(end).toString());
    });
  }

  test('a hole is refused with the end as it is', async () => {
    const ref = await leasedTask(store());
    await store().appendLog(ref, 0, logLines(1));
    const durableOffset = logLines(1).length;
    assert.deepEqual(await store().appendLog(ref, durableOffset + 1, logLines(1)), { kind: 'gap', durableOffset });
    assert.equal(await wholeLog(store(), ref.taskId), logLines(1).toString());
  });

  test('who lost the task writes into its log no more; the next holder goes on where it ends', async () => {
    const ref = await leasedTask(store());
    await store().appendLog(ref, 0, logLines(2));
    await release(store(), ref);
    const next = await offer(store(), ref.taskId);
    const durableOffset = logLines(2).length;
    assert.deepEqual(await store().appendLog(ref, durableOffset, logLines(1)), { kind: 'stale', durableOffset });
    assert.equal((await store().appendLog(next, durableOffset, logLines(1, 3))).kind, 'ok');
    assert.equal(await wholeLog(store(), ref.taskId), logLines(3).toString());
  });

  const takenAway = {
    'given to somebody else': (ref: TaskRef, lastWords: Uint8Array): TaskChange => ({
      kind: 'released',
      ...ref,
      notBeforeMs: T0,
      lastWords,
    }),
    withdrawn: ({ taskId }: TaskRef, lastWords: Uint8Array): TaskChange => ({ kind: 'withdrawn', taskId, lastWords }),
  };
  for (const [says, takeAway] of Object.entries(takenAway)) {
    test(`when a task is ${says}, the last words of its log are stored with that, and its holder adds nothing`, async () => {
      const ref = await leasedTask(store());
      const instanceId = (await store().getTask(ref.taskId))?.instanceId ?? '';
      await store().appendLog({ ...ref, instanceId }, 0, logLines(2));
      assert.equal((await change(store(), takeAway(ref, logLines(1, 3)))).kind, 'ok');
      const durableOffset = logLines(3).length;
      assert.equal((await store().getTask(ref.taskId))?.logBytes, durableOffset);
      assert.equal(await wholeLog(store(), ref.taskId), logLines(3).toString());
      const late = await store().appendLog({ ...ref, instanceId }, logLines(2).length, logLines(2, 7));
      assert.deepEqual(late, { kind: 'stale', durableOffset });
      // It was taken away already: nothing is said twice.
      assert.notEqual((await change(store(), takeAway(ref, logLines(1, 4)))).kind, 'ok');
      assert.equal(await wholeLog(store(), ref.taskId), logLines(3).toString());
    });
  }

  test('the last lines of a task that was withdrawn still find their place', async () => {
    const ref = await leasedTask(store());
    await change(store(), { kind: 'withdrawn', taskId: ref.taskId });
    assert.equal((await store().appendLog(ref, 0, logLines(1))).kind, 'ok');
  });

  test('the log of a task that never was: refused, empty', async () => {
    const ref = { taskId: 'exe_x/p1.1/1', epoch: 1 };
    assert.deepEqual(await store().appendLog(ref, 0, logLines(1)), { kind: 'unknown-task' });
    assert.deepEqual(await store().readLog(ref.taskId, 0, 1_000), []);
    assert.deepEqual(await store().logDigest(ref.taskId), { bytes: 0, sha256: EMPTY_SHA256 });
  });

  test('a reader goes on from any byte and gets about as much as it asks for, at least one chunk', async () => {
    const ref = await leasedTask(store());
    for (let batch = 0; batch < 4; batch++) {
      await store().appendLog(ref, logLines(batch).length, logLines(1, batch + 1));
    }
    const size = logLines(1).length;
    const read = async (from: number, maxBytes: number) =>
      (await store().readLog(ref.taskId, from, maxBytes)).map(({ offset, bytes }) => [offset, bytes.length]);
    assert.deepEqual(await read(0, size * 2), [
      [0, size],
      [size, size],
    ]);
    assert.deepEqual(await read(0, size * 2 - 1), [[0, size]]);
    assert.deepEqual(await read(0, 0), [[0, size]]);
    assert.deepEqual(await read(size + 5, size), [[size + 5, size - 5]]);
    assert.deepEqual(await read(size - 1, 2 * size), [
      [size - 1, 1],
      [size, size],
    ]);
    assert.deepEqual(await read(4 * size, 1_000), []);
    assert.deepEqual(await read(5 * size, 1_000), []);
  });

  test('a large batch is kept in chunks of at most 64 KiB that end with a line', async () => {
    const ref = await leasedTask(store());
    const text = logLines(6_000);
    await store().appendLog(ref, 0, text);
    const chunks = await store().readLog(ref.taskId, 0, 100_000_000);
    assert.ok(chunks.length >= 3);
    for (const { bytes } of chunks) {
      assert.ok(bytes.length <= 65_536);
      assert.equal(bytes.at(-1), 0x0a);
    }
    assert.equal(textOf(chunks), text.toString());
  });

  test('bytes come back exactly, also those that are no text, and are the store’s own', async () => {
    const ref = await leasedTask(store());
    const pool = Buffer.from(Uint8Array.from({ length: 600 }, (_, index) => index));
    const bytes = pool.subarray(50, 306);
    const expected = Uint8Array.from(bytes);
    await store().appendLog(ref, 0, bytes);
    bytes.fill(0);
    const [chunk] = await store().readLog(ref.taskId, 0, 1_000);
    assert.deepEqual(chunk, { offset: 0, bytes: expected });
    chunk?.bytes.fill(0);
    assert.deepEqual((await store().readLog(ref.taskId, 0, 1_000))[0]?.bytes, expected);
  });
});
