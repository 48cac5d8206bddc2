/** A small deterministic generator (mulberry32). Its state is a plain number in the world's state, so it is saved with it. */
export interface RandomState {
  value: number;
}

/** A number in [0, 1). */
export function nextNumber(state: RandomState): number {
  state.value = (state.value + 0x6d2b79f5) | 0;
  let mixed = Math.imul(state.value ^ (state.value >>> 15), 1 | state.value);
  mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
  return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
}

/** A whole number in [low, high]. */
export function nextWhole(state: RandomState, low: number, high: number): number {
  return low + Math.floor(nextNumber(state) * (high - low + 1));
}

export function nextHex(state: RandomState, length: number): string {
  let result = '';
  while (result.length < length) result += nextWhole(state, 0, 15).toString(16);
  return result;
}

/** Decimal digits, the first one not 0. */
export function nextDigits(state: RandomState, length: number): string {
  let result = String(nextWhole(state, 1, 9));
  while (result.length < length) result += nextWhole(state, 0, 9).toString(10);
  return result;
}

export function nextUuid(state: RandomState): string {
  const hex = nextHex(state, 32);
  const variant = ((Number.parseInt(hex.charAt(16), 16) & 3) | 8).toString(16);
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-${variant}${hex.slice(17, 20)}-${hex.slice(20)}`;
}
