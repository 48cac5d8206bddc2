import { PROTOCOL_VERSION_MAX, PROTOCOL_VERSION_MIN } from './timings.ts';

/** Versions of the protocol that one side speaks, both ends included. */
export interface ProtocolRange {
  readonly min: number;
  readonly max: number;
}

/** What this code speaks. Both sides take another range where they are started: for tests of upgrades. */
export const PROTOCOL_RANGE: ProtocolRange = { min: PROTOCOL_VERSION_MIN, max: PROTOCOL_VERSION_MAX };

/** The newest version that both speak; undefined: there is none. */
export function commonVersion(ours: ProtocolRange, theirs: ProtocolRange): number | undefined {
  const newest = Math.min(ours.max, theirs.max);
  return newest >= Math.max(ours.min, theirs.min) ? newest : undefined;
}

/** `2`, or `1–2`. */
export function rangeText({ min, max }: ProtocolRange): string {
  return min === max ? String(min) : `${min}–${max}`;
}
