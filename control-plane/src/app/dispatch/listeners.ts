import type { Logger } from '../logger.ts';

/** Those who want to hear of something. One that throws is told of in the log and harms nobody else. */
export class Listeners<Arguments extends readonly unknown[]> {
  readonly #listeners = new Set<(...given: Arguments) => void>();
  readonly #logger: Logger;

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  /** Answers how to stop listening. */
  add(listener: (...given: Arguments) => void): () => void {
    this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
    };
  }

  tell(...given: Arguments): void {
    for (const listener of this.#listeners) {
      try {
        listener(...given);
      } catch (thrown) {
        this.#logger.error({ err: thrown }, 'A listener failed');
      }
    }
  }
}
