/**
 * A seeded source of chance (xoshiro128**). A fork depends on the seed and its name alone, never on what was drawn before, so
 * that a new consumer does not shift what the others see.
 */
export class Random {
  readonly #seed: string;
  #a: number;
  #b: number;
  #c: number;
  #d: number;

  constructor(seed: number | string) {
    this.#seed = String(seed);
    const mix = mixer(hashOf(this.#seed));
    this.#a = mix();
    this.#b = mix();
    this.#c = mix();
    // All four zero would stay zero for ever.
    this.#d = mix() | 1;
  }

  /** The same name gives the same stream, whenever it is asked for. */
  fork(name: string): Random {
    return new Random(`${this.#seed}/${name}`);
  }

  /** 32 random bits, as a number from 0. */
  bits(): number {
    const product = Math.imul(this.#b, 5);
    const result = Math.imul((product << 7) | (product >>> 25), 9);
    const shifted = this.#b << 9;
    this.#c ^= this.#a;
    this.#d ^= this.#b;
    this.#b ^= this.#c;
    this.#a ^= this.#d;
    this.#c ^= shifted;
    this.#d = (this.#d << 11) | (this.#d >>> 21);
    return result >>> 0;
  }

  /** Uniform in [0, 1). */
  unit(): number {
    return this.bits() / 4_294_967_296;
  }

  /** A whole number in [low, high]. */
  whole(low: number, high: number): number {
    return low + Math.floor(this.unit() * (high - low + 1));
  }

  /** True with this probability. Draws in any case: what follows does not depend on the probability. */
  chance(probability: number): boolean {
    return this.unit() < probability;
  }

  /** One of them. Throws when there is none. */
  pick<T>(items: readonly T[]): T {
    const item = items[this.whole(0, items.length - 1)];
    if (item === undefined) throw new RangeError('there is nothing to pick from');
    return item;
  }

  /** A shuffled copy. */
  shuffled<T>(items: readonly T[]): T[] {
    return items
      .map((item) => ({ item, rank: this.bits() }))
      .toSorted((one, other) => one.rank - other.rank)
      .map(({ item }) => item);
  }

  bytes(count: number): Uint8Array {
    return Uint8Array.from({ length: count }, () => this.bits() >>> 24);
  }
}

/** Continues an FNV-1a hash over a text; the start is any 32-bit number. */
export function hashOf(text: string, start = 0x811c9dc5): number {
  let hash = start;
  for (let index = 0; index < text.length; index++) hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
  return hash >>> 0;
}

/** splitmix32: spreads one number over many. */
function mixer(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x9e3779b9) | 0;
    let mixed = Math.imul(state ^ (state >>> 16), 0x21f0aaad);
    mixed = Math.imul(mixed ^ (mixed >>> 15), 0x735a2d97);
    return mixed ^ (mixed >>> 15);
  };
}
