import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { JsonObject } from '@outrider/shared/json.ts';
import type { TaskOutcome, TaskResult } from '@outrider/shared/protocol/messages.ts';
import { SAMPLE_REGION } from '@outrider/simulator/sample-world.ts';
import { type Simulator, startSimulator } from '@outrider/simulator/start.ts';
import type { Interception } from '@outrider/simulator/wire/interceptor.ts';
import type { WorldState } from '@outrider/simulator/world/state.ts';
import { type FromDelegate, type SweptControlPlane, startSweptControlPlane } from './control-plane.ts';
import { type Bundle, type DelegateProcess, spooledText, startDelegateProcess } from './delegate-process.ts';
import type { Place, RecordedCall, Recovery } from './places.ts';
import type { Scene } from './stories.ts';

/** Simulated time that goes by with a call that steps wait with. */
const WAITING_CALL_MS = 20_000;
/** What they wait with: tasks that belong to no service are all that there is to look at. */
const waitingCall = (type: string) => (type === 'ecs-run-task' ? 'DescribeTasks' : 'DescribeServices');
const OTHER_CALL_MS = 200;
/** Simulated time until somebody goes on: a process is started again sooner than a lease has ended. */
const DOWNTIME_MS: Readonly<Record<Recovery, number>> = { same: 5_000, other: 40_000 };
/** Simulated time in which whatever was set going comes to rest. */
const SETTLING_MS = 30 * 60_000;
const PIECE_MS = 1_000;
/** No run takes longer, in real time. */
const RUN_LIMIT_MS = 60_000;
const CONNECT_LIMIT_MS = 30_000;

/** All that is left of one run of a step. */
export interface Run {
  readonly calls: readonly RecordedCall[];
  readonly outcome: TaskOutcome;
  readonly result: TaskResult | undefined;
  /** The stored log, encoded. */
  readonly log: string;
  /** What the killed delegate had written, encoded; empty: none was killed. */
  readonly victimLog: string;
  /** The facts of the attempt at its end. */
  readonly facts: JsonObject;
  /** The fewest tasks that ran at any moment. */
  readonly fewestRunning: number;
  readonly worldBefore: WorldState;
  readonly world: WorldState;
}

type Trap =
  | { readonly kind: 'off' }
  | { readonly kind: 'set'; readonly place: Place }
  /** The answer of the call has left: the next act is the last. */
  | { readonly kind: 'sprung-next' }
  | { readonly kind: 'dead' };

/**
 * A simulated AWS, a control plane and delegates that are processes of their own, for many runs one after the other. What
 * survives a run is the victim of the next.
 */
export class Bench {
  readonly #bundle: Bundle;
  readonly #directory = mkdtempSync(path.join(tmpdir(), 'outrider-sweep-'));
  #simulator: Simulator | undefined;
  #controlPlane: SweptControlPlane | undefined;
  #delegate: DelegateProcess | undefined;
  #started = 0;
  #attempts = 0;
  #calls: RecordedCall[] = [];
  #waitingCall = '';
  #nextIsKnown = false;
  #trap: Trap = { kind: 'off' };
  #sprung = Promise.withResolvers<void>();
  readonly #alive = new Set<DelegateProcess>();

  private constructor(delegateBundle: Bundle) {
    this.#bundle = delegateBundle;
  }

