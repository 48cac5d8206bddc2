/** The part of a gRPC stream that writes: Node's Writable in object mode. */
export interface MessageSink {
  /** False: it is full, wait for `drain`. The message was taken all the same. */
  write(bytes: Buffer): boolean;
  once(event: 'drain', listener: () => void): unknown;
}

/**
 * A bounded queue before a gRPC stream. Without it a peer that does not read makes us hold everything that was written. When
 * it overflows it says so once and takes nothing more: the owner ends the stream, and the peer, which has acknowledged
 * none of it, gets it all again after it reconnects.
 */
export class SendQueue {
  readonly #sink: MessageSink;
  readonly #maxBytes: number;
  readonly #onOverflow: () => void;
  #waiting: Buffer[] = [];
  #bytes = 0;
  #blocked = false;
  #ended = false;

  constructor(sink: MessageSink, maxBytes: number, onOverflow: () => void) {
    this.#sink = sink;
    this.#maxBytes = maxBytes;
    this.#onOverflow = onOverflow;
  }

  /** Bytes that wait here; what the stream itself holds is not counted. */
  get waitingBytes(): number {
    return this.#bytes;
  }

  /** Whether what is given now goes to the stream at once. */
  get clear(): boolean {
    return !this.#blocked && !this.#ended;
  }

  /** False: the queue is over and the message was not taken. */
  send(bytes: Buffer): boolean {
    if (this.#ended) return false;
    if (!this.#blocked) {
      this.#write(bytes);
      return true;
    }
    if (this.#bytes + bytes.length > this.#maxBytes) {
      this.end();
      this.#onOverflow();
      return false;
    }
    this.#waiting.push(bytes);
    this.#bytes += bytes.length;
    return true;
  }

  end(): void {
    this.#ended = true;
    this.#waiting = [];
    this.#bytes = 0;
  }

  #write(bytes: Buffer): void {
    if (this.#sink.write(bytes)) return;
    this.#blocked = true;
    this.#sink.once('drain', () => this.#drained());
  }

  #drained(): void {
    this.#blocked = false;
    while (!this.#blocked && !this.#ended) {
      const next = this.#waiting.shift();
      if (next === undefined) return;
      this.#bytes -= next.length;
      this.#write(next);
    }
  }
}
