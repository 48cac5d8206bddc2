import type { JsonObject } from '@outrider/shared/json.ts';
import { ECS_NAME_PATTERN, normalizeName } from '@outrider/shared/names.ts';
import type { StepInput } from '@outrider/shared/steps/define.ts';
import type { RunFacts } from '@outrider/shared/steps/ecs-run-task.ts';
import type { FactsOf, RenderedWith } from '@outrider/shared/steps/index.ts';
import type { Prior } from '@outrider/shared/steps/task.ts';
import { textOf } from '../json.ts';
import type { StepContext, StepHandler } from './contract.ts';
import { failure } from './failures.ts';
import { identityTags } from './identity.ts';
import { runTaskRequest } from './run-task-request.ts';
import { stoppingWhatRuns } from './stop-tasks.ts';
import { containersOf, ensureTaskDefinition, taskDefinitionRequest } from './task-definition.ts';
import { judgeTasks, waitForTasks } from './task-ends.ts';

type Input = StepInput<RenderedWith<'ecs-run-task'>, Prior>;
type Context = StepContext<FactsOf<'ecs-run-task'>>;

/** One definition to run, and how far it has come. */
interface Run {
  readonly index: number;
  readonly family: string;
  readonly definition: JsonObject;
}

/**
 * Starts tasks and waits for their exit codes. Each definition is registered once and started once: RunTask carries a
 * token of this attempt, with which AWS answers a second call with the tasks of the first. A step that fails or is aborted
 * stops what it has started; one that is only cut off leaves it running, and finds it again.
 */
export const ecsRunTask: StepHandler<'ecs-run-task'> = async (input, ctx) => {
  const runs = runsOf(input, ctx);
  const progress = new Progress(ctx);
  const { cluster } = input.target;
  const started = () => progress.taskArns;
  const ended = await stoppingWhatRuns(ctx, cluster, started, async () => {
    for (const run of runs) await start(input, ctx, run, progress);
    const taskArns = started();
    if (input.with.skipSteadyStateCheck !== true) {
      return await waitForTasks(ctx, { cluster, taskArns, timeoutMinutes: input.with.steadyStateTimeoutMinutes });
    }
    ctx.log('Skipping the steady state check as expected.');
    return undefined;
  });
  const definitionArns = runs.map((run) => progress.of(run.index).taskDefinitionArn ?? '');
  if (ended !== undefined) {
    const essential = new Map(runs.map((run) => [definitionArns[run.index], essentialOf(run)]));
    await judgeTasks(ctx, ended, (task, container) => essential.get(task.taskDefinitionArn)?.has(container) ?? true);
  }
  return { clusterName: cluster, taskDefinitionArns: definitionArns, taskArns: [...started()] };
};

/** What is known of each definition, saved as a whole whenever one of them gets further. */
class Progress {
  readonly #ctx: Context;
  readonly #runs: RunFacts[];

  constructor(ctx: Context) {
    this.#ctx = ctx;
    this.#runs = [...(ctx.resumed.runs ?? [])];
  }

  of(index: number): RunFacts {
    return this.#runs[index] ?? {};
  }

  get taskArns(): readonly string[] {
    return this.#runs.flatMap((run) => run.taskArns ?? []);
  }

  async save(index: number, facts: RunFacts): Promise<void> {
    // What was started is known from here on, also when saving it ends in being told to stop.
    this.#runs[index] = { ...this.of(index), ...facts };
    await this.#ctx.checkpoint({ runs: [...this.#runs] });
  }
}

function runsOf({ with: given, service }: Input, ctx: Context): readonly Run[] {
  const definitions = given.taskDefinitions ?? [given.taskDefinition ?? withoutFamily(service.taskDefinition)];
  const stem = given.taskFamilyName?.trim() || `${service.family}__${normalizeName(ctx.identity.stepName)}`;
  return definitions.map((definition, index) => {
    const own = definition['family'];
    const family =
      typeof own === 'string' && own.trim() !== '' ? own.trim() : index === 0 ? stem : `${stem}__${index + 1}`;
    if (!ECS_NAME_PATTERN.test(family)) {
      throw failure('step-input-invalid', `"${family}" cannot be the family of a task definition`, {
        hint: 'Use at most 255 letters, digits, hyphens and underscores in taskFamilyName.',
      });
    }
    return { index, family, definition };
  });
}

