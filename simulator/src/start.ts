import { AgentEndpoints } from './agent-endpoint/agent-endpoint.ts';
import { CallLog } from './control/call-log.ts';
import { Control } from './control/control.ts';
import { controlHandler } from './control/control-handler.ts';
import { SERVICES } from './services.ts';
import { startHttpServer, stopHttpServer } from './wire/http-server.ts';
import type { CallInterceptor } from './wire/interceptor.ts';
import { Quotas } from './wire/quotas.ts';
import { type ClockMode, REAL_TIME, type RealTime, SimulatedClock } from './world/clock.ts';
import type { Fault } from './world/faults.ts';
import type { InstanceSpecification } from './world/instances.ts';
import { loadState, StateSaver } from './world/persistence.ts';
import { emptyState, shiftAgenda, type WorldState } from './world/state.ts';
import { World } from './world/world.ts';

export interface ClusterOptions {
  readonly name: string;
  /** Container instances to register; 0 or nothing for a cluster that only runs Fargate. */
  readonly instances?: number;
  readonly instance?: InstanceSpecification;
}

export interface SimulatorOptions {
  /** TCP port of the AWS endpoint; 0, the default, picks a free one. */
  readonly port?: number;
  /** Address to listen on; default 127.0.0.1. */
  readonly host?: string;
  /** Simulated seconds per real second, above 0 and at most 10,000; default 1. `manual` leaves the clock to `advance`. */
  readonly speed?: number | 'manual';
  /** Decides every id and latency of the world. Default 1. */
  readonly seed?: number;
  /** Simulated time at the start, epoch milliseconds; default now, or 2026-01-01T00:00:00Z when the clock is manual. */
  readonly startTime?: number;
  /**
   * Port of the ECS agent endpoints on the instances' addresses; default OUTRIDER_ECS_AGENT_PORT, else 51678; 0 picks one
   * that is free on all of them.
   */
  readonly agentPort?: number;
  /** Whether AWS's published request quotas are kept. Default true. */
  readonly throttling?: boolean;
  readonly faults?: readonly Fault[];
  /** Where the world is saved and found again; without it the world ends with the process. */
  readonly dataFile?: string;
  readonly region?: string;
  readonly accountId?: string;
  /** Clusters of a fresh world; a saved world keeps its own. */
  readonly clusters?: readonly ClusterOptions[];
  readonly realTime?: RealTime;
  /** Sees every call before it is done and before it is answered. */
  readonly interceptor?: CallInterceptor;
}

export interface Simulator {
  /** The endpoint for AWS clients, such as http://127.0.0.1:4566. */
  readonly url: string;
  readonly port: number;
  /** Port of the ECS agent endpoints; the asked one (perhaps 0) as long as there are no container instances. */
  readonly agentPort: number;
  /** Instance addresses that this machine does not have, so that no agent answers there. */
  readonly unusableAddresses: readonly string[];
  readonly world: World;
  readonly clock: SimulatedClock;
  readonly control: Control;
  /** True when the world was found in the data file. */
  readonly restored: boolean;
  /** Ends all listening and timers and saves the world. */
  readonly close: () => Promise<void>;
}

const DEFAULT_AGENT_PORT = 51_678;
const MAX_MADE_UP_MILLISECONDS = 3_600_000;
const MANUAL_START = Date.UTC(2026, 0, 1);

/**
 * Starts a simulated AWS. Several can run in one process. Rejects when a port is taken or the data file cannot be read.
 */
export async function startSimulator(options: SimulatorOptions = {}): Promise<Simulator> {
  const host = options.host ?? '127.0.0.1';
  const saved = options.dataFile === undefined ? undefined : await loadState(options.dataFile);
  const world = new World(saved ?? freshState(options));
  const realTime = options.realTime ?? REAL_TIME;
  const clock = new SimulatedClock(world, modeOf(options.speed), realTime);
  if (saved !== undefined && options.speed !== 'manual') makeUpFor(world, clock, realTime.now());
  const log = new CallLog();
  const agents = new AgentEndpoints(world, clock, options.agentPort ?? agentPortFromEnvironment());
  const control = new Control(world, clock, log, agents);
  for (const cluster of saved === undefined ? (options.clusters ?? []) : []) control.addCluster(cluster.name);
  for (const fault of options.faults ?? []) control.addFault(fault);
  const quotas = options.throttling === false ? undefined : new Quotas();
  const context = { world, clock, services: SERVICES, log, quotas, interceptor: options.interceptor };
  const { server, port } = await startHttpServer(context, controlHandler(control), { host, port: options.port ?? 0 });
  let unusableAddresses: readonly string[] = [];
  try {
    for (const cluster of saved === undefined ? (options.clusters ?? []) : []) {
      await control.addInstances(cluster.name, cluster.instances ?? 0, cluster.instance);
    }
    unusableAddresses = await agents.refresh();
  } catch (error) {
    clock.close();
    await Promise.all([stopHttpServer(server), agents.close()]);
    throw error;
  }
  const saver = options.dataFile === undefined ? undefined : new StateSaver(world, options.dataFile);
  return {
    url: `http://${host.includes(':') ? `[${host}]` : host}:${port}`,
    port,
    get agentPort() {
      return agents.port;
    },
    unusableAddresses,
    world,
    clock,
    control,
    restored: saved !== undefined,
    close: async () => {
      clock.close();
      world.faults.clear();
      await Promise.all([stopHttpServer(server), agents.close()]);
      await saver?.close();
    },
  };
}

/**
 * Brings a world that was away up to the present, if it is behind: at most an hour of it happens, the rest is skipped. A world
 * that ran faster than real time may be ahead already; then it goes on from where it was.
 */
function makeUpFor(world: World, clock: SimulatedClock, now: number): void {
  const behind = Math.max(0, now - world.now);
  const skipped = Math.max(0, behind - MAX_MADE_UP_MILLISECONDS);
  shiftAgenda(world.state, skipped);
  clock.advance(behind - skipped);
}

function freshState(options: SimulatorOptions): WorldState {
  const realTime = options.realTime ?? REAL_TIME;
  return emptyState({
    region: options.region ?? 'us-east-1',
    accountId: options.accountId ?? '123456789012',
    startTime: options.startTime ?? (options.speed === 'manual' ? MANUAL_START : realTime.now()),
    seed: options.seed ?? 1,
  });
}

function modeOf(speed: number | 'manual' | undefined): ClockMode {
  return speed === 'manual' ? { kind: 'manual' } : { kind: 'running', speed: speed ?? 1 };
}

function agentPortFromEnvironment(): number {
  const text = process.env['OUTRIDER_ECS_AGENT_PORT'];
  if (text === undefined || text === '') return DEFAULT_AGENT_PORT;
  const port = Number(text);
  if (Number.isInteger(port) && port >= 0 && port <= 65_535) return port;
  throw new RangeError(`OUTRIDER_ECS_AGENT_PORT must be a port number, not ${text}`);
}
