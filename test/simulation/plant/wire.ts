import { KEEPALIVE_TIME_MS, KEEPALIVE_TIMEOUT_MS } from '@outrider/shared/protocol/timings.ts';
import { Lane } from '../scheduler.ts';
import type { Roads } from './network.ts';
import type { Process } from './process.ts';

/** How a stream ended, in gRPC's words; only those that the two sides tell apart. */
export type StreamEnd = {
  readonly code:
    | 'ok'
    | 'unavailable'
    | 'failed-precondition'
    | 'permission-denied'
    | 'invalid-argument'
    | 'deadline-exceeded';
  readonly details: string;
};

/** One end of a connection: what its process hears from the transport itself. */
export interface WireEnd {
  readonly process: Process;
  /** The connection is gone; said once at most. */
  broken(why: string): void;
}

export type Stream = 'control' | 'logs';

/**
 * One TCP connection with its two streams. What is under way arrives in order within a stream, as long as nothing strikes it. Each
 * end asks the other one for a sign of life, as gRPC's keepalive does: a peer that froze or cannot be reached is given up.
 */
export class Wire {
  readonly client: WireEnd;
  readonly server: WireEnd;
  readonly #roads: Roads;
  readonly #lanes: Readonly<Record<Stream, { readonly up: Lane; readonly down: Lane }>> = {
    control: { up: new Lane({ ordered: true }), down: new Lane({ ordered: true }) },
    logs: { up: new Lane({ ordered: true }), down: new Lane({ ordered: true }) },
  };
  readonly #openedAtMs: number;
  readonly #watching = new Set<WireEnd>();
  /** How the two ends hear that the stream of logs alone broke. */
  readonly logsBroken: { client: () => void; server: () => void } = { client: () => {}, server: () => {} };
  /** What is under way is lost. */
  #cut = false;
  #logsBreaks = 0;

  constructor(roads: Roads, client: WireEnd, server: WireEnd) {
    this.#roads = roads;
    this.client = client;
    this.server = server;
    this.#openedAtMs = client.process.clock.now();
  }

  /** From the delegate to the control plane; `message` false: the transport's own word, which no message fault strikes. */
  sendUp(stream: Stream, label: string, deliver: () => void, message = true): void {
    this.#send(stream, this.#roads.up, this.server.process, this.#lanes[stream].up, { label, deliver, message });
  }

  sendDown(stream: Stream, label: string, deliver: () => void, message = true): void {
    this.#send(stream, this.#roads.down, this.client.process, this.#lanes[stream].down, { label, deliver, message });
  }

  /** The connection breaks: what is under way is lost, and both ends hear of it. */
  break(): void {
    if (this.#cut) return;
    this.#tell(this.client, 'the connection was reset');
    this.#tell(this.server, 'the connection was reset');
    this.#cut = true;
  }

  /** The stream of logs breaks: what is under way on it is lost. */
  breakLogs(): void {
    this.#logsBreaks += 1;
    this.sendDown('logs', 'break logs', () => this.logsBroken.client(), false);
    this.sendUp('logs', 'break logs', () => this.logsBroken.server(), false);
  }

  /** A process is gone; its machine tells the other end, behind what was sent before. */
  hangUp(gone: WireEnd): void {
    this.#tell(gone === this.client ? this.server : this.client, 'the other side hung up');
  }

  /** The way may just have been blocked, or a peer frozen: from now on each end misses the other's signs of life. */
  doubt(): void {
    for (const end of [this.client, this.server]) this.#watch(end);
  }

  #send(
    stream: Stream,
    road: Roads['up'],
    to: Process,
    lane: Lane,
    what: { readonly label: string; readonly deliver: () => void; readonly message: boolean },
  ): void {
    if (this.#cut) return;
    const breaks = this.#logsBreaks;
    const arrive = () => {
      if (!this.#cut && (stream === 'control' || breaks === this.#logsBreaks)) what.deliver();
    };
    road.send({ ...what, to, lane, deliver: arrive });
  }

  #tell(end: WireEnd, why: string): void {
    const road = end === this.client ? this.#roads.down : this.#roads.up;
    const lane = end === this.client ? this.#lanes.control.down : this.#lanes.control.up;
    road.send({ label: 'hang up', to: end.process, lane, message: false, deliver: () => end.broken(why) });
  }

  /** An answer can come now. */
  get #answers(): boolean {
    return !this.#roads.blocked && this.client.process.awake && this.server.process.awake;
  }

  #watch(end: WireEnd): void {
    if (this.#watching.has(end) || this.#cut) return;
    this.#watching.add(end);
    const { clock } = end.process;
    const sinceOpened = Math.abs(clock.now() - this.#openedAtMs);
    clock.after(KEEPALIVE_TIME_MS - (sinceOpened % KEEPALIVE_TIME_MS), () => {
      if (this.#answers) {
        this.#watching.delete(end);
        return;
      }
      clock.after(KEEPALIVE_TIMEOUT_MS, () => {
        this.#watching.delete(end);
        if (!this.#answers) end.broken('no answer to a keepalive ping');
      });
    });
  }
}
