import type { Store } from '@outrider/control-plane/app/ports.ts';
import { T0 } from './fixtures.ts';

/** An operation with its input, to be put to any store. */
export type Ask = (store: Store) => Promise<unknown>;

/** The small world in which the histories play: few ids, so that they meet often. */
export const WORLD = {
  executions: ['0', '1', '2', '3'].map((digit) => `exe_${digit.repeat(26)}`),
  steps: ['p1.1', 'p1.2', 'p2.1', 'p2.2', 'p2.3'],
  instances: [
    { delegate: 'vpc-1', instanceId: 'a' },
    { delegate: 'vpc-1', instanceId: 'b' },
    { delegate: 'vpc-2', instanceId: 'c' },
  ],
  applications: ['ECS', 'other'],
  names: ['web', 'worker', 'web 2'],
  statuses: ['running', 'succeeded', 'failed'],
  ids: ['one', 'two', 'three'],
  secrets: ['secret-1', 'secret-2'],
} as const;

/** Hands out the numbers of a move; beyond the last it begins anew. */
export class Picker {
  readonly #picks: readonly number[];
  #next = 0;
  constructor(picks: readonly number[]) {
    this.#picks = picks;
  }
  below(limit: number): number {
    const pick = this.#picks[this.#next % this.#picks.length] ?? 0;
    this.#next += 1;
    return pick % limit;
  }
  oneOf<T>(choices: readonly [T, ...T[]] | readonly T[]): T {
    const choice = choices[this.below(choices.length)];
    if (choice === undefined) throw new Error('nothing to choose from');
    return choice;
  }
  /** True once in `times`. */
  rarely(times: number): boolean {
    return this.below(times) === 0;
  }
  time(): number {
    return T0 + this.below(8) * 1_000;
  }
}

/** Makes the input of a move. */
export type Builder = (pick: Picker, oracle: Store) => Ask | Promise<Ask>;
