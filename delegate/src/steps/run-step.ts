import { OutriderError } from '@outrider/shared/errors.ts';
import { isJsonObject, type JsonObject } from '@outrider/shared/json.ts';
import type { TaskOutcome } from '@outrider/shared/protocol/messages.ts';
import {
  type DelegateStepType,
  type FactsOf,
  type OutputOf,
  type RenderedWith,
  STEP_SPECS,
} from '@outrider/shared/steps/index.ts';
import type { StepTask } from '@outrider/shared/steps/task.ts';
import { type StepContext, StepFailure, type StepHandler, StepStopped, type StopReason } from './contract.ts';
import { failureOf, problemsOf } from './failures.ts';
import { stoppedText } from './stopped.ts';

/** What the agent gives for one run; identity, resumed facts and types are added here from the task. */
export interface StepRunContext extends Omit<StepContext<unknown>, 'identity' | 'resumed' | 'earlier' | 'checkpoint'> {
  /** As StepContext.checkpoint. */
  checkpoint(facts: JsonObject): Promise<void>;
  /** This attempt has run before and has logged something, whether or not it left facts. Default false. */
  readonly again?: boolean;
}

export type StepRunOutcome =
  | Exclude<TaskOutcome, { readonly outcome: 'stopped' }>
  /** Told to stop, and stopped: nothing is being changed any more. */
  | { readonly outcome: 'stopped'; readonly reason: StopReason; readonly message: string };

export type StepHandlers = { readonly [K in DelegateStepType]: StepHandler<K> };

/**
 * Runs one step to its end. Checks `with` and the facts against the step's schemas, writes the lines before and after,
 * calls the handler and turns whatever it throws into a Failure. Never throws.
 *
 * `facts` are those of earlier runs of this attempt, merged; `{}` on a first run.
 */
export async function runStepWith(
  handlers: StepHandlers,
  task: StepTask,
  facts: JsonObject,
  ctx: StepRunContext,
): Promise<StepRunOutcome> {
  return await run(task.type, handlers, task, facts, ctx);
}

async function run<K extends DelegateStepType>(
  type: K,
  handlers: StepHandlers,
  task: StepTask,
  facts: JsonObject,
  ctx: StepRunContext,
): Promise<StepRunOutcome> {
  const { command } = STEP_SPECS[type];
  const resuming = ctx.again === true || Object.keys(facts).length > 0;
  if (resuming)
    ctx.log(`Resuming ${command === '' ? task.stepName : `command: ${command}`}; what is done already is kept`);
  else if (command !== '') ctx.log(`Begin execution of command: ${command}`);
  const outcome = await execute(type, handlers[type], task, facts, ctx);
  if (outcome.outcome === 'failed') explain(outcome.failure, ctx);
  if (outcome.outcome === 'stopped') ctx.log(outcome.message, 'WARN');
  else if (command !== '') {
    const succeeded = outcome.outcome === 'succeeded';
    const status = succeeded ? 'SUCCESS' : 'FAILURE';
    ctx.log(`Command execution finished with status ${status}`, succeeded ? 'INFO' : 'ERROR');
  }
  return outcome;
}

async function execute<K extends DelegateStepType>(
  type: K,
  handler: StepHandler<K>,
  task: StepTask,
  facts: JsonObject,
  ctx: StepRunContext,
): Promise<StepRunOutcome> {
  try {
    const context: StepContext<FactsOf<K>> = {
      ...ctx,
      identity: {
        executionId: task.executionId,
        stepId: task.stepId,
        attempt: task.attempt,
        stepName: task.stepName,
        phaseName: task.phaseName,
        workflow: task.workflow,
        rollback: task.rollback,
      },
      resumed: parseFacts(type, facts),
      earlier: parseFacts(type, task.prior.earlier ?? {}),
      checkpoint: async (saved) => {
        const json: unknown = JSON.parse(JSON.stringify(saved));
        await ctx.checkpoint(isJsonObject(json) ? json : {});
      },
    };
    const { target, service, prior } = task;
    const output = await handler({ with: parseWith(type, task.with), target, service, prior }, context);
    return { outcome: 'succeeded', output: outputJson(type, output) };
  } catch (thrown) {
    if (thrown instanceof StepStopped) {
      return { outcome: 'stopped', reason: thrown.reason, message: stoppedText(thrown.reason) };
    }
    return { outcome: 'failed', failure: thrown instanceof StepFailure ? thrown.failure : failureOf(thrown) };
  }
}

/** The schema of a step's input belongs to its type; the compiler loses that link in the table. */
function parseWith<K extends DelegateStepType>(type: K, value: JsonObject): RenderedWith<K> {
  const parsed = STEP_SPECS[type].rendered.safeParse(value);
  if (parsed.success) return parsed.data as RenderedWith<K>;
  throw new OutriderError('step-input-invalid', `${type}: ${problemsOf(parsed.error)}`);
}

function parseFacts<K extends DelegateStepType>(type: K, value: JsonObject): FactsOf<K> {
  const parsed = STEP_SPECS[type].facts.safeParse(value);
  if (parsed.success) return parsed.data as FactsOf<K>;
  throw new OutriderError('internal', `${type}: the saved facts do not fit: ${problemsOf(parsed.error)}`);
}

function outputJson<K extends DelegateStepType>(type: K, output: OutputOf<K>): JsonObject {
  const parsed = STEP_SPECS[type].output.safeParse(output);
  if (!parsed.success) {
    throw new OutriderError('internal', `${type}: the output does not fit: ${problemsOf(parsed.error)}`);
  }
  const json: unknown = JSON.parse(JSON.stringify(parsed.data));
  return isJsonObject(json) ? json : {};
}

function explain(failure: { message: string; hint: string; evidence: readonly string[] }, ctx: StepRunContext): void {
  ctx.log(failure.message, 'ERROR');
  for (const line of failure.evidence) ctx.log(`  ${line}`, 'ERROR');
  if (failure.hint !== '') ctx.log(`What to do: ${failure.hint}`, 'ERROR');
}
