/** One server-sent event. */
export interface SseMessage {
  readonly id: string | undefined;
  readonly event: string;
  readonly data: string;
}

/** A line longer than this is no event of ours. */
const MAX_LINE_LENGTH = 4 * 1024 * 1024;

/**
 * Reads server-sent events until the stream ends. Throws when nothing, not even a heartbeat, comes for `silenceMs`, or
 * when the connection breaks. An event that was cut off in the middle is not given.
 */
export async function* readSse(
  body: ReadableStream<Uint8Array>,
  silenceMs: number,
): AsyncGenerator<SseMessage, void, void> {
  const reader = body.getReader();
  const decoder = new TextDecoder();
  let rest = '';
  let fields: { id?: string; event?: string; data: string[] } = { data: [] };
  try {
    for (;;) {
      const { done, value } = await withinTime(reader.read(), silenceMs);
      if (done) return;
      const lines = (rest + decoder.decode(value, { stream: true })).split(/\r\n|\n|\r/);
      rest = lines.pop() ?? '';
      if (rest.length > MAX_LINE_LENGTH) throw new Error('a line of the event stream does not end');
      for (const line of lines) {
        if (line === '') {
          if (fields.data.length > 0) yield messageOf(fields);
          fields = { data: [] };
        } else {
          takeLine(line, fields);
        }
      }
    }
  } finally {
    await reader.cancel().catch(() => undefined);
  }
}

function takeLine(line: string, fields: { id?: string; event?: string; data: string[] }): void {
  const match = /^([^:]*)(?::\s?(.*))?$/s.exec(line);
  const value = match?.[2] ?? '';
  switch (match?.[1]) {
    case 'id':
      fields.id = value;
      return;
    case 'event':
      fields.event = value;
      return;
    case 'data':
      fields.data.push(value);
      return;
    default:
      // Comments, retry, and what later versions may add.
      return;
  }
}

function messageOf(fields: { id?: string; event?: string; data: readonly string[] }): SseMessage {
  return { id: fields.id, event: fields.event ?? 'message', data: fields.data.join('\n') };
}

async function withinTime<T>(promise: Promise<T>, milliseconds: number): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const silence = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`nothing was heard for ${milliseconds / 1_000} s`)), milliseconds);
  });
  try {
    return await Promise.race([promise, silence]);
  } finally {
    clearTimeout(timer);
  }
}
