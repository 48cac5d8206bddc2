import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FIRINGS_KEPT, type Firing } from '@outrider/control-plane/app/triggers/ports.ts';
import { freshName, T0 } from './fixtures.ts';
import { forEachStore } from './stores.ts';
import { triggerOf } from './trigger-moves.ts';

const firing = (atMs: number): Firing => ({ atMs, outcome: 'started', executionId: 'exe_1', because: null });

forEachStore('triggers', (store) => {
  test('a trigger is made once under its name, found by both names, changed in part and deleted', async () => {
    const row = triggerOf({ id: freshName('tr'), name: freshName('nightly'), nextAtMs: null });
    const { application, name, id } = row;
    assert.equal(await store().createTrigger(row), 'ok');
    assert.equal(await store().createTrigger({ ...row, id: freshName('tr') }), 'exists');
    assert.equal(await store().createTrigger({ ...row, name: freshName('other') }), 'exists');
    assert.deepEqual(await store().getTrigger({ application, name }), row);
    assert.deepEqual(await store().findTrigger(id), row);
    const changed = await store().changeTrigger({ application, name }, { enabled: false });
    assert.deepEqual(changed, { ...row, enabled: false });
    assert.equal(await store().deleteTrigger({ application, name }), true);
    assert.equal(await store().deleteTrigger({ application, name }), false);
    assert.equal(await store().findTrigger(id), undefined);
    assert.equal(await store().changeTrigger({ application, name }, { enabled: true }), undefined);
  });

  test('triggers are listed by application and name', async () => {
    const application = freshName('app');
    const rows = ['b', 'a', 'ä'].map((name) => triggerOf({ application, name, id: freshName('tr'), nextAtMs: null }));
    for (const row of rows) await store().createTrigger(row);
    assert.deepEqual(
      (await store().listTriggers(application)).map(({ name }) => name),
      ['a', 'b', 'ä'],
    );
    assert.ok((await store().listTriggers()).length >= 3);
  });

  test('those whose time has come are due, and a firing moves their time only if nobody did before', async () => {
    const rows = [5, 3, 9].map((age) =>
      triggerOf({ id: freshName('tr'), name: freshName('due'), nextAtMs: T0 - 100 + age }),
    );
    for (const row of rows) await store().createTrigger(row);
    const due = async () => (await store().dueTriggers(T0 - 94, 10)).map(({ id }) => id);
    const [five, three] = rows.map(({ id }) => id);
    assert.deepEqual(await due(), [three, five]);
    assert.equal(await store().noteFiring(three ?? '', firing(1), { fromMs: T0, toMs: null }), false);
    assert.equal(await store().noteFiring(three ?? '', firing(1), { fromMs: T0 - 97, toMs: null }), true);
    assert.equal(await store().noteFiring(three ?? '', firing(1), { fromMs: T0 - 97, toMs: null }), false);
    assert.deepEqual(await due(), [five]);
    assert.equal(await store().noteFiring('none', firing(1)), false);
    for (const row of rows) await store().deleteTrigger(row);
  });

  test('the newest firings are kept', async () => {
    const row = triggerOf({ id: freshName('tr'), name: freshName('busy'), nextAtMs: null });
    await store().createTrigger(row);
    for (let atMs = 0; atMs <= FIRINGS_KEPT; atMs++) await store().noteFiring(row.id, firing(atMs));
    const kept = (await store().findTrigger(row.id))?.firings.map(({ atMs }) => atMs) ?? [];
    assert.deepEqual([kept.length, kept[0], kept.at(-1)], [FIRINGS_KEPT, 1, FIRINGS_KEPT]);
  });
});
