import type { Process } from './process.ts';

interface Trap {
  readonly nth: number;
  readonly moment: 'before' | 'after';
  /** What happens to the process there. */
  readonly spring: () => void;
  count: number;
}

/** Places at which a process of a host is to die: at the n-th effect of a kind, just before it or just after it. */
export class Traps<Effect extends string> {
  readonly #traps = new Map<Effect, Trap>();

  set(effect: Effect, nth: number, moment: 'before' | 'after', spring: () => void): void {
    this.#traps.set(effect, { nth, moment, spring, count: 0 });
  }

  /** It did not happen in time. */
  clear(effect: Effect): void {
    this.#traps.delete(effect);
  }

  /** Lets the effect happen, unless the process is dead or dies just before it; then `dead` is answered. */
  strike<T>(process: Process, effect: Effect, dead: T, act: () => T): T {
    if (!process.alive) return dead;
    const moment = this.#due(effect);
    if (moment === 'before') {
      this.#spring(effect);
      return dead;
    }
    const result = act();
    if (moment === 'after') this.#spring(effect);
    return result;
  }

  /** For effects that tell of their two moments one by one: the first. False: the process is dead. */
  before(process: Process, effect: Effect): boolean {
    if (!process.alive) return false;
    const trap = this.#traps.get(effect);
    if (trap === undefined) return true;
    trap.count += 1;
    if (trap.count === trap.nth && trap.moment === 'before') this.#spring(effect);
    return process.alive;
  }

  /** And the second: the effect has happened. */
  after(effect: Effect): void {
    const trap = this.#traps.get(effect);
    if (trap !== undefined && trap.count >= trap.nth && trap.moment === 'after') this.#spring(effect);
  }

  #due(effect: Effect): 'before' | 'after' | undefined {
    const trap = this.#traps.get(effect);
    if (trap === undefined) return undefined;
    trap.count += 1;
    return trap.count === trap.nth ? trap.moment : undefined;
  }

  #spring(effect: Effect): void {
    const trap = this.#traps.get(effect);
    this.#traps.delete(effect);
    trap?.spring();
  }
}
