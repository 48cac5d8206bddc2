import type { Script } from '../ports.ts';
import { play } from './plant.ts';
import type { HistoryRecord } from './record.ts';

export type * from './record.ts';

/** Lets a script happen to a whole installation on a virtual clock. Never rejects for what the installation does. */
export async function runPlant(script: Script): Promise<HistoryRecord> {
  return await play(script);
}
