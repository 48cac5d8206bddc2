import type { Violation } from './invariants.ts';
import type { Script } from './ports.ts';
import type { SmallHistory } from './shrink-history.ts';

/** What a worker of histories is told, and what it answers. Both sides are this very source: a look at the kind is enough. */

export type Order =
  | { readonly kind: 'run'; readonly seeds: readonly number[]; readonly untilFailure: boolean }
  | { readonly kind: 'try'; readonly script: Script }
  | { readonly kind: 'shrink'; readonly script: Script; readonly invariant: string };

export type Reply =
  /** `edits`: of the seeded bug that were applied to what is loaded. */
  | { readonly kind: 'tally'; readonly tally: Tally; readonly edits: number }
  | { readonly kind: 'tried'; readonly violations: readonly Violation[] }
  | { readonly kind: 'shrunk'; readonly small: SmallHistory }
  | { readonly kind: 'broken'; readonly why: string };

export interface Tally {
  readonly histories: number;
  readonly events: number;
  /** Scripts that were given up for another one, as too little happened. */
  readonly redrawn: number;
  /** The one that took the most time. */
  readonly longest: { readonly seed: number; readonly events: number; readonly ms: number };
  readonly counts: readonly (readonly [string, number])[];
  readonly failures: readonly FailedHistory[];
  readonly ms: number;
}

export interface FailedHistory {
  readonly seed: number;
  readonly script: Script;
  readonly violations: readonly Violation[];
}

export function isOrder(value: unknown): value is Order {
  return hasKind(value, ['run', 'try', 'shrink']);
}

export function isReply(value: unknown): value is Reply {
  return hasKind(value, ['tally', 'tried', 'shrunk', 'broken']);
}

function hasKind(value: unknown, kinds: readonly string[]): boolean {
  return (
    typeof value === 'object' &&
    value !== null &&
    'kind' in value &&
    typeof value.kind === 'string' &&
    kinds.includes(value.kind)
  );
}
