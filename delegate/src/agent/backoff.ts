import { RECONNECT_BASE_MS, RECONNECT_MAX_DOUBLINGS } from '@outrider/shared/protocol/timings.ts';

/**
 * When to try again. Each attempt falls on a uniformly drawn moment of a window that doubles, and the next window begins
 * where the last one ended: a fleet that lost its server at once comes back evenly spread. (Jitter added to every wait by
 * itself would bunch up in the middle.)
 */
export class Backoff {
  readonly #random: () => number;
  readonly #baseMs: number;
  #attempt = 0;
  /** What is left of the window in which the last attempt fell. */
  #restMs = 0;

  /** `random`: uniform in [0, 1). */
  constructor(random: () => number, baseMs: number = RECONNECT_BASE_MS) {
    this.#random = random;
    this.#baseMs = baseMs;
  }

  /** How long to wait before the next attempt. */
  next(): number {
    const windowMs = this.#baseMs * 2 ** Math.min(this.#attempt, RECONNECT_MAX_DOUBLINGS);
    const momentMs = this.#random() * windowMs;
    const waitMs = this.#restMs + momentMs;
    this.#restMs = windowMs - momentMs;
    this.#attempt += 1;
    return waitMs;
  }

  /** The connection has worked: the next loss is a new story. */
  reset(): void {
    this.#attempt = 0;
    this.#restMs = 0;
  }
}
