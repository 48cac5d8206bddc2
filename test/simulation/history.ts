import { thinness } from './coverage.ts';
import { type Violation, violationsOf } from './invariants.ts';
import { runPlant } from './plant/index.ts';
import type { HistoryRecord } from './plant/record.ts';
import type { Script } from './ports.ts';
import { scriptOf } from './script.ts';

export interface History {
  readonly script: Script;
  /** Undefined: the plant itself broke. */
  readonly record: HistoryRecord | undefined;
  readonly violations: readonly Violation[];
}

/** Scripts that are drawn for one seed at most. */
const DRAWS_MAX = 8;

/** Lets a script happen and looks at what came of it. Never rejects. */
export async function runHistory(script: Script): Promise<History> {
  try {
    const record = await runPlant(script);
    return { script, record, violations: violationsOf(record) };
  } catch (thrown) {
    const detail = thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown);
    return { script, record: undefined, violations: [{ invariant: 'plant', detail, about: [] }] };
  }
}

/**
 * The history of a seed. One in which too little happens shows nothing: its faults missed what they were to hit. Then another script
 * is drawn, and the last one must not be thin. What is wrong is never passed over.
 */
export async function runSeed(seed: number): Promise<History & { readonly draws: number }> {
  for (let draw = 0; ; draw++) {
    const history = await runHistory(scriptOf(seed, draw));
    const thin = history.record === undefined ? [] : thinness(history.record);
    if (thin.length === 0 || history.violations.length > 0) return { ...history, draws: draw + 1 };
    if (draw < DRAWS_MAX - 1) continue;
    const violations = thin.map((detail) => ({ invariant: 'thin', detail, about: [] }));
    return { ...history, violations, draws: draw + 1 };
  }
}
