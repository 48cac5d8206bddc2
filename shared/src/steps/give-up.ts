import { z } from 'zod';
import type { Fields } from './fields.ts';

/** As often may tasks stop for the same reason before waiting for them is given up. */
export const DEFAULT_SAME_STOPS = 3;
/** So long may ECS find no place for a task, with nothing moving, before waiting is given up: capacity that is added takes minutes. */
export const DEFAULT_NO_PLACE_SECONDS = 300;

/** When a step that waits for tasks ends the wait before its time, because it is hopeless. */
export function giveUpFields<Integer, Flag>(f: Fields<Integer, Flag>) {
  return z
    .strictObject({
      sameStops: f
        .integer(`Tasks that stop for the same reason; left out: ${DEFAULT_SAME_STOPS}.`, { min: 1, max: 1_000 })
        .optional(),
      noPlaceSeconds: f
        .integer(
          `Seconds in which ECS finds no place for a task and nothing moves; left out: ${DEFAULT_NO_PLACE_SECONDS}.`,
          {
            min: 1,
            max: 86_400,
          },
        )
        .optional(),
    })
    .describe('When to stop waiting for tasks before the time is over; the timeout holds beside it.')
    .optional();
}

/** After rendering; members that are left out have their defaults. */
export interface GiveUpAfter {
  readonly sameStops?: number | undefined;
  readonly noPlaceSeconds?: number | undefined;
}
