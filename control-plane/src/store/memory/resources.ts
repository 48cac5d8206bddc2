import { canonicalJson } from '@outrider/shared/json.ts';
import type { ResourceRef, ResourceStore } from '../../app/ports.ts';
import { readLimit } from '../limits.ts';
import type { OperationsOf } from '../operations.ts';
import type { MemoryState } from './state.ts';
import { asJson, compareText, keyOf } from './values.ts';

export function memoryResources({ shelves }: MemoryState): OperationsOf<ResourceStore> {
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
        const versions = shelfOf(ref)?.versions ?? [];
        const version = versions.length + 1;
        const stored = { ...ref, version, document: asJson(document), updatedAtMs: atMs, updatedBy: by };
        shelves.set(keyOf(kind, application, name), { versions: [...versions, stored], deleted: false });
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
      shelves.set(keyOf(ref.kind, ref.application, ref.name), { ...shelf, deleted: true });
      return { kind: 'ok' };
    },
  };
}

function compareRefs(left: ResourceRef, right: ResourceRef): number {
  return compareText(left.application, right.application) || compareText(left.name, right.name);
}
