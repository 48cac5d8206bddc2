/**
 * The epoch of a task is `generation * 2^32 + n`: n counts its offers, and the generation counts how often the store was
 * restored from a backup. A restored store has forgotten which epochs it gave away last; the generation makes sure that
 * none of them is ever given again.
 */
export const EPOCHS_PER_GENERATION: number = 2 ** 32;
/** With the offers of any task on top it stays below 2^53: every epoch is a safe integer. */
export const GENERATION_MAX: number = 2 ** 21 - 1;

/** Ten minutes: the generations until GENERATION_MAX last for 39 years. */
const GENERATION_STEP_MS = 600_000;
/** 2026-01-01T00:00:00Z. */
const GENERATION_START_MS = 1_767_225_600_000;

/**
 * For a restore of which nobody knows what generation the lost store had reached: one that it cannot have, as restores
 * that follow each other within ten minutes find the store of the one before.
 */
export function generationByClock(atMs: number): number {
  return Math.max(Math.floor((atMs - GENERATION_START_MS) / GENERATION_STEP_MS), 0);
}

/** What tasks of this generation start from: no offer was ever made under it. */
export function epochBefore(generation: number): number {
  return generation * EPOCHS_PER_GENERATION;
}

export function generationOf(epoch: number): number {
  return Math.floor(epoch / EPOCHS_PER_GENERATION);
}

/** Never offered, or not since the store was restored. */
export function isUnoffered(epoch: number): boolean {
  return epoch % EPOCHS_PER_GENERATION === 0;
}
