import type { EcsContainer, EcsTask } from '../aws/ports.ts';
import { createContainerLogReader } from './container-log.ts';
import type { StepContext } from './contract.ts';
import { failure } from './failures.ts';
import { poll, waitEnd } from './poll.ts';
import { classifyStop, stopText } from './why.ts';

/** AWS may show a task a little after it was started. */
const SHOWN_WITHIN_MS = 60_000;

export interface TaskWait {
  readonly cluster: string;
  readonly taskArns: readonly string[];
  readonly timeoutMinutes: number;
}

export type IsEssential = (task: EcsTask, container: string) => boolean;

/** Waits until all tasks have stopped, however they end. Throws when not all have in time. */
export async function waitForTasks(ctx: StepContext<unknown>, wait: TaskWait): Promise<readonly EcsTask[]> {
  ctx.log('Starting the steady state check.');
  const shownByMs = ctx.clock.now() + SHOWN_WITHIN_MS;
  let last = '';
  let seen: readonly EcsTask[] = [];
  let moved = false;
  const ended = await poll(ctx, {
    untilMs: waitEnd(ctx, wait.timeoutMinutes * 60_000),
    moved: () => moved,
    async look() {
      seen = await ctx.aws.ecs.describeTasks(wait.cluster, wait.taskArns);
      const shown = new Set(seen.map((task) => task.arn));
      const absent = wait.taskArns.filter((arn) => !shown.has(arn));
      if (absent.length > 0 && ctx.clock.now() > shownByMs) throw forgotten(absent);
      const left = seen.filter((task) => task.lastStatus !== 'STOPPED').length + absent.length;
      const text = seen.map(lineOf).join('\n');
      moved = text !== last;
      if (moved && left > 0) {
        ctx.log(`${left} tasks have not completed`);
        for (const task of seen.filter((one) => one.lastStatus !== 'STOPPED')) ctx.log(lineOf(task));
      }
      last = text;
      return left === 0 ? seen : undefined;
    },
  });
  if (ended === undefined) {
    ctx.log('Timed out waiting for run tasks to complete', 'ERROR');
    throw failure('step-timed-out', `Not all tasks had ended after ${wait.timeoutMinutes} minutes`, {
      hint: 'Raise steadyStateTimeoutMinutes, or see in their own log what the tasks wait for.',
      evidence: seen.map(lineOf),
    });
  }
  for (const task of ended) ctx.log(lineOf(task));
  return ended;
}

/** Throws when one of the tasks failed, with what its container wrote last where that can be read. */
export async function judgeTasks(
  ctx: StepContext<unknown>,
  ended: readonly EcsTask[],
  isEssential: IsEssential,
): Promise<void> {
  const bad = ended.filter((task) => hasFailed(task, isEssential));
  if (bad.length > 0) throw await failed(ctx, bad, ended.length);
  ctx.log('All Tasks completed successfully.');
}

function lineOf(task: EcsTask): string {
  return [task.taskDefinitionArn, task.lastStatus, task.stopCode ?? '', task.stoppedReason ?? ''].join(' : ');
}

/** An essential container that ended otherwise than with 0, or that never ran. */
function hasFailed(task: EcsTask, isEssential: IsEssential): boolean {
  const essential = task.containers.filter((container) => isEssential(task, container.name));
  return essential.length === 0 || essential.some((container: EcsContainer) => container.exitCode !== 0);
}

async function failed(ctx: StepContext<unknown>, bad: readonly EcsTask[], all: number): Promise<Error> {
  ctx.log('Containers in some tasks failed and are showing non zero exit code', 'ERROR');
  const verdict = bad.map(classifyStop).find((found) => found !== undefined);
  const evidence = bad.map(
    (task) => `Task ${task.arn.slice(task.arn.lastIndexOf('/') + 1)} stopped: ${stopText(task)}`,
  );
  const reader = createContainerLogReader(ctx);
  for (const task of bad) evidence.push(...(await reader.tail(task)));
  const message = `${bad.length} of ${all} tasks failed`;
  return failure(verdict?.code ?? 'container-exited', message, { hint: verdict?.advice, evidence });
}

/** AWS forgets stopped tasks after an hour or so. */
function forgotten(absent: readonly string[]): Error {
  return failure(
    'step-failed',
    `AWS does not show ${absent.length} of the tasks any more: how they ended is not known`,
    {
      hint: 'See their own log, then run what is left to do.',
      evidence: absent,
    },
  );
}
