import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { encodeGapLine } from '@outrider/shared/protocol/gap-line.ts';
import { line, storedLog } from './invariants/calm-record.ts';
import { logProblems } from './invariants/logs.ts';

describe('the log of a step', () => {
  const missing = { atMs: 0, droppedLines: 1, droppedBytes: 70 };
  const stored = (...texts: string[]) => storedLog(texts).text;
  const elsewhere =
    'The step goes on elsewhere: amber has not been heard of for 40 s. What was logged there last may be missing here.';
  const produced = ['one', 'two', 'three'].map((text) => line(text));

  test('is whole when it has every line once and in order', () => {
    assert.deepEqual(logProblems(stored('one', 'two', 'three'), produced), []);
  });

  test('may miss lines where a line says so', () => {
    assert.deepEqual(logProblems(`${stored('one')}${encodeGapLine(missing)}${stored('three')}`, produced), []);
    const successor = line('four', { epoch: 2, host: 'birch' });
    assert.deepEqual(logProblems(stored('one', elsewhere, 'four'), [...produced, successor]), []);
  });

  test('may miss what a holder that lost the step says after its successor has begun', () => {
    const successor = line('four', { epoch: 2, host: 'birch' });
    const late = [...produced.slice(0, 2), successor, line('three')];
    assert.deepEqual(logProblems(stored('one', 'two', elsewhere, 'four'), late), []);
  });

  test('may not miss them elsewhere', () => {
    assert.deepEqual(logProblems(`${encodeGapLine(missing)}${stored('one', 'three')}`, produced), [
      '“two” of amber is missing before “three”',
    ]);
    const successor = line('four', { epoch: 2, host: 'birch' });
    assert.deepEqual(logProblems(stored('one', 'four'), [...produced, successor]), [
      '“two” of amber and 1 more is missing before “four”',
    ]);
    assert.deepEqual(logProblems(stored('one', 'two'), produced), ['“three” of amber is missing at its end']);
  });

  test('may miss the line in whose instant its process was killed', () => {
    assert.deepEqual(
      logProblems(stored('one', 'two'), [...produced.slice(0, 2), line('three', { inSpool: false })]),
      [],
    );
  });

  test('has no line twice, none of nobody, and no half one', () => {
    assert.deepEqual(logProblems(stored('one', 'two', 'two', 'three'), produced), ['nobody wrote “two” there']);
    assert.deepEqual(logProblems(stored('one', 'two', 'three', 'four'), produced), ['nobody wrote “four” there']);
    assert.deepEqual(logProblems(stored('one').slice(0, -1), produced), ['it ends in the middle of a line']);
  });

  test('may miss lines of a delegate whose clone goes on, but has none of nobody', () => {
    const twins = [...produced, line('resumed', { host: 'amber-clone' })];
    assert.deepEqual(logProblems(stored('one', 'resumed', 'three'), twins), []);
    assert.deepEqual(logProblems(stored('one', 'resumed', 'four'), twins), ['nobody wrote “four”']);
  });

  test('ends with the words of the control plane when its delegate is gone', () => {
    const words = 'Stopped: the execution was aborted (no delegate had it).';
    assert.deepEqual(logProblems(stored('one', 'two', 'three', words), produced), []);
    const failed = ['3 offers of the step were not accepted by any delegate', '  amber: no', 'What to do: look.'];
    assert.deepEqual(logProblems(stored(...failed), []), []);
  });
});
