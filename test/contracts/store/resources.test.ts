import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ResourceRef } from '@outrider/control-plane/app/ports.ts';
import type { JsonObject } from '@outrider/shared/json.ts';
import { freshName, T0 } from './fixtures.ts';
import { forEachStore } from './stores.ts';

function service(name: string, application = 'ECS'): ResourceRef {
  return { kind: 'Service', application, name };
}

forEachStore('resources', (store) => {
  const put = (ref: ResourceRef, spec: JsonObject, ifVersion?: number) =>
    store().putResources(
      [{ ...ref, document: { kind: ref.kind, spec }, ...(ifVersion === undefined ? {} : { ifVersion }) }],
      'ada',
      T0,
    );

  test('the first apply makes version 1, a change makes version 2, and both stay readable', async () => {
    const ref = service(freshName('web'));
    assert.deepEqual(await put(ref, { a: 1 }), { kind: 'ok', results: [{ ...ref, version: 1, changed: true }] });
    assert.deepEqual(await put(ref, { a: 2 }), { kind: 'ok', results: [{ ...ref, version: 2, changed: true }] });

    const stored = {
      ...ref,
      version: 2,
      document: { kind: 'Service', spec: { a: 2 } },
      updatedAtMs: T0,
      updatedBy: 'ada',
    };
    assert.deepEqual(await store().getResource(ref), stored);
    assert.deepEqual(await store().getResource(ref, 2), stored);
    assert.deepEqual((await store().getResource(ref, 1))?.document, { kind: 'Service', spec: { a: 1 } });
    assert.equal(await store().getResource(ref, 3), undefined);
    assert.equal(await store().getResource(ref, 0), undefined);
  });

  test('applying the same document again makes no version, whatever the order of its keys', async () => {
    const ref = service(freshName('web'));
    await put(ref, { a: 1, b: { c: [1, 2], d: null } });
    assert.deepEqual(await put(ref, { b: { d: null, c: [1, 2] }, a: 1 }), {
      kind: 'ok',
      results: [{ ...ref, version: 1, changed: false }],
    });
  });

  test('a document reads back with the order of keys in which it was written', async () => {
    const ref = service(freshName('web'));
    await put(ref, { zebra: 1, ant: 2 });
    assert.equal(
      JSON.stringify((await store().getResource(ref))?.document),
      '{"kind":"Service","spec":{"zebra":1,"ant":2}}',
    );
  });

  const conditions = [
    { says: 'must not exist and does not', exists: false, ifVersion: 0, wanted: 'ok' },
    { says: 'must not exist but does', exists: true, ifVersion: 0, wanted: 'conflict' },
    { says: 'must be at version 1 and is', exists: true, ifVersion: 1, wanted: 'ok' },
    { says: 'must be at version 2 but is at 1', exists: true, ifVersion: 2, wanted: 'conflict' },
    { says: 'must be at version 1 but does not exist', exists: false, ifVersion: 1, wanted: 'conflict' },
    { says: 'may be whatever is there', exists: true, ifVersion: undefined, wanted: 'ok' },
  ] as const;
  for (const { says, exists, ifVersion, wanted } of conditions) {
    test(`a change of a resource that ${says}: ${wanted}`, async () => {
      const ref = service(freshName('web'));
      if (exists) await put(ref, { a: 1 });
      const answer = await put(ref, { a: 2 }, ifVersion);
      if (wanted === 'ok') assert.equal(answer.kind, 'ok');
      else assert.deepEqual(answer, { kind: 'conflict', current: { ...ref, version: exists ? 1 : 0 } });
    });
  }

  test('of several documents, a conflict in the last leaves the first unwritten too', async () => {
    const first = service(freshName('web'));
    const second = service(freshName('web'));
    await put(second, { a: 1 });
    const answer = await store().putResources(
      [
        { ...first, document: { a: 1 } },
        { ...second, document: { a: 2 }, ifVersion: 7 },
      ],
      'ada',
      T0,
    );
    assert.deepEqual(answer, { kind: 'conflict', current: { ...second, version: 1 } });
    assert.equal(await store().getResource(first), undefined);
  });

  test('the same name twice in one apply makes two versions', async () => {
    const ref = service(freshName('web'));
    const answer = await store().putResources(
      [
        { ...ref, document: { a: 1 }, ifVersion: 0 },
        { ...ref, document: { a: 2 }, ifVersion: 0 },
      ],
      'ada',
      T0,
    );
    assert.deepEqual(answer, {
      kind: 'ok',
      results: [
        { ...ref, version: 1, changed: true },
        { ...ref, version: 2, changed: true },
      ],
    });
  });

  test('kinds and applications keep names apart', async () => {
    const name = freshName('web');
    await put(service(name), { a: 1 });
    assert.equal(await store().getResource({ kind: 'Workflow', application: 'ECS', name }), undefined);
    assert.equal(await store().getResource(service(name, 'other')), undefined);
  });

  test('a deleted resource is gone from get and list, its versions stay, and its count goes on', async () => {
    const ref = service(freshName('web'), freshName('app'));
    await put(ref, { a: 1 });
    assert.deepEqual(await store().deleteResource(ref), { kind: 'ok' });
    assert.equal(await store().getResource(ref), undefined);
    assert.deepEqual(await store().listResources('Service', { application: ref.application, limit: 10 }), []);
    assert.equal((await store().getResource(ref, 1))?.version, 1);
    assert.deepEqual(await store().deleteResource(ref), { kind: 'not-found' });
    assert.deepEqual(await put(ref, { a: 1 }, 0), { kind: 'ok', results: [{ ...ref, version: 2, changed: true }] });
  });

  test('a delete that expects another version is refused with the one that is there', async () => {
    const ref = service(freshName('web'));
    await put(ref, { a: 1 });
    assert.deepEqual(await store().deleteResource(ref, 2), { kind: 'conflict', version: 1 });
    assert.deepEqual(await store().deleteResource(ref, 1), { kind: 'ok' });
    assert.deepEqual(await store().deleteResource(service(freshName('none')), 1), { kind: 'not-found' });
  });

  test('a list is sorted by application and name, and its pages meet without a gap', async () => {
    const [first, second] = [freshName('app'), freshName('app')];
    const names = ['b', 'B', 'a b', 'a', 'ab', 'a_b'];
    for (const application of [second, first]) {
      for (const name of names) {
        await store().putResources([{ kind: 'Workflow', application, name, document: {} }], 'ada', T0);
      }
    }
    const sorted = ['B', 'a', 'a b', 'a_b', 'ab', 'b'];
    const expected = [first, second].flatMap((application) => sorted.map((name) => `${application}/${name}`));

    const seen: string[] = [];
    let after: ResourceRef | undefined;
    for (let page = 0; page < expected.length; page++) {
      const rows = await store().listResources('Workflow', { limit: 5, ...(after === undefined ? {} : { after }) });
      seen.push(...rows.map((row) => `${row.application}/${row.name}`));
      after = rows.at(-1) ?? after;
    }
    assert.deepEqual(seen, expected);
    assert.deepEqual(
      (await store().listResources('Workflow', { application: second, limit: 2 })).map((row) => row.name),
      ['B', 'a'],
    );
    assert.deepEqual(await store().listResources('Workflow', { limit: 0 }), []);
    assert.deepEqual(await store().listResources('Workflow', { limit: -1 }), []);
  });

  test('what a caller does to a document afterwards does not reach the store', async () => {
    const ref = service(freshName('web'));
    const document = { spec: { list: [1] } };
    await store().putResources([{ ...ref, document }], 'ada', T0);
    document.spec.list.push(2);
    const read = await store().getResource(ref);
    assert.deepEqual(read?.document, { spec: { list: [1] } });
    assert.notEqual(await store().getResource(ref), read);
  });
});
