/**
 * The epoch of a task is `generation * 2^32 + n`: n counts its offers, and the generation counts how often the store was
 * restored from a backup. A restored store has forgotten which epochs it gave away last; the generation makes sure that
 * none of them is ever given again.
 */
export const EPOCHS_PER_GENERATION: number = 2 ** 32;
/** With the offers of any task on top it stays far below 2^53: every epoch is a safe integer. */
export const GENERATION_MAX: number = 2 ** 20;

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