/** A task beside the service gets a family of its own: the service's newest revision stays what it was deployed with. */
function withoutFamily({ family: _family, ...rest }: JsonObject): JsonObject {
  return rest;
}

async function start(input: Input, ctx: Context, run: Run, progress: Progress): Promise<void> {
  if (progress.of(run.index).taskArns === undefined) await trigger(input, ctx, run, progress);
  const { taskArns = [], notStarted = [] } = progress.of(run.index);
  const missing = (input.with.count ?? 1) - taskArns.length;
  if (missing <= 0) return;
  ctx.log('Stopping further triggers of run tasks because some tasks failed to trigger.', 'ERROR');
  throw failure('placement-failed', `ECS did not start ${missing} of the tasks of ${run.family}`, {
    evidence: notStarted,
  });
}

async function trigger(input: Input, ctx: Context, run: Run, progress: Progress): Promise<void> {
  const { cluster } = input.target;
  const known = progress.of(run.index);
  if (known.starting !== true) await tellOfFamily(ctx, cluster, run.family);
  const taskDefinitionArn = known.taskDefinitionArn ?? (await register(input, ctx, run, progress));
  const request = runTaskRequest({
    taskDefinitionArn,
    definition: run.definition,
    input,
    startedBy: ctx.token('run-task'),
  });
  if (known.starting !== true) await progress.save(run.index, { taskDefinitionArn, starting: true });
  ctx.log(`Triggering ECS run task ${taskDefinitionArn} in cluster ${cluster}`);
  // Another attempt is to start its own tasks.
  const token = ctx.token(`run-task ${ctx.identity.attempt} ${run.index}`);
  const { tasks, failures } = await ctx.aws.ecs.runTask(cluster, request, token, identityTags(ctx, run.family));
  ctx.log(`${tasks.length} Tasks were triggered successfully and ${failures.length} failures were received.`);
  for (const task of tasks) ctx.log(`Task => ${task.arn} succeeded`);
  for (const { arn, reason, detail } of failures) {
    ctx.log(`${arn} failed with reason => ${reason}`, 'ERROR');
    if (detail !== '') ctx.log(`Details: ${detail}`, 'ERROR');
  }
  await progress.save(run.index, {
    taskArns: tasks.map((task) => task.arn),
    notStarted: failures.map(({ arn, reason, detail }) => `${arn}: ${reason}${detail === '' ? '' : ` (${detail})`}`),
  });
}

async function tellOfFamily(ctx: Context, cluster: string, family: string): Promise<void> {
  const running = (await ctx.aws.ecs.listFamilyTasks(cluster, family, 'RUNNING')).length;
  const stopped = (await ctx.aws.ecs.listFamilyTasks(cluster, family, 'STOPPED')).length;
  const all = running + stopped;
  ctx.log(
    all === 0
      ? `No tasks were found in task family ${family}`
      : `${all} tasks were found in task family ${family}, ${stopped} are stopped and ${running} are running`,
  );
}

async function register(input: Input, ctx: Context, run: Run, progress: Progress): Promise<string> {
  ctx.log(`Registering task definition with family => ${run.family}`);
  const request = taskDefinitionRequest({ taskDefinition: run.definition }, input.target, run.family);
  // Several definitions of one step are told apart by the purposes of their tokens.
  const own = {
    ...ctx,
    token: (purpose: string) => ctx.token(`${purpose} ${run.index}`),
    resumed: progress.of(run.index),
    checkpoint: (facts: RunFacts) => progress.save(run.index, facts),
  };
  const { arn } = await ensureTaskDefinition(own, request, run.family);
  ctx.log(`Task with family name ${run.family} is registered => ${arn}`);
  return arn;
}

/** The others are stopped by ECS when the essential ones have ended: their exit codes say nothing about the work. */
function essentialOf(run: Run): ReadonlySet<string> {
  const essential = containersOf(run.definition).filter((container) => container['essential'] !== false);
  return new Set(essential.map((container) => textOf(container['name'])));
}
