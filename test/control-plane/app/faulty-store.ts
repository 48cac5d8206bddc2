import type { Store } from '@outrider/control-plane/app/ports.ts';
import { OutriderError } from '@outrider/shared/errors.ts';

/** Whether an operation fails now, and whether it has happened all the same. */
export type Fault = 'before' | 'after' | undefined;

/** A store whose operations fail when `choose` says so. */
export function faultyStore(store: Store, choose: (operation: keyof Store) => Fault): Store {
  const run = async <Result>(operation: keyof Store, work: () => Promise<Result>): Promise<Result> => {
    const fault = choose(operation);
    if (fault === 'before') throw new OutriderError('store-failed', `${operation} did not happen`);
    const result = await work();
    if (fault === 'after') throw new OutriderError('store-failed', `${operation} happened, and the answer got lost`);
    return result;
  };
  return {
    ...store,
    commit: (input) => run('commit', () => store.commit(input)),
    readEvents: (...given) => run('readEvents', () => store.readEvents(...given)),
    pendingEffects: (...given) => run('pendingEffects', () => store.pendingEffects(...given)),
    effectDone: (id) => run('effectDone', () => store.effectDone(id)),
    enqueueTask: (task) => run('enqueueTask', () => store.enqueueTask(task)),
    cancelTask: (...given) => run('cancelTask', () => store.cancelTask(...given)),
    getTask: (id) => run('getTask', () => store.getTask(id)),
  };
}
