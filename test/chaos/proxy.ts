import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { type Flow, PASS, Pipe } from './pipe.ts';

export type { Flow } from './pipe.ts';

/** `up`: from the client to the server. */
export type Direction = 'up' | 'down';

/** What the proxy did so far. */
export interface ProxyCounts {
  readonly connections: number;
  /** Connections that were ended with a RST. */
  readonly resets: number;
  /** Of those, the ones that were cut after a given byte. */
  readonly cuts: number;
  readonly halfCloses: number;
  /** Connections that a client could not make. */
  readonly refusals: number;
  /** Connections, and directions of them, that met a flow other than `pass`. */
  readonly held: number;
  readonly delayed: number;
  readonly trickled: number;
  readonly bytesUp: number;
  readonly bytesDown: number;
}

/** A TCP proxy on loopback that can be told to behave badly, at any time, for the connections there are and those to come. */
export interface ChaosProxy {
  readonly port: number;
  /** How bytes flow from here on, in one direction or in both. */
  flow(flow: Flow, direction?: Direction): void;
  /** Ends every connection with a RST to both ends; answers how many there were. */
  resetAll(): number;
  /** The connection that passes this byte next ends with a RST there, in the middle of whatever it says. */
  cutAfter(bytes: number, direction: Direction): void;
  /** Tells the receiving end of one direction that nothing more comes; the other direction goes on. Answers how many there were. */
  halfCloseAll(direction: Direction): number;
  /** While on, nobody can connect (ECONNREFUSED). Connections that stand go on. */
  refuse(on: boolean): Promise<void>;
  /** All is well again, except what was cut. */
  heal(): Promise<void>;
  counts(): ProxyCounts;
  close(): Promise<void>;
}

interface Connection {
  readonly client: Socket;
  readonly server: Socket;
  readonly up: Pipe;
  readonly down: Pipe;
}

type Tally = { -readonly [Key in keyof ProxyCounts]: number };

/** How often listening at the same port again is tried, and how long apart. */
const LISTEN_TRIES = 100;
const LISTEN_PAUSE_MS = 50;

/**
 * `listenPort` 0, the default: any free one, which is lost to others while the proxy refuses. `number` is uniform in [0, 1): it
 * draws the jitter of delays.
 */
export async function startProxy(
  target: { readonly port: number; readonly listenPort?: number },
  number: () => number,
): Promise<ChaosProxy> {
  const tally: Tally = {
    connections: 0,
    resets: 0,
    cuts: 0,
    halfCloses: 0,
    refusals: 0,
    held: 0,
    delayed: 0,
    trickled: 0,
    bytesUp: 0,
    bytesDown: 0,
  };
  const connections = new Set<Connection>();
  const flows: Record<Direction, Flow> = { up: PASS, down: PASS };
  const cuts: Record<Direction, number | undefined> = { up: undefined, down: undefined };

  const reset = (connection: Connection) => {
    if (!connections.delete(connection)) return;
    connection.up.stop();
    connection.down.stop();
    connection.client.resetAndDestroy();
    connection.server.resetAndDestroy();
  };
  const passes = (connection: () => Connection | undefined, direction: Direction) => (bytes: number) => {
    tally[direction === 'up' ? 'bytesUp' : 'bytesDown'] += bytes;
    const left = cuts[direction];
    if (left === undefined) return;
    cuts[direction] = left > bytes ? left - bytes : undefined;
    const cut = connection();
    if (left > bytes || cut === undefined) return;
    tally.cuts += 1;
    tally.resets += 1;
    reset(cut);
  };

  const accept = (client: Socket) => {
    tally.connections += 1;
    const server = connect({ port: target.port, host: '127.0.0.1', allowHalfOpen: true, noDelay: true });
    client.setNoDelay(true);
    const late: { connection?: Connection } = {};
    const pipe = (from: Socket, to: Socket, direction: Direction) =>
      new Pipe(from, to, {
        number,
        passed: passes(() => late.connection, direction),
        broken: () => late.connection !== undefined && reset(late.connection),
        over: () => finished(late.connection, connections),
      });
    const connection: Connection = {
      client,
      server,
      up: pipe(client, server, 'up'),
      down: pipe(server, client, 'down'),
    };
    late.connection = connection;
    connections.add(connection);
    for (const direction of ['up', 'down'] as const) setFlow(connection, direction, flows[direction], tally);
  };
  const listening = await listen(accept, target.listenPort ?? 0);
  return proxyOf({ target, tally, connections, flows, cuts, reset, accept, listening });
}

