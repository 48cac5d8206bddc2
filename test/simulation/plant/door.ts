import type { DelegateGateway, DelegatePeer } from '@outrider/control-plane/app/dispatch/ports.ts';
import { HELLO_TIMEOUT_MS } from '@outrider/shared/protocol/timings.ts';
import { Lane } from '../scheduler.ts';
import { ControlStream, type ControlStreamClient, LogsStream, type LogsStreamClient } from './door-streams.ts';
import type { Roads } from './network.ts';
import type { Process } from './process.ts';
import type { Recorder } from './recorder.ts';
import { Wire, type WireEnd } from './wire.ts';

export type { ControlStream, LogsStream } from './door-streams.ts';

export interface DialCallbacks extends ControlStreamClient {
  /** The connection stands; nobody has said anything yet. */
  connected(wire: Wire): void;
}

/** The program that listens now. */
export interface Listener {
  readonly process: Process;
  readonly gateway: DelegateGateway;
  /** Nobody is let in any more; streams that are there go on. */
  shut: boolean;
  readonly streams: Set<ControlStream | LogsStream>;
}

/**
 * Where delegates knock: the control plane's machine and, while one runs, the program on it. It does with streams what
 * control-plane/src/grpc does: Hello first and once, a session for each stream, what is said while greeting waits.
 */
export class Door {
  readonly #recorder: Recorder;
  /** Of the machine itself: it refuses connections when no program listens. */
  readonly #machine: Process;
  readonly #inspect: (where: string, bytes: Buffer) => void;
  #listener: Listener | undefined;

  constructor(machine: Process, recorder: Recorder, inspect: (where: string, bytes: Buffer) => void) {
    this.#machine = machine;
    this.#recorder = recorder;
    this.#inspect = inspect;
  }

  /** From now on the program answers. */
  open(process: Process, gateway: DelegateGateway): Listener {
    const listener: Listener = { process, gateway, shut: false, streams: new Set() };
    this.#listener = listener;
    process.onEnd(() => {
      if (this.#listener === listener) this.#listener = undefined;
      for (const stream of listener.streams) stream.processEnded();
    });
    return listener;
  }

  /** A delegate dials. `abandoned`: it has given up meanwhile. */
  dial(roads: Roads, client: WireEnd, peer: DelegatePeer, abandoned: () => boolean, callbacks: DialCallbacks): void {
    const lane = new Lane();
    const arrived = () => {
      if (abandoned()) return;
      const listener = this.#listener;
      if (listener === undefined || listener.shut) {
        const refuse = () => callbacks.ended({ code: 'unavailable', details: 'nobody listens there' });
        roads.down.send({ label: 'refuse', to: client.process, lane, message: false, deliver: refuse });
        return;
      }
      // A frozen program has its connections accepted by its machine, and says nothing to them.
      const server: WireEnd = { process: listener.process, broken: () => endAll(listener, wire) };
      const wire = new Wire(roads, client, server);
      const stream = new ControlStream({
        wire,
        client: callbacks,
        listener,
        peer,
        recorder: this.#recorder,
        inspect: this.#inspect,
      });
      callbacks.connected(wire);
      listener.process.clock.deliver(1, () => stream.begin(HELLO_TIMEOUT_MS), 'accept');
    };
    roads.up.send({ label: 'dial', to: this.#machine, lane, message: false, deliver: arrived });
  }

  /** The second stream of a connection; called when the request has arrived there. Undefined: it was refused. */
  openLogs(wire: Wire, peer: DelegatePeer, sessionId: string, client: LogsStreamClient): LogsStream | undefined {
    const listener = this.#listener;
    if (listener === undefined || listener.process !== wire.server.process) return undefined;
    const session = listener.gateway.openLogs(peer, sessionId);
    if (session === undefined) {
      const refuse = () => client.ended({ code: 'failed-precondition', details: 'there is no such session' });
      wire.sendDown('logs', 'refuse logs', refuse, false);
      return undefined;
    }
    const stream = new LogsStream({
      wire,
      client,
      listener,
      session,
      recorder: this.#recorder,
      inspect: this.#inspect,
    });
    wire.logsBroken.server = () => stream.over();
    stream.begin();
    return stream;
  }
}

function endAll(listener: Listener, wire: Wire): void {
  for (const stream of listener.streams) if (stream.wire === wire) stream.over();
}
