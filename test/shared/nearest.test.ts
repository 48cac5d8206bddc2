import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { didYouMean, editDistance, listed, nearestNames } from '@outrider/shared/nearest.ts';
import fc from 'fast-check';

describe('names that come near', () => {
  const fields = ['name', 'type', 'strategy', 'serviceName', 'serviceDefinition', 'steadyStateTimeoutMinutes'];
  const cases: readonly (readonly [string, string | undefined])[] = [
    ['nam', 'name'],
    ['stratgy', 'strategy'],
    ['service_name', 'serviceName'],
    ['SERVICENAME', 'serviceName'],
    ['steadyStateTimeoutMinute', 'steadyStateTimeoutMinutes'],
    ['stedayStateTimeout', 'steadyStateTimeoutMinutes'],
    ['tpye', 'type'],
    ['qqqqqq', undefined],
    ['', undefined],
  ];
  for (const [written, meant] of cases) {
    test(`"${written}" was meant to be ${meant ?? 'none of them'}`, () => {
      assert.equal(nearestNames(written, fields)[0], meant);
    });
  }

  test('a beginning of three letters is enough, the best name comes first, and never the name itself', () => {
    assert.deepEqual(nearestNames('service', ['serviceVariable', 'serviceX', 'service', 'app']), [
      'serviceX',
      'serviceVariable',
    ]);
  });

  test('what is far too long to be a slip is not compared', () => {
    assert.deepEqual(nearestNames('x'.repeat(65), ['x'.repeat(64)]), []);
  });

  test('the question names three at most', () => {
    assert.equal(didYouMean('ab', ['aa', 'ac', 'ad', 'ae']), 'did you mean "aa", "ac" or "ad"?');
    assert.equal(didYouMean('zzz', ['aa']), undefined);
  });

  test('lists read like lists', () => {
    assert.equal(listed(['a'], 'and'), '"a"');
    assert.equal(listed(['a', 'b'], 'or'), '"a" or "b"');
    assert.equal(listed(['a', 'b', 'c'], 'and', 2), '"a", "b" … and 1 more');
  });

  test('the distance of two texts is symmetric, zero for equal ones, and at most the longer length', () => {
    const text = fc.string({ maxLength: 12 });
    fc.assert(
      fc.property(text, text, (one, other) => {
        const distance = editDistance(one, other);
        assert.equal(distance, editDistance(other, one));
        assert.equal(distance === 0, one === other);
        assert.ok(distance <= Math.max(one.length, other.length));
      }),
    );
  });
});
