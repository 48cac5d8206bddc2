import { getRandomValues } from 'node:crypto';
import type { Timers } from './app/dispatch/ports.ts';
import type { Clock, Randomness } from './app/ports.ts';

/** Time and chance of this machine. Only the composition root uses them; all else gets them injected. */
export const SYSTEM_CLOCK: Clock = { now: () => Date.now(), monotonic: () => performance.now() };

export const SYSTEM_RANDOMNESS: Randomness = { bytes: (count) => getRandomValues(new Uint8Array(count)) };

/** Longest time that a timer of Node can wait; a longer one waits in stages. */
const LONGEST_TIMER_MS = 2_147_483_647;

export const SYSTEM_TIMERS: Timers = {
  after(milliseconds, run) {
    let timer: ReturnType<typeof setTimeout>;
    const arm = (restMs: number) => {
      timer = setTimeout(
        () => (restMs > LONGEST_TIMER_MS ? arm(restMs - LONGEST_TIMER_MS) : run()),
        Math.min(Math.max(restMs, 0), LONGEST_TIMER_MS),
      );
    };
    arm(milliseconds);
    return () => clearTimeout(timer);
  },
};
