import type { DatabaseSync, SQLInputValue, SQLOutputValue, StatementSync } from 'node:sqlite';
import { readJson } from '../json-text.ts';
import { damaged } from './failures.ts';

/** One open file with its prepared statements. Everything throws what node:sqlite throws. */
export interface Database {
  readonly path: string;
  /** The number of rows that were written. */
  run(sql: string, ...values: readonly SQLInputValue[]): number;
  first(sql: string, ...values: readonly SQLInputValue[]): Row | undefined;
  all(sql: string, ...values: readonly SQLInputValue[]): Row[];
  /** Reads row by row; must be used up or left before the same statement runs again. */
  each(sql: string, ...values: readonly SQLInputValue[]): Iterable<Row>;
  /** Runs statements that answer nothing, unprepared. */
  execute(sql: string): void;
  inTransaction(): boolean;
  close(): void;
}

/** One row of an answer. A reader throws `store-failed` when the column holds something else than was put there. */
export interface Row {
  text(column: string): string;
  textOrNull(column: string): string | null;
  number(column: string): number;
  numberOrNull(column: string): number | null;
  bytes(column: string): Uint8Array;
  /** What was put in as JSON text by this store. */
  json<T>(column: string): T;
}

/** Statements are prepared once for each SQL text: texts are written in this folder, never made from input. */
export function databaseOf(connection: DatabaseSync, path: string): Database {
  const prepared = new Map<string, StatementSync>();
  const statement = (sql: string): StatementSync => {
    const known = prepared.get(sql);
    if (known !== undefined) return known;
    const made = connection.prepare(sql);
    prepared.set(sql, made);
    return made;
  };
  const rowOf = (values: Values) => readerOf(values, path);
  return {
    path,
    run: (sql, ...values) => Number(statement(sql).run(...values).changes),
    first: (sql, ...values) => {
      const found = statement(sql).get(...values);
      return found === undefined ? undefined : rowOf(found);
    },
    all: (sql, ...values) =>
      statement(sql)
        .all(...values)
        .map(rowOf),
    *each(sql, ...values) {
      for (const row of statement(sql).iterate(...values)) yield rowOf(row);
    },
    execute: (sql) => connection.exec(sql),
    inTransaction: () => connection.isTransaction,
    close: () => connection.close(),
  };
}

type Values = Readonly<Record<string, SQLOutputValue>>;

function readerOf(values: Values, path: string): Row {
  const bad = (column: string) => damaged(path, `the column ${column} holds what was never put there`);
  const text = (column: string) => {
    const value = values[column];
    if (typeof value !== 'string') throw bad(column);
    return value;
  };
  const number = (column: string) => {
    const value = values[column];
    if (typeof value !== 'number') throw bad(column);
    return value;
  };
  return {
    text,
    number,
    textOrNull: (column) => (values[column] === null ? null : text(column)),
    numberOrNull: (column) => (values[column] === null ? null : number(column)),
    bytes: (column) => {
      const value = values[column];
      if (!(value instanceof Uint8Array)) throw bad(column);
      return value;
    },
    json: (column) => {
      try {
        return readJson(text(column));
      } catch {
        throw bad(column);
      }
    },
  };
}
