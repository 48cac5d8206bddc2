import type { DispatchTimings } from '@outrider/control-plane/app/dispatch/timings.ts';
import type { DelegateOverrides } from '@outrider/delegate/delegate.ts';
import { LEASE_TTL_MS, REASSIGN_GRACE_MS } from '@outrider/shared/protocol/timings.ts';

/** How fast the protocol's timers go. */
export interface Pace {
  readonly name: 'fast' | 'real';
  readonly leaseMs: number;
  /** From the end of a lease until another delegate goes on, about. */
  readonly takeoverMs: number;
  readonly dispatch: Partial<DispatchTimings>;
  readonly connection: NonNullable<DelegateOverrides['connectionTimings']>;
  /** What a delegate asks of its lease for one change of AWS; undefined: what the product asks. */
  readonly callMs: number | undefined;
}

/**
 * The timers about six times as fast, so that more can go wrong in a minute. They keep to each other as the real ones do: an AWS
 * call fits into two thirds of a lease (and no call of a chaos run takes as long), a lost session is longer than a lease, and so on.
 */
const FAST: Pace = {
  name: 'fast',
  leaseMs: 5_000,
  takeoverMs: 2_500,
  dispatch: {
    tickMs: 250,
    heartbeatMs: 1_500,
    leaseTtlMs: 5_000,
    leaseExtensionAfterStartMs: 10_000,
    reassignGraceMs: 2_000,
    offerAcceptMs: 3_000,
    offerPauseMs: 300,
    offerSilenceMs: 2_500,
    callDeadlineMs: 2_000,
    cancelAcknowledgeMs: 30_000,
    sessionLostMs: 6_500,
  },
  connection: {
    watchdogMs: 4_000,
    reconnectBaseMs: 200,
    credentialRetryMs: 5_000,
    poll: { holdMs: 3_000, answerMs: 1_500, giveUpMs: 4_000, repeatBaseMs: 100, pauseMs: 200 },
  },
  callMs: 2_000,
};

const REAL: Pace = {
  name: 'real',
  leaseMs: LEASE_TTL_MS,
  takeoverMs: REASSIGN_GRACE_MS + 1_000,
  dispatch: {},
  connection: {},
  callMs: undefined,
};

export const PACES = { fast: FAST, real: REAL };

/** The pace that a process was started with: its first argument. */
export function paceOf(argument: string | undefined): Pace {
  return argument === 'real' ? REAL : FAST;
}
