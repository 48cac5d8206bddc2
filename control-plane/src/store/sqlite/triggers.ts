import { FIRINGS_KEPT, type TriggerRow, type TriggerStore } from '../../app/triggers/ports.ts';
import { readLimit } from '../limits.ts';
import type { OperationsOf } from '../operations.ts';
import type { Database, Row } from './database.ts';

export function sqliteTriggers(database: Database): OperationsOf<TriggerStore> {
  const rowOf = (row: Row | undefined) => row?.json<TriggerRow>('trigger_row');
  const find = (id: string) => rowOf(database.first('SELECT trigger_row FROM triggers WHERE id = ?', id));
  const get = (application: string, name: string) =>
    rowOf(database.first('SELECT trigger_row FROM triggers WHERE application = ? AND name = ?', application, name));
  const write = (row: TriggerRow) => {
    const sql = 'UPDATE triggers SET next_at_ms = ?, trigger_row = ? WHERE id = ?';
    database.run(sql, row.nextAtMs, JSON.stringify(row), row.id);
  };
  return {
    createTrigger(row) {
      const added = database.run(
        `INSERT INTO triggers (id, application, name, next_at_ms, trigger_row) VALUES (?, ?, ?, ?, ?)
         ON CONFLICT DO NOTHING`,
        row.id,
        row.application,
        row.name,
        row.nextAtMs,
        JSON.stringify(row),
      );
      return added === 1 ? 'ok' : 'exists';
    },
    getTrigger: ({ application, name }) => get(application, name),
    findTrigger: find,
    listTriggers: (application) =>
      database
        .all(
          'SELECT trigger_row FROM triggers WHERE ? IS NULL OR application = ? ORDER BY application, name',
          application ?? null,
          application ?? null,
        )
        .map((row) => row.json<TriggerRow>('trigger_row')),
    changeTrigger({ application, name }, change) {
      const row = get(application, name);
      if (row === undefined) return undefined;
      write({ ...row, ...change });
      return get(application, name);
    },
    deleteTrigger: ({ application, name }) =>
      database.run('DELETE FROM triggers WHERE application = ? AND name = ?', application, name) === 1,
    dueTriggers: (nowMs, limit) =>
      database
        .all(
          'SELECT trigger_row FROM triggers WHERE next_at_ms <= ? ORDER BY next_at_ms, id LIMIT ?',
          nowMs,
          readLimit(limit),
        )
        .map((row) => row.json<TriggerRow>('trigger_row')),
    noteFiring(id, firing, advance) {
      const row = find(id);
      if (row === undefined || (advance !== undefined && row.nextAtMs !== advance.fromMs)) return false;
      const firings = [...row.firings, firing].slice(-FIRINGS_KEPT);
      write({ ...row, firings, ...(advance === undefined ? {} : { nextAtMs: advance.toMs }) });
      return true;
    },
  };
}
