import type { ExecutionId } from '@outrider/shared/ids.ts';
import type { CommitInput, CommitOutcome, EffectRow, ExecutionStore, ExecutionSummary } from '../../app/ports.ts';
import type { RecordedEvent } from '../../domain/execution/events.ts';
import { type ChainLink, chainLink, chainStart, verifyChain } from '../history.ts';
import { IDEMPOTENCY_RETENTION_MS, readLimit, requireConsistentCommit } from '../limits.ts';
import type { OperationsOf } from '../operations.ts';
import type { Database, Row } from './database.ts';
import { applyTaskChange, refusalOf } from './task-changes.ts';

export function sqliteExecutions(database: Database): OperationsOf<ExecutionStore> {
  return {
    commit: (input) => commit(database, input),

    readEvents: (id, afterSeq, limit) =>
      database
        .all(
          'SELECT seq, at_ms, event FROM events WHERE execution_id = ? AND seq > ? ORDER BY seq LIMIT ?',
          id,
          afterSeq,
          readLimit(limit),
        )
        .map((row): RecordedEvent => ({ seq: row.number('seq'), atMs: row.number('at_ms'), event: row.json('event') })),
    getSummary: (id) =>
      database.first('SELECT summary FROM executions WHERE id = ?', id)?.json<ExecutionSummary>('summary'),
    listSummaries: (options) => listSummaries(database, options),

    pendingEffects: (limit, executionId) =>
      (executionId === undefined
        ? database.all('SELECT * FROM effects ORDER BY ordinal LIMIT ?', readLimit(limit))
        : database.all(
            'SELECT * FROM effects WHERE execution_id = ? ORDER BY ordinal LIMIT ?',
            executionId,
            readLimit(limit),
          )
      ).map(effectOf),
    effectDone(id) {
      database.run('DELETE FROM effects WHERE id = ?', id);
    },

    findIdempotent(scope, key, atMs) {
      const used = usedKey(database, scope, key, atMs);
      if (used === undefined) return undefined;
      return { executionId: used.text('execution_id'), requestDigest: used.text('request_digest') };
    },
    verifyHistory: (id) => verifyChain(id, linksOf(database, id), headOf(database, id)),
  };
}

function commit(database: Database, input: CommitInput): CommitOutcome {
  requireConsistentCommit(input);
  const { executionId, idempotency, task, effects } = input;
  if (idempotency !== undefined) {
    const used = usedKey(database, idempotency.scope, idempotency.key, idempotency.atMs);
    if (used !== undefined) {
      const sameRequest = used.text('request_digest') === idempotency.requestDigest;
      return { kind: 'replayed', executionId: used.text('execution_id'), sameRequest };
    }
  }
  const refusal = task === undefined ? undefined : refusalOf(database, executionId, task);
  if (refusal !== undefined) return refusal;
  const head = headOf(database, executionId);
  if (head.seq !== input.expectedSeq) return { kind: 'conflict', seq: head.seq };

  if (task !== undefined) applyTaskChange(database, task);
  const links = linksAfter(head.hash, input.events);
  writeExecution(database, input.summary, links.at(-1) ?? head);
  for (const link of links) writeLink(database, executionId, link);
  for (const effect of effects) writeEffect(database, effect);
  if (idempotency !== undefined) rememberKey(database, executionId, idempotency);
  return { kind: 'ok' };
}

function linksAfter(hash: string, events: readonly RecordedEvent[]): ChainLink[] {
  const links: ChainLink[] = [];
  for (const { seq, atMs, event } of events) {
    links.push(chainLink(links.at(-1)?.hash ?? hash, seq, atMs, JSON.stringify(event)));
  }
  return links;
}

