import type { Direction } from '../ports.ts';
import type { Random } from '../random.ts';
import { Lane } from '../scheduler.ts';
import type { Process } from './process.ts';
import type { Weather } from './weather.ts';

/** Something on its way to a process. */
export interface Parcel {
  readonly label: string;
  readonly to: Process;
  /** What is in it stays behind what was put into the lane before. */
  readonly lane: Lane;
  /** A message of the protocol, which message faults may strike; otherwise the transport's own word. */
  readonly message: boolean;
  readonly deliver: () => void;
}

/** Parcels that a partition holds up; more are lost, as a full socket buffer would hold the sender back. */
const HELD_MAX = 10_000;

/** One direction between a delegate's host and the control plane. */
export class Road {
  readonly direction: Direction;
  readonly #delegate: number;
  readonly #weather: Weather;
  readonly #random: Random;
  readonly #held: Parcel[] = [];

  constructor(delegate: number, direction: Direction, weather: Weather, random: Random) {
    this.direction = direction;
    this.#delegate = delegate;
    this.#weather = weather;
    this.#random = random.fork(`road/${delegate}/${direction}`);
  }

  /** Nothing gets through. */
  get blocked(): boolean {
    return this.#weather.partitioned(this.#delegate, this.direction);
  }

  send(parcel: Parcel): void {
    if (this.blocked) {
      this.#weather.heldUp(this.#delegate);
      // TCP sends it again until somebody gives up, or until the way is open.
      if (this.#held.length < HELD_MAX) this.#held.push(parcel);
      return;
    }
    const faults = parcel.message ? this.#weather.messageFaults(this.#delegate, this.direction) : [];
    if (faults.includes('drop')) return;
    let latencyMs = this.#latency();
    let { lane } = parcel;
    if (faults.includes('delay')) latencyMs += this.#random.whole(500, 15_000);
    if (faults.includes('reorder')) {
      latencyMs += this.#random.whole(20, 3_000);
      lane = new Lane();
    }
    this.#pass(parcel, latencyMs, lane);
    if (faults.includes('double')) this.#pass(parcel, latencyMs + this.#random.whole(0, 5_000), new Lane());
  }

  /** The partition is over: what it held up arrives now, unless another one lasts. */
  open(): void {
    if (this.blocked) return;
    for (const parcel of this.#held.splice(0)) this.#pass(parcel, this.#latency(), parcel.lane);
  }

  #latency(): number {
    return this.#random.chance(0.9) ? this.#random.whole(1, 8) : this.#random.whole(20, 250);
  }

  #pass({ to, deliver, label }: Parcel, latencyMs: number, lane: Lane): void {
    to.clock.deliver(latencyMs, deliver, label, lane);
  }
}

/** Both directions between a delegate's host and the control plane. */
export class Roads {
  readonly up: Road;
  readonly down: Road;

  constructor(delegate: number, weather: Weather, random: Random) {
    this.up = new Road(delegate, 'to-control-plane', weather, random);
    this.down = new Road(delegate, 'to-delegate', weather, random);
  }

  get blocked(): boolean {
    return this.up.blocked || this.down.blocked;
  }

  open(): void {
    this.up.open();
    this.down.open();
  }
}
