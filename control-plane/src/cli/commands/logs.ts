import {
  type ExecutionBody,
  execution as executionSchema,
  type LogLineBody,
  logLine,
  logPage,
} from '@outrider/shared/api/schemas.ts';
import { parseJsonObject } from '@outrider/shared/json.ts';
import { renderLogLine } from '@outrider/shared/logs.ts';
import { Argument, Option } from 'commander';
import { parseCount } from '../arguments.ts';
import { apiPath } from '../client.ts';
import type { AddCommand } from '../command.ts';
import type { CliContext } from '../context.ts';
import { EXIT, type ExitCode } from '../exit-codes.ts';
import { follow, untilAnswered } from '../follow.ts';
import { say } from '../print.ts';
import { plainText } from '../render/text.ts';
import { executionArgument } from './execution-argument.ts';

interface LogsOptions {
  readonly follow?: boolean;
  readonly attempt?: number;
}

interface LogStep {
  readonly id: string;
  readonly reference: string;
}

const PAGE = 1_000;

export function addLogs(add: AddCommand): void {
  add<[string, string | undefined], LogsOptions>({
    name: 'logs',
    summary: 'print the log of an execution or of one of its steps',
    description:
      'Lines go to stdout exactly as they are kept (times are UTC); which step they belong to goes to stderr.',
    examples: [
      'outrider logs exe_01JD3K7Q8VZ4M2N6P9R1S3T5W7',
      'outrider logs exe_01JD3K7Q8VZ4M2N6P9R1S3T5W7 "Phase 1/ECS Service Setup"',
      'outrider logs exe_01JD3K7Q8VZ4M2N6P9R1S3T5W7 p1.2 -f',
    ],
    arguments: [executionArgument(), new Argument('[step]', 'its id, PHASE/NAME, or a NAME that only one step has')],
    options: [
      new Option('-f, --follow', 'go on with what comes, until the end'),
      new Option('--attempt <number>', 'only this attempt').argParser(parseCount),
    ],
    run: printLogs,
  });
}

async function printLogs(
  context: CliContext,
  [id, step]: [string, string | undefined],
  options: LogsOptions,
): Promise<ExitCode> {
  const controller = new AbortController();
  let interrupted = false;
  const stopListening = context.io.onInterrupt(() => {
    interrupted = true;
    controller.abort();
  });
  try {
    if (options.follow === true) await followLogs(context, id, step, options, controller.signal);
    else await readLogs(context, id, step, options);
  } catch (thrown) {
    if (!interrupted) throw thrown;
  } finally {
    stopListening();
  }
  return interrupted ? EXIT.detached : EXIT.done;
}

async function readLogs(
  context: CliContext,
  id: string,
  step: string | undefined,
  options: LogsOptions,
): Promise<void> {
  if (step !== undefined) {
    await readStep(context, id, { id: step, reference: step }, options);
    return;
  }
  const steps = startedSteps(await readExecution(context, id));
  if (steps.length === 0) say(context, 'No step has started yet; follow with -f.');
  for (const each of steps) {
    say(context, `==> ${each.reference} (${each.id})`);
    await readStep(context, id, each, options);
  }
}

async function readStep(context: CliContext, id: string, step: LogStep, { attempt }: LogsOptions): Promise<void> {
  let after: string | undefined;
  for (;;) {
    const query = { after, attempt, limit: PAGE };
    const path = apiPath('executions', id, 'steps', step.id, 'logs');
    const { value } = await context.client().call('GET', path, logPage, { query });
    for (const line of value.lines) printLine(context, step.id, line);
    if (value.lines.length < PAGE) return;
    after = value.next;
  }
}

/** Steps of an execution are followed as they start; without one named, until the execution ends. */
async function followLogs(
  context: CliContext,
  id: string,
  step: string | undefined,
  options: LogsOptions,
  signal: AbortSignal,
): Promise<void> {
  if (step !== undefined) {
    await followStep(context, id, { id: step, reference: step }, { ...options, signal }, () => {});
    return;
  }
  let named = '';
  const name = (reference: string) => {
    if (named !== reference) say(context, `==> ${reference}`);
    named = reference;
  };
  const followed = new Map<string, Promise<void>>();
  const messages = follow(context.client(), apiPath('executions', id, 'events'), followOptions(context, signal));
  for await (const message of messages) {
    if (message.event === 'end') break;
    if (message.event !== 'step-started') continue;
    const stepId = parseJsonObject(message.data)?.['stepId'];
    if (typeof stepId !== 'string' || followed.has(stepId)) continue;
    const execution = await untilAnswered(
      () => readExecution(context, id),
      () => context.io.now(),
      signal,
    );
    const each = startedSteps(execution).find((one) => one.id === stepId) ?? { id: stepId, reference: stepId };
    const following = { ...options, signal, reached: true };
    followed.set(
      stepId,
      followStep(context, id, each, following, () => name(`${each.reference} (${stepId})`)),
    );
  }
  await Promise.all(followed.values());
}

async function followStep(
  context: CliContext,
  id: string,
  step: LogStep,
  { attempt, signal, reached = false }: LogsOptions & { readonly signal: AbortSignal; readonly reached?: boolean },
  beforeLine: () => void,
): Promise<void> {
  const path = apiPath('executions', id, 'steps', step.id, 'logs');
  const messages = follow(context.client(), path, { ...followOptions(context, signal), reached, query: { attempt } });
  for await (const message of messages) {
    if (message.event === 'end') return;
    const line = logLine.safeParse(parseJsonObject(message.data)).data;
    if (line === undefined) continue;
    beforeLine();
    printLine(context, step.id, line);
  }
}

function followOptions(context: CliContext, signal: AbortSignal) {
  return {
    signal,
    now: () => context.io.now(),
    onBroken: (error: Error) => say(context, `connection lost (${error.message}); trying again …`),
  };
}

async function readExecution(context: CliContext, id: string): Promise<ExecutionBody> {
  return (await context.client().call('GET', apiPath('executions', id), executionSchema)).value;
}

/** Steps that have a log, in the order in which they began. */
function startedSteps(execution: ExecutionBody): LogStep[] {
  return execution.phases
    .flatMap((phase) => phase.steps.map((step) => ({ step, reference: `${phase.name}/${step.name}` })))
    .filter(({ step }) => step.attempt > 0 && step.startedAt !== null)
    .map(({ step, reference }) => ({ id: step.id, reference }));
}

function printLine(context: CliContext, step: string, line: LogLineBody): void {
  const text = context.json ? JSON.stringify({ step, ...line }) : plainText(renderLogLine(line));
  context.io.stdout.write(`${text}\n`);
}
