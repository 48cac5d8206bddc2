import type { Store } from '@outrider/control-plane/app/ports.ts';
import { createMemoryStore, type MemorySnapshot, type MemoryStore } from '@outrider/control-plane/store/memory.ts';
import {
  changesSomething,
  type OperationArguments,
  type OperationName,
  type OperationResults,
  storeOf,
} from '@outrider/control-plane/store/operations.ts';
import { OutriderError } from '@outrider/shared/errors.ts';
import type { Process } from './process.ts';
import type { Recorder } from './recorder.ts';
import { STORE_WITH_SAMPLES } from './samples.ts';
import type { Weather } from './weather.ts';
import { witnessed } from './witness.ts';

/** The store's disk: it outlives the control plane's processes. */
export class StoreDisk {
  readonly #recorder: Recorder;
  #store: MemoryStore;

  constructor(recorder: Recorder) {
    this.#recorder = recorder;
    this.#store = witnessed(createMemoryStore(STORE_WITH_SAMPLES), recorder);
  }

  get store(): MemoryStore {
    return this.#store;
  }

  /** The store as it was, with nothing of what came after. */
  goBack(to: MemorySnapshot): void {
    this.#store = witnessed(createMemoryStore(to), this.#recorder);
  }
}

export interface StoreOptions {
  readonly disk: StoreDisk;
  readonly process: Process;
  readonly recorder: Recorder;
  readonly weather: Weather;
  /** What may end the process at an operation: before its effect or after it. */
  readonly strike: (operation: OperationName, act: () => void) => void;
}

/** One operation that was asked for and not answered. */
interface Pending {
  readonly effect: () => void;
  done: boolean;
}

type AsyncOperations = {
  readonly [K in OperationName]: (...given: OperationArguments[K]) => Promise<OperationResults[K]>;
};

/** A read is answered at once this often; otherwise it takes its time as everything else. */
const QUICK_READS = 0.75;

/**
 * The store as one process of the control plane has it: every operation takes time, may fail before or after its effect, and is
 * never answered to a dead process. What a dying process had asked for may still be done.
 */
export function openStore(options: StoreOptions): Store {
  const { disk, process } = options;
  const { store } = disk;
  const pending = new Set<Pending>();
  process.onEnd(() => {
    for (const operation of pending) if (!operation.done && process.random.chance(0.5)) operation.effect();
    pending.clear();
  });
  return storeOf(
    (name, ...given) =>
      new Promise((resolve, reject) => {
        operate(options, store, pending, name, given, resolve, reject);
      }),
    async () => {},
  );
}

function operate<K extends OperationName>(
  options: StoreOptions,
  operations: AsyncOperations,
  pending: Set<Pending>,
  name: K,
  given: OperationArguments[K],
  resolve: (result: Promise<OperationResults[K]>) => void,
  reject: (why: Error) => void,
): void {
  const { process, recorder, weather, strike } = options;
  if (!process.alive) return;
  const changes = changesSomething(name);
  const fault = weather.storeFault();
  let result: Promise<OperationResults[K]> | undefined;
  const operation: Pending = {
    done: false,
    effect: () => {
      operation.done = true;
      if (changes) recorder.note(`store:${name}`, process.host);
      result = operations[name](...given);
      // Nobody may be left to hear of a refusal.
      result.catch(() => {});
    },
  };
  const act = () => {
    pending.delete(operation);
    if (fault === 'refused') return reject(notAnswered(name));
    strike(name, operation.effect);
    if (!process.alive || result === undefined) return;
    if (fault === 'done-but-failed') reject(notAnswered(name));
    else resolve(result);
  };
  pending.add(operation);
  if (!changes && fault !== 'slow' && process.random.chance(QUICK_READS)) {
    queueMicrotask(() => {
      if (process.alive) act();
    });
    return;
  }
  const slowMs = fault === 'slow' ? process.random.whole(500, 12_000) : 0;
  process.clock.deliver(slowMs + process.random.whole(1, 10), act, `store ${name}`);
}

function notAnswered(name: string): OutriderError {
  return new OutriderError('store-failed', `The store does not answer: ${name}`);
}
