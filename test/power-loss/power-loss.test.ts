// needs: cc
import assert from 'node:assert/strict';
import { describe, type TestContext, test } from 'node:test';
import { chanceOf } from './chance.ts';
import { journalRounds } from './journal-rounds.ts';
import { firstOpening, openingDamagedJournal, restoring } from './moments.ts';
import { storeRounds } from './store-rounds.ts';

/** Losses of power in each of the short rounds; `npm run power-loss` plays more. */
const ROUNDS = 20;
/** A careless program is found out well before this. */
const CARELESS_ROUNDS = 60;

const seed = Date.now();
const chance = chanceOf(seed);
const found = (findings: readonly string[]) => findings.length > 0;

function requireClean(context: TestContext, what: string, findings: readonly string[]): void {
  context.diagnostic(`seed ${seed}: ${what}`);
  assert.deepEqual(findings.slice(0, 20), [], `seed ${seed}`);
}

describe('a loss of power', { skip: process.platform === 'linux' ? false : 'the shim is for Linux' }, () => {
  test('takes nothing from the store that it had acknowledged, and its histories stay whole', async (context) => {
    const { count, acknowledged, findings } = await storeRounds(ROUNDS, chance);
    requireClean(context, `${count} losses, ${acknowledged} acknowledged writes, 0 lost`, findings);
  });

  test('takes something from a store that does not flush every commit: the harness can see it', async () => {
    const { findings } = await storeRounds(CARELESS_ROUNDS, chance, true, found);
    assert.notEqual(findings.length, 0);
  });

  test('takes nothing from the journal of a delegate that was on the disk', async (context) => {
    const { count, acknowledged, findings } = await journalRounds(ROUNDS, chance);
    requireClean(context, `${count} losses, ${acknowledged} acknowledged records, 0 lost`, findings);
  });

  for (const [skip, says] of [
    ['journal', 'its records'],
    ['live', 'its directory'],
  ] as const) {
    test(`takes something from a journal that does not flush ${says}: the harness can see it`, async () => {
      const { findings } = await journalRounds(CARELESS_ROUNDS, chance, skip, found);
      assert.notEqual(findings.length, 0);
    });
  }
});

describe('whatever is left of any moment', {
  skip: process.platform === 'linux' ? false : 'the shim is for Linux',
}, () => {
  test('of a restore: the old store or the new one, whole, or nobody gets in until it was repeated', async (context) => {
    const { points, images, findings } = await restoring(chance, 0.25);
    requireClean(context, `${points} moments, ${images} endings`, findings);
    assert.ok(points > 15);
  });

  test('of the first opening of a store: it can be opened', async (context) => {
    const { points, images, findings } = await firstOpening(chance, 0.1);
    requireClean(context, `${points} moments, ${images} endings`, findings);
    assert.ok(points > 10);
  });

  test('of the opening of a damaged journal: what stands before the damage', async (context) => {
    const { points, images, findings } = await openingDamagedJournal(chance, 1);
    requireClean(context, `${points} moments, ${images} endings`, findings);
    assert.ok(points > 3);
  });
});
