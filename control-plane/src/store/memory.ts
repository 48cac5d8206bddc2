import type { Store } from '../app/ports.ts';
import { storeClosed } from './limits.ts';
import { memoryExecutions } from './memory/executions.ts';
import { memoryFleet } from './memory/fleet.ts';
import { memoryKeys } from './memory/keys.ts';
import { memoryLogs } from './memory/logs.ts';
import { memoryResources } from './memory/resources.ts';
import { emptyState, forkState, type MemoryState } from './memory/state.ts';
import { memoryTasks } from './memory/tasks.ts';
import { memoryTriggers } from './memory/triggers.ts';
import { copyOf } from './memory/values.ts';
import { memoryWebhooks } from './memory/webhooks.ts';
import { changesSomething, type Operations, perform, storeOf } from './operations.ts';

export interface MemoryStore extends Store {
  /** All that the store holds now, for another store to begin with. Cheap: rows are shared, as no store changes one in place. */
  snapshot(): MemorySnapshot;
}
/** What a store held at a moment. Any number of stores may begin with it. */
export type MemorySnapshot = Readonly<MemoryState>;

/**
 * The store as plain maps: the oracle that the other stores are compared with, and the store of tests and `memory:`.
 * What is given and what is answered is copied, so that nobody holds a part of the store in hand. It begins with what
 * `from` holds; a backup that is restored is `createMemoryStore(older)` and then `raiseGeneration`.
 */
export function createMemoryStore(from?: MemorySnapshot): MemoryStore {
  const state = from === undefined ? emptyState() : forkState(from);
  const tasks = memoryTasks(state);
  const operations: Operations = {
    check: () => undefined,
    ...memoryResources(state),
    ...tasks.operations,
    ...memoryExecutions(state, tasks),
    ...memoryLogs(state),
    ...memoryFleet(state),
    ...memoryKeys(state),
    ...memoryWebhooks(state),
    ...memoryTriggers(state),
  };
  let closed = false;
  const store = storeOf(
    async (name, ...given) => {
      if (closed) throw storeClosed();
      // A read keeps nothing of what it is given.
      return copyOf(perform(operations, name, changesSomething(name) ? copyOf(given) : given));
    },
    async () => {
      closed = true;
    },
  );
  return { ...store, snapshot: () => forkState(state) };
}
