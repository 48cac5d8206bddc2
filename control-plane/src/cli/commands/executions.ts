import {
  type EventBody,
  type ExecutionSummaryBody,
  eventPage,
  executionList,
  execution as executionSchema,
} from '@outrider/shared/api/schemas.ts';
import { OutriderError } from '@outrider/shared/errors.ts';
import { Argument, Option } from 'commander';
import { parseCount, parseResourceName, parseWait, type ResourceName } from '../arguments.ts';
import { apiPath } from '../client.ts';
import type { AddCommand } from '../command.ts';
import type { CliContext } from '../context.ts';
import { EXIT, type ExitCode } from '../exit-codes.ts';
import { printJson, say } from '../print.ts';
import { executionLines, imagesText, outcomeLines, stateWord, tookText } from '../render/execution.ts';
import { signOf } from '../render/palette.ts';
import { agoText, clockText, tableText } from '../render/text.ts';
import { watchExecution } from '../watch.ts';
import { executionArgument } from './execution-argument.ts';
import { addInterrupts } from './interrupts.ts';

export function addExecutions(add: AddCommand): void {
  addList(add);
  addWatch(add);
  addShow(add);
  addEvents(add);
  addStops(add);
  addInterrupts(add);
}

interface ListOptions {
  readonly status?: string;
  readonly workflow?: ResourceName;
  readonly limit: number;
}

function addList(add: AddCommand): void {
  add<[], ListOptions>({
    name: 'list',
    summary: 'list executions, those that run first',
    examples: ['outrider list', 'outrider list --status running,waiting', 'outrider list --workflow ECS/web --json'],
    options: [
      new Option('--status <status>', 'only these, separated by commas'),
      new Option('--workflow <name>', 'only of this workflow').argParser(parseResourceName),
      new Option('--limit <count>', 'at most so many (1 to 200)').argParser(parseCount).default(20),
    ],
    async run(context, _args, { status, workflow, limit }) {
      const query = { status, workflow: workflow?.name, application: workflow?.application, limit };
      const { value, raw } = await context.client().call('GET', apiPath('executions'), executionList, { query });
      if (context.json) printJson(context, raw);
      else context.io.stdout.write(listText(context, value.items));
      if (value.items.length === 0) say(context, 'No executions. Start one: outrider run WORKFLOW');
      else if (value.nextCursor !== null) say(context, `There are older ones: --limit ${Math.min(limit * 5, 200)}`);
      return EXIT.done;
    },
  });
}

function listText(context: CliContext, items: readonly ExecutionSummaryBody[]): string {
  const palette = context.palette(context.io.stdout);
  const nowMs = context.io.now();
  const groups = [
    { title: 'RUNNING', items: items.filter(({ endedAt }) => endedAt === null) },
    { title: 'RECENT', items: items.filter(({ endedAt }) => endedAt !== null) },
  ];
  const rows = items.map((item) => {
    const failure = item.failure === undefined ? '' : ` · ${item.failure.code}`;
    const place = item.endedAt === null && item.currentPhase !== null ? ` · ${item.currentPhase}` : '';
    const when = item.endedAt === null ? '' : agoText(item.endedAt, nowMs);
    return {
      item,
      cells: [
        item.id,
        `${item.application}/${item.workflow}`,
        `${stateWord(item)}${place}${failure}`,
        tookText(item, nowMs),
        when,
        item.startedBy,
      ],
    };
  });
  const widths = [0, 1, 2, 3, 4].map((column) => Math.max(0, ...rows.map(({ cells }) => cells[column]?.length ?? 0)));
  const line = (item: ExecutionSummaryBody) => {
    const cells = rows.find((row) => row.item === item)?.cells ?? [];
    const padded = cells.map((cell, column) => cell.padEnd(widths[column] ?? 0));
    return `  ${signOf(item.status, palette)} ${padded.join('  ')}${imagesText(item)}`.trimEnd();
  };
  return groups
    .filter((group) => group.items.length > 0)
    .map((group) => `${palette.paint('strong', group.title)}\n${group.items.map((item) => `${line(item)}\n`).join('')}`)
    .join('');
}

function addWatch(add: AddCommand): void {
  add<[string], { readonly waitTimeout?: number }>({
    name: 'watch',
    summary: 'show what happens to an execution until it ends',
    description: 'The exit code says how it ended. Ctrl-C detaches and never stops the execution.',
    examples: ['outrider watch exe_01JD3K7Q8VZ4M2N6P9R1S3T5W7', 'outrider watch exe_01JD3K7Q8VZ4M2N6P9R1S3T5W7 --json'],
    arguments: [executionArgument()],
    options: [new Option('--wait-timeout <time>', 'stop waiting after this, exit 7').argParser(parseWait)],
    run: (context, [id], { waitTimeout }) =>
      watchExecution(context, id, { json: context.json, waitTimeoutMs: waitTimeout ?? null }),
  });
}

