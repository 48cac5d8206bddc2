import {
  type EventBody,
  type ExecutionBody,
  event,
  execution as executionSchema,
  logPage,
  serviceCounts,
} from '@outrider/shared/api/schemas.ts';
import { OutriderError } from '@outrider/shared/errors.ts';
import { parseJsonObject } from '@outrider/shared/json.ts';
import { z } from 'zod';
import { type ApiClient, apiPath } from './client.ts';
import type { CliContext } from './context.ts';
import { EXIT, type ExitCode, exitCodeOf } from './exit-codes.ts';
import { follow } from './follow.ts';
import { isLively } from './io.ts';
import { createChangeLines } from './render/changes.ts';
import { executionLines, outcomeLines } from './render/execution.ts';
import { Screen } from './render/screen.ts';
import { countsText, liveCounts } from './render/services.ts';
import { spanText } from './render/text.ts';

export interface WatchOptions {
  readonly json: boolean;
  /** Stop waiting (not the execution) after this; null: never. */
  readonly waitTimeoutMs: number | null;
}

/** How often the screen is drawn anew when nothing happens, and at most when much does. */
const REDRAW_MS = 1_000;
const SHORTEST_REDRAW_MS = 200;
/** Off a terminal, a sign of life after this time without a change. */
const SIGN_OF_LIFE_MS = 60_000;
const TAIL_LINES = 3;

const progressMessage = z.object({ stepId: z.string(), at: z.string(), services: z.array(serviceCounts) });

/** Watches an execution to its end and answers what its end means, or that nobody waited for it. */
export async function watchExecution(context: CliContext, id: string, options: WatchOptions): Promise<ExitCode> {
  const client = context.client();
  const view = options.json
    ? jsonView(context)
    : isLively(context.io.stdout, context.io.env) && !context.noColour
      ? screenView(context, client, id)
      : lineView(context, client, id);
  return await watchWith(context, client, id, view, options);
}

/** What a watch shows; every function may be called at any time and never throws. */
interface View {
  event(event: EventBody): void | Promise<void>;
  progress(counts: z.output<typeof progressMessage>): void;
  /** Nothing has come for a while. */
  tick(): Promise<void>;
  /** The execution has ended. */
  ended(execution: ExecutionBody): void;
  /** The watch ends before the execution does. */
  left(): void;
}

type Ending = 'ended' | 'interrupted' | 'timed-out';

async function watchWith(
  context: CliContext,
  client: ApiClient,
  id: string,
  view: View,
  options: WatchOptions,
): Promise<ExitCode> {
  const { io } = context;
  const controller = new AbortController();
  let ending: Ending = 'ended';
  const stop = (because: Ending) => {
    ending = because;
    controller.abort();
  };
  const stopListening = io.onInterrupt(() => stop('interrupted'));
  const timer = options.waitTimeoutMs === null ? undefined : setTimeout(() => stop('timed-out'), options.waitTimeoutMs);
  const ticker = setInterval(() => void view.tick().catch(() => undefined), REDRAW_MS);
  try {
    const messages = follow(client, apiPath('executions', id, 'events'), {
      signal: controller.signal,
      now: () => io.now(),
      onBroken: (error) => io.stderr.write(`connection lost (${error.message}); trying again …\n`),
    });
    for await (const message of messages) {
      if (message.event === 'end') break;
      await take(message, view);
    }
  } finally {
    clearInterval(ticker);
    clearTimeout(timer);
    stopListening();
  }
  return await finish(context, client, id, view, ending);
}

async function take(message: { readonly event: string; readonly data: string }, view: View): Promise<void> {
  const data = parseJsonObject(message.data);
  if (message.event === 'progress') {
    const parsed = progressMessage.safeParse(data);
    if (parsed.success) view.progress(parsed.data);
    return;
  }
  const parsed = event.safeParse(data);
  if (parsed.success) await view.event(parsed.data);
}

async function finish(
  context: CliContext,
  client: ApiClient,
  id: string,
  view: View,
  ending: Ending,
): Promise<ExitCode> {
  const { io } = context;
  if (ending !== 'ended') {
    view.left();
    const why = ending === 'interrupted' ? 'Detached' : 'Stopped waiting';
    io.stderr.write(
      `\n${why}; the execution goes on.\n  watch it again: outrider watch ${id}\n  stop it:        outrider abort ${id}\n`,
    );
    return ending === 'interrupted' ? EXIT.detached : EXIT.stoppedWaiting;
  }
  const { value } = await client.call('GET', apiPath('executions', id), executionSchema);
  view.ended(value);
  const code = exitCodeOf(value);
  if (code !== undefined) return code;
  throw new OutriderError('internal', `The events of ${id} ended, but it is ${value.status}`);
}

