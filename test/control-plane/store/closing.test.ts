import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { openStore } from '@outrider/control-plane/store/open.ts';
import { WAITING_MAX_OPERATIONS } from '@outrider/control-plane/store/sqlite/store.ts';
import { inDirectory, STORE_URLS } from '../../contracts/store/stores.ts';

const OPEN = fileURLToPath(import.meta.resolve('@outrider/control-plane/store/open.ts'));

describe('closing a store', () => {
  for (const [name, urlOf] of Object.entries(STORE_URLS)) {
    test(`what was begun is finished first, and nothing more is taken, in ${name}`, async () => {
      await inDirectory(async (directory) => {
        const store = await openStore(urlOf(directory));
        const begun = Array.from({ length: 500 }, (_, index) => store.setSetting(`key ${index}`, 'x'));
        const closed = Promise.all([store.close(), store.close()]);
        await assert.rejects(store.getSetting('key 1'), { code: 'store-failed', message: 'The store is closed' });
        assert.deepEqual(new Set(await Promise.all(begun)), new Set(['ok']));
        await closed;
        await store.close();
        if (name === 'memory') return;
        const reopened = await openStore(urlOf(directory));
        const kept = await Promise.all(begun.map((_, index) => reopened.getSetting(`key ${index}`)));
        assert.deepEqual(new Set(kept), new Set(['x']));
        await reopened.close();
      });
    });
  }

  test('a process that forgets to close its store ends all the same, after what it began', async () => {
    await inDirectory(async (directory) => {
      const path = join(directory, 'outrider.db');
      const script = `
        const { openStore } = await import(${JSON.stringify(OPEN)});
        const store = await openStore(${JSON.stringify(`sqlite:${path}`)});
        store.setSetting('a', 'b').then((answer) => console.log(answer));
      `;
      const ended = spawnSync(process.execPath, ['--input-type=module', '-e', script], { timeout: 20_000 });
      assert.equal(ended.status, 0, ended.stderr.toString());
      assert.equal(ended.stdout.toString(), 'ok\n');
      assert.equal(ended.stderr.toString(), '');
      const store = await openStore(`sqlite:${path}`);
      assert.equal(await store.getSetting('a'), 'b');
      await store.close();
    });
  });

  test('more than it can ever catch up with is refused instead of filling the memory', async () => {
    await inDirectory(async (directory) => {
      const store = await openStore(`sqlite:${join(directory, 'outrider.db')}`);
      const asked = Array.from({ length: WAITING_MAX_OPERATIONS + 5 }, () => store.getSetting('a'));
      const settled = await Promise.allSettled(asked);
      const refused = settled.filter((result) => result.status === 'rejected');
      assert.equal(refused.length, 5);
      assert.match(String(refused[0]?.reason), /does not keep up/);
      assert.equal(await store.getSetting('a'), undefined);
      await store.close();
    });
  });
});
