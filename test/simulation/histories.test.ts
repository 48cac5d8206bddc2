import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { runHistories, shrunkHistory } from './histories.ts';
import { failureText, progressLine, summaryText } from './histories-text.ts';
import { problemsOf } from './script-check.ts';

describe('many histories', () => {
  test('are shared among processes, counted, and told of', async () => {
    const told: number[] = [];
    const summary = await runHistories({
      seed: 30_001,
      count: 30,
      workers: 2,
      onProgress: ({ histories }) => told.push(histories),
    });
    assert.equal(summary.histories, 30);
    assert.deepEqual(summary.failed, []);
    assert.equal(told.at(-1), 30);
    assert.ok(summary.events > 30 * 50);
    assert.match(summaryText(summary), /^30 histories in [\d.]+ s: [\d.]+ histories\/s/);
    assert.match(summaryText(summary), /\n {2}message +accept \d+, cancel/);
    assert.match(
      progressLine({ ...summary, seconds: 10 }, 60),
      /^30 of 60 histories, 3\.0\/s, \d+ events, 0 failed, 10 s left$/,
    );
  });

  test('with a defect among them end with a small script that shows it, its trace, and what to do', async () => {
    const bug = 'epoch-not-raised';
    const { failed, edits } = await runHistories({ seed: 1, count: 50, workers: 1, untilFailure: true, bug });
    assert.equal(edits, 1);
    const [first] = failed;
    assert.ok(first !== undefined);
    const small = await shrunkHistory(first, { bug });
    assert.ok(small.script.faults.length <= first.script.faults.length);
    assert.deepEqual(problemsOf(small.script), []);
    const text = failureText(first, small);
    assert.match(text, /^Seed \d+ breaks H1: .*was given out already/);
    assert.match(text, /Made smaller \(\d+ histories\): E\d\/[pr]\d/);
    assert.match(text, /message:offer/);
    assert.match(text, /test\/simulation\/regressions\.ts/);
  });
});
