const SECOND = 1_000;
const MINUTE = 60 * SECOND;

/** The timers of triggers; docs/triggers.md tells them to operators. */
export interface TriggerTimings {
  /** How often it is looked for schedules whose time has come. */
  readonly tickMs: number;
  /** A schedule that nobody could look at for so long is passed over: a deployment out of its time may do harm. */
  readonly latestMs: number;
  /** Callers of one webhook trigger in one such time. */
  readonly callsPerWindow: number;
  readonly windowMs: number;
}

export const TRIGGER_TIMINGS: TriggerTimings = {
  tickMs: SECOND,
  latestMs: 5 * MINUTE,
  callsPerWindow: 60,
  windowMs: MINUTE,
};
