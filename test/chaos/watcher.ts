import { startOutrider } from '../support/processes.ts';
import { type ApiAccess, open } from './http-call.ts';

/** An event as a watcher received it. */
export interface SeenEvent {
  /** The id of the server-sent event. */
  readonly id: number;
  readonly type: string;
  /** Of the event's own data. */
  readonly seq: number;
  readonly text: string;
}

/** What one watcher of one execution saw, through however many connections. */
export interface Watched {
  readonly executionId: string;
  readonly name: string;
  readonly events: readonly SeenEvent[];
  readonly connections: number;
  /** What `event: end` said; undefined: it never came. */
  readonly end: string | undefined;
}

/** What one follower of one step's log saw: `ATTEMPT.SEQ TEXT`. */
export interface LogFollowed {
  readonly executionId: string;
  readonly step: string;
  readonly lines: readonly string[];
  readonly connections: number;
  readonly ended: boolean;
}

/** What `outrider watch` printed, and how it ended. */
export interface CommandWatched {
  readonly executionId: string;
  /** -1: it was ended by us. */
  readonly exitCode: number;
  readonly events: readonly string[];
  readonly said: string;
}

/** Somebody who looks on to the end. */
export interface Follower<Seen> {
  seen(): Seen;
  /** Resolves when the end was seen or the follower was told to give up. */
  readonly done: Promise<void>;
}

/** A stream that says nothing, not even a heartbeat (15 s), for so long is given up. */
const SILENCE_MS = 20_000;
const AGAIN_AFTER_MS = 300;

/** Follows an execution's events as a careful client does: always after the last id that it has, until the end. */
export function watch(api: ApiAccess, executionId: string, name: string, giveUp: AbortSignal): Follower<Watched> {
  const events: SeenEvent[] = [];
  const stream = followStream(api, `/v1/executions/${executionId}/events`, giveUp, ({ id, type, data }) => {
    const parsed: { seq: number } = JSON.parse(data);
    events.push({ id: Number(id), type, seq: parsed.seq, text: data });
  });
  return {
    seen: () => ({ executionId, name, events, connections: stream.connections(), end: stream.end() }),
    done: stream.done,
  };
}

/** Follows a step's log in the same way. */
export function followLog(
  api: ApiAccess,
  executionId: string,
  step: string,
  giveUp: AbortSignal,
): Follower<LogFollowed> {
  const lines: string[] = [];
  const stream = followStream(api, `/v1/executions/${executionId}/steps/${step}/logs`, giveUp, ({ data }) => {
    const parsed: { attempt: number; seq: number; text: string } = JSON.parse(data);
    lines.push(`${parsed.attempt}.${parsed.seq} ${parsed.text}`);
  });
  return {
    seen: () => ({
      executionId,
      step,
      lines,
      connections: stream.connections(),
      ended: stream.end() !== undefined,
    }),
    done: stream.done,
  };
}

/** Leaves the watching to the command line, which is to come through all of it by itself. */
export function watchByCommandLine(
  environment: Readonly<Record<string, string>>,
  executionId: string,
  giveUp: AbortSignal,
): Follower<CommandWatched> {
  let seen: CommandWatched = { executionId, exitCode: -1, events: [], said: '' };
  const run = async () => {
    while (!giveUp.aborted) {
      const running = startOutrider(['watch', executionId, '--json'], environment);
      const end = () => void running.end('SIGKILL');
      giveUp.addEventListener('abort', end);
      const { exitCode, stdout, stderr } = await running.finished;
      giveUp.removeEventListener('abort', end);
      const events = stdout.split('\n').filter((line) => line !== '');
      seen = { executionId, exitCode, events, said: stderr };
      // What never reached the control plane says so and ends: that is asked again. What has begun to watch goes through.
      if (exitCode !== 1 || events.length > 0) return;
      await new Promise((resolve) => setTimeout(resolve, AGAIN_AFTER_MS));
    }
  };
  return { seen: () => seen, done: run() };
}

interface Message {
  readonly id: string;
  readonly type: string;
  readonly data: string;
}

/** Reads a stream of server-sent events to `event: end`, through as many connections as it takes. */
function followStream(api: ApiAccess, path: string, giveUp: AbortSignal, take: (message: Message) => void) {
  let connections = 0;
  let end: string | undefined;
  let lastId: string | undefined;
  const follow = async () => {
    while (end === undefined && !giveUp.aborted) {
      connections += 1;
      try {
        end = await readOnce(api, path, lastId, giveUp, (message) => {
          lastId = message.id;
          take(message);
        });
      } catch {
        // Whatever broke: the next connection goes on after the last message that came whole.
      }
      if (end === undefined) await new Promise((resolve) => setTimeout(resolve, AGAIN_AFTER_MS));
    }
  };
  return { connections: () => connections, end: () => end, done: follow() };
}

async function readOnce(
  api: ApiAccess,
  path: string,
  lastId: string | undefined,
  giveUp: AbortSignal,
  take: (message: Message) => void,
): Promise<string | undefined> {
  const silence = new AbortController();
  let timer = setTimeout(() => silence.abort(), SILENCE_MS);
  const headers = { accept: 'text/event-stream', ...(lastId === undefined ? {} : { 'last-event-id': lastId }) };
  try {
    const response = await open(api, 'GET', path, headers, AbortSignal.any([silence.signal, giveUp]));
    if (response.statusCode !== 200) {
      response.resume();
      return undefined;
    }
    let rest = '';
    for await (const chunk of response.setEncoding('utf8')) {
      clearTimeout(timer);
      timer = setTimeout(() => silence.abort(), SILENCE_MS);
      const blocks = (rest + String(chunk)).split('\n\n');
      rest = blocks.pop() ?? '';
      for (const block of blocks) {
        const message = messageOf(block);
        if (message?.type === 'end') return message.data;
        if (message !== undefined && message.id !== '') take(message);
      }
    }
    return undefined;
  } finally {
    clearTimeout(timer);
  }
}

/** Undefined: a comment, or the time after which to come again. */
function messageOf(block: string): Message | undefined {
  const field = (name: string) => new RegExp(`^${name}: ?(.*)$`, 'm').exec(block)?.[1];
  const type = field('event');
  const data = field('data');
  return type === undefined || data === undefined ? undefined : { type, data, id: field('id') ?? '' };
}
