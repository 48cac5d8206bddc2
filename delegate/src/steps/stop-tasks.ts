import { type StepContext, StepStopped } from './contract.ts';

/** So long at most: a step that is to stop has to say soon that it has. */
const STOPPING_LIMIT_MS = 60_000;

/**
 * Does the work; when it fails or is aborted, stops the tasks that it has started and that still run. When the step is only
 * cut off (the delegate goes, or has lost its lease) they run on: the step goes on with them.
 */
export async function stoppingWhatRuns<T>(
  ctx: StepContext<unknown>,
  cluster: string,
  started: () => readonly string[],
  work: () => Promise<T>,
): Promise<T> {
  try {
    return await work();
  } catch (error) {
    const cutOff = error instanceof StepStopped && (error.reason === 'draining' || error.reason === 'lease-lost');
    if (!cutOff) await stopTasks(ctx, cluster, started());
    throw error;
  }
}

async function stopTasks(ctx: StepContext<unknown>, cluster: string, taskArns: readonly string[]): Promise<void> {
  const untilMs = ctx.clock.now() + STOPPING_LIMIT_MS;
  const reason = `Stopped by Outrider: step ${ctx.identity.stepName} of ${ctx.identity.executionId} ended`;
  for (const taskArn of taskArns) {
    try {
      if (ctx.clock.now() > untilMs) throw new Error('there was no time left for it');
      const stopped = await ctx.aws.ecs.stopTask(cluster, taskArn, reason);
      if (stopped) ctx.log(`Stopped task ${taskArn}`);
    } catch (error) {
      // What the step failed with is what counts; a task that runs on is told of.
      const why = error instanceof Error ? error.message : String(error);
      ctx.log(`Task ${taskArn} could not be stopped and may run on: ${why}`, 'WARN');
    }
  }
}
