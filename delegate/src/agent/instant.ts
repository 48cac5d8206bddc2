/**
 * A moment on two clocks. The monotonic clock of a virtual machine stands still while the machine is suspended; the wall
 * clock may be set back. What has passed is the longer of the two: a wrong clock then only makes us careful.
 */
export interface Instant {
  readonly monotonicMs: number;
  /** Milliseconds since 1970. */
  readonly wallMs: number;
}

export interface InstantClock {
  instant(): Instant;
}

export function elapsedMs(since: Instant, now: Instant): number {
  return Math.max(now.monotonicMs - since.monotonicMs, now.wallMs - since.wallMs, 0);
}

/**
 * Milliseconds since 1970 for whoever measures how long things take: wall time as it was at first, and monotonic time since
 * then. It takes no notice of a clock that is set, and falls behind by as long as the machine was suspended.
 */
export function steadyClock(clock: InstantClock): { now(): number } {
  const first = clock.instant();
  return { now: () => first.wallMs + clock.instant().monotonicMs - first.monotonicMs };
}

export const SYSTEM_INSTANTS: InstantClock = {
  instant: () => ({ monotonicMs: performance.now(), wallMs: Date.now() }),
};

/** What runs when time passes; injected so that tests drive it. */
export interface Timers {
  /** Runs once after the time; answers how to prevent it. */
  after(milliseconds: number, run: () => void): () => void;
}

export const SYSTEM_TIMERS: Timers = {
  after(milliseconds, run) {
    const timer = setTimeout(run, milliseconds);
    return () => clearTimeout(timer);
  },
};
