/** What the hook that plants a seeded bug and the worker that has it share. */

/** Names the bug that a worker is to have. Read by tests only. */
export const BUG_VARIABLE = 'SIMULATION_SEEDED_BUG';

let applied = 0;

export function noteEdit(): void {
  applied += 1;
}

/** Edits of the bug that were made to what was loaded so far. */
export function appliedEdits(): number {
  return applied;
}
