import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { goldenLines, isOrderedPart, matchExactly } from '../../support/golden-log.ts';

const page = goldenLines('seed-resize');

describe('the comparison with the pages', () => {
  test('finds the pages whole', () => {
    assert.equal(goldenLines('seed-setup').length, 11);
    assert.equal(page.length, 17);
    assert.equal(goldenLines('seed-canary-deploy').length, 13);
    assert.equal(goldenLines('seed-canary-delete').length, 4);
    assert.equal(page[12], '  6452d4b0ef39 - 10.0.0.53 (new)');
    assert.equal(goldenLines('seed-canary-deploy').at(-1), ' Deployment Successful.');
  });

  test('lets ids, addresses and waiting lines differ, and nothing else', () => {
    const ours = page.map((line) =>
      line
        .replace('6452d4b0ef39', 'aaaaaaaaaaaa')
        .replaceAll('10.0.0.53:51678', '127.0.0.3:40001')
        .replaceAll('ecs__4', 'ecs__17'),
    );
    const at = ours.findIndex((line) => line.startsWith('Waiting for pending'));
    matchExactly(ours.toSpliced(at, 0, ours[at] ?? '', ours[at] ?? ''), page);
    for (let index = 0; index < page.length; index++) {
      assert.throws(() => matchExactly(page.toSpliced(index, 1), page), `line ${index} may not be missing`);
      assert.throws(
        () => matchExactly(page.toSpliced(index, 0, 'Something else'), page),
        `no line may come at ${index}`,
      );
    }
    assert.throws(() =>
      matchExactly(
        page.map((line) => line.replace('from 0 to 1', 'from 0 to 2')),
        page,
      ),
    );
    assert.throws(() => matchExactly([...page.slice(0, 7), ...page.slice(6)].toSpliced(0, 0, page[0] ?? ''), page));
  });

  test('allows other lines between, but not another order', () => {
    isOrderedPart(
      page.flatMap((line) => ['between', line]),
      page,
    );
    assert.throws(() => isOrderedPart(page.toReversed(), page));
    assert.throws(() => isOrderedPart(page.slice(1), page));
  });
});
