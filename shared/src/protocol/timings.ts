/**
 * Every timer and limit of the delegate protocol, in one place. Both sides import it; docs/protocol.md lists it with the
 * reasons, and a test holds the two together.
 */

export const PROTOCOL_VERSION_MIN = 1;
export const PROTOCOL_VERSION_MAX = 2;

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
/** A step that must not be repeated waits this long for its own delegate before it fails as lost. */
export const LOST_STEP_WINDOW_MS = 600_000;
/** Any one AWS call of a delegate ends within this; a lost holder's last mutation is over this long after its lease. */
export const CALL_DEADLINE_MS = 15_000;
/** A delegate that heartbeats but does not stop a cancelled step in this time loses its lease. */
export const CANCEL_ACKNOWLEDGE_MS = 120_000;
/** A delegate that goes on with a cancelled step is told again after so long. */
export const CANCEL_AGAIN_MS = 10_000;
/** How often the control plane looks for what is due; what happens in between is acted on at once. */
export const DISPATCH_TICK_MS = 1_000;
/** A wall clock that moved by so much more or less than time has passed was set: times that are stored move with it. */
export const CLOCK_SET_BY_MS = 1_000;
/** A task whose offer came back is not offered again before this, doubling with each delivery. */
export const OFFER_PAUSE_MS = 1_000;
/** An offer that nobody accepted goes to the next delegate. */
export const OFFER_ACCEPT_MS = 10_000;
/** Nothing is offered to an instance that has said nothing for so long: one heartbeat may be late. */
export const OFFER_SILENCE_MS = 15_000;
/** Deliveries of one attempt that ended without an accept, before the step fails as undeliverable. */
export const MAX_DELIVERIES = 3;
/** How long a queued task waits for any eligible delegate before it fails with the list of who could not and why. */
export const NO_DELEGATE_TIMEOUT_MS = 600_000;

/** Not connected within this time → the channel is thrown away (grpc-js has no connect timeout of its own). */
export const CONNECT_WATCHDOG_MS = 15_000;
/** Reconnect: a uniformly drawn moment in a window of RECONNECT_BASE_MS · 2^min(attempt, RECONNECT_MAX_DOUBLINGS). */
export const RECONNECT_BASE_MS = 1_000;
export const RECONNECT_MAX_DOUBLINGS = 4;
export const KEEPALIVE_TIME_MS = 30_000;
export const KEEPALIVE_TIMEOUT_MS = 10_000;
/** A socket at the delegates' door from which nothing has come for so long, not even the answer to a ping, is destroyed… */
export const SILENT_SOCKET_MS = 60_000;
/** …and this often looked for. */
export const SILENT_SOCKET_LOOK_MS = 5_000;
/** After a refused credential the next attempt waits this long: only an operator can help. */
export const CREDENTIAL_RETRY_MS = 60_000;
/** The first message of a Control stream must come within this time. */
export const HELLO_TIMEOUT_MS = 10_000;
/** A delegate that went through Control waits this long for the Logs stream's first answer before it opens it again. */
export const LOGS_OPEN_TIMEOUT_MS = 10_000;
/** A stream of logs that has ended is opened again after this. */
export const LOGS_RETRY_MS = 1_000;
/** How long a closing control plane waits for its streams to end by themselves. */
export const SHUTDOWN_GRACE_MS = 5_000;
/** Then each is told why it ends, and has this long to hear it. */
export const LAST_WORDS_MS = 500;
/** What delegates are told to wait before they come back to a control plane that drains. */
export const DRAIN_RECONNECT_MS = 1_000;
/** Deadline of unary calls; the request of one must have come whole by then. */
export const UNARY_DEADLINE_MS = 15_000;

