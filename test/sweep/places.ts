/** Where a delegate is killed, and who goes on. */

/**
 * - `before`: the request has come to AWS and has no effect.
 * - `lost`: it has had its effect, and the answer never leaves.
 * - `after`: the answer has come. The delegate dies at the next thing it does that anybody could see: a checkpoint or
 *   result that the control plane never takes, or the next call, which never has an effect.
 */
export const POINTS = ['before', 'lost', 'after'] as const;
export type Point = (typeof POINTS)[number];

/** `same`: the delegate starts again with its data directory. `other`: it stays dead, and another one takes the step over. */
export const RECOVERIES = ['same', 'other'] as const;
export type Recovery = (typeof RECOVERIES)[number];

/** `call` counts from 1 over the calls of the uninterrupted run. */
export interface Place {
  readonly call: number;
  readonly point: Point;
  readonly recovery: Recovery;
}

/** One call of the uninterrupted run. */
export interface RecordedCall {
  readonly service: string;
  readonly operation: string;
  readonly mutates: boolean;
  readonly outcome: string;
  /** What the delegate did next that anybody could see: another call, or a checkpoint or its result. */
  readonly followedBy: 'call' | 'message';
}

/** The same kill by one name: after a call that another one follows is before that one. */
export function canonical(place: Place, calls: readonly RecordedCall[]): Place {
  if (place.point !== 'after' || calls[place.call - 1]?.followedBy !== 'call') return place;
  return { ...place, call: place.call + 1, point: 'before' };
}

export function placeText({ call, point, recovery }: Place, calls: readonly RecordedCall[]): string {
  const { operation = '?' } = calls[call - 1] ?? {};
  return `killed ${POINT_TEXTS[point]} call ${call} (${operation}), ${RECOVERY_TEXTS[recovery]}`;
}

const POINT_TEXTS: Readonly<Record<Point, string>> = {
  before: 'before',
  lost: 'before the answer of',
  after: 'after',
};
export const RECOVERY_TEXTS: Readonly<Record<Recovery, string>> = {
  same: 'started again',
  other: 'taken over by another delegate',
};
