import { MAX_MESSAGE_BYTES, POLL_MESSAGES_MAX } from './timings.ts';

/** What one call of Poll, or its answer, carries. */
export interface PollBundle {
  readonly control: readonly Buffer[];
  readonly logs: readonly Buffer[];
}

/** Encoded messages that wait for the next call or answer. Bounded: as a stream's queue is. */
export class PollOutbox {
  readonly #maxBytes: number;
  readonly #control: Buffer[] = [];
  readonly #logs: Buffer[] = [];
  #controlBytes = 0;
  #logBytes = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  get empty(): boolean {
    return this.#control.length + this.#logs.length === 0;
  }

  get logBytes(): number {
    return this.#logBytes;
  }

  /** False: there is too much of it and it was not taken. */
  addControl(bytes: Buffer): boolean {
    if (!this.#hasRoom(bytes)) return false;
    this.#control.push(bytes);
    this.#controlBytes += bytes.length;
    return true;
  }

  /** The same for Logs. */
  addLog(bytes: Buffer): boolean {
    if (!this.#hasRoom(bytes)) return false;
    this.#logs.push(bytes);
    this.#logBytes += bytes.length;
    return true;
  }

  /** The oldest of both kinds, as much as may travel together; log messages of at most so many bytes, but at least one if it fits. */
  take(logMaxBytes: number = MAX_MESSAGE_BYTES): PollBundle {
    const control = takeOldest(this.#control, MAX_MESSAGE_BYTES);
    const controlBytes = lengthOf(control);
    const logs = takeOldest(this.#logs, Math.min(logMaxBytes, MAX_MESSAGE_BYTES - controlBytes));
    this.#controlBytes -= controlBytes;
    this.#logBytes -= lengthOf(logs);
    return { control, logs };
  }

  #hasRoom(bytes: Buffer): boolean {
    return this.#controlBytes + this.#logBytes + bytes.length <= this.#maxBytes;
  }
}

function takeOldest(queue: Buffer[], maxBytes: number): Buffer[] {
  let count = 0;
  let bytes = 0;
  for (const each of queue) {
    bytes += each.length;
    if (bytes > maxBytes || count === POLL_MESSAGES_MAX) break;
    count += 1;
  }
  return queue.splice(0, count);
}

function lengthOf(messages: readonly Buffer[]): number {
  return messages.reduce((sum, each) => sum + each.length, 0);
}