function addShow(add: AddCommand): void {
  add<[string], object>({
    name: 'show',
    summary: 'show an execution as it is now',
    examples: ['outrider show exe_01JD3K7Q8VZ4M2N6P9R1S3T5W7'],
    arguments: [executionArgument()],
    async run(context, [id]) {
      const client = context.client();
      const { value, raw } = await client.call('GET', apiPath('executions', id), executionSchema);
      if (context.json) {
        printJson(context, raw);
        return EXIT.done;
      }
      const palette = context.palette(context.io.stdout);
      const view = { execution: value, url: client.url, nowMs: context.io.now(), palette };
      const outcome = value.endedAt === null ? [] : ['', ...outcomeLines(view)];
      context.io.stdout.write(`${[...executionLines(view), ...outcome].join('\n')}\n`);
      return EXIT.done;
    },
  });
}

const EVENT_PAGE = 1_000;

function addEvents(add: AddCommand): void {
  add<[string], object>({
    name: 'events',
    summary: 'print the events of an execution, oldest first',
    examples: [
      'outrider events exe_01JD3K7Q8VZ4M2N6P9R1S3T5W7',
      'outrider events exe_01JD3K7Q8VZ4M2N6P9R1S3T5W7 --json',
    ],
    arguments: [executionArgument()],
    async run(context, [id]) {
      const events: EventBody[] = [];
      for (;;) {
        const query = { after: events.at(-1)?.seq ?? 0, limit: EVENT_PAGE };
        const { value } = await context.client().call('GET', apiPath('executions', id, 'events'), eventPage, { query });
        events.push(...value.events);
        if (value.events.length < EVENT_PAGE) break;
      }
      if (context.json) printJson(context, { events });
      else context.io.stdout.write(tableText(['SEQ', 'AT', 'EVENT', 'WHAT'], events.map(eventCells)));
      return EXIT.done;
    },
  });
}

function eventCells(event: EventBody): string[] {
  const { seq, at, type, ...fields } = event;
  const what = Object.entries(fields)
    .filter(([, value]) => ['string', 'number', 'boolean'].includes(typeof value) && value !== '')
    .map(([name, value]) => `${name}=${String(value)}`);
  return [String(seq), clockText(at), type, what.join(' ')];
}

function addStops(add: AddCommand): void {
  const reason = () => new Option('--reason <text>', 'why; kept in the history').default('', 'none');
  add<[string], { readonly rollback: boolean; readonly reason: string }>({
    name: 'abort',
    summary: 'stop an execution and roll back what it deployed',
    description: 'It ends as aborted (exit 6), or with exit 5 when its rollback fails.',
    examples: [
      'outrider abort exe_01JD3K7Q8VZ4M2N6P9R1S3T5W7 --reason "p99 doubled"',
      'outrider abort exe_01JD3K7Q8VZ4M2N6P9R1S3T5W7 --no-rollback',
    ],
    arguments: [executionArgument()],
    options: [new Option('--no-rollback', 'leave everything as it is now'), reason()],
    run: (context, [id], options) => stop(context, id, 'abort', { rollback: options.rollback, reason: options.reason }),
  });
  add<[string], { readonly reason: string }>({
    name: 'rollback',
    summary: 'stop an execution that runs and roll it back',
    description: 'Takes an execution, or a workflow and means its newest execution. It ends as failed (exit 3).',
    examples: ['outrider rollback exe_01JD3K7Q8VZ4M2N6P9R1S3T5W7 --reason "wrong image"', 'outrider rollback ECS/web'],
    arguments: [new Argument('<execution-or-workflow>', 'id, or NAME or APPLICATION/NAME of a workflow')],
    options: [reason()],
    async run(context, [given], options) {
      const id = given.startsWith('exe_') ? given : await newestOf(context, parseResourceName(given));
      return await stop(context, id, 'rollback', { reason: options.reason });
    },
  });
}

async function stop(context: CliContext, id: string, act: 'abort' | 'rollback', body: object): Promise<ExitCode> {
  const { value, raw } = await context.client().call('POST', apiPath('executions', id, act), executionSchema, { body });
  if (context.json) printJson(context, raw);
  else context.io.stdout.write(`${value.id}\n`);
  say(context, `${value.stopping?.because ?? `It is ${stateWord(value)}`}. Watch it: outrider watch ${value.id}`);
  return EXIT.done;
}

async function newestOf(context: CliContext, { application, name }: ResourceName): Promise<string> {
  const query = { workflow: name, application, limit: 1 };
  const { value } = await context.client().call('GET', apiPath('executions'), executionList, { query });
  const [newest] = value.items;
  if (newest === undefined) {
    throw new OutriderError('not-found', `The workflow ${name} has no executions`, {
      hint: 'List what there is: outrider list.',
    });
  }
  say(context, `Newest execution: ${newest.id}, started ${agoText(newest.startedAt, context.io.now())}`);
  return newest.id;
}
