import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { addCounts, assertCovered, countsOf, EXPECTED, thinness } from './coverage.ts';
import { calmRecord, EXECUTION, TASK } from './invariants/calm-record.ts';
import type { HistoryRecord } from './plant/record.ts';
import type { TraceEvent } from './ports.ts';
import { relevantTrace, shortened } from './trace-text.ts';

const trace: readonly TraceEvent[] = [
  { atMs: 1_000, kind: 'store:commit', host: 'control-plane', detail: '' },
  { atMs: 2_000, kind: 'message:offer', host: 'control-plane', detail: TASK },
  { atMs: 3_000, kind: 'message:heartbeat', host: 'amber', detail: '' },
  { atMs: 4_000, kind: 'message:accept', host: 'birch', detail: 'exe_OTHER/p1.1/1' },
  { atMs: 5_000, kind: 'fault:reset', host: 'director', detail: '0' },
  { atMs: 9_000, kind: 'message:result', host: 'amber', detail: TASK },
];
const record: HistoryRecord = { ...calmRecord(), trace };

describe('what occurs in histories', () => {
  test('is counted by kind; a fault counts when it had an effect', () => {
    const counts = countsOf(record);
    assert.equal(counts.get('store:commit'), 1);
    assert.equal(counts.get('fault:reset'), 1);
    assert.equal(counts.get('end:succeeded, rollback none'), 1);
    assert.equal(countsOf({ ...record, faultsInEffect: [] }).get('fault:reset'), undefined);
  });

  test('is asserted to be everything that can: what never occurred is named', () => {
    const all = new Map(EXPECTED.map((kind) => [kind, 1]));
    assertCovered(all);
    all.delete('message:drain');
    all.delete('fault:clone-delegate');
    assert.throws(() => assertCovered(all), /fault:clone-delegate[\s\S]*message:drain/);
    const doubled = new Map<string, number>();
    addCounts(doubled, all);
    addCounts(doubled, all);
    assert.equal(doubled.get('store:commit'), 2);
  });

  test('must be enough to show something', () => {
    const long = Array.from({ length: 50 }, () => trace[0] ?? assert.fail());
    assert.deepEqual(thinness({ ...record, trace: long }), []);
    assert.deepEqual(thinness({ ...record, faultsInEffect: [] }), [
      'only 6 things happened, at least 50 are wanted',
      'none of its faults had an effect',
    ]);
  });
});

describe('the trace of a failed history', () => {
  const violation = { invariant: 'H7', detail: '', about: [TASK], atMs: 5_000 };

  test('shows what concerns the violation, up to a moment after it, and no routine', () => {
    const lines = relevantTrace(record, violation);
    assert.deepEqual(
      lines.map((line) => line.replace(/ +/g, ' ').trim()),
      ['2.000 control-plane message:offer E1/p1.1/1', '5.000 director fault:reset 0'],
    );
  });

  test('shows the last lines, and how many there were before', () => {
    const { atMs: _, ...whenever } = violation;
    const lines = relevantTrace(record, { ...whenever, about: [] }, 2);
    assert.equal(lines[0], '… 3 lines before');
    assert.match(lines[2] ?? '', /message:result/);
  });

  test('names executions by their number', () => {
    assert.equal(shortened(`${EXECUTION} and ${TASK}`, record), 'E1 and E1/p1.1/1');
  });
});
