import { popEntry } from './agenda.ts';
import { performAction } from './perform-action.ts';
import type { World } from './world.ts';

/** `manual`: time moves by `advance` alone. `running`: simulated time passes `speed` times as fast as real time. */
export type ClockMode = { readonly kind: 'manual' } | { readonly kind: 'running'; readonly speed: number };

/** Real time and timers, injected so that tests need neither. */
export interface RealTime {
  now(): number;
  setTimer(callback: () => void, milliseconds: number): () => void;
}

export const REAL_TIME: RealTime = {
  now: () => Date.now(),
  setTimer: (callback, milliseconds) => {
    const timer = setTimeout(callback, milliseconds);
    return () => clearTimeout(timer);
  },
};

/** Longest real wait between two looks at the agenda. */
const MAX_SLEEP_MILLISECONDS = 60_000;
/** One advance runs at most this many actions: a world that feeds itself without end is a defect, not a reason to hang. */
const MAX_ACTIONS_PER_ADVANCE = 1_000_000;
const MAX_SPEED = 10_000;

/** Moves simulated time and has the world do what is due, in order. */
export class SimulatedClock {
  readonly #world: World;
  readonly #realTime: RealTime;
  #mode: ClockMode;
  #realBase: number;
  #simulatedBase: number;
  #cancelTimer: (() => void) | undefined;
  #closed = false;

  constructor(world: World, mode: ClockMode, realTime: RealTime = REAL_TIME) {
    this.#world = world;
    this.#realTime = realTime;
    this.#mode = checkedMode(mode);
    this.#realBase = realTime.now();
    this.#simulatedBase = world.now;
    this.#arm();
  }

  /** Epoch milliseconds of simulated time, as of the last action or `catchUp`. */
  get now(): number {
    return this.#world.now;
  }

  get mode(): ClockMode {
    return this.#mode;
  }

  /** Changes how time moves, from this instant on. */
  setMode(mode: ClockMode): void {
    const checked = checkedMode(mode);
    this.catchUp();
    this.#mode = checked;
    this.#rebase();
    this.#arm();
  }

  /** Moves simulated time forward by this many milliseconds, in either mode, and does all that falls due meanwhile. */
  advance(milliseconds: number): void {
    if (!Number.isFinite(milliseconds) || milliseconds < 0)
      throw new RangeError('advance needs milliseconds from 0 up');
    this.catchUp();
    this.#runUntil(this.#world.now + milliseconds);
    this.#rebase();
    this.#arm();
  }

  /** Brings a running world up to the present; call before looking at it. Does nothing in manual mode. */
  catchUp(): void {
    if (this.#closed || this.#mode.kind === 'manual') return;
    const passed = (this.#realTime.now() - this.#realBase) * this.#mode.speed;
    this.#runUntil(this.#simulatedBase + Math.max(0, passed));
  }

  /** Goes on from the world's present, after that was set from outside. */
  rebase(): void {
    this.#rebase();
    this.#arm();
  }

  /** Looks at the agenda again, after something was put on it from outside. */
  rearm(): void {
    this.#arm();
  }

  close(): void {
    this.#closed = true;
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
  }

  #rebase(): void {
    this.#realBase = this.#realTime.now();
    this.#simulatedBase = this.#world.now;
  }

  #runUntil(target: number): void {
    const { state } = this.#world;
    let acted = 0;
    for (let next = state.agenda[0]; next !== undefined && next.at <= target; next = state.agenda[0]) {
      acted += 1;
      if (acted > MAX_ACTIONS_PER_ADVANCE) throw new Error('The simulated world did not come to rest');
      popEntry(state.agenda);
      state.now = Math.max(state.now, next.at);
      performAction(this.#world, next.action);
    }
    state.now = Math.max(state.now, Math.floor(target));
    if (acted > 0) this.#world.changed();
  }

  #arm(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    const next = this.#world.state.agenda[0];
    if (this.#closed || this.#mode.kind === 'manual' || next === undefined) return;
    const simulatedWait = next.at - this.#world.now;
    const wait = Math.min(Math.max(Math.ceil(simulatedWait / this.#mode.speed), 1), MAX_SLEEP_MILLISECONDS);
    this.#cancelTimer = this.#realTime.setTimer(() => {
      this.catchUp();
      this.#arm();
    }, wait);
  }
}

function checkedMode(mode: ClockMode): ClockMode {
  if (mode.kind === 'running' && !(mode.speed > 0 && mode.speed <= MAX_SPEED)) {
    throw new RangeError(`speed must be above 0 and at most ${MAX_SPEED}`);
  }
  return mode;
}
