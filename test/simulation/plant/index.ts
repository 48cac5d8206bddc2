import type { Script } from '../ports.ts';
import type { HistoryRecord } from './record.ts';

export type * from './record.ts';

/** Lets a script happen to a whole installation on a virtual clock. Never rejects for what the installation does. */
export type RunPlant = (script: Script) => Promise<HistoryRecord>;
