import type { StepHandler } from './contract.ts';

/** A sleep is no longer than this, so that a clock that was set is noticed. */
const LONGEST_SLEEP_MS = 60_000;

/** Lets time pass. When it ends is fixed by its first run; a later one waits for what is left. */
export const wait: StepHandler<'wait'> = async (input, ctx) => {
  const { durationSeconds } = input.with;
  let untilMs: number;
  if (ctx.resumed.endsBeforeDeadlineMs === undefined) {
    untilMs = ctx.clock.now() + durationSeconds * 1_000;
    await ctx.checkpoint({ endsBeforeDeadlineMs: ctx.deadlineMs - untilMs });
    ctx.log(`Waiting for ${durationSeconds} seconds.`);
  } else {
    // A clock that is behind by far must not make the wait longer than it was meant to be.
    const left = ctx.deadlineMs - ctx.resumed.endsBeforeDeadlineMs - ctx.clock.now();
    untilMs = ctx.clock.now() + Math.min(Math.max(left, 0), durationSeconds * 1_000);
    ctx.log(`${Math.ceil((untilMs - ctx.clock.now()) / 1_000)} of ${durationSeconds} seconds are left.`);
  }
  for (let left = untilMs - ctx.clock.now(); left > 0; left = untilMs - ctx.clock.now()) {
    await ctx.sleep(Math.min(left, LONGEST_SLEEP_MS));
  }
  ctx.log(`Waited for ${durationSeconds} seconds.`);
  return { waitedSeconds: durationSeconds };
};
