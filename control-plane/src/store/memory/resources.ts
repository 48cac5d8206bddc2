import { canonicalJson } from '@outrider/shared/json.ts';
import type { ResourceRef, ResourceStore, StoredResource } from '../../app/ports.ts';
import { readLimit } from '../limits.ts';
import type { OperationsOf } from '../operations.ts';
import { asJson, compareText, keyOf } from './values.ts';

/** All versions, oldest first; `deleted` says whether the newest one still stands. */
interface Shelf {
  readonly versions: StoredResource[];
  deleted: boolean;
}

export function memoryResources(): OperationsOf<ResourceStore> {
  const shelves = new Map<string, Shelf>();
  const shelfOf = (ref: ResourceRef) => shelves.get(keyOf(ref.kind, ref.application, ref.name));
  const currentOf = (ref: ResourceRef) => {
    const shelf = shelfOf(ref);
    return shelf === undefined || shelf.deleted ? undefined : shelf.versions.at(-1);
  };

  return {
    putResources(puts, by, atMs) {
      for (const { kind, application, name, ifVersion } of puts) {
        const version = currentOf({ kind, application, name })?.version ?? 0;
        if (ifVersion !== undefined && ifVersion !== version) {
          return { kind: 'conflict', current: { kind, application, name, version } };
        }
      }
      const results = puts.map(({ kind, application, name, document }) => {
        const ref = { kind, application, name };
        const current = currentOf(ref);
        if (current !== undefined && canonicalJson(current.document) === canonicalJson(asJson(document))) {
          return { ...ref, version: current.version, changed: false };
        }
        const shelf = shelfOf(ref) ?? { versions: [], deleted: false };
        const version = shelf.versions.length + 1;
        shelf.versions.push({ ...ref, version, document: asJson(document), updatedAtMs: atMs, updatedBy: by });
        shelf.deleted = false;
        shelves.set(keyOf(kind, application, name), shelf);
        return { ...ref, version, changed: true };
      });
      return { kind: 'ok', results };
    },

    getResource(ref, version) {
      return version === undefined ? currentOf(ref) : shelfOf(ref)?.versions[version - 1];
    },

    listResources(kind, { application, after, limit }) {
      return [...shelves.values()]
        .flatMap((shelf) => (shelf.deleted ? [] : shelf.versions.slice(-1)))
        .filter((resource) => resource.kind === kind)
        .filter((resource) => application === undefined || resource.application === application)
        .filter((resource) => after === undefined || compareRefs(resource, after) > 0)
        .toSorted(compareRefs)
        .slice(0, readLimit(limit));
    },

    deleteResource(ref, ifVersion) {
      const shelf = shelfOf(ref);
      const current = currentOf(ref);
      if (shelf === undefined || current === undefined) return { kind: 'not-found' };
      if (ifVersion !== undefined && ifVersion !== current.version) {
        return { kind: 'conflict', version: current.version };
      }
      shelf.deleted = true;
      return { kind: 'ok' };
    },
  };
}

function compareRefs(left: ResourceRef, right: ResourceRef): number {
  return compareText(left.application, right.application) || compareText(left.name, right.name);
}
