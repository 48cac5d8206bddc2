import { canonicalJson, type JsonObject } from '../json.ts';
import type { TaskOutcome } from './messages.ts';

/** An outcome as plain JSON: for the delegate's journal. */
export function outcomeJson(outcome: TaskOutcome): JsonObject {
  switch (outcome.outcome) {
    case 'succeeded':
      return { outcome: outcome.outcome, output: outcome.output };
    case 'failed':
      return { outcome: outcome.outcome, failure: { ...outcome.failure, evidence: [...outcome.failure.evidence] } };
    case 'stopped':
      return { outcome: outcome.outcome, message: outcome.message };
  }
}

/** The text whose SHA-256 says on both sides whether two results are the same. */
export function outcomeText(outcome: TaskOutcome): string {
  return canonicalJson(outcomeJson(outcome));
}
