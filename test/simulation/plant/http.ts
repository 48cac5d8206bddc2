import { ERRORS, OutriderError } from '@outrider/shared/errors.ts';
import type { Random } from '../random.ts';
import { Lane } from '../scheduler.ts';
import type { PlantContext } from './context.ts';
import type { OperatorApi } from './control-plane.ts';

export type HttpAnswer<T> =
  /** `atMs`: when the control plane gave it. */
  | { readonly kind: 'ok'; readonly value: T; readonly atMs: number }
  | { readonly kind: 'error'; readonly error: OutriderError }
  /** Nobody answered: whether the request was dealt with is not known. */
  | { readonly kind: 'unreachable' };

/** How long the command line waits for an answer. */
const TIMEOUT_MS = 60_000;
/** Requests, and answers, that are lost although the script does not say so. */
const LOST = 0.05;

/** One request of an operator's machine, which never fails, and its answer. Calls back exactly once. */
export function sendRequest<T>(
  context: PlantContext,
  network: Random,
  api: () => OperatorApi | undefined,
  request: (api: OperatorApi) => Promise<T>,
  answered: (answer: HttpAnswer<T>) => void,
): void {
  const { scheduler, weather } = context;
  let over = false;
  const end = (answer: HttpAnswer<T>) => {
    if (over) return;
    over = true;
    cancelTimeout();
    answered(answer);
  };
  const endLater = (answer: HttpAnswer<T>) => scheduler.after(network.whole(1, 20), () => end(answer), 'http answer');
  const cancelTimeout = scheduler.after(TIMEOUT_MS, () => end({ kind: 'unreachable' }), 'http timeout');
  if (weather.mishap(LOST)) return;
  scheduler.after(
    network.whole(1, 20),
    () => {
      const reached = api();
      if (reached === undefined) return endLater({ kind: 'unreachable' });
      const { process } = reached;
      process.onEnd(() => endLater({ kind: 'unreachable' }));
      const reply = (answer: HttpAnswer<T>) => {
        if (process.alive && !weather.mishap(LOST)) endLater(answer);
      };
      process.clock.deliver(0, () => void deal(context, reached, request).then(reply), 'http request');
    },
    'http',
    new Lane(),
  );
}

async function deal<T>(
  { recorder }: PlantContext,
  api: OperatorApi,
  request: (api: OperatorApi) => Promise<T>,
): Promise<HttpAnswer<T>> {
  try {
    const value = await request(api);
    return { kind: 'ok', value, atMs: recorder.nowMs };
  } catch (thrown) {
    return { kind: 'error', error: OutriderError.from(thrown) };
  }
}

/** The same request may succeed later. */
export function isPassing(error: OutriderError): boolean {
  return ERRORS[error.code].retryable;
}
