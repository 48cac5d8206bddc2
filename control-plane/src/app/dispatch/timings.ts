import {
  CALL_DEADLINE_MS,
  CANCEL_ACKNOWLEDGE_MS,
  CANCEL_AGAIN_MS,
  DISPATCH_TICK_MS,
  HEARTBEAT_MS,
  LEASE_EXTENSION_AFTER_START_MS,
  LEASE_TTL_MS,
  LOST_STEP_WINDOW_MS,
  MAX_DELIVERIES,
  NO_DELEGATE_TIMEOUT_MS,
  OFFER_ACCEPT_MS,
  OFFER_PAUSE_MS,
  OFFER_SILENCE_MS,
  REASSIGN_GRACE_MS,
  SESSION_LOST_MS,
} from '@outrider/shared/protocol/timings.ts';

/** The timers of the dispatcher; docs/protocol.md explains each. */
export interface DispatchTimings {
  readonly tickMs: number;
  readonly heartbeatMs: number;
  readonly leaseTtlMs: number;
  readonly leaseExtensionAfterStartMs: number;
  readonly reassignGraceMs: number;
  readonly offerAcceptMs: number;
  readonly offerPauseMs: number;
  readonly offerSilenceMs: number;
  readonly maxDeliveries: number;
  readonly noDelegateTimeoutMs: number;
  readonly lostStepWindowMs: number;
  readonly callDeadlineMs: number;
  readonly cancelAgainMs: number;
  readonly cancelAcknowledgeMs: number;
  readonly sessionLostMs: number;
}

export const DISPATCH_TIMINGS: DispatchTimings = {
  tickMs: DISPATCH_TICK_MS,
  heartbeatMs: HEARTBEAT_MS,
  leaseTtlMs: LEASE_TTL_MS,
  leaseExtensionAfterStartMs: LEASE_EXTENSION_AFTER_START_MS,
  reassignGraceMs: REASSIGN_GRACE_MS,
  offerAcceptMs: OFFER_ACCEPT_MS,
  offerPauseMs: OFFER_PAUSE_MS,
  offerSilenceMs: OFFER_SILENCE_MS,
  maxDeliveries: MAX_DELIVERIES,
  noDelegateTimeoutMs: NO_DELEGATE_TIMEOUT_MS,
  lostStepWindowMs: LOST_STEP_WINDOW_MS,
  callDeadlineMs: CALL_DEADLINE_MS,
  cancelAgainMs: CANCEL_AGAIN_MS,
  cancelAcknowledgeMs: CANCEL_ACKNOWLEDGE_MS,
  sessionLostMs: SESSION_LOST_MS,
};
