/**
 * Every timer and limit of the delegate protocol, in one place. Both sides import it; docs/protocol.md lists it.
 * Reasons: design.md §4, reference figures in docs/protocol.md.
 */

export const PROTOCOL_VERSION_MIN = 1;
export const PROTOCOL_VERSION_MAX = 1;

/** A lease lasts this long after its last renewal. */
export const LEASE_TTL_MS = 30_000;
/** After this share of the lease, counted from when the last acknowledged heartbeat was SENT, nothing mutates AWS. */
export const SELF_FENCE_SHARE = 2 / 3;
/** One heartbeat for all running tasks, ± HEARTBEAT_JITTER. */
export const HEARTBEAT_MS = 10_000;
export const HEARTBEAT_JITTER = 0.1;
/** After a start of the control plane every lease is extended by this before any may expire. */
export const LEASE_EXTENSION_AFTER_START_MS = 60_000;
/** A repeatable step moves to another delegate this long after its lease ended. */
export const REASSIGN_GRACE_MS = 10_000;
/** An offer that nobody accepted goes to the next delegate. */
export const OFFER_ACCEPT_MS = 10_000;
/** Deliveries of one attempt that ended without an accept, before the step fails as undeliverable. */
export const MAX_DELIVERIES = 3;
/** How long a queued task waits for any eligible delegate before it fails with the list of who could not and why. */
export const NO_DELEGATE_TIMEOUT_MS = 600_000;

/** Not connected within this time → the channel is thrown away (grpc-js has no connect timeout of its own). */
export const CONNECT_WATCHDOG_MS = 15_000;
/** Reconnect: uniform jitter within a window of min(2^attempt, 2^6) seconds. */
export const RECONNECT_BASE_MS = 1_000;
export const RECONNECT_MAX_DOUBLINGS = 4;
export const KEEPALIVE_TIME_MS = 30_000;
export const KEEPALIVE_TIMEOUT_MS = 10_000;
/** Deadline of unary calls. */
export const UNARY_DEADLINE_MS = 15_000;

/** Largest message on either stream; larger ones are refused before they are written. */
export const MAX_MESSAGE_BYTES = 1_048_576;
/** Log batches: whichever comes first. */
export const LOG_FLUSH_MS = 250;
export const LOG_BATCH_MAX_BYTES = 65_536;
/** Sent and not acknowledged, per task. */
export const LOG_UNACKNOWLEDGED_MAX_BYTES = 1_048_576;
/** Spool of one attempt's log at the delegate; beyond it lines are dropped with a counted mark. */
export const LOG_SPOOL_MAX_BYTES = 16_777_216;
/** Facts of one attempt, merged. */
export const FACTS_MAX_BYTES = 262_144;
/** Output of one step. */
export const OUTPUT_MAX_BYTES = 262_144;
/** Results kept at the delegate after their acknowledgement. */
export const RESULT_RETENTION_MS = 86_400_000;

/** Tasks one delegate instance runs at a time. */
export const DELEGATE_SLOTS = 10;
/** A delegate is shown as gone when its session ended or no heartbeat came for this long. */
export const SESSION_LOST_MS = 35_000;
/** How long ECS waits between SIGTERM and SIGKILL at most; draining ends before it. */
export const DRAIN_LIMIT_MS = 110_000;