interface Parts {
  readonly target: { readonly port: number };
  readonly tally: Tally;
  readonly connections: Set<Connection>;
  readonly flows: Record<Direction, Flow>;
  readonly cuts: Record<Direction, number | undefined>;
  readonly reset: (connection: Connection) => void;
  readonly accept: (client: Socket) => void;
  readonly listening: Server;
}

function proxyOf({ tally, connections, flows, cuts, reset, accept, listening }: Parts): ChaosProxy {
  let server: Server | undefined = listening;
  const port = portOf(listening);
  let turn: Promise<void> = Promise.resolve();
  const proxy: ChaosProxy = {
    port,
    flow(flow, direction) {
      for (const each of direction === undefined ? (['up', 'down'] as const) : [direction]) {
        flows[each] = flow;
        for (const connection of connections) setFlow(connection, each, flow, tally);
      }
    },
    resetAll() {
      const all = [...connections];
      tally.resets += all.length;
      for (const connection of all) reset(connection);
      return all.length;
    },
    cutAfter(bytes, direction) {
      cuts[direction] = bytes;
    },
    halfCloseAll(direction) {
      const closed = [...connections].filter((connection) => connection[direction].endEarly());
      tally.halfCloses += closed.length;
      return closed.length;
    },
    refuse(on) {
      // One after the other: a port that is not free yet is not listened at twice.
      turn = turn.then(async () => {
        if (on && server !== undefined) {
          server.close();
          server = undefined;
          tally.refusals += 1;
        } else if (!on) {
          server ??= await listen(accept, port);
        }
      });
      return turn;
    },
    async heal() {
      cuts.up = undefined;
      cuts.down = undefined;
      proxy.flow(PASS);
      await proxy.refuse(false);
    },
    counts: () => ({ ...tally }),
    async close() {
      await turn;
      for (const connection of connections) reset(connection);
      if (server === undefined) return;
      const closed = once(server, 'close');
      server.close();
      await closed;
    },
  };
  return proxy;
}

function setFlow(connection: Connection, direction: Direction, flow: Flow, tally: Tally): void {
  connection[direction].setFlow(flow);
  if (flow.kind === 'hold') tally.held += 1;
  if (flow.kind === 'delay') tally.delayed += 1;
  if (flow.kind === 'trickle') tally.trickled += 1;
}

function finished(connection: Connection | undefined, connections: Set<Connection>): void {
  if (connection !== undefined && connection.up.isOver && connection.down.isOver) connections.delete(connection);
}

/** Listens; a port that was given up a moment ago may need a few tries. */
async function listen(accept: (client: Socket) => void, port: number): Promise<Server> {
  for (let attempt = 1; ; attempt++) {
    const server = createServer({ allowHalfOpen: true }, accept);
    try {
      server.listen(port, '127.0.0.1');
      await once(server, 'listening');
      return server;
    } catch (thrown) {
      if (attempt >= LISTEN_TRIES) throw thrown;
      await new Promise((resolve) => setTimeout(resolve, LISTEN_PAUSE_MS));
    }
  }
}

function portOf(server: Server): number {
  const address = server.address();
  if (typeof address !== 'object' || address === null) throw new Error('the proxy has no port');
  return address.port;
}
