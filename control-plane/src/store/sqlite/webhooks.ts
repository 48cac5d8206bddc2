import {
  DELIVERY_ATTEMPTS_KEPT,
  type DeliveryRow,
  type DeliveryState,
  type WebhookRow,
  type WebhookStore,
} from '../../app/webhooks/ports.ts';
import { readLimit } from '../limits.ts';
import type { OperationsOf } from '../operations.ts';
import type { Database, Row } from './database.ts';
import { damaged } from './failures.ts';

export function sqliteWebhooks(database: Database): OperationsOf<WebhookStore> {
  const find = (id: string) =>
    database.first('SELECT webhook FROM webhooks WHERE id = ?', id)?.json<WebhookRow>('webhook');
  return {
    createWebhook(row) {
      database.run(
        'INSERT INTO webhooks (id, created_at_ms, webhook) VALUES (?, ?, ?) ON CONFLICT (id) DO NOTHING',
        row.id,
        row.createdAtMs,
        JSON.stringify(row),
      );
    },
    getWebhook: find,
    listWebhooks: () =>
      database
        .all('SELECT webhook FROM webhooks ORDER BY created_at_ms, id')
        .map((row) => row.json<WebhookRow>('webhook')),
    changeWebhook(id, change) {
      const row = find(id);
      if (row === undefined) return undefined;
      database.run('UPDATE webhooks SET webhook = ? WHERE id = ?', JSON.stringify({ ...row, ...change }), id);
      return find(id);
    },
    deleteWebhook(id) {
      database.run('DELETE FROM deliveries WHERE webhook_id = ?', id);
      return database.run('DELETE FROM webhooks WHERE id = ?', id) === 1;
    },
    addDeliveries(rows) {
      for (const row of rows) addDelivery(database, row);
    },
    ...attempts(database),
    getDelivery: (id) => findDelivery(database, id),
    listDeliveries: (webhookId, { before, limit }) =>
      database
        .all(
          `SELECT * FROM deliveries WHERE webhook_id = ?
             AND ordinal < CASE WHEN ? IS NULL THEN 9223372036854775807
                           ELSE coalesce((SELECT ordinal FROM deliveries WHERE id = ?), 0) END
           ORDER BY ordinal DESC LIMIT ?`,
          webhookId,
          before ?? null,
          before ?? null,
          readLimit(limit),
        )
        .map((row) => deliveryOf(database, row)),
    forgetDeliveries: (beforeMs, limit) =>
      database.run(
        `DELETE FROM deliveries WHERE ordinal IN (
           SELECT ordinal FROM deliveries WHERE next_attempt_ms IS NULL AND created_at_ms < ? ORDER BY ordinal LIMIT ?)`,
        beforeMs,
        readLimit(limit),
      ),
  };
}

type Attempts = Pick<OperationsOf<WebhookStore>, 'claimDeliveries' | 'noteAttempt' | 'redeliver'>;

function attempts(database: Database): Attempts {
  return {
    claimDeliveries(nowMs, untilMs, busy, limit) {
      const due = database.all(
        `SELECT min(ordinal) AS ordinal FROM deliveries
         WHERE next_attempt_ms <= ? AND webhook_id NOT IN (SELECT value FROM json_each(?))
         GROUP BY webhook_id ORDER BY 1 LIMIT ?`,
        nowMs,
        JSON.stringify(busy),
        readLimit(limit),
      );
      return due.map((row) => {
        const ordinal = row.number('ordinal');
        const sql = 'UPDATE deliveries SET next_attempt_ms = ? WHERE ordinal = ? RETURNING *';
        const claimed = database.first(sql, untilMs, ordinal);
        if (claimed === undefined) throw damaged(database.path, `the delivery ${ordinal} is gone while it is read`);
        return deliveryOf(database, claimed);
      });
    },
    noteAttempt(id, attempt, { state, nextAttemptMs }) {
      const row = findDelivery(database, id);
      if (row === undefined) return false;
      const kept = [...row.attempts, attempt].slice(-DELIVERY_ATTEMPTS_KEPT);
      database.run(
        'UPDATE deliveries SET state = ?, next_attempt_ms = ?, tries = tries + 1, attempts = ? WHERE id = ?',
        state,
        nextAttemptMs,
        JSON.stringify(kept),
        id,
      );
      return true;
    },
    redeliver(id, atMs) {
      const sql = `UPDATE deliveries SET state = 'pending', next_attempt_ms = ?, tries = 0 WHERE id = ? RETURNING *`;
      const row = database.first(sql, atMs, id);
      return row === undefined ? undefined : deliveryOf(database, row);
    },
  };
}

function addDelivery(database: Database, row: DeliveryRow): void {
  database.run(
    `INSERT INTO deliveries (id, webhook_id, type, execution_id, payload, created_at_ms, state, tries, next_attempt_ms,
       attempts)
     SELECT ?, id, ?, ?, ?, ?, ?, ?, ?, ? FROM webhooks WHERE id = ? ON CONFLICT (id) DO NOTHING`,
    row.id,
    row.type,
    row.executionId,
    row.payload,
    row.createdAtMs,
    row.state,
    row.tries,
    row.nextAttemptMs,
    JSON.stringify(row.attempts),
    row.webhookId,
  );
}

function findDelivery(database: Database, id: string): DeliveryRow | undefined {
  const row = database.first('SELECT * FROM deliveries WHERE id = ?', id);
  return row === undefined ? undefined : deliveryOf(database, row);
}

function deliveryOf(database: Database, row: Row): DeliveryRow {
  return {
    id: row.text('id'),
    webhookId: row.text('webhook_id'),
    type: row.text('type'),
    executionId: row.textOrNull('execution_id'),
    payload: row.text('payload'),
    createdAtMs: row.number('created_at_ms'),
    state: stateOf(database, row.text('state')),
    tries: row.number('tries'),
    nextAttemptMs: row.numberOrNull('next_attempt_ms'),
    attempts: row.json('attempts'),
  };
}

function stateOf(database: Database, text: string): DeliveryState {
  if (text === 'pending' || text === 'delivered' || text === 'failed') return text;
  throw damaged(database.path, `a delivery has the state ${text}`);
}
