import { canonicalJson, type Json } from '@outrider/shared/json.ts';
import type { ResourceKind, ResourceRef, ResourceStore, StoredResource } from '../../app/ports.ts';
import { readJson } from '../json-text.ts';
import { readLimit } from '../limits.ts';
import type { OperationsOf } from '../operations.ts';
import type { Database, Row } from './database.ts';

type Put = Parameters<ResourceStore['putResources']>[0][number];

export function sqliteResources(database: Database): OperationsOf<ResourceStore> {
  return {
    putResources(puts, by, atMs) {
      for (const { kind, application, name, ifVersion } of puts) {
        const version = currentVersion(database, { kind, application, name });
        if (ifVersion !== undefined && ifVersion !== version) {
          return { kind: 'conflict', current: { kind, application, name, version } };
        }
      }
      return { kind: 'ok', results: puts.map((put) => putOne(database, put, by, atMs)) };
    },

    getResource(ref, version) {
      const found =
        version === undefined
          ? database.first(
              `SELECT v.* FROM resources JOIN resource_versions v USING (kind, application, name, version)
               WHERE kind = ? AND application = ? AND name = ?`,
              ...keyOf(ref),
            )
          : database.first(
              'SELECT * FROM resource_versions WHERE kind = ? AND application = ? AND name = ? AND version = ?',
              ...keyOf(ref),
              version,
            );
      return found === undefined ? undefined : resourceOf(found, ref);
    },

    listResources: (kind, options) => list(database, kind, options),

    deleteResource(ref, ifVersion) {
      const version = currentVersion(database, ref);
      if (version === 0) return { kind: 'not-found' };
      if (ifVersion !== undefined && ifVersion !== version) return { kind: 'conflict', version };
      database.run('DELETE FROM resources WHERE kind = ? AND application = ? AND name = ?', ...keyOf(ref));
      return { kind: 'ok' };
    },
  };
}

function putOne(database: Database, { kind, application, name, document }: Put, by: string, atMs: number) {
  const ref = { kind, application, name };
  const text = JSON.stringify(document);
  const current = currentVersion(database, ref);
  if (current !== 0 && canonicalText(storedText(database, ref, current)) === canonicalText(text)) {
    return { ...ref, version: current, changed: false };
  }
  const version = newestVersion(database, ref) + 1;
  database.run(
    `INSERT INTO resource_versions (kind, application, name, version, document, updated_at_ms, updated_by)
     VALUES (?, ?, ?, ?, ?, ?, ?)`,
    ...keyOf(ref),
    version,
    text,
    atMs,
    by,
  );
  database.run(
    `INSERT INTO resources (kind, application, name, version) VALUES (?, ?, ?, ?)
     ON CONFLICT DO UPDATE SET version = excluded.version`,
    ...keyOf(ref),
    version,
  );
  return { ...ref, version, changed: true };
}

function list(
  database: Database,
  kind: ResourceKind,
  { application, after, limit }: Parameters<ResourceStore['listResources']>[1],
): StoredResource[] {
  const conditions = ['kind = ?'];
  const values: string[] = [kind];
  if (application !== undefined) {
    conditions.push('application = ?');
    values.push(application);
  }
  if (after !== undefined) {
    conditions.push('(application, name) > (?, ?)');
    values.push(after.application, after.name);
  }
  return database
    .all(
      `SELECT v.* FROM resources JOIN resource_versions v USING (kind, application, name, version)
       WHERE ${conditions.join(' AND ')} ORDER BY application, name LIMIT ?`,
      ...values,
      readLimit(limit),
    )
    .map((row) => resourceOf(row, { kind, application: row.text('application'), name: row.text('name') }));
}

/** 0: there is none now. */
function currentVersion(database: Database, ref: ResourceRef): number {
  const row = database.first(
    'SELECT version FROM resources WHERE kind = ? AND application = ? AND name = ?',
    ...keyOf(ref),
  );
  return row?.number('version') ?? 0;
}

/** Counts on over a deletion; 0: there never was one. */
function newestVersion(database: Database, ref: ResourceRef): number {
  const row = database.first(
    'SELECT max(version) AS version FROM resource_versions WHERE kind = ? AND application = ? AND name = ?',
    ...keyOf(ref),
  );
  return row?.numberOrNull('version') ?? 0;
}

function storedText(database: Database, ref: ResourceRef, version: number): string {
  const row = database.first(
    'SELECT document FROM resource_versions WHERE kind = ? AND application = ? AND name = ? AND version = ?',
    ...keyOf(ref),
    version,
  );
  return row?.text('document') ?? 'null';
}

function canonicalText(text: string): string {
  return canonicalJson(readJson<Json>(text));
}

function resourceOf(row: Row, { kind, application, name }: ResourceRef): StoredResource {
  return {
    kind,
    application,
    name,
    version: row.number('version'),
    document: row.json('document'),
    updatedAtMs: row.number('updated_at_ms'),
    updatedBy: row.text('updated_by'),
  };
}

function keyOf({ kind, application, name }: ResourceRef): [string, string, string] {
  return [kind, application, name];
}