/** Largest message on either stream; larger ones are refused before they are written. */
export const MAX_MESSAGE_BYTES = 1_048_576;
/** What the transport takes at most; between the two limits a message is refused by name and the stream lives on. */
export const TRANSPORT_MAX_MESSAGE_BYTES = 4_194_304;
/** Messages that wait for a peer that does not read; beyond it the stream is ended. */
export const SEND_QUEUE_MAX_BYTES = 8_388_608;
/** Messages of one session that are being dealt with at once; then the stream is not read. */
export const SESSION_MESSAGES_IN_FLIGHT = 64;
/** Streams of one connection. */
export const MAX_STREAMS_PER_CONNECTION = 100;
/** The stream of a call that was answered is closed after this, if the other side has not done so. */
export const ANSWERED_CLOSE_MS = 5_000;
/** A connection without a call is ended after this. */
export const CONNECTION_IDLE_MS = 60_000;
/** Join and Renew calls of one address, and of all, that are open at once. */
export const JOIN_CALLS_PER_ADDRESS_AT_ONCE = 8;
export const JOIN_CALLS_AT_ONCE = 32;
/** Calls of one credential that are open at once. */
export const CALLS_PER_CREDENTIAL = 24;
/** Of a task id in a message, in UTF-16 units. */
export const TASK_ID_MAX_LENGTH = 128;
/** Of a text that a delegate writes for people; what is longer is cut with a mark. */
export const WORDS_MAX_LENGTH = 4_096;
/** Tasks that one Hello or heartbeat names. */
export const TASKS_PER_MESSAGE_MAX = 1_000;
/** Objects and lists within each other in a task, in facts and in an output. */
export const JSON_MAX_DEPTH = 100;
/** Join calls of one address, and of all, in a minute; and as many Renew calls. */
export const JOINS_PER_ADDRESS_PER_MINUTE = 30;
export const JOINS_PER_MINUTE = 300;
/** Addresses whose calls are counted; beyond it the minute is counted anew. */
export const RATE_LIMIT_ADDRESSES_MAX = 10_000;
/** Certificates that are looked through for the one that a join token pins. */
export const CERTIFICATE_CHAIN_MAX = 10;
/** The same join request again gets the same answer for this long. */
export const JOIN_REPEAT_MS = 3_600_000;
/** Life of a delegate's credential. */
export const CREDENTIAL_TTL_MS = 2_592_000_000;
/** It is renewed when this share of its life has passed, ± CREDENTIAL_RENEW_JITTER of the life. */
export const CREDENTIAL_RENEW_SHARE = 1 / 2;
export const CREDENTIAL_RENEW_JITTER = 0.1;
/** A delegate looks at least so often whether its credential is due. */
export const CREDENTIAL_LOOK_MS = 3_600_000;
/** A generation that comes back so soon after it was renewed may have been under way; later it is the mark of a copied key. */
export const CREDENTIAL_OVERLAP_MS = 300_000;
/** Generations of a credential that are known again when they come back. */
export const CREDENTIAL_GENERATIONS_KEPT = 16;
/** Log batches: whichever comes first. */
export const LOG_FLUSH_MS = 250;
export const LOG_BATCH_MAX_BYTES = 65_536;
/** Sent and not acknowledged, per task. */
export const LOG_UNACKNOWLEDGED_MAX_BYTES = 1_048_576;
/** What was sent and not acknowledged goes out again after one to two of these. */
export const LOG_AGAIN_MS = 10_000;
/** Spool of one attempt's log at the delegate; beyond it lines are dropped with a counted mark. */
export const LOG_SPOOL_MAX_BYTES = 16_777_216;
/** Log of one attempt at the control plane, whoever wrote it; more is refused. */
export const LOG_ATTEMPT_MAX_BYTES = 268_435_456;
/** Checkpoints of one attempt; each stays in the history of the execution. */
export const CHECKPOINTS_MAX = 1_000;
/** Facts of one attempt, merged. */
export const FACTS_MAX_BYTES = 262_144;
/** Output of one step. */
export const OUTPUT_MAX_BYTES = 262_144;
/** Results kept at the delegate after their acknowledgement, to heal a control plane that lost its newest rows. */
export const RESULT_RETENTION_MS = 86_400_000;
/** …and at most so many. */
export const RESULT_RETENTION_MAX = 50;
/** What a delegate accepts of Welcome at most and at least, whatever it is told. */
export const LEASE_TTL_LONGEST_MS = 600_000;
export const HEARTBEAT_SHORTEST_MS = 50;
/** And of Drain: it comes back within one to two of these. */
export const DRAIN_RECONNECT_LONGEST_MS = 60_000;
/** Decisions of a delegate that wait for its disk; when there are so many, it drops the connection that causes them. */
export const UNDONE_MAX = 4_096;
/** Of several sent heartbeats without an answer, the newest count. */
export const HEARTBEATS_OUTSTANDING_MAX = 16;
/** A change of AWS that waits for a renewal asks for one ahead of its time: at most this often… */
export const LEASE_RENEWAL_PAUSE_MS = 250;
/** …and again when none has come for this long. */
export const LEASE_RENEWAL_RETRY_MS = 1_000;
/** Counts for watchers are sent at most this often for one task. */
export const PROGRESS_MIN_MS = 500;
/** Services whose counts are shown; a step moves a handful. */
export const PROGRESS_SERVICES_MAX = 100;
/** Journal of a delegate: rewritten beyond the first, refuses new work beyond the second. */
export const JOURNAL_COMPACT_BYTES = 4_194_304;
export const JOURNAL_MAX_BYTES = 67_108_864;
/** Of one record; an offer with its task and facts is the largest, and far below this. */
export const JOURNAL_RECORD_MAX_BYTES = 4_194_304;
/** Of the spool's last part: lines that come after the cap was reached, the newest of them. */
export const LOG_SPOOL_TAIL_BYTES = 131_072;
/** Of the spool, kept free for the mark of a gap and the line that announces it. */
export const LOG_MARK_RESERVE_BYTES = 1_024;
/** A log that is sent back to so often is not sent any more: the two sides do not agree on it. */
export const LOG_REWINDS_MAX = 5;
/** Bytes of a stored log that are read at once to check it, and reads that one log can need. */
export const LOG_CHECK_READ_BYTES = 1_048_576;
export const LOG_CHECK_READS_MAX = 1_024;

