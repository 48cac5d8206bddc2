import { execution as executionSchema } from '@outrider/shared/api/schemas.ts';
import { Argument, Option } from 'commander';
import { apiPath } from '../client.ts';
import type { AddCommand } from '../command.ts';
import type { CliContext } from '../context.ts';
import { EXIT, type ExitCode } from '../exit-codes.ts';
import { printJson, say } from '../print.ts';
import { pauseLines, stateWord } from '../render/execution.ts';
import { executionArgument } from './execution-argument.ts';

/** What lets an execution go on, or not go on, without stopping it. */
export function addInterrupts(add: AddCommand): void {
  addHolds(add);
  addAnswers(add);
}

const reason = () => new Option('--reason <text>', 'why; kept in the history').default('', 'none');

function addHolds(add: AddCommand): void {
  add<[string], { readonly reason: string }>({
    name: 'pause',
    summary: 'hold an execution before its next step',
    description: 'What runs goes on to its end; nothing begins until `outrider resume`. It keeps its place meanwhile.',
    examples: ['outrider pause exe_01JD3K7Q8VZ4M2N6P9R1S3T5W7 --reason "look at the dashboards first"'],
    arguments: [executionArgument()],
    options: [reason()],
    run: (context, [id], options) => hold(context, id, 'pause', { reason: options.reason }),
  });
  add<[string], { readonly reason: string }>({
    name: 'resume',
    summary: 'let an execution go on that is paused',
    examples: ['outrider resume exe_01JD3K7Q8VZ4M2N6P9R1S3T5W7'],
    arguments: [executionArgument()],
    options: [reason()],
    run: (context, [id], options) => hold(context, id, 'resume', { reason: options.reason }),
  });
}

async function hold(context: CliContext, id: string, act: 'pause' | 'resume', body: object): Promise<ExitCode> {
  const { value, raw } = await context.client().call('POST', apiPath('executions', id, act), executionSchema, { body });
  if (context.json) printJson(context, raw);
  else context.io.stdout.write(`${value.id}\n`);
  const [held] = pauseLines(value);
  say(
    context,
    held === undefined ? `It is ${stateWord(value)}. Watch it: outrider watch ${value.id}` : `It is ${held}`,
  );
  return EXIT.done;
}

const ANSWERS = [
  { name: 'retry', summary: 'run a failed step again that waits for a person' },
  { name: 'ignore', summary: 'go on as if a failed step that waits for a person had succeeded' },
  { name: 'mark-success', summary: 'take a failed step that waits for a person for a success' },
] as const;

function addAnswers(add: AddCommand): void {
  for (const { name, summary } of ANSWERS) {
    add<[string, string], { readonly reason: string }>({
      name,
      summary,
      description: 'For steps whose failure strategy is manual-intervention, while they wait (outrider show EXEC).',
      examples: [
        `outrider ${name} exe_01JD3K7Q8VZ4M2N6P9R1S3T5W7 "Phase 1/Upgrade Containers" --reason "the quota is raised"`,
      ],
      arguments: [executionArgument(), new Argument('<step>', 'id (p1.2), PHASE/NAME, or NAME where only one has it')],
      options: [reason()],
      run: (context, [id, step], options) => answer(context, id, step, name, { reason: options.reason }),
    });
  }
}

async function answer(
  context: CliContext,
  id: string,
  step: string,
  act: 'retry' | 'ignore' | 'mark-success',
  body: object,
): Promise<ExitCode> {
  const path = apiPath('executions', id, 'steps', step, act);
  const { value, raw } = await context.client().call('POST', path, executionSchema, { body });
  if (context.json) printJson(context, raw);
  else context.io.stdout.write(`${value.id}\n`);
  say(context, `It is ${stateWord(value)}. Watch it: outrider watch ${value.id}`);
  return EXIT.done;
}
