/**
 * The tables, as a list of steps from an empty file to the present version. A step that was released is never changed;
 * a new one is added at the end. The number of steps done is the file's `user_version`.
 *
 * Times and durations are REAL: a number comes back as it was given (SQLite keeps whole ones as integers on disk).
 * What changes with every heartbeat or log batch (`tasks`) lies apart from what is large (`task_work`, `task_facts`),
 * because SQLite writes a whole row anew with every change.
 */
export const MIGRATIONS: readonly string[] = [
  `
  CREATE TABLE resource_versions (
    kind TEXT NOT NULL,
    application TEXT NOT NULL,
    name TEXT NOT NULL,
    version INTEGER NOT NULL,
    document TEXT NOT NULL,
    updated_at_ms REAL NOT NULL,
    updated_by TEXT NOT NULL,
    PRIMARY KEY (kind, application, name, version)
  ) STRICT;
  -- Those that stand now, each with its newest version.
  CREATE TABLE resources (
    kind TEXT NOT NULL,
    application TEXT NOT NULL,
    name TEXT NOT NULL,
    version INTEGER NOT NULL,
    PRIMARY KEY (kind, application, name),
    FOREIGN KEY (kind, application, name, version) REFERENCES resource_versions
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE executions (
    id TEXT NOT NULL PRIMARY KEY,
    application TEXT NOT NULL,
    workflow TEXT NOT NULL,
    status TEXT NOT NULL,
    last_seq INTEGER NOT NULL,
    last_hash TEXT NOT NULL,
    summary TEXT NOT NULL
  ) STRICT;
  CREATE INDEX executions_by_status ON executions (status, id);
  CREATE INDEX executions_by_workflow ON executions (application, workflow, id);
  CREATE TABLE events (
    execution_id TEXT NOT NULL REFERENCES executions,
    seq INTEGER NOT NULL,
    at_ms REAL NOT NULL,
    event TEXT NOT NULL,
    prev_hash TEXT NOT NULL,
    hash TEXT NOT NULL,
    PRIMARY KEY (execution_id, seq)
  ) STRICT;
  CREATE TABLE effects (
    ordinal INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    execution_id TEXT NOT NULL REFERENCES executions,
    effect TEXT NOT NULL
  ) STRICT;
  CREATE INDEX effects_by_execution ON effects (execution_id, ordinal);
  CREATE TABLE idempotency_keys (
    scope TEXT NOT NULL,
    key TEXT NOT NULL,
    execution_id TEXT NOT NULL REFERENCES executions,
    request_digest TEXT NOT NULL,
    at_ms REAL NOT NULL,
    PRIMARY KEY (scope, key)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX idempotency_keys_by_age ON idempotency_keys (at_ms);

  CREATE TABLE tasks (
    ordinal INTEGER PRIMARY KEY,
    task_id TEXT NOT NULL UNIQUE,
    execution_id TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('queued', 'offered', 'leased', 'ended')),
    epoch INTEGER NOT NULL,
    delegate TEXT,
    instance_id TEXT,
    offer_until_ms REAL,
    lease_until_ms REAL,
    not_before_ms REAL NOT NULL,
    queued_at_ms REAL NOT NULL,
    deliveries INTEGER NOT NULL,
    timeout_seconds REAL NOT NULL,
    deadline_ms REAL,
    checkpoint_sequence INTEGER NOT NULL,
    cancel_reason TEXT CHECK (cancel_reason IN ('aborted', 'timed-out', 'rolling-back')),
    cancel_message TEXT,
    log_bytes INTEGER NOT NULL,
    result_sha256 TEXT
  ) STRICT;
  CREATE INDEX tasks_living ON tasks (ordinal) WHERE state <> 'ended';
  CREATE TABLE task_work (
    task_id TEXT NOT NULL PRIMARY KEY REFERENCES tasks (task_id),
    task TEXT NOT NULL,
    selectors TEXT NOT NULL,
    repeatable INTEGER NOT NULL
  ) STRICT;
  CREATE TABLE task_facts (
    task_id TEXT NOT NULL PRIMARY KEY REFERENCES tasks (task_id),
    facts TEXT NOT NULL
  ) STRICT;
  CREATE TABLE log_chunks (
    task_id TEXT NOT NULL REFERENCES tasks (task_id),
    offset INTEGER NOT NULL,
    bytes BLOB NOT NULL,
    PRIMARY KEY (task_id, offset)
  ) STRICT;

  CREATE TABLE delegates (
    name TEXT NOT NULL PRIMARY KEY,
    tags TEXT NOT NULL,
    version TEXT NOT NULL,
    region TEXT NOT NULL,
    step_types TEXT NOT NULL,
    first_seen_ms REAL NOT NULL,
    last_seen_ms REAL NOT NULL
  ) STRICT;
  CREATE TABLE join_tokens (
    id TEXT NOT NULL PRIMARY KEY,
    secret_sha256 TEXT NOT NULL,
    delegate_name TEXT,
    uses_left INTEGER,
    created_at_ms REAL NOT NULL,
    created_by TEXT NOT NULL,
    expires_at_ms REAL NOT NULL,
    revoked_at_ms REAL
  ) STRICT;
  CREATE TABLE credentials (
    id TEXT NOT NULL PRIMARY KEY,
    secret_sha256 TEXT NOT NULL,
    delegate_name TEXT NOT NULL,
    issued_at_ms REAL NOT NULL,
    expires_at_ms REAL NOT NULL,
    revoked_at_ms REAL
  ) STRICT;
  CREATE INDEX credentials_by_delegate ON credentials (delegate_name);

  CREATE TABLE api_keys (
    id TEXT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,
    secret_sha256 TEXT NOT NULL,
    role TEXT NOT NULL CHECK (role IN ('viewer', 'operator', 'admin')),
    created_at_ms REAL NOT NULL,
    created_by TEXT NOT NULL,
    expires_at_ms REAL,
    revoked_at_ms REAL,
    last_used_at_ms REAL
  ) STRICT;
  CREATE TABLE settings (
    key TEXT NOT NULL PRIMARY KEY,
    value TEXT NOT NULL
  ) STRICT;
  -- One row that the readiness check writes and reads back.
  CREATE TABLE readiness (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    checks INTEGER NOT NULL
  ) STRICT;
  `,
  `
  -- A credential is a line of generations; those that have ended are known again when they come back.
  ALTER TABLE credentials ADD COLUMN generation INTEGER NOT NULL DEFAULT 1;
  ALTER TABLE credentials ADD COLUMN retired TEXT NOT NULL DEFAULT '[]';
  ALTER TABLE delegates ADD COLUMN locked_at_ms REAL;
  ALTER TABLE delegates ADD COLUMN locked_because TEXT;
  `,
  `
  -- Receivers of what happens, and what each of them is still to be told or was told.
  CREATE TABLE webhooks (
    id TEXT NOT NULL PRIMARY KEY,
    created_at_ms REAL NOT NULL,
    webhook TEXT NOT NULL
  ) STRICT;
  CREATE TABLE deliveries (
    ordinal INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    webhook_id TEXT NOT NULL REFERENCES webhooks,
    type TEXT NOT NULL,
    execution_id TEXT,
    payload TEXT NOT NULL,
    created_at_ms REAL NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('pending', 'delivered', 'failed')),
    tries INTEGER NOT NULL,
    next_attempt_ms REAL,
    attempts TEXT NOT NULL
  ) STRICT;
  CREATE INDEX deliveries_by_webhook ON deliveries (webhook_id, ordinal);
  CREATE INDEX deliveries_due ON deliveries (next_attempt_ms) WHERE next_attempt_ms IS NOT NULL;
  CREATE INDEX deliveries_ended ON deliveries (created_at_ms) WHERE next_attempt_ms IS NULL;
  `,
  `
  -- What starts workflows without a person. The row holds all of it; beside it stands what is searched for.
  CREATE TABLE triggers (
    id TEXT NOT NULL PRIMARY KEY,
    application TEXT NOT NULL,
    name TEXT NOT NULL,
    next_at_ms REAL,
    trigger_row TEXT NOT NULL,
    UNIQUE (application, name)
  ) STRICT;
  CREATE INDEX triggers_due ON triggers (next_at_ms) WHERE next_at_ms IS NOT NULL;
  `,
];