function writeExecution(
  database: Database,
  summary: ExecutionSummary,
  head: { readonly seq: number; readonly hash: string },
): void {
  database.run(
    `INSERT INTO executions (id, application, workflow, status, last_seq, last_hash, summary)
     VALUES (?, ?, ?, ?, ?, ?, ?)
     ON CONFLICT (id) DO UPDATE SET application = excluded.application, workflow = excluded.workflow,
       status = excluded.status, last_seq = excluded.last_seq, last_hash = excluded.last_hash,
       summary = excluded.summary`,
    summary.id,
    summary.application,
    summary.workflow,
    summary.status,
    head.seq,
    head.hash,
    JSON.stringify(summary),
  );
}

function writeLink(database: Database, id: ExecutionId, link: ChainLink): void {
  database.run(
    'INSERT INTO events (execution_id, seq, at_ms, event, prev_hash, hash) VALUES (?, ?, ?, ?, ?, ?)',
    id,
    link.seq,
    link.atMs,
    link.eventJson,
    link.previousHash,
    link.hash,
  );
}

function writeEffect(database: Database, { id, executionId, effect }: EffectRow): void {
  database.run(
    'INSERT INTO effects (id, execution_id, effect) VALUES (?, ?, ?) ON CONFLICT (id) DO NOTHING',
    id,
    executionId,
    JSON.stringify(effect),
  );
}

function effectOf(row: Row): EffectRow {
  return { id: row.text('id'), executionId: row.text('execution_id'), effect: row.json('effect') };
}

function headOf(database: Database, id: ExecutionId): { readonly seq: number; readonly hash: string } {
  const row = database.first('SELECT last_seq, last_hash FROM executions WHERE id = ?', id);
  if (row === undefined) return { seq: 0, hash: chainStart(id) };
  return { seq: row.number('last_seq'), hash: row.text('last_hash') };
}

function* linksOf(database: Database, id: ExecutionId): Iterable<ChainLink> {
  for (const row of database.each('SELECT * FROM events WHERE execution_id = ? ORDER BY seq', id)) {
    yield {
      seq: row.number('seq'),
      atMs: row.number('at_ms'),
      eventJson: row.text('event'),
      previousHash: row.text('prev_hash'),
      hash: row.text('hash'),
    };
  }
}

function listSummaries(
  database: Database,
  { statuses, application, workflow, before, limit }: Parameters<ExecutionStore['listSummaries']>[0],
): ExecutionSummary[] {
  const conditions: string[] = [];
  const values: string[] = [];
  const where = (condition: string, value: string | undefined) => {
    if (value === undefined) return;
    conditions.push(condition);
    values.push(value);
  };
  where('status IN (SELECT value FROM json_each(?))', statuses === undefined ? undefined : JSON.stringify(statuses));
  where('application = ?', application);
  where('workflow = ?', workflow);
  where('id < ?', before);
  return database
    .all(
      `SELECT summary FROM executions ${conditions.length === 0 ? '' : `WHERE ${conditions.join(' AND ')}`}
       ORDER BY id DESC LIMIT ?`,
      ...values,
      readLimit(limit),
    )
    .map((row) => row.json<ExecutionSummary>('summary'));
}

function usedKey(database: Database, scope: string, key: string, atMs: number): Row | undefined {
  return database.first(
    'SELECT execution_id, request_digest FROM idempotency_keys WHERE scope = ? AND key = ? AND at_ms > ?',
    scope,
    key,
    atMs - IDEMPOTENCY_RETENTION_MS,
  );
}

function rememberKey(
  database: Database,
  executionId: ExecutionId,
  { scope, key, requestDigest, atMs }: NonNullable<CommitInput['idempotency']>,
): void {
  database.run('DELETE FROM idempotency_keys WHERE at_ms <= ?', atMs - IDEMPOTENCY_RETENTION_MS);
  database.run(
    'INSERT INTO idempotency_keys (scope, key, execution_id, request_digest, at_ms) VALUES (?, ?, ?, ?, ?)',
    scope,
    key,
    executionId,
    requestDigest,
    atMs,
  );
}
