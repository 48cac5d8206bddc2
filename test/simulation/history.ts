import { thinness } from './coverage.ts';
import { type Violation, violationsOf } from './invariants.ts';
import { runPlant } from './plant/index.ts';
import type { HistoryRecord } from './plant/record.ts';
import type { Script } from './ports.ts';

export interface History {
  /** Undefined: the plant itself broke. */
  readonly record: HistoryRecord | undefined;
  readonly violations: readonly Violation[];
}

/** Lets a script happen and looks at what came of it. Never rejects. */
export async function runHistory(script: Script): Promise<History> {
  let record: HistoryRecord;
  try {
    record = await runPlant(script);
  } catch (thrown) {
    const detail = thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown);
    return { record: undefined, violations: [{ invariant: 'plant', detail, about: [] }] };
  }
  const thin = thinness(record).map((detail) => ({ invariant: 'thin', detail, about: [] }));
  return { record, violations: [...violationsOf(record), ...thin] };
}
