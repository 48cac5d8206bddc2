/**
 * Every fuzz run is made of one number, so that it can be made again: `npm run fuzz -- --seed N`. Without one it is always
 * the same: a check that fails today and not tomorrow is no check.
 */
export const SEED = Number(process.env['OUTRIDER_FUZZ_SEED'] ?? '20261');

/** How much longer than in the usual check: `npm run fuzz` takes more. */
export const SCALE = Number(process.env['OUTRIDER_FUZZ_SCALE'] ?? '1');

/** fast-check's parameters for so many runs of a property. */
export function runs(count: number): { readonly numRuns: number; readonly seed: number; readonly endOnFailure: true } {
  return { numRuns: Math.round(count * SCALE), seed: SEED, endOnFailure: true };
}

/** Uniform in [0, 1), from the seed: for floods that are too long for fast-check. */
export function chance(salt: number): () => number {
  let state = (SEED ^ (salt * 0x9e37_79b9)) >>> 0;
  return () => {
    state = (state + 0x6d2b_79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

export function randomBytes(random: () => number, length: number): Buffer {
  const bytes = Buffer.alloc(length);
  for (let index = 0; index < length; index++) bytes[index] = Math.floor(random() * 256);
  return bytes;
}
