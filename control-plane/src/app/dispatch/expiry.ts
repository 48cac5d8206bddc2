import { ERRORS, type Failure } from '@outrider/shared/errors.ts';
import { EVIDENCE_KEPT } from '@outrider/shared/protocol/timings.ts';
import { isUnoffered } from '../../domain/fleet/epochs.ts';
import type { TaskRow } from '../ports.ts';
import type { DispatchTimings } from './timings.ts';

/**
 * What time makes of a task. Pure, and asked again under the task's lock before anything is done: a heartbeat may have
 * come in between.
 *
 * X1 A lease that has not ended is never taken away, save from a holder that will not stop.
 * X2 A task whose holder may still change AWS is never withdrawn: only after lease end + one call's deadline.
 * X3 A step that must not be repeated is never given to somebody else. After a restore that is every one that the backup
 *    knows as offered: whether it was done since then nobody can tell.
 */

export type Verdict =
  | { readonly kind: 'leave' }
  /** Nobody accepted: to the next delegate under the next epoch. */
  | { readonly kind: 'return-offer'; readonly notBeforeMs: number }
  /** The holder is gone: the attempt goes on elsewhere. */
  | { readonly kind: 'release'; readonly because: string }
  /** Its time is up; the engine cancels it. */
  | { readonly kind: 'deadline' }
  /** Told to stop, and nobody has it (any more). */
  | { readonly kind: 'withdraw-stopped'; readonly message: string }
  | { readonly kind: 'withdraw-failed'; readonly failure: Failure };

export interface ExpiryContext {
  readonly now: number;
  readonly timings: DispatchTimings;
  /** Since when nobody could take it; undefined: somebody can, or nobody has looked yet. */
  readonly nobodySinceMs: number | undefined;
  /** Why nobody can, or who did not accept: evidence for the operator. */
  readonly evidence: readonly string[];
}

export function verdictOn(row: TaskRow, context: ExpiryContext): Verdict {
  switch (row.state) {
    case 'queued':
      return onQueued(row, context);
    case 'offered':
      return onOffered(row, context);
    case 'leased':
      return onLeased(row, context);
    case 'ended':
      return LEAVE;
  }
}

const LEAVE: Verdict = { kind: 'leave' };

function onQueued(row: TaskRow, { now, timings, nobodySinceMs, evidence }: ExpiryContext): Verdict {
  if (row.cancel !== null) return { kind: 'withdraw-stopped', message: 'no delegate had it' };
  if (row.deadlineMs !== null && row.deadlineMs <= now) return { kind: 'deadline' };
  if (!row.repeatable && row.delegate !== null && isUnoffered(row.epoch)) return onForgotten(row, now);
  if (row.deliveries >= timings.maxDeliveries) {
    const message = `${row.deliveries} offers of the step were not accepted by any delegate`;
    return { kind: 'withdraw-failed', failure: lost(message, evidence) };
  }
  if (nobodySinceMs !== undefined && now - nobodySinceMs >= timings.noDelegateTimeoutMs) {
    const message = `no delegate could take the step for ${seconds(now - nobodySinceMs)} s`;
    return { kind: 'withdraw-failed', failure: { ...lost(message, evidence), code: 'no-eligible-delegate' } };
  }
  return LEAVE;
}

function onOffered(row: TaskRow, { now, timings }: ExpiryContext): Verdict {
  // An accept of a withdrawn task is refused, and work starts only after the lease: nothing can be running.
  if (row.cancel !== null) return { kind: 'withdraw-stopped', message: 'no delegate had begun it' };
  if ((row.offerUntilMs ?? 0) > now) return LEAVE;
  return { kind: 'return-offer', notBeforeMs: now + timings.offerPauseMs * 2 ** Math.min(row.deliveries, 6) };
}

function onLeased(row: TaskRow, { now, timings }: ExpiryContext): Verdict {
  if (isUnoffered(row.epoch)) return onForgotten(row, now);
  const leaseEndedMs = now - (row.leaseUntilMs ?? 0);
  const holder = row.delegate ?? 'its delegate';
  if (row.cancel !== null) {
    if (leaseEndedMs < timings.callDeadlineMs) return LEAVE;
    return { kind: 'withdraw-stopped', message: `${holder} is gone and can change nothing any more` };
  }
  if (row.deadlineMs !== null && row.deadlineMs <= now) return { kind: 'deadline' };
  if (row.repeatable) {
    if (leaseEndedMs < timings.reassignGraceMs) return LEAVE;
    return { kind: 'release', because: `${holder} has not been heard of for ${seconds(silence(row, now, timings))} s` };
  }
  if (leaseEndedMs < timings.lostStepWindowMs) return LEAVE;
  const message = `${holder} went away in the middle of a step that must not be done twice`;
  return {
    kind: 'withdraw-failed',
    failure: lost(message, [`It did not come back within ${seconds(timings.lostStepWindowMs)} s`]),
  };
}

/** The store was restored from a backup that knew somebody at it: that epoch is over, and its holder stops by itself. */
function onForgotten(row: TaskRow, now: number): Verdict {
  if (now < row.notBeforeMs) return LEAVE;
  const because = `the store was restored from a backup while ${row.delegate ?? 'a delegate'} had the step`;
  if (row.cancel !== null) return { kind: 'withdraw-stopped', message: because };
  if (row.repeatable) return { kind: 'release', because };
  const message = `${because}, and it must not be done twice`;
  const failure = lost(message, ['What the delegate did after the backup is not known here']);
  return { kind: 'withdraw-failed', failure: { ...failure, hint: 'See what it did, then run what is left to do.' } };
}

/** How long ago the lease was last renewed. */
function silence(row: TaskRow, now: number, timings: DispatchTimings): number {
  return now - (row.leaseUntilMs ?? now) + timings.leaseTtlMs;
}

function lost(message: string, evidence: readonly string[]): Failure {
  return {
    code: 'delegate-lost',
    message,
    hint: ERRORS['delegate-lost'].hint,
    evidence: evidence.slice(0, EVIDENCE_KEPT),
    failureType: 'delegate',
  };
}

function seconds(milliseconds: number): number {
  return Math.round(milliseconds / 1000);
}
