import { CLOCK_SET_BY_MS } from '@outrider/shared/protocol/timings.ts';
import type { Clock } from '../ports.ts';

/**
 * The time that leases and deadlines are counted by. A wall clock can be set while the process runs, and then every lease would seem
 * to have ended, or to last for hours. This one goes on with elapsed time; `follow` takes over what the wall clock says. When that one is
 * set back this one stays ahead of it until the process ends.
 *
 * A clock without `monotonic` is followed blindly.
 */
export class SteadyClock implements Clock {
  readonly #wall: Clock;
  #aheadMs: number;

  constructor(wall: Clock) {
    this.#wall = wall;
    this.#aheadMs = wall.now() - elapsed(wall);
  }

  now(): number {
    return Math.floor(elapsed(this.#wall) + this.#aheadMs);
  }

  /** What the wall clock says now, if it was set forward since it was followed last. */
  get setForwardTo(): number | undefined {
    const wallMs = this.#wall.now();
    return wallMs - this.now() >= CLOCK_SET_BY_MS ? wallMs : undefined;
  }

  /** Goes on from this time, unless it is later already: time that was told never comes a second time. */
  follow(wallMs: number): void {
    this.#aheadMs = Math.max(this.#aheadMs, wallMs - elapsed(this.#wall));
  }
}

function elapsed(clock: Clock): number {
  return clock.monotonic?.() ?? clock.now();
}
