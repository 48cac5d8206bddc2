import { FIRINGS_KEPT, type TriggerRef, type TriggerRow, type TriggerStore } from '../../app/triggers/ports.ts';
import { readLimit } from '../limits.ts';
import type { OperationsOf } from '../operations.ts';
import type { MemoryState } from './state.ts';
import { asJson, compareText, keyOf } from './values.ts';

export function memoryTriggers({ triggers }: MemoryState): OperationsOf<TriggerStore> {
  const keyOfRef = ({ application, name }: TriggerRef) => keyOf(application, name);
  const find = (id: string) => [...triggers.values()].find((row) => row.id === id);
  const put = (row: TriggerRow): TriggerRow => {
    const kept = asJson(row);
    triggers.set(keyOfRef(row), kept);
    return kept;
  };
  return {
    createTrigger(row) {
      if (triggers.has(keyOfRef(row)) || find(row.id) !== undefined) return 'exists';
      put(row);
      return 'ok';
    },
    getTrigger: (ref) => triggers.get(keyOfRef(ref)),
    findTrigger: find,
    listTriggers: (application) =>
      [...triggers.values()]
        .filter((row) => application === undefined || row.application === application)
        .toSorted(
          (left, right) => compareText(left.application, right.application) || compareText(left.name, right.name),
        ),
    changeTrigger(ref, change) {
      const row = triggers.get(keyOfRef(ref));
      return row === undefined ? undefined : put({ ...row, ...change });
    },
    deleteTrigger: (ref) => triggers.delete(keyOfRef(ref)),
    dueTriggers: (nowMs, limit) =>
      [...triggers.values()]
        .filter((row) => row.nextAtMs !== null && row.nextAtMs <= nowMs)
        .toSorted((left, right) => (left.nextAtMs ?? 0) - (right.nextAtMs ?? 0) || compareText(left.id, right.id))
        .slice(0, readLimit(limit)),
    noteFiring(id, firing, advance) {
      const row = find(id);
      if (row === undefined || (advance !== undefined && row.nextAtMs !== advance.fromMs)) return false;
      const firings = [...row.firings, firing].slice(-FIRINGS_KEPT);
      put({ ...row, firings, ...(advance === undefined ? {} : { nextAtMs: advance.toMs }) });
      return true;
    },
  };
}
