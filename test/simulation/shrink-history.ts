import { runHistory } from './history.ts';
import type { Script } from './ports.ts';
import { shrink } from './shrink.ts';
import { relevantTrace, shortened } from './trace-text.ts';

/** A failed history made smaller, as far as it can be. */
export interface SmallHistory {
  readonly script: Script;
  /** Histories that were run for it. */
  readonly runs: number;
  /** What breaks the invariant in it; empty: it did not fail again, so that chance from outside had a part in it. */
  readonly says: string;
  /** The end of its trace. */
  readonly trace: readonly string[];
}

/** The smallest script that is found to break the same invariant. */
export async function shrinkHistory(script: Script, invariant: string): Promise<SmallHistory> {
  const breaks = async (candidate: Script) => {
    const { violations } = await runHistory(candidate);
    return violations.some((violation) => violation.invariant === invariant);
  };
  const { script: small, runs } = await shrink(script, breaks);
  const { record, violations } = await runHistory(small);
  const violation = violations.find((each) => each.invariant === invariant);
  if (record === undefined || violation === undefined) return { script: small, runs, says: '', trace: [] };
  return { script: small, runs, says: shortened(violation.detail, record), trace: relevantTrace(record, violation) };
}
