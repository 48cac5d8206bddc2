import { OutriderError } from '@outrider/shared/errors.ts';

/** Jobs with the same key run one after the other, in the order in which they came; those of different keys at once. */
export class SerialQueues {
  readonly #limit: number;
  readonly #queues = new Map<string, { tail: Promise<unknown>; waiting: number }>();

  /** `limit`: jobs of one key that may wait or run; more are refused with `overloaded`. */
  constructor(limit: number) {
    this.#limit = limit;
  }

  async run<Result>(key: string, job: () => Promise<Result>): Promise<Result> {
    const queue = this.#queues.get(key) ?? { tail: Promise.resolve(), waiting: 0 };
    if (queue.waiting >= this.#limit) {
      throw new OutriderError('overloaded', `More than ${this.#limit} changes of ${key} wait for their turn`);
    }
    this.#queues.set(key, queue);
    queue.waiting++;
    const done = queue.tail.then(job);
    queue.tail = done.catch(() => undefined);
    try {
      return await done;
    } finally {
      queue.waiting--;
      if (queue.waiting === 0) this.#queues.delete(key);
    }
  }
}
