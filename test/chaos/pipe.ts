import type { Socket } from 'node:net';

/** How bytes move in one direction of a connection. */
export type Flow =
  | { readonly kind: 'pass' }
  /** A black hole: bytes are taken and go nowhere, and neither does the news of an end; what was taken flows on when it is over. */
  | { readonly kind: 'hold' }
  /** Each piece comes so much later, and up to `jitterMs` more; order is kept. */
  | { readonly kind: 'delay'; readonly milliseconds: number; readonly jitterMs: number }
  | { readonly kind: 'trickle'; readonly bytesPerSecond: number };

export const PASS: Flow = { kind: 'pass' };

interface Hooks {
  /** Uniform in [0, 1). */
  number(): number;
  /** So many bytes have gone on. */
  passed(bytes: number): void;
  /** One end broke off, and the other is to hear of it. */
  broken(): void;
  /** Nothing more moves here. */
  over(): void;
}

type Piece = { readonly dueMs: number } & (
  | { readonly kind: 'bytes'; readonly bytes: Buffer }
  | { readonly kind: 'end' }
  | { readonly kind: 'break' }
);

/** What waits at most; beyond it the source is not read, as if its network were full. */
const WAITING_MAX_BYTES = 256 * 1024;
const TRICKLE_TICK_MS = 20;

/** One direction of a proxied connection. */
export class Pipe {
  readonly #from: Socket;
  readonly #to: Socket;
  readonly #hooks: Hooks;
  #flow: Flow = PASS;
  #waiting: Piece[] = [];
  #waitingBytes = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #blocked = false;
  #stopped = false;
  #ended = false;
  /** Bytes that a trickle may let pass at this moment, and when that was counted. */
  #allowance = 0;
  #countedMs = 0;

  constructor(from: Socket, to: Socket, hooks: Hooks) {
    this.#from = from;
    this.#to = to;
    this.#hooks = hooks;
    from.on('data', (bytes: Buffer) => this.#take({ kind: 'bytes', bytes, dueMs: this.#due() }));
    from.on('end', () => this.#take({ kind: 'end', dueMs: this.#due() }));
    // A connection that breaks off says so by an error, or by closing without an end.
    from.on('error', () => this.#take({ kind: 'break', dueMs: this.#due() }));
    from.on('close', () => {
      if (!from.readableEnded) this.#take({ kind: 'break', dueMs: this.#due() });
    });
    to.on('drain', () => {
      this.#blocked = false;
      this.#pump();
    });
  }

  get isOver(): boolean {
    return this.#ended || this.#stopped;
  }

  setFlow(flow: Flow): void {
    this.#flow = flow;
    this.#allowance = 0;
    this.#countedMs = performance.now();
    this.#pump();
  }

  /** Ends the receiving side although more may come, which is then thrown away. False: it had ended before. */
  endEarly(): boolean {
    if (this.isOver) return false;
    this.#waiting = [{ kind: 'end', dueMs: 0 }];
    this.#waitingBytes = 0;
    this.#from.resume();
    this.#pump();
    return true;
  }

  stop(): void {
    this.#stopped = true;
    this.#waiting = [];
    clearTimeout(this.#timer);
  }

  #due(): number {
    const flow = this.#flow;
    if (flow.kind !== 'delay') return 0;
    const due = performance.now() + flow.milliseconds + flow.jitterMs * this.#hooks.number();
    return Math.max(due, this.#waiting.at(-1)?.dueMs ?? 0);
  }

  #take(piece: Piece): void {
    if (this.isOver || this.#waiting.at(-1)?.kind === 'break') return;
    this.#waiting.push(piece);
    if (piece.kind === 'bytes') this.#waitingBytes += piece.bytes.length;
    if (this.#waitingBytes > WAITING_MAX_BYTES) this.#from.pause();
    this.#pump();
  }

  #pump(): void {
    clearTimeout(this.#timer);
    while (!this.isOver && !this.#blocked && this.#flow.kind !== 'hold') {
      const [next] = this.#waiting;
      if (next === undefined) return;
      const waitMs = this.#waitMs(next);
      if (waitMs > 0) {
        this.#timer = setTimeout(() => this.#pump(), waitMs);
        return;
      }
      this.#pass(next);
    }
  }

  /** How long the next piece must wait; 0: it goes now. */
  #waitMs(next: Piece): number {
    if (this.#flow.kind === 'trickle') {
      const now = performance.now();
      this.#allowance += ((now - this.#countedMs) / 1_000) * this.#flow.bytesPerSecond;
      this.#countedMs = now;
      return next.kind === 'bytes' && this.#allowance < 1 ? TRICKLE_TICK_MS : 0;
    }
    return Math.max(0, next.dueMs - performance.now());
  }

  #pass(next: Piece): void {
    if (next.kind === 'break') return this.#hooks.broken();
    if (next.kind === 'end') {
      this.#ended = true;
      this.#waiting = [];
      this.#to.end();
      return this.#hooks.over();
    }
    const bytes = this.#portion(next.bytes);
    const rest = next.bytes.subarray(bytes.length);
    if (rest.length === 0) this.#waiting.shift();
    else this.#waiting[0] = { ...next, bytes: rest };
    this.#waitingBytes -= bytes.length;
    if (this.#waitingBytes <= WAITING_MAX_BYTES) this.#from.resume();
    this.#blocked = !this.#to.write(bytes);
    this.#hooks.passed(bytes.length);
  }

  #portion(bytes: Buffer): Buffer {
    if (this.#flow.kind !== 'trickle') return bytes;
    const portion = bytes.subarray(0, Math.max(1, Math.floor(this.#allowance)));
    this.#allowance -= portion.length;
    return portion;
  }
}
