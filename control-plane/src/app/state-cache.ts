import type { ExecutionId } from '@outrider/shared/ids.ts';
import type { RecordedEvent } from '../domain/execution/events.ts';
import { create, evolve } from '../domain/execution/evolve.ts';
import type { ExecutionState } from '../domain/execution/state.ts';
import type { ExecutionStore } from './ports.ts';

/** Events read at a time. */
const PAGE = 1_000;

/** States of executions, folded from their events; the ones used last are kept, and only newer events are read for them. */
export class StateCache {
  readonly #store: ExecutionStore;
  readonly #limit: number;
  /** The one used last stands last. */
  readonly #states = new Map<ExecutionId, ExecutionState>();

  constructor(store: ExecutionStore, limit: number) {
    this.#store = store;
    this.#limit = limit;
  }

  /** Undefined: there is no such execution. */
  async load(id: ExecutionId): Promise<ExecutionState | undefined> {
    let state = this.#states.get(id);
    for (;;) {
      const events = await this.#store.readEvents(id, state?.seq ?? 0, PAGE);
      state = folded(id, state, events);
      if (events.length < PAGE || state === undefined) break;
    }
    if (state !== undefined) this.put(state);
    return state;
  }

  /** The newest state that this process has seen, without asking the store. */
  known(id: ExecutionId): ExecutionState | undefined {
    return this.#states.get(id);
  }

  /** A state as it was committed; an older one than is known is passed over. */
  put(state: ExecutionState): void {
    const known = this.#states.get(state.id);
    this.#states.delete(state.id);
    this.#states.set(state.id, known !== undefined && known.seq > state.seq ? known : state);
    const [oldest] = this.#states.keys();
    if (this.#states.size > this.#limit && oldest !== undefined) this.#states.delete(oldest);
  }
}

function folded(
  id: ExecutionId,
  start: ExecutionState | undefined,
  events: readonly RecordedEvent[],
): ExecutionState | undefined {
  let state = start;
  for (const event of events) {
    if (state === undefined) state = create(id, event);
    else state = evolve(state, event);
    if (state === undefined) return undefined;
  }
  return state;
}
