import { event, execution as executionSchema } from '@outrider/shared/api/schemas.ts';
import { OutriderError } from '@outrider/shared/errors.ts';
import { parseJsonObject } from '@outrider/shared/json.ts';
import { type ApiClient, apiPath } from './client.ts';
import type { CliContext } from './context.ts';
import { EXIT, type ExitCode, exitCodeOf } from './exit-codes.ts';
import { follow, untilAnswered } from './follow.ts';
import { isLively } from './io.ts';
import { createChangeLines } from './render/changes.ts';
import { outcomeLines } from './render/execution.ts';
import { countsText, liveCounts } from './render/services.ts';
import { plainJson, spanText } from './render/text.ts';
import { ScreenView } from './screen-view.ts';
import { progressMessage, type WatchView } from './view.ts';

export interface WatchOptions {
  readonly json: boolean;
  /** Stop waiting (not the execution) after this; null: never. */
  readonly waitTimeoutMs: number | null;
}

/** How often the view is told that nothing happened: durations grow. */
const TICK_MS = 1_000;
/** Off a terminal, a sign of life after this time without a change. */
const SIGN_OF_LIFE_MS = 60_000;

/** Watches an execution to its end and answers what its end means, or that nobody waited for it. */
export async function watchExecution(context: CliContext, id: string, options: WatchOptions): Promise<ExitCode> {
  const client = context.client();
  const view = options.json
    ? jsonView(context)
    : isLively(context.io.stdout, context.io.env) && !context.noColour
      ? new ScreenView(context, client, id)
      : lineView(context, client, id);
  return await watchWith(context, client, id, view, options);
}

type Ending = 'ended' | 'interrupted' | 'timed-out';

async function watchWith(
  context: CliContext,
  client: ApiClient,
  id: string,
  view: WatchView,
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
  const ticker = setInterval(() => void view.tick().catch(() => undefined), TICK_MS);
  try {
    const messages = follow(client, apiPath('executions', id, 'events'), {
      signal: controller.signal,
      now: () => io.now(),
      onBroken: (error) => io.stderr.write(`connection lost (${error.message}); trying again …\n`),
    });
    for await (const message of messages) {
      if (message.event === 'end') break;
      await take(message, view, options.json);
    }
  } finally {
    clearInterval(ticker);
    clearTimeout(timer);
    stopListening();
  }
  return await finish(context, client, id, view, ending);
}

async function take(
  message: { readonly event: string; readonly data: string },
  view: WatchView,
  asItIs: boolean,
): Promise<void> {
  const raw = parseJsonObject(message.data);
  const data = asItIs ? raw : plainJson(raw);
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
  view: WatchView,
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
  // It went through so much: the last question is not the one on which a pipeline fails.
  const ask = () => client.call('GET', apiPath('executions', id), executionSchema);
  const { value } = await untilAnswered(ask, () => io.now());
  view.ended(value);
  const code = exitCodeOf(value);
  if (code !== undefined) return code;
  throw new OutriderError('internal', `The events of ${id} ended, but it is ${value.status}`);
}

/** JSON lines: the events as the API has them. */
function jsonView({ io }: CliContext): WatchView {
  return {
    event: (happened) => io.stdout.write(`${JSON.stringify(happened)}\n`),
    progress() {},
    async tick() {},
    ended() {},
    left() {},
  };
}

/** One line for each change. */
function lineView(context: CliContext, client: ApiClient, id: string): WatchView {
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
