import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createDispatcher } from '@outrider/control-plane/app/dispatch/dispatcher.ts';
import type { Dispatcher } from '@outrider/control-plane/app/dispatch/ports.ts';
import type { DispatchTimings } from '@outrider/control-plane/app/dispatch/timings.ts';
import type { Engine, SubmitOutcome } from '@outrider/control-plane/app/engine-port.ts';
import { createJoining, type Joining, OPEN_DOOR } from '@outrider/control-plane/app/joining.ts';
import type { Logger } from '@outrider/control-plane/app/logger.ts';
import type { Clock, ExecutionSummary, Store, TaskChange, TaskRow } from '@outrider/control-plane/app/ports.ts';
import type { ExecutionInput } from '@outrider/control-plane/domain/execution/events.ts';
import { type GrpcServer, type GrpcServerOptions, startGrpcServer } from '@outrider/control-plane/grpc/server.ts';
import { createMemoryStore } from '@outrider/control-plane/store/memory.ts';
import { createTlsIdentity, type TlsIdentity } from '@outrider/control-plane/tls/identity.ts';
import type { DelegateConfig } from '@outrider/delegate/agent/config.ts';
import { SYSTEM_TIMERS, type Timers } from '@outrider/delegate/agent/instant.ts';
import type { Aws } from '@outrider/delegate/aws/ports.ts';
import { type DelegateHandle, type DelegateOverrides, startDelegate } from '@outrider/delegate/delegate.ts';
import type { StepRunContext, StepRunOutcome } from '@outrider/delegate/steps/index.ts';
import { taskId } from '@outrider/shared/ids.ts';
import type { JsonObject } from '@outrider/shared/json.ts';
import { decodeLogLine } from '@outrider/shared/logs.ts';
import { parseJoinToken } from '@outrider/shared/protocol/join-token.ts';
import type { ProtocolRange } from '@outrider/shared/protocol/versions.ts';
import { STEP_TYPES } from '@outrider/shared/steps/index.ts';
import type { StepTask } from '@outrider/shared/steps/task.ts';

export const EXECUTION = 'exe_00000000000000000000000001';
export const CLOCK = { now: () => Date.now() };
export const RANDOMNESS = { bytes: (count: number) => crypto.getRandomValues(new Uint8Array(count)) };
export const TIMERS: Timers = SYSTEM_TIMERS;

/** Short enough for tests, and in the proportions of the real ones. */
export const QUICK: Partial<DispatchTimings> = {
  tickMs: 50,
  heartbeatMs: 100,
  leaseTtlMs: 3_000,
  leaseExtensionAfterStartMs: 6_000,
  reassignGraceMs: 200,
  offerAcceptMs: 400,
  offerPauseMs: 10,
  noDelegateTimeoutMs: 600_000,
  callDeadlineMs: 200,
};

/** What a step does in a test. */
export type Recipe = (task: StepTask, facts: JsonObject, ctx: StepRunContext) => Promise<StepRunOutcome>;

export const done = (output: JsonObject = {}): StepRunOutcome => ({ outcome: 'succeeded', output });

/** An engine that takes everything and remembers it; tasks change as the store allows. */
export interface ScriptedEngine extends Engine {
  readonly inputs: ExecutionInput[];
  /** Tells listeners that there may be something to do. */
  nudge(): void;
  refuse: (input: ExecutionInput) => string | undefined;
}

