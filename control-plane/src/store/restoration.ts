import { OutriderError } from '@outrider/shared/errors.ts';
import { isJsonObject, parseJsonObject } from '@outrider/shared/json.ts';
import { GENERATION_MAX } from '../domain/fleet/epochs.ts';

/** What the store remembers of its last restore from a backup, as the value of one setting. */
export interface Restoration {
  /** How often the store was restored. */
  readonly generation: number;
  readonly atMs: number;
  /** Until then a delegate may still be at work on what the backup does not know: nothing is offered. */
  readonly notBeforeMs: number;
}

export const RESTORATION_SETTING = 'restore-generation';

const NEVER: Restoration = { generation: 0, atMs: 0, notBeforeMs: 0 };

/** Throws `store-failed` for a value that was never put there. */
export function readRestoration(setting: string | undefined): Restoration {
  if (setting === undefined) return NEVER;
  const value = parseJsonObject(setting);
  if (isJsonObject(value)) {
    const { generation, atMs, notBeforeMs } = value;
    if (typeof generation === 'number' && typeof atMs === 'number' && typeof notBeforeMs === 'number') {
      return { generation, atMs, notBeforeMs };
    }
  }
  throw new OutriderError('store-failed', `The setting ${RESTORATION_SETTING} holds what was never put there`, {
    hint: 'Restore the store from a backup.',
  });
}

export function nextRestoration(
  before: Restoration,
  { atMs, notBeforeMs, above }: { readonly atMs: number; readonly notBeforeMs: number; readonly above: number },
): Restoration {
  const generation = Math.max(before.generation, above) + 1;
  if (generation > GENERATION_MAX) {
    throw new OutriderError('store-failed', `The store has reached its last generation, ${GENERATION_MAX}`, {
      hint: 'Begin a new store.',
    });
  }
  return { generation, atMs, notBeforeMs };
}

export function writeRestoration(restoration: Restoration): string {
  return JSON.stringify(restoration);
}
