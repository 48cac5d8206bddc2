import type { TaskId } from '@outrider/shared/ids.ts';
import { LEASE_RENEWAL_RETRY_MS, LEASE_TTL_MS, SELF_FENCE_SHARE } from '@outrider/shared/protocol/timings.ts';
import type { MutationGate } from '../aws/mutation-gate.ts';
import { StepStopped } from '../steps/contract.ts';
import { stoppedBy } from '../steps/stopped.ts';
import { elapsedMs, type Instant, type InstantClock, type Timers } from './instant.ts';

interface Lease {
  readonly sentAt: Instant;
}

/**
 * How long each task may still change AWS. A lease counts from the moment at which the message that renewed it was SENT
 * (the control plane counts from when it came, which is later), and only the first two thirds of it are used: whatever
 * becomes of the connection, every mutation has ended before anybody else may begin.
 */
export class LeaseClock {
  readonly #clock: InstantClock;
  readonly #timers: Timers;
  readonly #wantRenewal: () => void;
  readonly #leases = new Map<TaskId, Lease>();
  readonly #waiting = new Set<() => void>();
  #ttlMs = LEASE_TTL_MS;

  /** `wantRenewal`: asks for a heartbeat ahead of its time. May be called often. */
  constructor(clock: InstantClock, timers: Timers, wantRenewal: () => void) {
    this.#clock = clock;
    this.#timers = timers;
    this.#wantRenewal = wantRenewal;
  }

  /** As the control plane says in Welcome. */
  setTtl(ttlMs: number): void {
    this.#ttlMs = ttlMs;
  }

  renew(taskId: TaskId, sentAt: Instant): void {
    const before = this.#leases.get(taskId);
    if (before !== undefined && elapsedMs(before.sentAt, sentAt) === 0) return;
    this.#leases.set(taskId, { sentAt });
    this.#wake();
  }

  /** Nothing may be changed for this task any more. */
  end(taskId: TaskId): void {
    this.#leases.delete(taskId);
    this.#wake();
  }

  /** Milliseconds for which mutations may still be under way; 0 or less: none. */
  remainingMs(taskId: TaskId): number {
    const lease = this.#leases.get(taskId);
    if (lease === undefined) return 0;
    return this.#ttlMs * SELF_FENCE_SHARE - elapsedMs(lease.sentAt, this.#clock.instant());
  }

  /** The gate of one run of a task; `signal` is the run's. */
  gate(taskId: TaskId, signal: AbortSignal): MutationGate {
    return {
      permit: (callMs) => this.#permit(taskId, signal, callMs),
      holds: (callMs) => this.remainingMs(taskId) >= callMs,
    };
  }

  async #permit(taskId: TaskId, signal: AbortSignal, callMs: number): Promise<void> {
    for (;;) {
      if (signal.aborted) throw stoppedBy(signal);
      const lease = this.#leases.get(taskId);
      if (lease === undefined) throw new StepStopped('lease-lost');
      if (this.remainingMs(taskId) >= callMs) return;
      const leftMs = this.#ttlMs - elapsedMs(lease.sentAt, this.#clock.instant());
      // A renewal may still come; when the lease itself is over, others may be at work.
      if (leftMs <= 0) throw new StepStopped('lease-lost');
      this.#wantRenewal();
      await this.#change(Math.min(leftMs, LEASE_RENEWAL_RETRY_MS), signal);
    }
  }

  /** Resolves when a lease changed, the run is to stop, or the time has passed. */
  async #change(limitMs: number, signal: AbortSignal): Promise<void> {
    await new Promise<void>((resolve) => {
      const done = () => {
        cancel();
        this.#waiting.delete(done);
        signal.removeEventListener('abort', done);
        resolve();
      };
      const cancel = this.#timers.after(limitMs, done);
      this.#waiting.add(done);
      signal.addEventListener('abort', done);
    });
  }

  #wake(): void {
    for (const done of this.#waiting) done();
  }
}
