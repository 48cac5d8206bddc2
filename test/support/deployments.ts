import assert from 'node:assert/strict';
import { join } from 'node:path';
import { eventually, type Finished } from './processes.ts';
import { EXAMPLES, type Stack } from './stack.ts';

/** Names of the seed's own example (examples/replica-canary). */
export const REPLICA = {
  workflow: 'ECS/ECS Replica Strategy',
  service: 'Example Default_Replica',
  cluster: 'example',
  family: 'ECS__Example__Default_Replica__stage__ecs',
} as const;

export interface ExecutionView {
  readonly id: string;
  readonly status: string;
  readonly rollback: string;
  readonly failure?: {
    readonly code: string;
    readonly message: string;
    readonly hint: string;
    readonly evidence: string[];
  };
  readonly phases: readonly {
    readonly name: string;
    readonly status: string;
    readonly rollback: boolean;
    readonly steps: readonly StepView[];
  }[];
}
export interface StepView {
  readonly id: string;
  readonly name: string;
  readonly type: string;
  readonly status: string;
  readonly attempt: number;
  readonly delegate?: string;
  readonly startedAt: string | null;
}

/** Applies a folder of examples, or fails with what the command said. */
export async function applyExample(stack: Stack, name: string): Promise<void> {
  const applied = await stack.outrider('apply', '-f', join(EXAMPLES, name));
  assert.equal(applied.exitCode, 0, applied.stderr);
}

/** `outrider run … --watch` to its end. */
export async function runAndWatch(stack: Stack, workflow: string, ...args: readonly string[]): Promise<Finished> {
  return stack.outrider('run', workflow, '--watch', ...args);
}

/** `outrider run … --detach`: the execution's id. */
export async function runDetached(stack: Stack, workflow: string, ...args: readonly string[]): Promise<string> {
  const started = await stack.outrider('run', workflow, '--detach', ...args);
  assert.equal(started.exitCode, 0, started.stderr);
  const id = started.stdout.trim();
  assert.match(id, /^exe_[0-9A-Z]{26}$/, `run prints the id alone: ${started.stdout}`);
  return id;
}

export async function execution(stack: Stack, id: string): Promise<ExecutionView> {
  const shown = await stack.outrider('show', id, '--json');
  assert.equal(shown.exitCode, 0, shown.stderr);
  const view: ExecutionView = JSON.parse(shown.stdout);
  return view;
}

/** The newest execution there is. */
export async function newestExecution(stack: Stack): Promise<ExecutionView> {
  const listed = await stack.outrider('list', '--json');
  assert.equal(listed.exitCode, 0, listed.stderr);
  const { items }: { items: readonly { id: string }[] } = JSON.parse(listed.stdout);
  const first = items[0];
  assert.ok(first, 'there is an execution');
  return execution(stack, first.id);
}

export async function untilEnded(stack: Stack, id: string, limitMs = 60_000): Promise<ExecutionView> {
  return eventually(
    `${id} ends`,
    async () => {
      const view = await execution(stack, id);
      return ['succeeded', 'failed', 'aborted', 'rejected'].includes(view.status) ? view : undefined;
    },
    limitMs,
  );
}

/** The step `Upgrade Containers` of phase 1 runs and waits for its first task. */
export async function untilResizeWaits(stack: Stack, id: string): Promise<void> {
  await eventually('the resize waits for its task', async () => {
    const view = await execution(stack, id);
    const step = view.phases[0]?.steps.find((one) => one.type === 'ecs-upgrade-containers');
    if (step?.status !== 'running') return undefined;
    const log = await logTexts(stack, id, 'Phase 1/Upgrade Containers');
    return log.some((line) => line.startsWith('Waiting for pending tasks to finish. 0/1')) ? true : undefined;
  });
}

/** Lines of a step's log as `outrider logs` prints them, without level and time. */
export async function logTexts(stack: Stack, id: string, step: string): Promise<readonly string[]> {
  const lines = await logLines(stack, id, step);
  return lines.map((line) => line.slice(30));
}

export async function logLines(stack: Stack, id: string, step: string): Promise<readonly string[]> {
  const printed = await stack.outrider('logs', id, step);
  assert.equal(printed.exitCode, 0, printed.stderr);
  const lines = printed.stdout.split('\n');
  if (lines.at(-1) === '') lines.pop();
  for (const line of lines) assert.match(line, /^(INFO {3}|WARN {3}|ERROR {2})\d{4}-\d\d-\d\d \d\d:\d\d:\d\d {4}/);
  return lines;
}

/** Active services of a family with their desired and running counts, as AWS has them. */
export interface ServiceCount {
  readonly name: string;
  readonly desired: number;
  readonly running: number;
}
