import { OutriderError } from '@outrider/shared/errors.ts';
import type { Logger } from './logger.ts';

/** Those who want to hear of something. One that throws disturbs nobody. */
export class Listeners<Told extends readonly unknown[]> {
  readonly #name: string;
  readonly #logger: Logger;
  readonly #listeners = new Set<(...told: Told) => void>();

  constructor(name: string, logger: Logger) {
    this.#name = name;
    this.#logger = logger;
  }

  /** Answers how to stop listening. */
  add(listener: (...told: Told) => void): () => void {
    const own = (...told: Told) => listener(...told);
    this.#listeners.add(own);
    return () => {
      this.#listeners.delete(own);
    };
  }

  tell(...told: Told): void {
    for (const listener of this.#listeners) {
      try {
        listener(...told);
      } catch (thrown) {
        this.#logger.error({ listener: this.#name }, `A listener failed: ${OutriderError.from(thrown).message}`);
      }
    }
  }
}
