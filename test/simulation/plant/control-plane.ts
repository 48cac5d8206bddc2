import { createDispatcher } from '@outrider/control-plane/app/dispatch/dispatcher.ts';
import type { Dispatcher } from '@outrider/control-plane/app/dispatch/ports.ts';
import { createEngine } from '@outrider/control-plane/app/engine.ts';
import type { Engine } from '@outrider/control-plane/app/engine-port.ts';
import { createExecutions } from '@outrider/control-plane/app/executions.ts';
import type { Executions } from '@outrider/control-plane/app/executions-port.ts';
import type { Store } from '@outrider/control-plane/app/ports.ts';
import type { OperationName } from '@outrider/control-plane/store/operations.ts';
import { DISPATCH_TICK_MS, DRAIN_RECONNECT_MS, SHUTDOWN_GRACE_MS } from '@outrider/shared/protocol/timings.ts';
import type { VersionRange } from '../ports.ts';
import type { PlantContext } from './context.ts';
import type { Door, Listener } from './door.ts';
import { Process } from './process.ts';
import { openStore, type StoreDisk } from './store.ts';
import { Traps } from './traps.ts';

/** What operators and watchers reach while the process serves them. */
export interface OperatorApi {
  readonly process: Process;
  readonly executions: Executions;
  readonly engine: Engine;
}

export const CONTROL_PLANE = 'control-plane';
/** How often what a crash or a failing store left undone is tried again, as control-plane/src/main.ts has it. */
const RECOVER_EVERY_MS = 5_000;
/** Half as many idle looks as in reality: most of the virtual time is waiting, and what happens is acted on at once anyway. */
const TIMINGS = { tickMs: 2 * DISPATCH_TICK_MS };
/** A supervisor starts what ended by itself again after so long. */
const RESTART_AFTER_MS = 3_000;

/** The control plane's machine: one process at a time over a store that outlives them. */
export class ControlPlaneHost {
  readonly traps = new Traps<OperationName>();
  readonly #context: PlantContext;
  readonly #disk: StoreDisk;
  readonly #door: Door;
  #runs = 0;
  #wallOffsetMs = 0;
  #versions: VersionRange;
  #process: Process | undefined;
  #api: OperatorApi | undefined;
  #listener: Listener | undefined;
  #dispatcher: Dispatcher | undefined;

  constructor(context: PlantContext, disk: StoreDisk, door: Door) {
    this.#context = context;
    this.#disk = disk;
    this.#door = door;
    this.#versions = context.script.controlPlaneVersions;
  }

  get process(): Process | undefined {
    return this.#process;
  }

  /** Undefined: nobody answers operators now. */
  get api(): OperatorApi | undefined {
    return this.#api;
  }

  get up(): boolean {
    return this.#process !== undefined;
  }

  /** The versions that the next process speaks. */
  get versions(): VersionRange {
    return this.#versions;
  }

  /** A new process, unless one runs. */
  start(versions = this.#versions): void {
    if (this.#process !== undefined) return;
    this.#versions = versions;
    const { scheduler, random, recorder } = this.#context;
    this.#runs += 1;
    const process = new Process(scheduler, {
      host: CONTROL_PLANE,
      run: this.#runs,
      wallOffsetMs: this.#wallOffsetMs,
      random,
    });
    this.#process = process;
    process.onEnd(() => {
      this.#wallOffsetMs = process.clock.wallOffsetMs;
      this.#process = undefined;
      this.#api = undefined;
      this.#listener = undefined;
      this.#dispatcher = undefined;
      recorder.note('process:control-plane-ended', CONTROL_PLANE);
    });
    recorder.note('process:control-plane-started', CONTROL_PLANE, `${versions.min}–${versions.max}`);
    this.#run(process).catch((thrown: unknown) => {
      // It cannot start: the program ends with an error, and is started again.
      recorder.note('process:control-plane-cannot-start', CONTROL_PLANE, thrown instanceof Error ? thrown.message : '');
      process.kill();
      scheduler.after(RESTART_AFTER_MS, () => this.start(), 'restart control plane');
    });
  }

  /** kill -9. False: nothing ran. */
  kill(): boolean {
    const process = this.#process;
    process?.kill();
    return process !== undefined;
  }

  /** SIGTERM: delegates are told to come back, streams are ended, then the process ends. Calls back when it is gone. */
  drain(gone: () => void): void {
    const process = this.#process;
    if (process === undefined) return;
    process.onEnd(gone);
    process.clock.deliver(0, () => void this.#shutDown(process), 'SIGTERM');
  }

  /** Milliseconds since 1970 by the machine's wall clock. */
  get wallMs(): number {
    return this.#process?.clock.now() ?? this.#context.scheduler.now() + this.#wallOffsetMs;
  }

  jumpClock(milliseconds: number): void {
    if (this.#process === undefined) this.#wallOffsetMs += milliseconds;
    else this.#process.clock.jump(milliseconds);
  }

  /** In the order of control-plane/src/main.ts: what a crash left behind, then the leases, then delegates and operators. */
  async #run(process: Process): Promise<void> {
    const { recorder, weather } = this.#context;
    const { clock } = process;
    await process.pause(process.random.whole(100, 1_500), 'control plane starts');
    const logger = recorder.loggerOf(CONTROL_PLANE);
    const strike = (operation: OperationName, act: () => void) => this.traps.strike(process, operation, undefined, act);
    const store = openStore({ disk: this.#disk, process, recorder, weather, strike });
    const randomness = { bytes: (count: number) => process.random.bytes(count) };
    const engine = createEngine({ store, clock, randomness, logger });
    await engine.recover();
    const parts = { store, engine, clock, timers: clock, randomness, logger, timings: TIMINGS };
    const dispatcher = createDispatcher({ ...parts, protocol: this.#versions });
    await dispatcher.start();
    repeatRecovery(engine, process);
    this.#dispatcher = dispatcher;
    this.#listener = this.#door.open(process, dispatcher);
    this.#api = { process, engine, executions: executionsOf(store, engine, dispatcher, process) };
    recorder.note('process:control-plane-up', CONTROL_PLANE);
  }

  async #shutDown(process: Process): Promise<void> {
    this.#api = undefined;
    const listener = this.#listener;
    const dispatcher = this.#dispatcher;
    if (listener !== undefined && dispatcher !== undefined) {
      listener.shut = true;
      dispatcher.drain(DRAIN_RECONNECT_MS, 'the control plane is shutting down');
      await this.#streamsEnd(process, listener);
      await dispatcher.stop();
    }
    process.kill();
  }

  /** Waits until the streams have ended, and ends them after the grace. */
  async #streamsEnd(process: Process, listener: Listener): Promise<void> {
    const looks = 10;
    for (let look = 0; look < looks && listener.streams.size > 0; look++) {
      await process.pause(SHUTDOWN_GRACE_MS / looks, 'streams end');
    }
    for (const stream of listener.streams) stream.shutDown();
    await process.pause(500, 'last words');
  }
}

function executionsOf(store: Store, engine: Engine, dispatcher: Dispatcher, process: Process): Executions {
  return createExecutions({
    store,
    engine,
    clock: process.clock,
    fleet: () => dispatcher.fleet(),
    progressOf: (taskId) => dispatcher.progressOf(taskId),
  });
}

function repeatRecovery(engine: Engine, process: Process): void {
  let running = false;
  const again = () => {
    process.clock.after(RECOVER_EVERY_MS, again);
    if (running) return;
    running = true;
    engine.recover().then(
      () => (running = false),
      () => (running = false),
    );
  };
  process.clock.after(RECOVER_EVERY_MS, again);
}
