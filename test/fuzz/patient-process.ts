import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout as pause } from 'node:timers/promises';
import type { MutationGate } from '@outrider/delegate/aws/mutation-gate.ts';
import { startDelegate } from '@outrider/delegate/delegate.ts';
import { taskId } from '@outrider/shared/ids.ts';
import { STEP_TYPES } from '@outrider/shared/steps/index.ts';
import type { StepTask } from '@outrider/shared/steps/task.ts';
import { NO_AWS } from '../delegate/agent/rig.ts';
import { heapAfterCollection } from './memory.ts';

/**
 * A delegate in a process of its own, at the mercy of whatever answers on the port it dials. Its steps change AWS again and
 * again, as long as they may: each change is told to the parent.
 */

export interface Mutation {
  readonly taskId: string;
  readonly epoch: number;
  /** Milliseconds since 1970: both processes have one clock. */
  readonly atMs: number;
}

export interface Condition {
  readonly heapBytes: number;
  readonly externalBytes: number;
  readonly rssBytes: number;
  readonly peakRssBytes: number;
  readonly loopDelayMaxMs: number;
  readonly connected: boolean;
  readonly runsBegun: number;
  readonly mutations: readonly Mutation[];
  /** How often each thing was said, at every level but debug. */
  readonly said: Readonly<Record<string, number>>;
}

/** A change takes so long; the gate asks for as much time. */
const CHANGE_MS = 20;
const LINES = Number(process.env['PATIENT_LINES'] ?? '3');

let said: Record<string, number> = {};
const mutations: Mutation[] = [];
const gates = new Map<string, { readonly gate: MutationGate; readonly epoch: number }>();
let runsBegun = 0;
let peakRssBytes = 0;
const delay = monitorEventLoopDelay({ resolution: 5 });
const hear = (_fields: object, message: string) => {
  said[message] = (said[message] ?? 0) + 1;
};

function idOf({ executionId, stepId, attempt }: StepTask): string {
  return taskId(executionId, stepId, attempt);
}

const delegate = await startDelegate(
  {
    controlPlane: { host: '127.0.0.1', port: Number(process.env['PATIENT_PORT']) },
    insecure: true,
    joinToken: null,
    name: 'patient',
    tags: [],
    dataDir: process.env['PATIENT_DIR'] ?? '',
    slots: 10,
    pollMinMs: 10,
    pollMaxMs: 20,
    region: 'us-east-1',
    logLevel: 'silent',
    ...(process.env['PATIENT_TRANSPORT'] === 'poll' ? { transport: 'poll' } : {}),
  },
  {
    stepTypes: STEP_TYPES,
    logger: { debug() {}, info: hear, warn: hear, error: hear },
    connectionTimings: { reconnectBaseMs: 20, credentialRetryMs: 100, watchdogMs: 3_000 },
    onFatal: (error) => {
      process.stderr.write(`the delegate cannot go on: ${error.stack ?? error.message} / ${String(error.cause)}\n`);
      process.exit(3);
    },
    work: {
      awsFor: ({ ref, gate }) => {
        gates.set(ref.taskId, { gate, epoch: ref.epoch });
        return NO_AWS;
      },
      async runStep(task, _facts, ctx) {
        runsBegun += 1;
        const id = idOf(task);
        const held = gates.get(id);
        if (held === undefined) throw new Error('there is no gate');
        for (let change = 0; change < 10; change++) {
          for (let line = 0; line < LINES; line++) ctx.log(`change ${change}, line ${line}`);
          await ctx.checkpoint({ change });
          await held.gate.permit(CHANGE_MS);
          mutations.push({ taskId: id, epoch: held.epoch, atMs: Date.now() });
          await pause(CHANGE_MS);
        }
        return { outcome: 'succeeded', output: {} };
      },
    },
  },
);

process.on('message', (question: { readonly ask: 'condition' | 'mark'; readonly id: number }) => {
  peakRssBytes = Math.max(peakRssBytes, process.memoryUsage.rss());
  const loopDelayMaxMs = Math.round(delay.max / 1e6);
  const heapBytes = heapAfterCollection();
  const condition: Condition = {
    heapBytes,
    externalBytes: process.memoryUsage().external,
    rssBytes: process.memoryUsage.rss(),
    peakRssBytes,
    loopDelayMaxMs,
    connected: delegate.connected,
    runsBegun,
    mutations: mutations.splice(0),
    said,
  };
  if (question.ask === 'mark') {
    said = {};
    peakRssBytes = 0;
    runsBegun = 0;
  }
  delay.reset();
  process.send?.({ id: question.id, condition });
});
setInterval(() => {
  peakRssBytes = Math.max(peakRssBytes, process.memoryUsage.rss());
}, 50).unref();
delay.enable();
process.once('disconnect', () => process.exit(0));
process.send?.({ id: 0 });
