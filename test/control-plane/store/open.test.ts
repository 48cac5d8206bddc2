import assert from 'node:assert/strict';
import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { openStore } from '@outrider/control-plane/store/open.ts';
import { inDirectory } from '../../contracts/store/stores.ts';

describe('opening a store', () => {
  const refused = [
    ['postgres://outrider:hunter2@db/outrider', 'PostgreSQL is not available in this version'],
    ['postgresql://db/outrider', 'PostgreSQL is not available in this version'],
    ['mysql://db', 'there is no kind of store called mysql'],
    ['sqlite:', 'sqlite: needs the path of a file'],
    ['sqlite::memory:', 'sqlite: needs the path of a file'],
    ['sqlite:///data/outrider.db', 'sqlite: takes a path, not a URL with //'],
    ['memory:x', 'memory: takes nothing after the colon'],
    ['outrider.db', 'there is no kind of store before a colon'],
    ['', 'there is no kind of store before a colon'],
  ] as const;
  for (const [url, why] of refused) {
    test(`OUTRIDER_STORE=${url} is refused because ${why}`, async () => {
      await assert.rejects(openStore(url), {
        code: 'configuration-invalid',
        message: `OUTRIDER_STORE is not valid: ${why}`,
        hint: /sqlite:PATH/,
      });
    });
  }

  test('a password in the value is not repeated in the error', async () => {
    await assert.rejects(openStore('postgres://outrider:hunter2@db/outrider'), (error) => {
      assert.doesNotMatch(String(error), /hunter2/);
      return true;
    });
  });

  test('directories that are missing are made, and only the owner may read what is in them', async () => {
    await inDirectory(async (directory) => {
      const path = join(directory, 'a', 'b', 'outrider.db');
      const store = await openStore(`sqlite:${path}`);
      await store.check();
      for (const made of [path, `${path}-wal`, `${path}.pid`]) assert.equal(statSync(made).mode & 0o777, 0o600, made);
      assert.equal(statSync(join(directory, 'a')).mode & 0o777, 0o700);
      await store.close();
      assert.equal(existsSync(`${path}.pid`), false);
      assert.equal(existsSync(`${path}-wal`), false);
    });
  });

  test('a store in memory forgets everything: a second one is empty', async () => {
    const first = await openStore('memory:');
    await first.setSetting('a', 'b');
    assert.equal(await (await openStore('memory:')).getSetting('a'), undefined);
  });
});
