const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;

/** The timers of outgoing webhooks; docs/webhooks.md tells them to operators. */
export interface WebhookTimings {
  /** How often it is looked for what is due. */
  readonly tickMs: number;
  /** An attempt must have its answer within this. */
  readonly attemptMs: number;
  /** What was taken and not noted is taken again after this; longer than an attempt. */
  readonly claimMs: number;
  /** Pauses after the first, second, … failed attempt; after the last of them it is given up. About 24 hours. */
  readonly pausesMs: readonly number[];
  /** A receiver that asks for a longer pause gets it up to this. */
  readonly longestPauseMs: number;
  /** How long the secret before stays good after a rotation. */
  readonly oldSecretMs: number;
  /** What has ended is kept this long. */
  readonly keptMs: number;
  readonly forgetEveryMs: number;
}

export const WEBHOOK_TIMINGS: WebhookTimings = {
  tickMs: SECOND,
  attemptMs: 15 * SECOND,
  claimMs: MINUTE,
  pausesMs: [5 * SECOND, 30 * SECOND, 5 * MINUTE, 30 * MINUTE, 2 * HOUR, 5 * HOUR, 8 * HOUR, 8 * HOUR],
  longestPauseMs: 12 * HOUR,
  oldSecretMs: 24 * HOUR,
  keptMs: 30 * 24 * HOUR,
  forgetEveryMs: HOUR,
};
