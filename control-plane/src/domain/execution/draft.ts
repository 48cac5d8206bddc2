import type { ExecutionEvent } from './events.ts';
import { evolve } from './evolve.ts';
import type { ExecutionState } from './state.ts';

/** A decision in the making: the events so far and the state that they make. Lives only while `decide` runs. */
export class Draft {
  readonly now: number;
  readonly #events: ExecutionEvent[] = [];
  #state: ExecutionState;

  constructor(state: ExecutionState, now: number) {
    this.#state = state;
    this.now = now;
  }

  get state(): ExecutionState {
    return this.#state;
  }

  get events(): readonly ExecutionEvent[] {
    return this.#events;
  }

  add(events: readonly ExecutionEvent[]): void {
    for (const event of events) {
      this.#events.push(event);
      this.#state = evolve(this.#state, { seq: this.#state.seq + 1, atMs: this.now, event });
    }
  }
}