  static async start(delegateBundle: Bundle): Promise<Bench> {
    const bench = new Bench(delegateBundle);
    bench.#simulator = await startSimulator({
      speed: 'manual',
      throttling: false,
      agentPort: 0,
      region: SAMPLE_REGION,
      clusters: [{ name: 'agents', instances: 1 }],
      interceptor: {
        arrived: (call) => bench.#arrived(call),
        answered: (call) => bench.#answered(call),
      },
    });
    bench.#controlPlane = await startSweptControlPlane((message) => bench.#receiving(message));
    return bench;
  }

  /** Runs a step in a world, whole or with the delegate killed at a place. Rejects when it does not come to an end. */
  async run({ world, faults, task }: Scene, place: Place | undefined): Promise<Run> {
    const { simulator, controlPlane } = this.#parts();
    const victim = (this.#delegate ??= this.#startDelegate(`delegate-${this.#started + 1}`));
    await within(CONNECT_LIMIT_MS, controlPlane.connected(victim.name), () => `not connected: ${victim.said()}`);
    await simulator.control.restore(world);
    simulator.control.clearFaults();
    for (const fault of faults) simulator.control.addFault(fault);
    this.#calls = [];
    this.#waitingCall = waitingCall(task.type);
    this.#trap = place === undefined ? { kind: 'off' } : { kind: 'set', place };
    this.#sprung = Promise.withResolvers();
    this.#attempts += 1;
    const running = watchRunning(simulator);
    const { id, ended } = controlPlane.run({ ...task, attempt: this.#attempts });
    let victimLog = '';
    const inTime = <T>(promise: Promise<T>) => within(RUN_LIMIT_MS, promise, () => this.#situation());
    try {
      if (place !== undefined) {
        const killed = this.#sprung.promise.then(() => true);
        const dead = await inTime(Promise.race([killed, ended.then(() => false)]));
        if (!dead) throw new Error(`the step ended before its delegate was killed: ${this.#situation()}`);
        victimLog = spooledText(victim.dataDirectory);
        await inTime(this.#recover(victim, place.recovery));
      }
      const { outcome, result } = await inTime(ended);
      const log = await controlPlane.log(id);
      const fewestRunning = running.fewest;
      simulator.control.advance(SETTLING_MS);
      const facts = await controlPlane.facts(id);
      const after = simulator.control.snapshot();
      const seen = { log, victimLog, facts, fewestRunning, worldBefore: world, world: after };
      return { calls: this.#calls, outcome, result, ...seen };
    } catch (error) {
      await this.#clear();
      throw error;
    } finally {
      running.stop();
    }
  }

  async close(): Promise<void> {
    await this.#clear();
    await this.#controlPlane?.close();
    await this.#simulator?.close();
    rmSync(this.#directory, { recursive: true, force: true });
  }

  #parts(): { simulator: Simulator; controlPlane: SweptControlPlane } {
    if (this.#simulator === undefined || this.#controlPlane === undefined) throw new Error('not started');
    return { simulator: this.#simulator, controlPlane: this.#controlPlane };
  }

  /** After a failure nothing is known of the delegates: the next run begins with a new one. */
  async #clear(): Promise<void> {
    await Promise.all([...this.#alive].map((delegate) => delegate.kill()));
    this.#alive.clear();
    this.#delegate = undefined;
  }

  #startDelegate(name: string): DelegateProcess {
    const { simulator, controlPlane } = this.#parts();
    this.#started += 1;
    const dataDirectory = path.join(this.#directory, name);
    const addresses = { controlPlanePort: controlPlane.port, awsUrl: simulator.url, agentPort: simulator.agentPort };
    const delegate = startDelegateProcess(this.#bundle, { name, dataDirectory }, addresses);
    this.#alive.add(delegate);
    return delegate;
  }

  async #recover(victim: DelegateProcess, recovery: Recovery): Promise<void> {
    const { controlPlane } = this.#parts();
    await controlPlane.disconnected(victim.name);
    this.#letPass(DOWNTIME_MS[recovery]);
    this.#delegate = this.#startDelegate(recovery === 'same' ? victim.name : `delegate-${this.#started + 1}`);
    if (recovery === 'same') return;
    await controlPlane.connected(this.#delegate.name);
    controlPlane.endLeases();
  }

  async #kill(): Promise<Interception> {
    const victim = this.#delegate;
    this.#trap = { kind: 'dead' };
    if (victim !== undefined) {
      await victim.kill();
      this.#alive.delete(victim);
    }
    this.#sprung.resolve();
    return 'drop';
  }

  async #arrived(call: Omit<RecordedCall, 'outcome' | 'followedBy'>): Promise<Interception> {
    const trap = this.#trap;
    if (trap.kind === 'sprung-next') return await this.#kill();
    this.#noteNext('call');
    const { service, operation, mutates } = call;
    this.#calls.push({ service, operation, mutates, outcome: 'pending', followedBy: 'message' });
    this.#nextIsKnown = false;
    if (trap.kind === 'set' && trap.place.point === 'before' && trap.place.call === this.#calls.length) {
      return await this.#kill();
    }
    this.#letPass(operation === this.#waitingCall ? WAITING_CALL_MS : OTHER_CALL_MS);
    return 'go-on';
  }

  /** In pieces, so that nothing that lasts goes by unseen. */
  #letPass(milliseconds: number): void {
    const { control } = this.#parts().simulator;
    for (let left = milliseconds; left > 0; left -= PIECE_MS) control.advance(Math.min(left, PIECE_MS));
  }

  async #answered({ outcome }: Pick<RecordedCall, 'outcome'>): Promise<Interception> {
    const last = this.#calls.at(-1);
    if (last !== undefined) this.#calls[this.#calls.length - 1] = { ...last, outcome };
    const trap = this.#trap;
    if (trap.kind !== 'set' || trap.place.call !== this.#calls.length) return 'go-on';
    if (trap.place.point === 'lost') return await this.#kill();
    this.#trap = { kind: 'sprung-next' };
    return 'go-on';
  }

  async #receiving(message: FromDelegate): Promise<Interception> {
    const visible = message.kind === 'checkpoint' || message.kind === 'result';
    if (visible) this.#noteNext('message');
    return visible && this.#trap.kind === 'sprung-next' ? await this.#kill() : 'go-on';
  }

  #noteNext(followedBy: RecordedCall['followedBy']): void {
    const last = this.#calls.at(-1);
    if (last !== undefined && !this.#nextIsKnown) this.#calls[this.#calls.length - 1] = { ...last, followedBy };
    this.#nextIsKnown = true;
  }

  #situation(): string {
    const calls = this.#calls.slice(-8).map((call) => `${call.operation} ${call.outcome}`);
    const said = [...this.#alive].map((delegate) => `${delegate.name}: ${delegate.said()}`);
    return [
      `the step did not end; trap ${this.#trap.kind}; ${this.#calls.length} calls, the last:`,
      ...calls,
      ...said,
    ].join('\n');
  }
}

async function within<T>(milliseconds: number, promise: Promise<T>, situation: () => string): Promise<T> {
  let limit: NodeJS.Timeout | undefined;
  const tooLong = new Promise<never>((_, reject) => {
    limit = setTimeout(() => reject(new Error(situation())), milliseconds);
  });
  try {
    return await Promise.race([promise, tooLong]);
  } finally {
    clearTimeout(limit);
  }
}

/** Counts the tasks that run, at every change of the world. */
function watchRunning({ world }: Simulator): { readonly fewest: number; stop(): void } {
  const count = () => {
    const tasks = Object.values(world.state.tasks);
    return tasks.filter(({ task }) => task.lastStatus === 'RUNNING' && task.desiredStatus === 'RUNNING').length;
  };
  let fewest = count();
  const stop = world.onChange(() => {
    fewest = Math.min(fewest, count());
  });
  return {
    get fewest() {
      return fewest;
    },
    stop,
  };
}
