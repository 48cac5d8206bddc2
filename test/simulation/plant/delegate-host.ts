import { Agent } from '@outrider/delegate/agent/agent.ts';
import type { AwsRequest, RunnerOptions } from '@outrider/delegate/agent/runner.ts';
import type { DelegateIdentity } from '@outrider/delegate/agent/session-state.ts';
import { HANDLERS, runStep } from '@outrider/delegate/steps/index.ts';
import { sortableId, taskId } from '@outrider/shared/ids.ts';
import { DELEGATE_SLOTS, DRAIN_LIMIT_MS } from '@outrider/shared/protocol/timings.ts';
import { STEP_SPECS } from '@outrider/shared/steps/index.ts';
import { SAMPLE_REGION } from '@outrider/simulator/sample-world.ts';
import { NO_HOST } from '../../support/no-host.ts';
import type { DelegateEffect, VersionRange } from '../ports.ts';
import { SimulatedConnection } from './connection.ts';
import type { PlantContext } from './context.ts';
import { type Disk, openDiskJournal, openDiskSpools } from './disk.ts';
import type { Door } from './door.ts';
import type { Roads } from './network.ts';
import { Process } from './process.ts';
import { RunWitness } from './run-witness.ts';
import { Traps } from './traps.ts';
import type { Wire } from './wire.ts';

export interface DelegateHostOptions {
  readonly context: PlantContext;
  /** The delegate's name; a clone has its original's. */
  readonly delegateName: string;
  /** Of this machine, in traces. */
  readonly host: string;
  readonly roads: Roads;
  readonly door: Door;
  readonly disk: Disk;
  readonly versions: VersionRange;
  readonly onWire: (wire: Wire) => void;
}

/** Steps look seldom: what they see between two looks is the simulated AWS's affair, and each look costs real time. */
const POLLING = { minMs: 4_000, maxMs: 30_000 };
/** ECS kills what does not end by itself. */
const STOP_TIMEOUT_MS = 120_000;
const REPEATABLE = Object.values(STEP_SPECS).filter((spec) => spec.repeatable);

/** A delegate's machine: one process at a time over a directory that outlives them. */
export class DelegateHost {
  readonly host: string;
  readonly traps = new Traps<DelegateEffect>();
  readonly disk: Disk;
  readonly #options: DelegateHostOptions;
  #runs = 0;
  #wallOffsetMs = 0;
  #versions: VersionRange;
  #process: Process | undefined;
  #agent: Agent | undefined;

  constructor(options: DelegateHostOptions) {
    this.#options = options;
    this.host = options.host;
    this.disk = options.disk;
    this.#versions = options.versions;
  }

  get process(): Process | undefined {
    return this.#process;
  }

  get up(): boolean {
    return this.#process !== undefined;
  }

  /** The versions that the next process speaks. */
  get versions(): VersionRange {
    return this.#versions;
  }

  /** A new process with a new instance id, unless one runs. */
  start(versions = this.#versions): void {
    if (this.#process !== undefined) return;
    this.#versions = versions;
    const { scheduler, random, recorder } = this.#options.context;
    this.#runs += 1;
    const process = new Process(scheduler, {
      host: this.host,
      run: this.#runs,
      wallOffsetMs: this.#wallOffsetMs,
      random,
    });
    this.#process = process;
    process.onEnd(() => {
      this.#wallOffsetMs = process.clock.wallOffsetMs;
      this.#process = undefined;
      this.#agent = undefined;
      recorder.note('process:delegate-ended', this.host);
    });
    recorder.note('process:delegate-started', this.host, `${versions.min}–${versions.max}`);
    process.clock.deliver(process.random.whole(50, 800), () => this.#run(process), 'delegate starts');
  }

  /** kill -9. False: nothing ran. */
  kill(): boolean {
    const process = this.#process;
    process?.kill();
    return process !== undefined;
  }

  /** SIGTERM: it drains and ends; ECS kills it when that takes too long. Calls back when it is gone. */
  drain(gone: () => void): void {
    const process = this.#process;
    if (process === undefined) return;
    process.onEnd(gone);
    const agent = this.#agent;
    const end = () => process.kill();
    this.#options.context.scheduler.after(STOP_TIMEOUT_MS, end, 'SIGKILL');
    process.clock.deliver(0, () => void (agent?.stop(DRAIN_LIMIT_MS) ?? Promise.resolve()).then(end), 'SIGTERM');
  }

  jumpClock(milliseconds: number): void {
    if (this.#process === undefined) this.#wallOffsetMs += milliseconds;
    else this.#process.clock.jump(milliseconds);
  }

  #run(process: Process): void {
    const { context, roads, door, delegateName, disk, onWire } = this.#options;
    const { recorder, inspect } = context;
    const { clock } = process;
    const strike = <T>(effect: DelegateEffect, dead: T, act: () => T): T =>
      this.traps.strike(process, effect, dead, act);
    const identity = this.#identity(process);
    const agent = new Agent({
      identity,
      controlPlane: 'control-plane',
      connect: (handlers) =>
        new SimulatedConnection({
          process,
          delegateName,
          credentialId: disk.credentialId,
          roads,
          door,
          recorder,
          handlers,
          onWire,
          inspect,
          strikeSend: (act) => strike('send', undefined, act),
        }),
      journal: openDiskJournal(disk, process, strike),
      logFiles: openDiskSpools(disk, process, strike),
      clock,
      timers: clock,
      random: () => process.random.unit(),
      logger: recorder.loggerOf(this.host),
      work: this.#work(process, identity.instanceId),
      onFatal: (error) => {
        recorder.fail(this.host, error);
        process.kill();
      },
    });
    this.#agent = agent;
    agent.start();
  }

  #identity(process: Process): DelegateIdentity {
    return {
      delegateName: this.#options.delegateName,
      instanceId: sortableId('ins', Math.floor(process.clock.now()), process.random.bytes(10)),
      version: '0.0.0',
      tags: [],
      stepTypes: Object.keys(HANDLERS),
      slots: DELEGATE_SLOTS,
      region: SAMPLE_REGION,
      repeatableTypes: REPEATABLE.map((spec) => spec.type),
      protocol: this.#versions,
    };
  }

  /** The real steps over simulated AWS, and witnesses of what they say and are allowed to do. */
  #work(
    process: Process,
    instanceId: string,
  ): Pick<RunnerOptions, 'runStep' | 'awsFor' | 'metadata' | 'host' | 'polling'> {
    const { recorder, aws } = this.#options.context;
    const awsFor = aws.awsFor(process.clock);
    const witnesses = new Map<string, RunWitness>();
    return {
      polling: POLLING,
      metadata: aws.metadataFor(process.clock),
      host: NO_HOST,
      runStep: async (task, facts, context) => {
        const witness = witnesses.get(taskId(task.executionId, task.stepId, task.attempt));
        const outcome = await runStep(task, facts, witness?.watch(context) ?? context);
        witness?.over();
        return outcome;
      },
      awsFor: (request: AwsRequest) => {
        const witness = new RunWitness(recorder, process, instanceId, request.ref, request.gate);
        witnesses.set(request.ref.taskId, witness);
        return awsFor({ ...request, gate: witness.gate });
      },
    };
  }
}
