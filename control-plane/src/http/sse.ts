import type { ServerResponse } from 'node:http';

/** One server-sent event; `data` is sent as JSON on one line. */
export interface SseEvent {
  readonly event: string;
  /** Where a reader that comes back goes on; absent: it comes back to the event before. */
  readonly id?: string;
  readonly data: unknown;
}

/** Server-sent events to one reader. */
export interface SseStream {
  /** Resolves when the reader has room for more; false: it is gone. */
  send(event: SseEvent): Promise<boolean>;
  /** Waits for `wake` or for the time, whichever is first, and keeps the connection alive meanwhile. */
  readonly gone: AbortSignal;
}

/** Proxies and readers that hear nothing for longer think that the connection is dead. */
export const HEARTBEAT_MS = 15_000;
/** What a reader waits before it connects again. */
const RETRY_MS = 2_000;
/** A reader that takes nothing for so long is let go; it can come back where it was. */
const STALLED_AFTER_MS = 60_000;

/** Writes the head and the first comment, so that the reader knows at once that it is connected. */
export function openSse(
  response: ServerResponse,
  gone: AbortSignal,
  headers: Readonly<Record<string, string>>,
): SseStream {
  response.writeHead(200, {
    ...headers,
    'content-type': 'text/event-stream; charset=utf-8',
    'cache-control': 'no-store',
    'x-accel-buffering': 'no',
  });
  const heartbeat = setInterval(() => {
    if (!response.writableNeedDrain) response.write(': heartbeat\n\n');
  }, HEARTBEAT_MS);
  gone.addEventListener('abort', () => clearInterval(heartbeat), { once: true });
  response.write(`retry: ${RETRY_MS}\n\n`);
  return {
    gone,
    async send(event) {
      if (gone.aborted) return false;
      const id = event.id === undefined ? '' : `id: ${event.id}\n`;
      const roomLeft = response.write(`${id}event: ${event.event}\ndata: ${JSON.stringify(event.data)}\n\n`);
      return roomLeft || drained(response, gone);
    },
  };
}

async function drained(response: ServerResponse, gone: AbortSignal): Promise<boolean> {
  return new Promise((resolve) => {
    const settle = (hasRoom: boolean) => {
      clearTimeout(timer);
      response.off('drain', onDrain);
      gone.removeEventListener('abort', onGone);
      resolve(hasRoom);
    };
    const onDrain = () => settle(true);
    const onGone = () => settle(false);
    const timer = setTimeout(() => {
      response.destroy();
      settle(false);
    }, STALLED_AFTER_MS);
    response.once('drain', onDrain);
    gone.addEventListener('abort', onGone, { once: true });
  });
}
