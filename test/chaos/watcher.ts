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

export interface Watcher {
  seen(): Watched;
  /** Resolves when the end was seen or the watcher was told to give up. */
  readonly done: Promise<void>;
}

/** A stream that says nothing, not even a heartbeat (15 s), for so long is given up. */
const SILENCE_MS = 20_000;
const AGAIN_AFTER_MS = 300;

/** Follows an execution's events as a careful client does: always after the last id that it has, until the end. */
export function watch(api: ApiAccess, executionId: string, name: string, giveUp: AbortSignal): Watcher {
  const events: SeenEvent[] = [];
  let connections = 0;
  let end: string | undefined;
  const follow = async () => {
    while (end === undefined && !giveUp.aborted) {
      connections += 1;
      try {
        end = await readOnce(api, executionId, events, giveUp);
      } catch {
        // Whatever broke: the next connection goes on after the last event that came whole.
      }
      if (end === undefined) await new Promise((resolve) => setTimeout(resolve, AGAIN_AFTER_MS));
    }
  };
  return {
    seen: () => ({ executionId, name, events, connections, end }),
    done: follow(),
  };
}

async function readOnce(
  api: ApiAccess,
  executionId: string,
  events: SeenEvent[],
  giveUp: AbortSignal,
): Promise<string | undefined> {
  const silence = new AbortController();
  let timer = setTimeout(() => silence.abort(), SILENCE_MS);
  const last = events.at(-1);
  const headers = { accept: 'text/event-stream', ...(last === undefined ? {} : { 'last-event-id': String(last.id) }) };
  try {
    const path = `/v1/executions/${executionId}/events`;
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
        const end = take(block, events);
        if (end !== undefined) return end;
      }
    }
    return undefined;
  } finally {
    clearTimeout(timer);
  }
}

/** Notes the event of one block; answers the data of the end. */
function take(block: string, events: SeenEvent[]): string | undefined {
  const field = (name: string) => new RegExp(`^${name}: ?(.*)$`, 'm').exec(block)?.[1];
  const type = field('event');
  const data = field('data');
  if (type === undefined || data === undefined) return undefined;
  if (type === 'end') return data;
  const id = field('id');
  if (id === undefined) return undefined;
  const parsed: { seq: number } = JSON.parse(data);
  events.push({ id: Number(id), type, seq: parsed.seq, text: data });
  return undefined;
}
