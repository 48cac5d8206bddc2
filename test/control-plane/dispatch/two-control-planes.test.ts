import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { done, Rig } from '../../delegate/agent/rig.ts';
import { eventually } from '../../support/processes.ts';
import { RawDelegate } from '../grpc/raw-delegate.ts';

describe('two control planes on one store', () => {
  let one: Rig;
  let two: Rig;
  beforeEach(async () => {
    one = await Rig.start({ credentials: true });
    two = await Rig.start({ credentials: true, store: one.store });
  });
  afterEach(async () => {
    await one.close();
    await two.close();
  });
  async function joined(name: string): Promise<string> {
    const token = await one.joinToken(name);
    const request = { joinToken: token?.text ?? '', delegateName: name, instanceId: 'i', version: '1' };
    return `Bearer ${(await one.joining.join({ ...request, secretSha256: '' })).credential}`;
  }

  test('offer each step to one delegate, whoever sees it first, and take each lease and result once', async () => {
    await one.close();
    await two.close();
    one = await Rig.start();
    two = await Rig.start({ store: one.store });
    const runs: string[] = [];
    const recipe = async (task: { readonly stepId: string }) => {
      runs.push(task.stepId);
      return done();
    };
    await one.delegate('a', recipe);
    await two.delegate('b', recipe);
    const steps = [...Array(24).keys()].map((index) => `p1.${index + 1}`);
    const ids = await Promise.all(steps.map((step, index) => (index % 2 === 0 ? one : two).enqueue(step)));
    for (const id of ids) {
      await eventually(`${id} has ended`, async () => ((await one.row(id)).state === 'ended' ? true : undefined));
      assert.equal((await one.row(id)).epoch, 1);
    }
    assert.deepEqual(runs.toSorted(), steps.toSorted());
  });

  test('a credential that is revoked at one ends the session at the other within a second or so', async () => {
    const delegate = new RawDelegate(two.server.port, { bearer: await joined('vpc') });
    await delegate.welcomed('vpc');
    await one.dispatcher.removeDelegate('vpc');
    assert.match((await delegate.ended()).details, /was revoked/);
    delegate.close();
  });

  test('a delegate that is locked at one is shown as locked at the other, too', async () => {
    const delegate = new RawDelegate(two.server.port, { bearer: await joined('vpc') });
    await delegate.welcomed('vpc');
    await one.store.lockDelegate('vpc', 'its key was copied', Date.now());
    await delegate.ended();
    assert.equal(two.dispatcher.fleet()[0]?.lock?.because, 'its key was copied');
    delegate.close();
  });
});
