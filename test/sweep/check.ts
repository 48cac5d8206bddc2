import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { Bench } from './bench.ts';
import { type Bundle, bundle } from './delegate-process.ts';
import { committedMatrix, rightSection } from './matrix.ts';
import { RECOVERIES, RECOVERY_TEXTS } from './places.ts';
import { checkedPlaces, setScene } from './stories.ts';
import { complaints, sweep } from './sweep.ts';

/** Runs that go on at the same time: while one of them waits for a process to start, the other one works. */
const BENCHES = 2;

/** Registers a test for each story. */
export function sweepStories(names: readonly string[]): void {
  describe('killed at any call of AWS, a step ends as if nothing had happened', { concurrency: BENCHES }, () => {
    let delegate: Bundle | undefined;
    const benches: Bench[] = [];
    const idle: Bench[] = [];

    before(async () => {
      delegate = await bundle();
      for (let count = 0; count < BENCHES; count++) benches.push(await Bench.start(delegate));
      idle.push(...benches);
    });
    after(async () => {
      await Promise.all(benches.map((bench) => bench.close()));
      delegate?.remove();
    });

    for (const [name, recovery] of names.flatMap((each) => RECOVERIES.map((one) => [each, one] as const))) {
      test(`${name}, ${RECOVERY_TEXTS[recovery]}`, async () => {
        const bench = idle.pop();
        assert.ok(bench !== undefined, 'there are as many benches as tests at a time');
        try {
          const swept = await sweep(bench, await setScene(name), (calls) =>
            checkedPlaces(name, calls).filter((place) => place.recovery === recovery),
          );
          assert.ok(swept.results.length > 0);
          assert.deepEqual(complaints(swept), []);
          const section = rightSection(swept.name, swept.type, swept.calls);
          assert.ok(
            committedMatrix().includes(section),
            `npm run sweep writes docs/reliability-matrix.md anew:\n${section}`,
          );
        } finally {
          idle.push(bench);
        }
      });
    }
  });
}