export function scriptedEngine(store: Store): ScriptedEngine {
  const inputs: ExecutionInput[] = [];
  const listeners = new Set<(taskId: string) => void>();
  const engine: ScriptedEngine = {
    inputs,
    refuse: () => undefined,
    nudge: () => {
      for (const listener of listeners) listener('');
    },
    start: async () => Promise.reject(new Error('not part of these tests')),
    load: async () => undefined,
    recover: async () => {},
    onCommitted: () => () => {},
    onTasksChanged(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    async submit(executionId, input, task): Promise<SubmitOutcome> {
      const because = engine.refuse(input);
      if (because !== undefined) return { kind: 'refused', because };
      if (task !== undefined) {
        const outcome = await commitTask(store, executionId, task);
        if (outcome.kind !== 'ok') return outcome;
      }
      inputs.push(input);
      if (input.kind === 'task-deadline-passed') {
        await store.cancelTask(taskId(executionId, input.stepId, input.attempt), 'timed-out', 'its time is up');
        engine.nudge();
      }
      return { kind: 'ok', state: {} as never };
    },
  };
  return engine;
}

async function commitTask(store: Store, executionId: string, task: TaskChange): Promise<SubmitOutcome> {
  for (;;) {
    const seq = (await store.readEvents(executionId, 0, 10_000)).length;
    const event = { type: 'phase-started', phase: 'Phase 1', rollback: false } as const;
    const outcome = await store.commit({
      executionId,
      expectedSeq: seq,
      events: [{ seq: seq + 1, atMs: 0, event }],
      effects: [],
      summary: SUMMARY,
      task,
    });
    switch (outcome.kind) {
      case 'conflict':
        continue;
      case 'stale':
      case 'duplicate':
        return outcome;
      case 'unknown-task':
      case 'replayed':
        return { kind: 'unknown' };
      case 'ok':
        return { kind: 'ok', state: {} as never };
    }
  }
}

const SUMMARY: ExecutionSummary = {
  id: EXECUTION,
  application: 'default',
  workflow: 'w',
  status: 'running',
  rollback: 'none',
  currentPhase: null,
  startedAtMs: 0,
  endedAtMs: null,
  startedBy: 'test',
  reason: '',
  resourceKeys: [],
  failure: null,
  artifacts: {},
  variables: {},
};

export function stepTaskOf(stepId: string, changes: Partial<StepTask> = {}): StepTask {
  return {
    type: 'ecs-steady-state-check',
    executionId: EXECUTION,
    stepId,
    attempt: 1,
    stepName: 'Check',
    phaseName: 'Phase 1',
    workflow: 'w',
    rollback: false,
    with: {},
    target: { infrastructure: 'i', region: 'us-east-1', cluster: 'c' },
    service: {
      application: 'default',
      name: 's',
      environment: 'e',
      strategy: 'REPLICA',
      image: 'nginx:1',
      containerName: 'nginx',
      family: 'f',
      taskDefinition: {},
      serviceDefinition: {},
    },
    prior: { setup: null, undo: [], finalResize: true, allPhasesRolledBack: false },
    ...changes,
  };
}

export interface RigOptions {
  readonly store?: Store;
  readonly timings?: Partial<DispatchTimings>;
  readonly tls?: boolean;
  readonly publicNames?: readonly string[];
  readonly port?: number;
  readonly serverTimings?: NonNullable<GrpcServerOptions['timings']>;
  readonly logger?: Logger;
  /** Delegates prove who they are, though in plaintext: so that a test can say every word of one. */
  readonly credentials?: boolean;
  readonly clock?: Clock;
  readonly credentialTtlMs?: number;
  readonly credentialOverlapMs?: number;
  /** What the control plane speaks. */
  readonly protocol?: ProtocolRange;
  /** What its door answers, if that is not the same: more than a session of it has agreed on. */
  readonly doorProtocol?: ProtocolRange;
}

/** A control plane without operators: a store, a dispatcher and its door on a real socket. */
export class Rig {
  store: Store;
  readonly options: RigOptions;
  engine: ScriptedEngine;
  dispatcher: Dispatcher;
  server: GrpcServer;
  joining: Joining;
  identity: TlsIdentity | undefined;
  readonly directory = mkdtempSync(path.join(tmpdir(), 'outrider-agent-'));
  readonly #delegates = new Set<DelegateHandle>();

  private constructor(options: RigOptions, parts: Awaited<ReturnType<typeof startParts>>) {
    this.options = options;
    this.store = parts.store;
    this.engine = parts.engine;
    this.dispatcher = parts.dispatcher;
    this.server = parts.server;
    this.joining = parts.joining;
    this.identity = parts.identity;
  }

  static async start(options: RigOptions = {}): Promise<Rig> {
    return new Rig(options, await startParts(options));
  }

  /** Puts a step into the queue. */
  async enqueue(
    stepId: string,
    options: {
      readonly selectors?: readonly string[];
      readonly repeatable?: boolean;
      readonly timeoutSeconds?: number;
      readonly task?: Partial<StepTask>;
    } = {},
  ): Promise<string> {
    const task = stepTaskOf(stepId, options.task);
    const { selectors = [], repeatable = true, timeoutSeconds = 600 } = options;
    const atMs = CLOCK.now();
    await this.store.enqueueTask({ task, selectors, repeatable, timeoutSeconds, notBeforeMs: atMs, atMs });
    this.engine.nudge();
    return taskId(EXECUTION, stepId, task.attempt);
  }

  async row(id: string): Promise<TaskRow> {
    const row = await this.store.getTask(id);
    if (row === undefined) throw new Error(`there is no task ${id}`);
    return row;
  }

  /** Texts of the stored log. */
  async log(id: string): Promise<readonly string[]> {
    const chunks = await this.store.readLog(id, 0, 16_777_216);
    const text = Buffer.concat(chunks.map((chunk) => chunk.bytes)).toString('utf8');
    const lines = text.split('\n').filter((line) => line !== '');
    return lines.map((line) => decodeLogLine(line).text);
  }

  config(name: string, changes: Partial<DelegateConfig> = {}): DelegateConfig {
    return {
      controlPlane: { host: '127.0.0.1', port: this.server.port },
      insecure: this.identity === undefined,
      joinToken: null,
      name,
      tags: [],
      dataDir: this.directory,
      slots: 10,
      pollMinMs: 10,
      pollMaxMs: 20,
      region: 'us-east-1',
      logLevel: 'silent',
      ...changes,
    };
  }

  /** Starts a delegate that does what the recipe says. */
  async delegate(
    name: string,
    recipe: Recipe,
    changes: Partial<DelegateConfig> = {},
    overrides: DelegateOverrides = {},
  ): Promise<DelegateHandle> {
    const delegate = await startDelegate(this.config(name, changes), {
      stepTypes: STEP_TYPES,
      logger: process.env['RIG_LOG'] === undefined ? QUIET : LOUD,
      connectionTimings: { reconnectBaseMs: 20, watchdogMs: 2_000, credentialRetryMs: 100 },
      ...overrides,
      work: { runStep: recipe, awsFor: () => NO_AWS, ...overrides.work },
    });
    this.#delegates.add(delegate);
    return delegate;
  }

  async joinToken(
    delegateName: string | null,
    uses: number | null = 1,
    lifeMs = 60_000,
  ): Promise<DelegateConfig['joinToken']> {
    const { token } = await this.joining.create({ delegateName, uses, expiresAtMs: CLOCK.now() + lifeMs }, 'test');
    return tokenOf(token);
  }

  /** The process is gone without a word; the store stays. */
  async killControlPlane(): Promise<void> {
    // In this order nobody is told to come back later.
    await this.dispatcher.stop();
    await this.server.close();
    this.identity?.close();
  }

  /** Another process on the same port, and on the same store if no other is given. */
  async restartControlPlane(store: Store = this.store, changes: Partial<RigOptions> = {}): Promise<void> {
    this.store = store;
    const parts = await startParts({ ...this.options, ...changes, store, port: this.server.port });
    this.engine = parts.engine;
    this.dispatcher = parts.dispatcher;
    this.server = parts.server;
    this.joining = parts.joining;
    this.identity = parts.identity;
  }

  async close(): Promise<void> {
    await Promise.all([...this.#delegates].map((delegate) => delegate.kill()));
    await this.server.close();
    await this.dispatcher.stop();
    this.identity?.close();
    rmSync(this.directory, { recursive: true, force: true });
  }
}

export const NO_AWS = {} as Aws;

export function tokenOf(text: string): DelegateConfig['joinToken'] {
  const parts = parseJoinToken(text);
  if (parts === undefined) throw new Error('that is no join token');
  return { ...parts, text };
}

async function startParts(options: RigOptions) {
  const store = options.store ?? createMemoryStore();
  const logger = options.logger ?? (process.env['RIG_LOG'] === undefined ? QUIET : LOUD);
  const engine = scriptedEngine(store);
  const { clock = CLOCK, credentialTtlMs, credentialOverlapMs, protocol } = options;
  const common = {
    store,
    clock,
    timers: TIMERS,
    randomness: RANDOMNESS,
    logger,
    ...(credentialTtlMs === undefined ? {} : { credentialTtlMs }),
    ...(credentialOverlapMs === undefined ? {} : { credentialOverlapMs }),
    ...(protocol === undefined ? {} : { protocol }),
  };
  const source = { kind: 'own-ca', publicNames: options.publicNames ?? [] } as const;
  const identity = options.tls === true ? await createTlsIdentity(source, common) : undefined;
  const joining = createJoining({ ...common, caFingerprint: identity?.caFingerprint ?? null });
  const dispatcher = createDispatcher({ ...common, engine, timings: { ...QUICK, ...options.timings } });
  await dispatcher.start();
  joining.onLockChanged((name) => void dispatcher.lockChanged(name));
  const proven = identity !== undefined || options.credentials === true;
  const server = await startGrpcServer({
    address: { host: '127.0.0.1', port: options.port ?? 0 },
    security: identity === undefined ? { kind: 'insecure' } : { kind: 'tls', identity },
    gateway: dispatcher,
    authenticator: proven ? joining : OPEN_DOOR,
    joining: proven ? joining : null,
    ...common,
    ...(options.doorProtocol === undefined ? {} : { protocol: options.doorProtocol }),
    timings: { helloTimeoutMs: 500, shutdownGraceMs: 50, pollLookMs: 100, ...options.serverTimings },
  });
  return { store, engine, dispatcher, server, joining, identity };
}

const QUIET: Logger = { debug() {}, info() {}, warn() {}, error() {} };
const LOUD: Logger = {
  debug: (fields, message) => process.stderr.write(`debug ${message} ${JSON.stringify(fields)}\n`),
  info: (fields, message) => process.stderr.write(`info ${message} ${JSON.stringify(fields)}\n`),
  warn: (fields, message) => process.stderr.write(`warn ${message} ${JSON.stringify(fields)}\n`),
  error: (fields, message) => process.stderr.write(`error ${message} ${JSON.stringify(fields)}\n`),
};
