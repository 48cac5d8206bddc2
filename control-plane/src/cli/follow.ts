import { setTimeout as pause } from 'node:timers/promises';
import { OutriderError } from '@outrider/shared/errors.ts';
import type { ApiClient } from './client.ts';
import type { SseMessage } from './sse-reader.ts';

const FIRST_PAUSE_MS = 250;
/** Pauses between attempts to connect again grow to this. */
const LONGEST_PAUSE_MS = 10_000;
/** A control plane that does not come back within this is given up. */
const GIVE_UP_AFTER_MS = 15 * 60_000;

/** What a control plane that restarts, or a network in between, answers for a while. */
function passes(error: OutriderError): boolean {
  return error.code === 'unreachable' || error.code === 'overloaded';
}

/**
 * Asks until the control plane answers, as `follow` does.
 * @throws what it refuses with, or `unreachable` when it stays away for 15 minutes or `signal` is aborted
 */
export async function untilAnswered<T>(ask: () => Promise<T>, now: () => number, signal?: AbortSignal): Promise<T> {
  const beganMs = now();
  for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS)) {
    try {
      return await ask();
    } catch (thrown) {
      const error = OutriderError.from(thrown);
      if (!passes(error) || signal?.aborted === true || now() - beganMs > GIVE_UP_AFTER_MS) throw error;
    }
    await pause(pauseMs, undefined, { signal }).catch(() => undefined);
  }
}

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
    /** The control plane has been reached before: it is waited for from the beginning. */
    readonly reached?: boolean;
  },
): AsyncGenerator<SseMessage, void, void> {
  const { signal, onBroken, now, reached = false } = options;
  let lastId: string | undefined;
  let brokenSinceMs: number | undefined;
  let pauseMs = FIRST_PAUSE_MS;
  let wasOpen = reached;
  const onOpen = () => {
    wasOpen = true;
  };
  while (!signal.aborted) {
    try {
      for await (const message of client.stream(path, { ...options, lastId, onOpen })) {
        lastId = message.id ?? lastId;
        brokenSinceMs = undefined;
        pauseMs = FIRST_PAUSE_MS;
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
      if (!wasOpen || !passes(error)) throw error;
      if (brokenSinceMs === undefined) onBroken(error);
      brokenSinceMs ??= now();
      if (now() - brokenSinceMs > GIVE_UP_AFTER_MS) throw error;
    }
    await pause(pauseMs, undefined, { signal }).catch(() => undefined);
    pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS);
  }
}
