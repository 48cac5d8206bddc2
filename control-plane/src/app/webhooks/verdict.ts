import type { DeliveryRow, PostOutcome } from './ports.ts';
import type { WebhookTimings } from './timings.ts';

/** What follows from an attempt. */
export interface Verdict {
  readonly state: DeliveryRow['state'];
  readonly nextAttemptMs: number | null;
  readonly status: number | null;
  /** Null: it was delivered. */
  readonly because: string | null;
  /** The receiver wants nothing more, ever. */
  readonly gone: boolean;
}

/** `chance` is a number from 0 to below 1: pauses vary by a tenth, so that what failed together does not come back together. */
export function verdictOf(
  outcome: PostOutcome,
  tries: number,
  nowMs: number,
  chance: number,
  { pausesMs, longestPauseMs }: Pick<WebhookTimings, 'pausesMs' | 'longestPauseMs'>,
): Verdict {
  const status = outcome.kind === 'answered' ? outcome.status : null;
  if (status !== null && status >= 200 && status < 300) {
    return { state: 'delivered', nextAttemptMs: null, status, because: null, gone: false };
  }
  const because = outcome.kind === 'failed' ? outcome.because : meaningOf(outcome.status);
  if (status === 410) return { state: 'failed', nextAttemptMs: null, status, because, gone: true };
  const pause = pausesMs[tries];
  if (pause === undefined) return { state: 'failed', nextAttemptMs: null, status, because, gone: false };
  const asked = outcome.kind === 'answered' ? askedPauseMs(outcome.retryAfter, nowMs) : 0;
  const waits = Math.max(pause, Math.min(asked, longestPauseMs));
  return {
    state: 'pending',
    nextAttemptMs: nowMs + Math.ceil(waits * (1 + chance / 10)),
    status,
    because,
    gone: false,
  };
}

function meaningOf(status: number): string {
  if (status === 410) return 'it answered 410: it wants nothing more';
  if (status >= 300 && status < 400) return `it answered ${status}: redirects are not followed`;
  return `it answered ${status}`;
}

/** The header Retry-After: seconds or a date. 0: it says nothing that can be read. */
function askedPauseMs(retryAfter: string | null, nowMs: number): number {
  if (retryAfter === null) return 0;
  if (/^[0-9]{1,9}$/.test(retryAfter)) return Number(retryAfter) * 1_000;
  const atMs = Date.parse(retryAfter);
  return Number.isNaN(atMs) ? 0 : Math.max(atMs - nowMs, 0);
}
