import { createDispatcher } from '@outrider/control-plane/app/dispatch/dispatcher.ts';
import type { DelegateGateway, DelegateSession } from '@outrider/control-plane/app/dispatch/ports.ts';
import type { DispatchTimings } from '@outrider/control-plane/app/dispatch/timings.ts';
import { OPEN_DOOR } from '@outrider/control-plane/app/joining.ts';
import type { Logger } from '@outrider/control-plane/app/logger.ts';
import type { ExecutionInput } from '@outrider/control-plane/domain/execution/events.ts';
import { startGrpcServer } from '@outrider/control-plane/grpc/server.ts';
import { createMemoryStore } from '@outrider/control-plane/store/memory.ts';
import { type TaskId, taskId } from '@outrider/shared/ids.ts';
import type { JsonObject } from '@outrider/shared/json.ts';
import type { DelegateMessage, TaskOutcome, TaskResult } from '@outrider/shared/protocol/messages.ts';
import type { StepTask } from '@outrider/shared/steps/task.ts';
import { RANDOMNESS, TIMERS } from '../delegate/agent/rig.ts';
import { sweptEngine } from './engine.ts';

/** A lease is never renewed late here, and ends when the test lets the control plane's time go by. */
const LEASE_MS = 600_000;
const TIMINGS: Partial<DispatchTimings> = {
  tickMs: 50,
  heartbeatMs: 20_000,
  leaseTtlMs: LEASE_MS,
  leaseExtensionAfterStartMs: 0,
  reassignGraceMs: 0,
  offerPauseMs: 10,
  sessionLostMs: Number.MAX_SAFE_INTEGER,
  offerSilenceMs: Number.MAX_SAFE_INTEGER,
};
const STEP_TIMEOUT_SECONDS = 86_400;

export type FromDelegate = Exclude<DelegateMessage, { kind: 'hello' }>;

/** How a step ended at the control plane, and the result message that said so. */
export interface Ended {
  readonly outcome: TaskOutcome;
  readonly result: TaskResult | undefined;
}

/** Store, dispatcher and the delegates' door on a real socket, in the test's process. */
export interface SweptControlPlane {
  readonly port: number;
  /** Puts a step into the queue; resolves with its end. */
  run(task: StepTask): { readonly id: TaskId; readonly ended: Promise<Ended> };
  facts(id: TaskId): Promise<JsonObject>;
  /** The stored log, as text of encoded lines. */
  log(id: TaskId): Promise<string>;
  /** Resolves when a delegate of this name has a session. */
  connected(name: string): Promise<void>;
  /** Resolves when no delegate of this name has one. */
  disconnected(name: string): Promise<void>;
  /** Every lease that is not renewed from now on is over. */
  endLeases(): void;
  close(): Promise<void>;
}

/**
 * `receiving` is asked before a message of a delegate is dealt with: `drop` and the control plane never sees it.
 */
export async function startSweptControlPlane(
  receiving: (message: FromDelegate) => Promise<'go-on' | 'drop'>,
): Promise<SweptControlPlane> {
  const store = createMemoryStore();
  let aheadMs = 0;
  const clock = { now: () => Date.now() + aheadMs };
  const common = { store, clock, timers: TIMERS, randomness: RANDOMNESS, logger: QUIET };
  const waiting = new Map<TaskId, (ended: Ended) => void>();
  const results = new Map<TaskId, TaskResult>();
  const engine = sweptEngine(store, (executionId, input) => {
    const outcome = outcomeOf(input);
    if (outcome === undefined || !('stepId' in input) || !('attempt' in input)) return;
    const id = taskId(executionId, input.stepId, input.attempt);
    waiting.get(id)?.({ outcome, result: results.get(id) });
    waiting.delete(id);
  });
  const dispatcher = createDispatcher({ ...common, engine, timings: TIMINGS });
  const live = new Map<string, number>();
  let sessionsChanged = Promise.withResolvers<void>();
  const count = (name: string, change: number) => {
    live.set(name, (live.get(name) ?? 0) + change);
    sessionsChanged.resolve();
    sessionsChanged = Promise.withResolvers<void>();
  };
  const until = async (name: string, wanted: boolean) => {
    while ((live.get(name) ?? 0) > 0 !== wanted) await sessionsChanged.promise;
  };
  const gateway: DelegateGateway = {
    drain: (ms, reason) => dispatcher.drain(ms, reason),
    openLogs: (peer, sessionId) => dispatcher.openLogs(peer, sessionId),
    async open(peer, hello, link) {
      const opened = await dispatcher.open(peer, hello, link);
      if (opened.kind !== 'ok') return opened;
      count(hello.delegateName, 1);
      const session: DelegateSession = {
        id: opened.session.id,
        async receive(message) {
          if ((await receiving(message)) === 'drop') return;
          if (message.kind === 'result') results.set(message.taskId, message);
          await opened.session.receive(message);
        },
        closed() {
          opened.session.closed();
          count(hello.delegateName, -1);
        },
      };
      return { kind: 'ok', session };
    },
  };
  await dispatcher.start();
  const server = await startGrpcServer({
    address: { host: '127.0.0.1', port: 0 },
    security: { kind: 'insecure' },
    gateway,
    authenticator: OPEN_DOOR,
    joining: null,
    ...common,
    timings: { shutdownGraceMs: 50 },
  });
  return {
    port: server.port,
    run(task) {
      const id = taskId(task.executionId, task.stepId, task.attempt);
      const ended = Promise.withResolvers<Ended>();
      waiting.set(id, ended.resolve);
      const atMs = clock.now();
      const queued = { selectors: [], repeatable: true, timeoutSeconds: STEP_TIMEOUT_SECONDS, notBeforeMs: atMs, atMs };
      void store.enqueueTask({ task, ...queued }).then(() => engine.nudge());
      return { id, ended: ended.promise };
    },
    facts: async (id) => (await store.getTask(id))?.facts ?? {},
    async log(id) {
      const chunks = await store.readLog(id, 0, 16_777_216);
      return Buffer.concat(chunks.map((chunk) => chunk.bytes)).toString('utf8');
    },
    connected: (name) => until(name, true),
    disconnected: (name) => until(name, false),
    endLeases() {
      aheadMs += LEASE_MS + 1;
      engine.nudge();
    },
    async close() {
      await server.close();
      await dispatcher.stop();
    },
  };
}

/** What a step's end looks like to the engine; undefined: the input is none. */
function outcomeOf(input: ExecutionInput): TaskOutcome | undefined {
  if (input.kind === 'task-ended') return input.result;
  if (input.kind === 'task-undeliverable') return { outcome: 'failed', failure: input.failure };
  return undefined;
}

const QUIET: Logger = { debug() {}, info() {}, warn() {}, error() {} };
