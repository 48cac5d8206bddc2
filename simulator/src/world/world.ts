import { type Action, pushEntry } from './agenda.ts';
import { FaultBook } from './faults.ts';
import { nextDigits, nextHex, nextUuid, nextWhole, type RandomState } from './random.ts';
import type { WorldState } from './state.ts';

/**
 * One simulated account in one region. Everything that is saved is in `state`; everything random comes from its generator.
 * Reads never draw from it, so looking at the world does not change its future.
 */
export class World {
  readonly state: WorldState;
  readonly faults = new FaultBook();
  /** Of request ids: apart from the world's generator, so that reads leave the future alone. */
  readonly #requestRandom: RandomState;
  readonly #listeners = new Set<() => void>();

  constructor(state: WorldState) {
    this.state = state;
    this.#requestRandom = { value: ~state.random.value };
  }

  get now(): number {
    return this.state.now;
  }

  /** Called after every change of the state; must not throw. Returns the way to stop listening. */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  changed(): void {
    for (const listener of this.#listeners) listener();
  }

  /** Puts an action on the agenda, `delayMilliseconds` of simulated time from now. */
  schedule(delayMilliseconds: number, action: Action): void {
    this.state.sequence += 1;
    const at = this.now + Math.max(0, Math.round(delayMilliseconds));
    pushEntry(this.state.agenda, { at, sequence: this.state.sequence, action });
  }

  arn(service: string, resource: string): string {
    return `arn:aws:${service}:${this.state.region}:${this.state.accountId}:${resource}`;
  }

  hex(length: number): string {
    return nextHex(this.state.random, length);
  }

  digits(length: number): string {
    return nextDigits(this.state.random, length);
  }

  uuid(): string {
    return nextUuid(this.state.random);
  }

  whole(low: number, high: number): number {
    return nextWhole(this.state.random, low, high);
  }

  /** Milliseconds drawn evenly between two numbers of seconds. */
  seconds(low: number, high: number): number {
    return nextWhole(this.state.random, Math.round(low * 1000), Math.round(high * 1000));
  }

  requestId(): string {
    return nextUuid(this.#requestRandom);
  }

  /** The next private address of the simulated network, 10.0.1.4 and up; 60,000 of them before they repeat. */
  nextPrivateAddress(): string {
    const index = this.state.nextAddress % 60_000;
    this.state.nextAddress += 1;
    return `10.0.${1 + Math.floor(index / 250)}.${4 + (index % 250)}`;
  }
}
