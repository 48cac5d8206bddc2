import type { Direction, Fault, FaultKind, MessageFault, Script } from '../ports.ts';
import type { Random } from '../random.ts';
import type { Recorder } from './recorder.ts';

type Of<Kind extends FaultKind> = Extract<Fault, { kind: Kind }>;
interface Placed<One extends Fault> {
  readonly index: number;
  readonly fault: One;
}

export type StoreFault = Of<'store-fault'>['how'];

/** What the faults that last a while do to whoever asks at this moment. */
export class Weather {
  readonly #recorder: Recorder;
  readonly #random: Random;
  readonly #store: readonly Placed<Of<'store-fault'>>[];
  readonly #messages: readonly Placed<MessageFault>[];
  readonly #partitions: readonly Placed<Of<'partition'>>[];
  readonly #calmFromMs: number;
  readonly #stormy: boolean;

  constructor(script: Script, recorder: Recorder, random: Random) {
    this.#recorder = recorder;
    this.#random = random.fork('weather');
    const placed = script.faults.map((fault, index) => ({ fault, index }));
    this.#store = placed.filter((one) => isOf(one, 'store-fault'));
    this.#messages = placed.filter((one) => isOf(one, 'messages'));
    this.#partitions = placed.filter((one) => isOf(one, 'partition'));
    this.#calmFromMs = script.calmFromMs;
    this.#stormy = script.faults.length > 0;
  }

  /** Small mishaps that no fault of the script names, such as an answer that an operator never gets. */
  mishap(probability: number): boolean {
    return this.#stormy && this.#recorder.nowMs < this.#calmFromMs && this.#random.chance(probability);
  }

  /** What happens to an operation of the store that begins now. */
  storeFault(): StoreFault | undefined {
    for (const { fault, index } of this.#store) {
      if (!this.#lasts(fault) || !this.#random.chance(fault.probability)) continue;
      this.#took(index, fault.how);
      return fault.how;
    }
    return undefined;
  }

  /** What happens to a message that leaves now. */
  messageFaults(delegate: number, direction: Direction): readonly MessageFault['how'][] {
    if (this.#messages.length === 0) return [];
    const struck: MessageFault['how'][] = [];
    for (const { fault, index } of this.#messages) {
      if (fault.delegate !== delegate || fault.direction !== direction || !this.#lasts(fault)) continue;
      if (!this.#random.chance(fault.probability)) continue;
      this.#took(index, fault.how);
      struck.push(fault.how);
    }
    return struck;
  }

  partitioned(delegate: number, direction: Direction): boolean {
    return this.#partitions.some(
      ({ fault }) =>
        fault.delegate === delegate &&
        (fault.direction === 'both' || fault.direction === direction) &&
        this.#lasts(fault),
    );
  }

  /** Something was held up by the partitions that last now. */
  heldUp(delegate: number): void {
    for (const { fault, index } of this.#partitions) {
      if (fault.delegate === delegate && this.#lasts(fault)) this.#recorder.faultsInEffect.add(index);
    }
  }

  #lasts({ atMs, forMs }: { readonly atMs: number; readonly forMs: number }): boolean {
    const now = this.#recorder.nowMs;
    return now >= atMs && now < atMs + forMs;
  }

  #took(index: number, how: MessageFault['how'] | StoreFault): void {
    this.#recorder.faultsInEffect.add(index);
    this.#recorder.note(`struck:${how}`, 'weather');
  }
}

function isOf<Kind extends FaultKind>(placed: Placed<Fault>, kind: Kind): placed is Placed<Of<Kind>> {
  return placed.fault.kind === kind;
}
