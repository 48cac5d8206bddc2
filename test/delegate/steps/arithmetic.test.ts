import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { downsizeBy, reachesTotal, resolveAmount, spendOver } from '@outrider/delegate/steps/arithmetic.ts';
import { restoredCount } from '@outrider/delegate/steps/restored-count.ts';
import { parseAmount } from '@outrider/shared/steps/amount.ts';
import fc from 'fast-check';

const amount = (text: string) => {
  const parsed = parseAmount(text);
  assert.ok(parsed !== undefined);
  return parsed;
};

describe('desired instances', () => {
  for (const [text, total, instances, noted] of [
    ['50%', 2, 1, false],
    ['100%', 2, 2, false],
    ['10%', 2, 1, true],
    ['25%', 2, 1, true],
    ['33%', 3, 1, true],
    ['50%', 3, 2, true],
    ['0%', 5, 0, false],
    ['1%', 1000, 10, false],
    ['2.5%', 20, 1, true],
    ['50%', 0, 0, false],
    ['1', 2, 1, false],
    ['7', 2, 2, true],
    ['0', 2, 0, false],
  ] as const) {
    test(`${text} of ${total} is ${instances}${noted ? ', and the log says how' : ''}`, () => {
      const resolved = resolveAmount(amount(text), total);
      assert.equal(resolved.instances, instances);
      assert.equal(resolved.note !== '', noted, resolved.note);
    });
  }

  test('are never more than the total, and never none for a share above zero', () => {
    fc.assert(
      fc.property(
        fc.double({ min: 0, max: 100, noNaN: true }),
        fc.integer({ min: 0, max: 10_000 }),
        (percent, total) => {
          const { instances } = resolveAmount({ percent }, total);
          assert.ok(Number.isInteger(instances) && instances >= 0 && instances <= total);
          if (percent > 0 && total > 0) assert.ok(instances >= 1);
          assert.ok(Math.abs(instances - (percent * total) / 100) <= 1);
        },
      ),
    );
  });

  test('reach the total with 100 % or with as many as it has', () => {
    assert.deepEqual(
      ['100%', '2', '3'].map((text) => reachesTotal(amount(text), 2)),
      [true, true, true],
    );
    assert.deepEqual(
      ['99%', '1'].map((text) => reachesTotal(amount(text), 2)),
      [false, false],
    );
  });
});

describe('what the old versions give up', () => {
  const base = { desired: amount('50%'), remain: undefined, total: 2, newBefore: 0, newAfter: 1, oldTotal: 2 };
  for (const [what, changes, removed] of [
    ['one for one new instance', {}, 1],
    ['all with 100 %', { desired: amount('100%'), newBefore: 1, newAfter: 2, oldTotal: 1 }, 1],
    ['all with 100 %, however many there are', { desired: amount('100%'), newAfter: 2, oldTotal: 9 }, 9],
    ['no more than there are', { total: 10, desired: amount('50%'), newAfter: 5 }, 2],
    ['nothing when nothing new comes', { newBefore: 1, newAfter: 1 }, 0],
    ['down to what is to remain', { remain: amount('50%'), total: 4, oldTotal: 4 }, 2],
    ['nothing when more is to remain than there is', { remain: amount('5'), total: 9, oldTotal: 4 }, 0],
    ['all when nothing is to remain', { remain: amount('0%'), total: 4, oldTotal: 3 }, 3],
    ['a share of themselves without a total', { total: 0, newAfter: 0, oldTotal: 4 }, 2],
    ['down to a share of themselves without a total', { total: 0, remain: amount('25%'), oldTotal: 4 }, 3],
  ] as const) {
    test(what, () => {
      assert.equal(downsizeBy({ ...base, ...changes }), removed);
    });
  }

  test('the oldest version gives first', () => {
    const versions = [
      { name: 'a__2', desired: 2 },
      { name: 'a__10', desired: 3 },
    ];
    assert.deepEqual(spendOver(versions, 3), [
      { name: 'a__2', desired: 0 },
      { name: 'a__10', desired: 2 },
    ]);
    assert.deepEqual(spendOver(versions, 0), versions);
  });

  test('is taken exactly, and from nobody more than it has', () => {
    const counts = fc.array(fc.integer({ min: 0, max: 50 }), { maxLength: 5 });
    fc.assert(
      fc.property(counts, fc.nat(300), (desired, removed) => {
        const versions = desired.map((count, index) => ({ name: `v${index}`, desired: count }));
        const left = spendOver(versions, removed);
        const sum = (list: readonly { desired: number }[]) => list.reduce((total, one) => total + one.desired, 0);
        assert.equal(sum(versions) - sum(left), Math.min(removed, sum(versions)));
        assert.ok(left.every((version) => version.desired >= 0));
      }),
    );
  });
});

test('a rollback gives back what was recorded, or more where there is more, and what the new version outgrew', () => {
  const recorded = [
    { name: 'a__1', desired: 1 },
    { name: 'a__2', desired: 2 },
  ];
  const live: Record<string, number> = { a__1: 4, a__2: 0 };
  assert.deepEqual(restoredCount({ recorded, live: (name) => live[name] ?? 0, outgrown: 3 }), [
    { name: 'a__1', desired: 4 },
    { name: 'a__2', desired: 5 },
  ]);
});
