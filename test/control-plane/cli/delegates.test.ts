import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { openStore } from '@outrider/control-plane/store/open.ts';
import { startTestApi, type TestApi } from '../../support/api.ts';
import { cli } from '../../support/cli.ts';
import { eventually } from '../../support/processes.ts';
import { succeedAll } from '../../support/scripted-delegate.ts';

describe('delegates that somebody must look at', () => {
  let api: TestApi;
  let directory: string;
  const outrider = (...args: readonly string[]) => cli(api.url, args);
  before(async () => {
    directory = mkdtempSync(path.join(tmpdir(), 'outrider-locked-'));
    const url = `sqlite:${path.join(directory, 'outrider.db')}` as const;
    const store = await openStore(url);
    await store.lockDelegate('vpc-copied', 'its credential is in use at two places', Date.now());
    await store.close();
    api = await startTestApi({ OUTRIDER_STORE: url, OUTRIDER_DATA_DIR: directory });
  });
  after(async () => {
    await api.close();
    rmSync(directory, { recursive: true, force: true });
  });

  test('a locked delegate says so in the list, with why and what to do, and can be unlocked once', async () => {
    const listed = await outrider('delegates', 'list');
    assert.match(listed.stdout, /vpc-copied +\S+ locked/);
    assert.match(
      listed.stderr,
      /vpc-copied is locked: its credential is in use at two places\. .*outrider delegates unlock vpc-copied/,
    );
    const { json } = await api.call('GET', '/v1/delegates/vpc-copied');
    assert.match(JSON.stringify(json['lock']), /"because":"its credential is in use at two places"/);

    const unlocked = await outrider('delegates', 'unlock', 'vpc-copied');
    assert.equal(unlocked.code, 0, unlocked.stderr);
    assert.match(unlocked.stdout, /^unlocked +vpc-copied$/m);
    assert.match(unlocked.stderr, /outrider tokens create --delegate vpc-copied/);
    assert.equal((await api.call('GET', '/v1/delegates/vpc-copied')).json['lock'], null);
    const again = await outrider('delegates', 'unlock', 'vpc-copied');
    assert.equal(again.code, 1);
    assert.match(again.stderr, /is not locked/);
  });

  test('a delegate that is removed is out within a second, though it is connected', async () => {
    await api.delegate(succeedAll, 'vpc-old');
    const connected = async () => JSON.stringify((await api.call('GET', '/v1/delegates')).json).includes('vpc-old');
    assert.equal(await connected(), true);
    const removed = await outrider('delegates', 'remove', 'vpc-old');
    assert.equal(removed.code, 0, removed.stderr);
    await eventually('it is not known any more', async () => ((await connected()) ? undefined : true), 1_000);
  });

  for (const act of ['remove', 'unlock'] as const) {
    test(`${act} of a delegate that does not exist says which one may be meant`, async () => {
      const answer = await outrider('delegates', act, 'vpc-copid');
      assert.equal(answer.code, 1);
      assert.match(answer.stderr, /There is no delegate vpc-copid/);
      assert.match(answer.stderr, /vpc-copied/);
    });
  }
});
