import type { Store } from '../app/ports.ts';
import { storeClosed } from './limits.ts';
import { memoryExecutions } from './memory/executions.ts';
import { memoryFleet } from './memory/fleet.ts';
import { memoryKeys } from './memory/keys.ts';
import { memoryLogs } from './memory/logs.ts';
import { memoryResources } from './memory/resources.ts';
import { memoryTasks } from './memory/tasks.ts';
import { type Operations, perform, storeOf } from './operations.ts';

/**
 * The store as plain maps: the oracle that the other stores are compared with, and the store of tests and `memory:`.
 * What is given and what is answered is copied, so that nobody holds a part of the store in hand.
 */
export function createMemoryStore(): Store {
  const tasks = memoryTasks();
  const operations: Operations = {
    check: () => undefined,
    ...memoryResources(),
    ...tasks.operations,
    ...memoryExecutions(tasks),
    ...memoryLogs(tasks.rows),
    ...memoryFleet(),
    ...memoryKeys(),
  };
  let closed = false;
  return storeOf(
    async (name, ...given) => {
      if (closed) throw storeClosed();
      return structuredClone(perform(operations, name, structuredClone(given)));
    },
    async () => {
      closed = true;
    },
  );
}
