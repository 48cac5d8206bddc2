import { createServer, type Server, type ServerResponse } from 'node:http';
import { listen, portOf, stopHttpServer } from '../wire/http-server.ts';
import type { SimulatedClock } from '../world/clock.ts';
import type { InstanceState } from '../world/state.ts';
import type { World } from '../world/world.ts';
import { answerAgent } from './answer-agent.ts';

/** Tries to find a port that is free on every instance's address, when any port will do. */
const PORT_TRIES = 10;

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
    const answer = instance === undefined ? undefined : answerAgent(this.#world, instance, path);
    if (answer === undefined) {
      response.destroy();
      return;
    }
    response.writeHead(answer.status, { 'content-type': 'application/json' });
    response.end(answer.body);
  }
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : '';
}

function isTaken(error: unknown): boolean {
  return codeOf(error) === 'EADDRINUSE';
}
