import { createServer, type Server, type ServerResponse } from 'node:http';
import { listen, portOf, stopHttpServer } from '../wire/http-server.ts';
import type { SimulatedClock } from '../world/clock.ts';
import { matches } from '../world/faults.ts';
import { clusterNameOf } from '../world/lookups.ts';
import { tasksOn } from '../world/resources.ts';
import type { InstanceState } from '../world/state.ts';
import type { World } from '../world/world.ts';
import { NO_TASK, viewAgentTask } from './view-agent-task.ts';

const VERSION = 'Amazon ECS Agent - v1.105.1 (02ff320c)';
const COMMANDS = ['/v1/metadata', '/v1/tasks', '/license'];
/** Tries to find a port that is free on every instance's address, when any port will do. */
const PORT_TRIES = 10;
const SHORT_ID_LENGTH = 12;

/** The ECS agent's introspection endpoint of every container instance, on the instance's own loopback address. */
export class AgentEndpoints {
  readonly #world: World;
  readonly #clock: SimulatedClock;
  readonly #servers = new Map<string, Server>();
  #port: number;

  constructor(world: World, clock: SimulatedClock, port: number) {
    this.#world = world;
    this.#clock = clock;
    this.#port = port;
  }

  /** The one port they all listen on; 0 until the first instance listens. */
  get port(): number {
    return this.#port;
  }

  /**
   * Listens for instances that have no endpoint yet and ends the endpoints of those that are gone. Returns the addresses
   * that cannot be used on this machine (only 127.0.0.1 exists on some systems). Rejects when the port is taken.
   */
  async refresh(): Promise<string[]> {
    const instances = Object.values(this.#world.state.instances);
    for (const [arn, server] of this.#servers) {
      if (this.#world.state.instances[arn] !== undefined) continue;
      this.#servers.delete(arn);
      await stopHttpServer(server);
    }
    const missing = instances.filter((instance) => !this.#servers.has(instance.arn));
    const anyPort = this.#port === 0;
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await this.#listenAll(missing);
      } catch (error) {
        if (!anyPort || !isTaken(error) || attempt >= PORT_TRIES) throw error;
        await this.close();
        this.#port = 0;
      }
    }
  }

  async close(): Promise<void> {
    const servers = [...this.#servers.values()];
    this.#servers.clear();
    await Promise.all(servers.map(stopHttpServer));
  }

  async #listenAll(instances: readonly InstanceState[]): Promise<string[]> {
    const unusable: string[] = [];
    for (const instance of instances) {
      const server = createServer((request, response) => this.#answer(instance.arn, request.url ?? '/', response));
      try {
        await listen(server, instance.privateAddress, this.#port);
      } catch (error) {
        if (codeOf(error) !== 'EADDRNOTAVAIL') throw error;
        unusable.push(instance.privateAddress);
        continue;
      }
      this.#port = portOf(server.address());
      this.#servers.set(instance.arn, server);
    }
    return unusable;
  }

  #answer(instanceArn: string, path: string, response: ServerResponse): void {
    this.#clock.catchUp();
    const instance = this.#world.state.instances[instanceArn];
    if (instance === undefined || this.#isBlocked(instance)) {
      response.destroy();
      return;
    }
    const url = new URL(path, 'http://agent');
    if (url.pathname === '/v1/metadata') {
      const Cluster = clusterNameOf(instance.clusterArn);
      send(response, 200, { Cluster, ContainerInstanceArn: instance.arn, Version: VERSION });
    } else if (url.pathname === '/v1/tasks') this.#answerTasks(instance, url.searchParams, response);
    else if (url.pathname === '/license') send(response, 200, 'Apache-2.0');
    else send(response, 200, { AvailableCommands: COMMANDS });
  }

  #answerTasks(instance: InstanceState, query: URLSearchParams, response: ServerResponse): void {
    const tasks = tasksOn(this.#world.state, instance).map((one) => viewAgentTask(this.#world.state, one));
    const arn = query.get('taskarn');
    const dockerId = query.get('dockerid');
    if (arn === null && dockerId === null) {
      send(response, 200, { Tasks: tasks });
      return;
    }
    if (arn !== null && dockerId !== null) {
      send(response, 400, NO_TASK);
      return;
    }
    const found = tasks.filter((task) =>
      arn === null
        ? task.Containers.some((container) => isNamed(container.DockerId, dockerId ?? ''))
        : task.Arn === arn,
    );
    if (found.length > 1) send(response, 400, NO_TASK);
    else send(response, found[0] === undefined ? 404 : 200, found[0] ?? NO_TASK);
  }

  #isBlocked(instance: InstanceState): boolean {
    const names = [instance.id, instance.ec2InstanceId, instance.privateAddress];
    return (
      this.#world.faults.strike(['agent-blocked'], (fault) => names.some((name) => matches(fault.instance, name))) !==
      undefined
    );
  }
}

function isNamed(dockerId: string, asked: string): boolean {
  if (asked === '') return false;
  return asked.length <= SHORT_ID_LENGTH ? dockerId.startsWith(asked) : dockerId === asked;
}

function send(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(typeof body === 'string' ? body : JSON.stringify(body));
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : '';
}

function isTaken(error: unknown): boolean {
  return codeOf(error) === 'EADDRINUSE';
}
