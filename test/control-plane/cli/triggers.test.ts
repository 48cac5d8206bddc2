import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { startTestApi, type TestApi } from '../../support/api.ts';
import { cli } from '../../support/cli.ts';
import { eventually } from '../../support/processes.ts';
import { type Receiver, startReceiver } from '../../support/receiver.ts';

describe('triggers and webhooks on the command line', () => {
  let api: TestApi;
  let receiver: Receiver;
  before(async () => {
    api = await startTestApi({}, { webhookTimings: { tickMs: 20 } });
    await api.applyReplica();
    receiver = await startReceiver();
  });
  after(async () => {
    await api.close();
    await receiver.close();
  });
  const outrider = async (...args: readonly string[]) => {
    const { code, stdout, stderr } = await cli(api.url, args);
    return { code, stdout, stderr };
  };

  test('a trigger is set, gets a token, is listed with what came of it, and is deleted', async () => {
    const workflow = ['--workflow', 'ECS Replica Strategy'];
    const set = await outrider('triggers', 'set', 'ECS/ci', ...workflow, '--webhook');
    assert.deepEqual([set.code, set.stdout], [0, 'set  ECS/ci\n'], set.stderr);
    assert.match(set.stderr, /outrider triggers token "ECS\/ci"/);
    const token = await outrider('triggers', 'token', 'ECS/ci');
    assert.match(token.stdout, /^\/v1\/hooks\/oht_tr[0-9A-Z]{26}_[0-9a-f]{64}\n$/);
    const called = await api.call('POST', token.stdout.trim(), { body: { variables: { No: 1 } } });
    assert.equal(called.status, 400);
    const clock = ['--schedule', '0 3 * * *', '--time-zone', 'Europe/Berlin', '--disabled'];
    assert.equal((await outrider('triggers', 'set', 'ECS/nightly', ...workflow, ...clock)).code, 0);
    const { stdout } = await outrider('triggers', 'list', '--application', 'ECS');
    assert.match(stdout, /^NAME +WORKFLOW +STARTS +LAST\n/);
    assert.match(stdout, /ECS\/ci +ECS Replica Strategy +when called +refused .*No/);
    assert.match(stdout, /ECS\/nightly +ECS Replica Strategy +off +never/);
    assert.equal((await outrider('triggers', 'delete', 'ECS/ci')).stdout, 'deleted  ci\n');
    assert.equal((await outrider('triggers', 'delete', 'ECS/ci')).code, 1);
  });

  test('what starts a trigger must be said', async () => {
    const { code, stderr } = await outrider('triggers', 'set', 'ECS/ci', '--workflow', 'w');
    assert.equal(code, 1);
    assert.match(stderr, /Give --webhook or --schedule/);
  });

  test('a webhook is made with its secret on stdout, tested, and its deliveries are listed and sent again', async () => {
    const made = await outrider(
      'webhooks',
      'create',
      receiver.url,
      '--event',
      'execution.failed',
      '--application',
      'ECS',
    );
    assert.match(made.stdout, /^whsec_\S{44}\n$/, made.stderr);
    const list = await outrider('webhooks', 'list');
    assert.match(list.stdout, /wh_[0-9A-Z]{26} +http:\/\/127\.0\.0\.1:[0-9]+\/hook +ECS +execution\.failed +on/);
    const id = /wh_[0-9A-Z]{26}/.exec(list.stdout)?.[0] ?? '';
    const delivery = (await outrider('webhooks', 'test', id)).stdout.trim();
    await receiver.until(1);
    const row = await eventually('it is delivered', async () => {
      const { stdout } = await outrider('webhooks', 'deliveries', id);
      return /delivered/.test(stdout) ? stdout : undefined;
    });
    assert.match(row, new RegExp(`${delivery} +webhook\\.test .* delivered +1`));
    assert.equal((await outrider('webhooks', 'redeliver', id, delivery)).stdout, `pending  ${delivery}\n`);
    await receiver.until(2);
    assert.equal((await outrider('webhooks', 'delete', id)).stdout, `deleted  ${id}\n`);
  });
});