/** JSON lines: the events as the API has them. */
function jsonView({ io }: CliContext): View {
  return {
    event: (happened) => io.stdout.write(`${JSON.stringify(happened)}\n`),
    progress() {},
    async tick() {},
    ended() {},
    left() {},
  };
}

/** One line for each change. */
function lineView(context: CliContext, client: ApiClient, id: string): View {
  const { io } = context;
  const changes = createChangeLines(id);
  let lastLineMs = io.now();
  const print = (line: string | undefined) => {
    if (line === undefined) return;
    lastLineMs = io.now();
    io.stdout.write(`${line}\n`);
  };
  return {
    event: (happened) => print(changes.line(happened)),
    progress: ({ stepId, services, at }) => print(changes.counts(stepId, services, at)),
    async tick() {
      if (io.now() - lastLineMs < SIGN_OF_LIFE_MS) return;
      lastLineMs = io.now();
      const { value } = await client.call('GET', apiPath('executions', id), executionSchema);
      const counts = countsText(liveCounts(value));
      const took = spanText(io.now() - Date.parse(value.startedAt));
      print(`${new Date(io.now()).toISOString().slice(11, 19)}Z still ${value.status} ${took} ${counts}`.trimEnd());
    },
    ended(execution) {
      const view = { execution, url: client.url, nowMs: io.now(), palette: context.palette(io.stdout) };
      io.stdout.write(`\n${outcomeLines(view).join('\n')}\n`);
    },
    left() {},
  };
}

/** The whole execution on one screen, drawn in place. */
function screenView(context: CliContext, client: ApiClient, id: string): View {
  const { io } = context;
  const screen = new Screen(io.stdout);
  const palette = context.palette(io.stdout);
  const tails = new Map<string, { next: string; lines: { at: string; text: string }[] }>();
  let current: ExecutionBody | undefined;
  let lastReadMs = 0;
  let reading = false;
  let over = false;

  async function readTail(stepId: string): Promise<void> {
    const tail = tails.get(stepId) ?? { next: '', lines: [] };
    tails.set(stepId, tail);
    const query = { after: tail.next === '' ? undefined : tail.next };
    const { value } = await client.call('GET', apiPath('executions', id, 'steps', stepId, 'logs'), logPage, { query });
    tail.next = value.next;
    tail.lines = [...tail.lines, ...value.lines.filter((line) => line.text.trim() !== '')].slice(-TAIL_LINES);
  }

  function draw(footer: readonly string[]): void {
    if (current === undefined) return;
    const running = current.phases.flatMap((phase) => phase.steps).filter((step) => step.status === 'running');
    const shown = new Map(running.map((step) => [step.id, tails.get(step.id)?.lines ?? []]));
    const view = { execution: current, url: client.url, nowMs: io.now(), palette, tails: shown };
    screen.draw([...executionLines(view), ...footer]);
  }

  async function read(): Promise<void> {
    if (reading || over || io.now() - lastReadMs < SHORTEST_REDRAW_MS) return;
    reading = true;
    try {
      const { value } = await client.call('GET', apiPath('executions', id), executionSchema);
      current = value;
      lastReadMs = io.now();
      const running = value.phases.flatMap((phase) => phase.steps).filter((step) => step.status === 'running');
      await Promise.all(running.map((step) => readTail(step.id)));
      if (!over) draw(['', palette.paint('quiet', 'Ctrl-C leaves it running')]);
    } finally {
      reading = false;
    }
  }

  return {
    event: () => void read().catch(() => undefined),
    progress: () => void read().catch(() => undefined),
    tick: read,
    ended(execution) {
      over = true;
      current = execution;
      draw(['']);
      screen.leave();
      const view = { execution, url: client.url, nowMs: io.now(), palette };
      io.stdout.write(`${outcomeLines(view).join('\n')}\n`);
    },
    left() {
      over = true;
      screen.leave();
    },
  };
}
