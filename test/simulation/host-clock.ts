import type { Instant, InstantClock, Timers } from '@outrider/delegate/agent/instant.ts';
import { Lane, type Scheduler } from './scheduler.ts';

export interface HostClockOptions {
  readonly name: string;
  /** How far the host's wall clock is ahead of true time. Default 0. */
  readonly wallOffsetMs?: number;
}

interface Parked {
  readonly run: () => void;
  readonly label: string;
}

/**
 * Time as one process on one host sees it, and the process's own life: it can be frozen (SIGSTOP, a suspended virtual
 * machine) and killed, and its wall clock can jump. A frozen process does nothing; what fell due meanwhile happens when it
 * thaws, in its order. After a kill nothing happens any more. The next process on the host gets a HostClock of its own.
 *
 * It is the `Clock` of the control plane, and the `InstantClock` and `Timers` of both.
 */
export class HostClock implements InstantClock, Timers {
  readonly name: string;
  readonly #scheduler: Scheduler;
  readonly #lane = new Lane();
  readonly #timerLabel: string;
  readonly #parked: Parked[] = [];
  #wallOffsetMs: number;
  #monotonicOffsetMs: number;
  #frozen: { readonly sinceMs: number; readonly monotonicStands: boolean } | undefined;
  #alive = true;

  constructor(scheduler: Scheduler, options: HostClockOptions) {
    this.#scheduler = scheduler;
    this.name = options.name;
    this.#timerLabel = `${options.name}: timer`;
    this.#wallOffsetMs = options.wallOffsetMs ?? 0;
    this.#monotonicOffsetMs = -scheduler.now();
  }

  get alive(): boolean {
    return this.#alive;
  }

  get frozen(): boolean {
    return this.#frozen !== undefined;
  }

  /** How far the wall clock is ahead of true time: for the next process on the same host. */
  get wallOffsetMs(): number {
    return this.#wallOffsetMs;
  }

  /** Milliseconds since 1970 by the host's wall clock. */
  now(): number {
    return this.#scheduler.now() + this.#wallOffsetMs;
  }

  /** Milliseconds since the process began, whatever the wall clock was set to meanwhile. */
  monotonic(): number {
    return this.#monotonicMs();
  }

  instant(): Instant {
    return { monotonicMs: this.#monotonicMs(), wallMs: this.now() };
  }

  /** A timer of the process: it counts monotonic time, and fires in order with the process's other timers. */
  after(milliseconds: number, run: () => void): () => void {
    if (!this.#alive) return () => {};
    const due = this.#monotonicMs() + Math.max(0, Math.round(milliseconds));
    let cancel: () => void = () => {};
    let over = false;
    const fire = (): void => {
      if (over || !this.#alive) return;
      if (this.#frozen !== undefined) {
        this.#parked.push({ run: fire, label: this.#timerLabel });
        return;
      }
      const left = due - this.#monotonicMs();
      // Monotonic time stood still meanwhile.
      if (left > 0) {
        cancel = this.#scheduler.after(left, fire, this.#timerLabel, this.#lane);
        return;
      }
      over = true;
      run();
    };
    cancel = this.#scheduler.after(milliseconds, fire, this.#timerLabel, this.#lane);
    return () => {
      over = true;
      cancel();
    };
  }

  /**
   * Something from outside reaches the process after the time: a message, an answer. It happens at that true time, or when
   * the process thaws; never to a dead one. A lane keeps what belongs together in order.
   */
  deliver(milliseconds: number, run: () => void, label: string, lane?: Lane): () => void {
    let over = false;
    const arrive = (): void => {
      if (over || !this.#alive) return;
      if (this.#frozen !== undefined) {
        this.#parked.push({ run: arrive, label });
        return;
      }
      over = true;
      run();
    };
    const cancel = this.#scheduler.after(milliseconds, arrive, label, lane);
    return () => {
      over = true;
      cancel();
    };
  }

  /** The wall clock is set by so much; timers do not notice. */
  jump(milliseconds: number): void {
    this.#wallOffsetMs += milliseconds;
  }

  /** `monotonicStands`: a suspended machine, whose monotonic clock stops; otherwise a stopped process, whose clock goes on. */
  freeze(options: { readonly monotonicStands: boolean }): void {
    if (this.#frozen !== undefined || !this.#alive) return;
    this.#frozen = { sinceMs: this.#scheduler.now(), monotonicStands: options.monotonicStands };
  }

  thaw(): void {
    const frozen = this.#frozen;
    if (frozen === undefined) return;
    this.#frozen = undefined;
    if (frozen.monotonicStands) this.#monotonicOffsetMs -= this.#scheduler.now() - frozen.sinceMs;
    for (const { run, label } of this.#parked.splice(0)) this.#scheduler.after(0, run, label, this.#lane);
  }

  /** The process is gone at once. What it sent is under way still. */
  kill(): void {
    this.#alive = false;
    this.#frozen = undefined;
    this.#parked.length = 0;
  }

  #monotonicMs(): number {
    const frozen = this.#frozen;
    const now = frozen?.monotonicStands === true ? frozen.sinceMs : this.#scheduler.now();
    return now + this.#monotonicOffsetMs;
  }
}