/** Tasks one delegate instance runs at a time. */
export const DELEGATE_SLOTS = 10;
/** What a delegate may say of itself: slots, tags and their length, step types, and the length of each other word. */
export const SLOTS_MAX = 1_000;
export const TAGS_MAX = 50;
export const TAG_MAX_LENGTH = 128;
export const STEP_TYPES_MAX = 200;
export const WORD_MAX_LENGTH = 128;
/** Lines that say why nobody took a task, or why a step failed, and the length of each of the former. */
export const EVIDENCE_KEPT = 20;
export const EVIDENCE_MAX_LENGTH = 1_024;
/** Executions of which is known who worked for them last, so that the same delegate goes on if it can. */
export const PREFERRED_WORKERS_KEPT = 1_000;
/** The store hears that a connected delegate lives at most this often. */
export const SEEN_SAVED_MS = 60_000;
/** A delegate marks a file this often; the container's health check wants it to be no older than a minute. */
export const ALIVE_MARK_MS = 10_000;
/** A delegate is shown as gone when its session ended or no heartbeat came for this long. */
export const SESSION_LOST_MS = 35_000;
/** An instance that said nothing for so many heartbeats gives way to another one with its credential. */
export const INSTANCE_SILENT_HEARTBEATS = 1.5;
/** How long ECS waits between SIGTERM and SIGKILL at most; draining ends before it. */
export const DRAIN_LIMIT_MS = 110_000;
/** A draining delegate without a connection and without running work waits this long for one: its journal keeps the rest. */
export const OFFLINE_DRAIN_MS = 2_000;
/** The last words of a delegate have this long to leave. */
export const GOODBYE_MS = 1_000;

/** Poll: a call is held so long when there is nothing to say. */
export const POLL_HOLD_MS = 20_000;
/** A call that must have been answered by now (another one followed it, or it is Hello) is sent again after this. */
export const POLL_ANSWER_MS = 8_000;
/** First window in which a call that failed is sent again; it doubles RECONNECT_MAX_DOUBLINGS times. */
export const POLL_REPEAT_BASE_MS = 250;
/** No call was answered for so long: the session is given up and another one begun. */
export const POLL_GIVE_UP_MS = 15_000;
/** A successor waits so long for a session over Poll without a call under way, before it is taken for dead. */
export const POLL_LOOK_MS = 1_000;
/** The connection of a session over Poll is gone and it has not called again for so long: it is over. */
export const POLL_GONE_MS = 5_000;
/** After an empty answer that came at once, the next empty call waits. */
export const POLL_PAUSE_MS = 1_000;
/** Messages of each kind in one call or answer. */
export const POLL_MESSAGES_MAX = 64;
/** Log lines in one call: a heartbeat must not queue behind more. */
export const POLL_LOG_MAX_BYTES = 262_144;
/** Largest call or answer: MAX_MESSAGE_BYTES of messages and what is around them. */
export const POLL_MAX_BYTES = 1_052_672;
/** Sessions over Poll of one delegate name; more are refused. */
export const POLL_SESSIONS_PER_DELEGATE = 20;

/** Streams that broke sooner than this after Welcome did not hold. */
export const STREAM_HOLDS_MS = 60_000;
/** So many in a row that did not hold, or … */
export const STREAM_BREAKS_MAX = 3;
/** … so many in a row that brought no Welcome: Poll is tried. */
export const STREAM_SILENCES_MAX = 2;
/** Sessions over Poll that could not be begun in a row before any could: it is no better than streams. */
export const POLL_TRIES_MAX = 3;
/** Sessions over Poll that could not be begun in a row although somebody was there, before streams are tried again. */
export const POLL_SILENCES_MAX = 20;
/** How often a delegate on Poll looks whether streams hold again, ± HEARTBEAT_JITTER. */
export const STREAM_RETRY_MS = 600_000;
/** A stream that answers within this and then lives as long again is worth a try. */
export const STREAM_PROBE_MS = 5_000;
