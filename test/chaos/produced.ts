import { appendFileSync } from 'node:fs';
import path from 'node:path';
import type { RunnerOptions } from '@outrider/delegate/agent/runner.ts';
import { taskId } from '@outrider/shared/ids.ts';

type RunStep = RunnerOptions['runStep'];

/** One line of a file that a delegate's process leaves: what one run of a step did, in order. */
export type ProducedRecord =
  | { readonly kind: 'began'; readonly run: number; readonly taskId: string; readonly atMs: number }
  | { readonly kind: 'said'; readonly run: number; readonly text: string }
  | { readonly kind: 'ended'; readonly run: number; readonly outcome: string };

/** Runs steps and writes down what they say, at once and in a file of this process alone. */
export function recordingRunStep(runStep: RunStep, directory: string): RunStep {
  if (directory === '') return runStep;
  const file = path.join(directory, `${process.pid}-${Date.now()}.jsonl`);
  const write = (record: ProducedRecord) => appendFileSync(file, `${JSON.stringify(record)}\n`);
  let runs = 0;
  return async (task, facts, ctx) => {
    runs += 1;
    const run = runs;
    write({ kind: 'began', run, taskId: taskId(task.executionId, task.stepId, task.attempt), atMs: Date.now() });
    const outcome = await runStep(task, facts, {
      ...ctx,
      log: (text, level) => {
        ctx.log(text, level);
        write({ kind: 'said', run, text });
      },
    });
    write({ kind: 'ended', run, outcome: outcome.outcome });
    return outcome;
  };
}
