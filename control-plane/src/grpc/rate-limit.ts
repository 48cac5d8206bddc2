import { RATE_LIMIT_ADDRESSES_MAX } from '@outrider/shared/protocol/timings.ts';
import type { Clock } from '../app/ports.ts';

/** So many in a minute for each key and for all of them; counted in fixed minutes. */
export class MinuteLimit {
  readonly #clock: Clock;
  readonly #perKey: number;
  readonly #total: number;
  #minute = -1;
  #all = 0;
  #byKey = new Map<string, number>();

  constructor(clock: Clock, perKey: number, total: number) {
    this.#clock = clock;
    this.#perKey = perKey;
    this.#total = total;
  }

  /** Counts one; false: it is too many. */
  take(key: string): boolean {
    const minute = Math.floor(this.#clock.now() / 60_000);
    if (minute !== this.#minute || this.#byKey.size >= RATE_LIMIT_ADDRESSES_MAX) {
      this.#minute = minute;
      this.#all = 0;
      this.#byKey = new Map();
    }
    const used = this.#byKey.get(key) ?? 0;
    if (used >= this.#perKey || this.#all >= this.#total) return false;
    this.#byKey.set(key, used + 1);
    this.#all += 1;
    return true;
  }
}
