import { OutriderError } from '@outrider/shared/errors.ts';
import type { CommitInput } from '../app/ports.ts';

/** Limits and input rules that every store holds alike, so that the same call means the same everywhere. */

/** Most rows that one read answers with. */
export const READ_LIMIT_MAX = 10_000;
/** An idempotency key is forgotten this long after it was used. */
export const IDEMPOTENCY_RETENTION_MS = 86_400_000;
/** Log text is kept in chunks of at most this size. */
export const LOG_CHUNK_MAX_BYTES = 65_536;
/** Most log text that one read answers with, whatever it asks for. */
export const LOG_READ_MAX_BYTES = 4_194_304;

/** The number of rows that a caller who asks for `limit` gets at most. */
export function readLimit(limit: number): number {
  if (!Number.isFinite(limit)) return limit === Number.POSITIVE_INFINITY ? READ_LIMIT_MAX : 0;
  return Math.min(Math.max(Math.trunc(limit), 0), READ_LIMIT_MAX);
}

/**
 * Refuses a commit that no caller should ever make: a history with a hole, or parts of different executions.
 * Such a call is a mistake in our own code; storing it would break what every reader relies on.
 */
export function requireConsistentCommit(input: CommitInput): void {
  const { executionId } = input;
  if (input.summary.id !== executionId) misuse(`a summary of ${input.summary.id}`, executionId);
  for (const [index, recorded] of input.events.entries()) {
    const seq = input.expectedSeq + index + 1;
    if (recorded.seq !== seq) misuse(`event ${recorded.seq} where event ${seq} belongs`, executionId);
  }
  for (const effect of input.effects) {
    if (effect.executionId !== executionId) misuse(`an effect of ${effect.executionId}`, executionId);
  }
}

function misuse(what: string, executionId: string): never {
  throw new OutriderError('internal', `A commit to execution ${executionId} carries ${what}`);
}

/** A credential's id is random: the same id with another secret is a mistake, never a second credential. */
export function credentialIdReused(id: string): OutriderError {
  return new OutriderError('internal', `The credential ${id} exists already with another secret`);
}

/** What every operation answers after `close()`. */
export function storeClosed(): OutriderError {
  return new OutriderError('store-failed', 'The store is closed', { hint: 'The control plane is shutting down.' });
}
