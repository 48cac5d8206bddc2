import { Runner } from '@outrider/delegate/agent/runner.ts';
import type { WorkEnd } from '@outrider/delegate/agent/session-state.ts';
import type { PollBounds } from '@outrider/delegate/steps/contract.ts';
import { runStep } from '@outrider/delegate/steps/index.ts';
import { taskId } from '@outrider/shared/ids.ts';
import { type JsonObject, parseJsonObject } from '@outrider/shared/json.ts';
import type { StepTask } from '@outrider/shared/steps/task.ts';
import { NO_HOST } from '../support/no-host.ts';
import type { SimulatedAws } from './aws.ts';
import type { HostClock } from './host-clock.ts';
import type { Scheduler } from './scheduler.ts';

/** What a run left behind. */
export interface RigRun {
  /** Undefined: the host died, or the limit was reached. */
  readonly end: WorkEnd | undefined;
  readonly lines: readonly string[];
  /** All facts after the run, those given included. */
  readonly facts: JsonObject;
}

export interface RigOptions {
  readonly facts?: JsonObject;
  readonly epoch?: number;
  readonly polling?: PollBounds;
  readonly limitMs?: number;
}

const POLLING: PollBounds = { minMs: 2_000, maxMs: 15_000 };
const LIMIT_MS = 3_600_000;
const COMMIT_MS = 20;

/**
 * Runs one task on a simulated host: the delegate's own runner, steps and ports, with a control plane that agrees to everything.
 * For tests of the simulation's AWS half alone.
 */
export async function runOnHost(
  scheduler: Scheduler,
  aws: SimulatedAws,
  host: HostClock,
  task: StepTask,
  options: RigOptions = {},
): Promise<RigRun> {
  const lines: string[] = [];
  const ref = { taskId: taskId(task.executionId, task.stepId, task.attempt), epoch: options.epoch ?? 1 };
  let facts = options.facts ?? {};
  let end: WorkEnd | undefined;
  const runner: Runner = new Runner({
    runStep,
    awsFor: aws.awsFor(host),
    metadata: aws.metadataFor(host),
    host: NO_HOST,
    gateOf: () => ({ permit: async () => undefined, holds: () => true }),
    polling: options.polling ?? POLLING,
    timers: host,
    clock: host,
    hooks: {
      log(_ref, line) {
        lines.push(line.text);
        scheduler.note(`log: ${line.text}`);
      },
      counts: () => undefined,
      checkpoint(of, sequence, saved) {
        facts = { ...facts, ...saved };
        host.deliver(COMMIT_MS, () => runner.checkpointCommitted(of, sequence), 'checkpoint committed');
      },
      ended(_ref, ended) {
        end = ended;
      },
    },
  });
  const deadlineMs = host.now() + LIMIT_MS;
  const offer = { ...ref, task: jsonOf(task), deadlineMs, facts, checkpointSequence: 0, logOffset: 0 };
  runner.start({ offer, facts, checkpointSequence: 0, deadlineMs, again: false });
  const untilMs = scheduler.now() + (options.limitMs ?? LIMIT_MS);
  await scheduler.run({ until: () => end !== undefined || !host.alive, untilMs });
  return { end, lines, facts };
}

/** The task as it comes over the wire. */
function jsonOf(task: StepTask): JsonObject {
  const json = parseJsonObject(JSON.stringify(task));
  if (json === undefined) throw new TypeError('the task is no JSON object');
  return json;
}

/** The output of a run that succeeded; throws with its whole log otherwise. */
export function rigOutput(run: RigRun): JsonObject {
  const { end } = run;
  if (end?.kind === 'outcome' && end.outcome.outcome === 'succeeded') return end.outcome.output;
  throw new Error(`the step did not succeed: ${JSON.stringify(end)}\n${run.lines.join('\n')}`);
}
