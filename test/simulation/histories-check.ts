import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import { addCounts, assertCovered, countsOf } from './coverage.ts';
import { failureText } from './histories-text.ts';
import { runSeed } from './history.ts';
import { shrinkHistory } from './shrink-history.ts';

/** Histories of one check, over all parts: each part is a test file, so that the parts run beside each other. */
export const HISTORIES = 10_000;
export const PARTS = 4;
/** Histories of one test: a failed one ends its test, the others go on. */
const CHUNK = 500;
/** A test that takes longer has hung; it takes a fifth of it, on a machine that does nothing else. */
const CHUNK_TIMEOUT_MS = 180_000;

/** Declares the tests of one part. The seeds of all parts together are 1 to `HISTORIES`. */
export function checkHistories(part: number): void {
  const share = HISTORIES / PARTS;
  const first = part * share + 1;
  const counts = new Map<string, number>();
  const total = { histories: 0, events: 0, ms: 0 };

  describe(`simulated histories ${first}–${first + share - 1}`, () => {
    for (let from = first; from < first + share; from += CHUNK) {
      test(`nothing is lost and nothing done twice in histories ${from}–${from + CHUNK - 1}`, {
        timeout: CHUNK_TIMEOUT_MS,
      }, async () => {
        const began = performance.now();
        for (let seed = from; seed < from + CHUNK; seed++) {
          const { script, record, violations } = await runSeed(seed);
          const [violation] = violations;
          if (violation !== undefined) {
            const small = await shrinkHistory(script, violation.invariant);
            assert.fail(failureText({ seed, script, violations }, small));
          }
          if (record === undefined) continue;
          addCounts(counts, countsOf(record));
          total.histories += 1;
          total.events += record.steps;
        }
        total.ms += performance.now() - began;
      });
    }

    test('every kind of event, fault, message and operation has occurred', () => assertCovered(counts));

    after(() => {
      const perSecond = ((total.histories * 1000) / Math.max(1, total.ms)).toFixed(1);
      console.log(`${total.histories} histories, ${total.events} events, ${perSecond} histories/s`);
    });
  });
}
