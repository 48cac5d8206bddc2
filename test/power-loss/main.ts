import { killRounds } from '../control-plane/store/kill-rounds.ts';
import { chanceOf } from './chance.ts';
import { journalRounds } from './journal-rounds.ts';
import { firstOpening, openingDamagedJournal, restoring } from './moments.ts';
import { storeRounds } from './store-rounds.ts';

const say = (line: string) => process.stdout.write(`${line}\n`);
const found = (findings: readonly string[]) => findings.length > 0;

/**
 * `npm run power-loss [-- ROUNDS [SEED]]`: as many simulated losses of power for the store and for a delegate's journal, as
 * many times kill -9 for the store, and every moment of what is short enough to look at each. Answers 1 when something that was acknowledged is gone.
 */
export async function main([rounds = '200', seedText = String(Date.now())]: readonly string[]): Promise<number> {
  const count = Number(rounds);
  const seed = Number(seedText);
  if (!Number.isInteger(count) || count < 1 || !Number.isInteger(seed))
    throw new Error('ROUNDS and SEED are whole numbers');
  const chance = chanceOf(seed);
  say(`seed ${seed}`);
  let clean = true;
  const judge = (what: string, findings: readonly string[]) => {
    say(`${what}: ${findings.length === 0 ? 'nothing lost' : `${findings.length} FINDINGS`}`);
    for (const finding of findings.slice(0, 50)) say(`  ${finding}`);
    clean &&= findings.length === 0;
  };

  const store = await storeRounds(count, chance);
  judge(`store: ${store.count} losses of power, ${store.acknowledged} acknowledged writes`, store.findings);
  const kills = await killRounds(count);
  judge(`store: ${kills.count} times kill -9, ${kills.acknowledged} acknowledged writes`, kills.findings);
  const careless = await storeRounds(count, chance, true, found);
  say(
    `store with synchronous=NORMAL: ${careless.findings.length === 0 ? 'NOTHING SEEN' : `losses are seen within ${careless.count} rounds`}`,
  );
  const journal = await journalRounds(count, chance);
  judge(`journal: ${journal.count} losses of power, ${journal.acknowledged} acknowledged records`, journal.findings);
  for (const [skip, what] of CARELESS_JOURNALS) {
    const { count: played, findings } = await journalRounds(count, chance, skip, found);
    say(
      `journal without the flush of ${what}: ${findings.length === 0 ? 'NOTHING SEEN' : `losses are seen within ${played} rounds`}`,
    );
    clean &&= findings.length > 0;
  }
  for (const [name, moments] of Object.entries({ restoring, firstOpening, openingDamagedJournal })) {
    const { points, images, findings } = await moments(chance, 1);
    judge(`${name}: ${points} moments, ${images} endings`, findings);
  }
  return clean && careless.findings.length > 0 ? 0 : 1;
}

const CARELESS_JOURNALS = [
  ['journal', 'its records'],
  ['.new', 'the file that it is written anew into'],
  ['live', 'its directory'],
] as const;
