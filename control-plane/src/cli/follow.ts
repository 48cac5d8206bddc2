import { setTimeout as pause } from 'node:timers/promises';
import { OutriderError } from '@outrider/shared/errors.ts';
import type { ApiClient } from './client.ts';
import type { SseMessage } from './sse-reader.ts';

/** Pauses between attempts to connect again grow to this. */
const LONGEST_PAUSE_MS = 10_000;
/** A control plane that does not come back within this is given up. */
const GIVE_UP_AFTER_MS = 15 * 60_000;

/**
 * Follows a stream of the control plane through broken connections and restarts, each message once, until `event: end`.
 * `onBroken` is told once for each time the connection is lost. Ends quietly when `signal` is aborted.
 * @throws what the control plane refuses with, or `unreachable` when it stays away for 15 minutes
 */
export async function* follow(
  client: ApiClient,
  path: string,
  options: {
    readonly query?: Readonly<Record<string, string | number | undefined>>;
    readonly signal: AbortSignal;
    readonly onBroken: (error: OutriderError) => void;
    readonly now: () => number;
  },
): AsyncGenerator<SseMessage, void, void> {
  const { signal, onBroken, now } = options;
  let lastId: string | undefined;
  let brokenSinceMs: number | undefined;
  let pauseMs = 250;
  let wasOpen = false;
  const onOpen = () => {
    wasOpen = true;
  };
  while (!signal.aborted) {
    try {
      for await (const message of client.stream(path, { ...options, lastId, onOpen })) {
        lastId = message.id ?? lastId;
        brokenSinceMs = undefined;
        pauseMs = 250;
        if (message.event === 'end') {
          yield message;
          return;
        }
        yield message;
      }
    } catch (thrown) {
      const error = OutriderError.from(thrown);
      if (signal.aborted) return;
      // What never worked is not worth waiting for: a wrong address, a certificate that is not trusted.
      if (!wasOpen || (error.code !== 'unreachable' && error.code !== 'overloaded')) throw error;
      if (brokenSinceMs === undefined) onBroken(error);
      brokenSinceMs ??= now();
      if (now() - brokenSinceMs > GIVE_UP_AFTER_MS) throw error;
    }
    await pause(pauseMs, undefined, { signal }).catch(() => undefined);
    pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS);
  }
}
