import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { nextTime } from '@outrider/control-plane/app/triggers/schedule.ts';
import { OutriderError } from '@outrider/shared/errors.ts';

const times = (cron: string, timeZone: string, after: string, count: number): string[] => {
  const found: string[] = [];
  let atMs: number | null = Date.parse(after);
  while (found.length < count) {
    atMs = nextTime(cron, timeZone, atMs);
    if (atMs === null) break;
    found.push(new Date(atMs).toISOString());
  }
  return found;
};

describe('a schedule', () => {
  test('comes at its minute, in its time zone, and never twice in one', () => {
    assert.deepEqual(times('30 6 * * 1-5', 'Europe/Berlin', '2026-01-09T05:29:59.999Z', 2), [
      '2026-01-09T05:30:00.000Z',
      '2026-01-12T05:30:00.000Z',
    ]);
    assert.deepEqual(times('*/20 * * * *', 'UTC', '2026-01-01T00:00:00.000Z', 2), [
      '2026-01-01T00:20:00.000Z',
      '2026-01-01T00:40:00.000Z',
    ]);
  });

  test('whose hour is left out in spring comes all the same that day', () => {
    const [day] = times('30 2 * * *', 'Europe/Berlin', '2026-03-28T12:00:00.000Z', 1);
    assert.equal(day?.slice(0, 10), '2026-03-29');
  });

  test('whose hour comes twice in autumn comes once', () => {
    assert.deepEqual(times('30 2 * * *', 'Europe/Berlin', '2026-10-24T12:00:00.000Z', 2), [
      '2026-10-25T00:30:00.000Z',
      '2026-10-26T01:30:00.000Z',
    ]);
  });

  test('with a day of the month and one of the week comes on either', () => {
    assert.deepEqual(times('0 0 13 * 5', 'UTC', '2026-01-03T00:00:00.000Z', 3), [
      '2026-01-09T00:00:00.000Z',
      '2026-01-13T00:00:00.000Z',
      '2026-01-16T00:00:00.000Z',
    ]);
  });

  test('may never come', () => {
    assert.equal(nextTime('0 0 30 2 *', 'UTC', 0), null);
  });

  for (const [cron, timeZone] of [
    ['', 'UTC'],
    ['* * * *', 'UTC'],
    ['* * * * * *', 'UTC'],
    ['61 * * * *', 'UTC'],
    ['a b c d e', 'UTC'],
    ['2026-01-01T00:00:00', 'UTC'],
    ['0 0 * * *', 'Mars/Base'],
    ['0 0 * * *', ''],
  ] as const) {
    test(`${JSON.stringify(cron)} in ${JSON.stringify(timeZone)} is refused with what to do`, () => {
      assert.throws(
        () => nextTime(cron, timeZone, 0),
        (thrown) => thrown instanceof OutriderError && thrown.code === 'request-invalid' && thrown.hint !== '',
      );
    });
  }
});
