import type { DispatchTimings } from '@outrider/control-plane/app/dispatch/timings.ts';

/**
 * The protocol's timers, about three times as fast, so that more can go wrong in a minute. They keep to each other as the real
 * ones do: an AWS call fits into two thirds of a lease, a lost session is longer than a lease, and so on.
 */
export const FAST_DISPATCH: Partial<DispatchTimings> = {
  tickMs: 250,
  heartbeatMs: 2_500,
  leaseTtlMs: 9_000,
  leaseExtensionAfterStartMs: 15_000,
  reassignGraceMs: 3_000,
  offerAcceptMs: 4_000,
  offerPauseMs: 400,
  callDeadlineMs: 4_000,
  cancelAcknowledgeMs: 40_000,
  sessionLostMs: 11_000,
};

/** What a delegate asks of its lease for one change of AWS. No call of the chaos run takes as long. */
export const FAST_CALL_MS = 4_000;

export const FAST_CONNECTION = { watchdogMs: 5_000, reconnectBaseMs: 250, credentialRetryMs: 5_000 };

export interface Pace {
  readonly name: 'fast' | 'real';
  readonly leaseMs: number;
  /** From the end of a lease until another delegate goes on. */
  readonly takeoverMs: number;
}

export const PACES = {
  fast: { name: 'fast', leaseMs: 9_000, takeoverMs: 3_500 },
  real: { name: 'real', leaseMs: 30_000, takeoverMs: 11_000 },
} as const satisfies Record<string, Pace>;
