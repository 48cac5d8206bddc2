/**
 * Lets one thing at a time happen to a key, in the order in which it was asked for. A run with several keys waits for all
 * of them; as it takes its places at once, two such runs never wait for each other.
 */
export class KeyedQueue {
  readonly #tails = new Map<string, Promise<void>>();

  /** What `work` answers or throws. */
  async run<T>(keys: readonly string[], work: () => Promise<T>): Promise<T> {
    const before = Promise.all(keys.map((key) => this.#tails.get(key) ?? Promise.resolve()));
    const result = before.then(work);
    // A tail never rejects: the next in line does not care how this one ended.
    const tail = result.then(ignore, ignore);
    for (const key of keys) this.#tails.set(key, tail);
    try {
      return await result;
    } finally {
      for (const key of keys) if (this.#tails.get(key) === tail) this.#tails.delete(key);
    }
  }

  /** Resolves when nothing that was asked for so far is under way. */
  async idle(): Promise<void> {
    await Promise.all(this.#tails.values());
  }
}

function ignore(): void {}
