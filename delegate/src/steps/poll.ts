import type { StepContext } from './contract.ts';

type Waiting = Pick<StepContext<unknown>, 'clock' | 'polling' | 'sleep'>;

const GROWTH = 1.4;

export interface PollOptions<T> {
  /** Undefined: not yet. What it throws ends the waiting. */
  readonly look: () => Promise<T | undefined>;
  /** Milliseconds since 1970; one last look is taken at this time. */
  readonly untilMs: number;
  /** Something moved since the last look: look again soon. */
  readonly moved?: () => boolean;
}

/**
 * Looks again and again, at first quickly and then more slowly, until there is an answer or the time is over
 * (undefined). Stops with StepStopped as soon as the step is to stop.
 */
export async function poll<T>(ctx: Waiting, options: PollOptions<T>): Promise<T | undefined> {
  let interval = ctx.polling.minMs;
  for (;;) {
    const answer = await options.look();
    if (answer !== undefined) return answer;
    const left = options.untilMs - ctx.clock.now();
    if (left <= 0) return undefined;
    await ctx.sleep(Math.min(interval, left));
    const next = options.moved?.() === true ? ctx.polling.minMs : interval * GROWTH;
    interval = Math.min(Math.max(next, ctx.polling.minMs), ctx.polling.maxMs);
  }
}

/** Before the step's own deadline, so that a wait that ends with it can still say why. */
const DEADLINE_MARGIN_MS = 5_000;

/** When a wait of this length, begun now, must end: never after the step's own deadline. */
export function waitEnd(ctx: Waiting & Pick<StepContext<unknown>, 'deadlineMs'>, lengthMs: number): number {
  return Math.min(ctx.clock.now() + lengthMs, ctx.deadlineMs - DEADLINE_MARGIN_MS);
}
