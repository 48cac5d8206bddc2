/** Chance that can be had again: everything that a chaos run decides comes from one seed. */
export interface Chance {
  /** Uniform in [0, 1). */
  readonly number: () => number;
  /** A whole number in [low, high]. */
  readonly whole: (low: number, high: number) => number;
  /** True with this probability. */
  readonly maybe: (probability: number) => boolean;
  /** One of them; throws when there is none. */
  readonly one: <T>(choices: readonly T[]) => T;
  /** A stream of its own: what others draw meanwhile does not change what this one draws. */
  readonly fork: (name: string) => Chance;
}

/** Equal seeds draw equal numbers (mulberry32). */
export function chanceOf(seed: number): Chance {
  let state = seed | 0;
  const number = (): number => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
  const whole = (low: number, high: number): number => low + Math.floor(number() * (high - low + 1));
  return {
    number,
    whole,
    maybe: (probability) => number() < probability,
    one: (choices) => {
      if (choices.length === 0) throw new RangeError('there is nothing to choose from');
      return choices[whole(0, choices.length - 1)] as (typeof choices)[number];
    },
    fork: (name) => chanceOf(Buffer.from(name).reduce((sum, byte) => (Math.imul(sum, 31) + byte) | 0, seed | 0)),
  };
}
