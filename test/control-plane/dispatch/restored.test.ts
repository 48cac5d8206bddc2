import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { EPOCHS_PER_GENERATION } from '@outrider/control-plane/domain/fleet/epochs.ts';
import { createMemoryStore, type MemorySnapshot, type MemoryStore } from '@outrider/control-plane/store/memory.ts';
import { CLOCK, done, Rig } from '../../delegate/agent/rig.ts';
import { eventually } from '../../support/processes.ts';
import { RawDelegate } from '../grpc/raw-delegate.ts';

/** Holders of the lost future have stopped so long after the restore. */
const HOLD_MS = 600;

describe('a control plane whose store was restored from a backup', () => {
  let rig: Rig;
  let store: MemoryStore;
  beforeEach(async () => {
    store = createMemoryStore();
    rig = await Rig.start({ store });
  });
  afterEach(() => rig.close());

  /** The control plane goes down and comes back on what the backup knew. Answers when it was restored. */
  async function restore(backup: MemorySnapshot): Promise<number> {
    await rig.killControlPlane();
    const restored = createMemoryStore(backup);
    const at = CLOCK.now();
    await restored.raiseGeneration(at, at + HOLD_MS);
    await rig.restartControlPlane(restored);
    return at;
  }
  const reached = (id: string, state: string) =>
    eventually(`${id} is ${state}`, async () => ((await rig.row(id)).state === state ? true : undefined));

  test('takes no word of an old holder, and gives the step out again under a new epoch with the facts of the backup', async () => {
    const before = new RawDelegate(rig.server.port, { instanceId: 'i1' });
    await before.welcomed('one');
    const id = await rig.enqueue('p1.1');
    const { epoch } = await before.next('offer');
    before.send({ kind: 'accept', taskId: id, epoch });
    await before.next('lease');
    before.send({ kind: 'checkpoint', taskId: id, epoch, sequence: 1, facts: { saved: 'before' } });
    await before.next('checkpoint-ack');
    const backup = store.snapshot();
    before.send({ kind: 'checkpoint', taskId: id, epoch, sequence: 2, facts: { saved: 'after' } });
    await before.next('checkpoint-ack');
    const restoredAt = await restore(backup);

    const back = new RawDelegate(rig.server.port, { instanceId: 'i1' });
    const inventory = [{ taskId: id, epoch, phase: 'running', logOffset: 0, resultSha256: '' }] as const;
    const welcome = await back.welcomed('one', { inventory });
    assert.deepEqual(
      welcome.directives.map(({ action }) => action),
      ['stop'],
    );
    back.send({ kind: 'heartbeat', sequence: 1, running: [{ taskId: id, epoch }], slotsFree: 9 });
    assert.deepEqual((await back.next('heartbeat-ack')).lost, [{ taskId: id, epoch }]);
    back.send({ kind: 'checkpoint', taskId: id, epoch, sequence: 3, facts: { saved: 'late' } });
    assert.equal((await back.next('refused')).code, 'stale-epoch');

    const again = await back.next('offer');
    assert.ok(CLOCK.now() >= restoredAt + HOLD_MS, 'not while the old holder may still be at work');
    assert.equal(again.taskId, id);
    assert.equal(again.epoch, EPOCHS_PER_GENERATION + 1);
    assert.deepEqual(again.facts, { saved: 'before' });
    assert.equal(again.checkpointSequence, 1);
    back.send({ kind: 'accept', taskId: id, epoch });
    assert.equal((await back.next('refused')).code, 'stale-epoch');
    back.send({ kind: 'accept', taskId: id, epoch: again.epoch });
    assert.equal((await back.next('lease')).epoch, EPOCHS_PER_GENERATION + 1);
    const requeued = rig.engine.inputs.find((input) => input.kind === 'task-requeued');
    assert.match(requeued?.because ?? '', /^the store was restored from a backup while one had the step$/);
    assert.match((await rig.log(id))[0] ?? '', /^The step goes on elsewhere: the store was restored from a backup/);
    before.close();
    back.close();
  });

  test('gets a real delegate to begin its step anew, whatever it holds of the lost future', async () => {
    const runs: unknown[] = [];
    const begun = new Map<number, () => void>();
    await rig.delegate('one', async (_task, facts, ctx) => {
      runs.push(facts);
      if (runs.length > 1) return done({ facts });
      await ctx.checkpoint({ saved: 1 });
      begun.get(1)?.();
      await ctx.sleep(600_000);
      return done();
    });
    const saved = new Promise<void>((resolve) => begun.set(1, resolve));
    const queued = store.snapshot();
    const id = await rig.enqueue('p1.1');
    await saved;
    await restore(queued);
    // The outbox of the backup enqueues it anew, under the name that the delegate still holds.
    await rig.enqueue('p1.1');
    await reached(id, 'ended');
    assert.deepEqual(runs, [{}, {}]);
    assert.equal((await rig.row(id)).epoch, EPOCHS_PER_GENERATION + 1);
  });

  test('fails a step that must not be done twice, and says that the restore is why', async () => {
    const delegate = new RawDelegate(rig.server.port, { instanceId: 'i1' });
    await delegate.welcomed('one');
    const running = await rig.enqueue('p1.1', { repeatable: false });
    const { epoch } = await delegate.next('offer');
    delegate.send({ kind: 'accept', taskId: running, epoch });
    await delegate.next('lease');
    const waiting = await rig.enqueue('p1.2', { repeatable: false, selectors: ['other'] });
    await restore(store.snapshot());
    await reached(running, 'ended');
    const [failed] = rig.engine.inputs.filter((input) => input.kind === 'task-undeliverable');
    assert.equal(failed?.stepId, 'p1.1');
    assert.match(
      failed.failure.message,
      /^the store was restored from a backup while one had the step, and it must not/,
    );
    assert.match((await rig.log(running)).join('\n'), /the store was restored from a backup[\s\S]*What to do: /);
    assert.equal((await rig.row(waiting)).state, 'queued', 'nobody was ever offered it');
    delegate.close();
  });
});
