import type { DispatchTimings } from '@outrider/control-plane/app/dispatch/timings.ts';

/**
 * The protocol's timers, about six times as fast, so that more can go wrong in a minute. They keep to each other as the real
 * ones do: an AWS call fits into two thirds of a lease, a lost session is longer than a lease, and so on.
 */
export const FAST_DISPATCH: Partial<DispatchTimings> = {
  tickMs: 250,
  heartbeatMs: 1_500,
  leaseTtlMs: 5_000,
  leaseExtensionAfterStartMs: 10_000,
  reassignGraceMs: 2_000,
  offerAcceptMs: 3_000,
  offerPauseMs: 300,
  callDeadlineMs: 2_000,
  cancelAcknowledgeMs: 30_000,
  sessionLostMs: 6_500,
};

/** What a delegate asks of its lease for one change of AWS. No call of the chaos run takes as long. */
export const FAST_CALL_MS = 2_000;

export const FAST_CONNECTION = { watchdogMs: 4_000, reconnectBaseMs: 200, credentialRetryMs: 5_000 };

export interface Pace {
  readonly name: 'fast' | 'real';
  readonly leaseMs: number;
  /** From the end of a lease until another delegate goes on. */
  readonly takeoverMs: number;
}

export const PACES = {
  fast: { name: 'fast', leaseMs: 5_000, takeoverMs: 2_500 },
  real: { name: 'real', leaseMs: 30_000, takeoverMs: 11_000 },
} as const satisfies Record<string, Pace>;
