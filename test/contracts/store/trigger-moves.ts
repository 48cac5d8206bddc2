import type { TriggerRow } from '@outrider/control-plane/app/triggers/ports.ts';
import type { OperationName } from '@outrider/control-plane/store/operations.ts';
import { T0 } from './fixtures.ts';
import { type Builder, type Picker, WORLD } from './picker.ts';

/** Moves of triggers. */

export function triggerOf(given: Partial<TriggerRow> = {}): TriggerRow {
  return {
    id: 'tr1',
    application: 'ECS',
    name: 'nightly',
    workflow: 'web',
    when: { kind: 'schedule', cron: '0 3 * * *', timeZone: 'UTC' },
    artifacts: { 'ü"': ':1' },
    variables: { deep: [null, { a: 1 }] },
    enabled: true,
    changedAtMs: T0,
    changedBy: 'ada',
    keyId: null,
    tokenSha256: null,
    nextAtMs: T0,
    firings: [],
    ...given,
  };
}

export function triggerBuilders() {
  const refOf = (pick: Picker) => ({ application: pick.oneOf(WORLD.applications), name: pick.oneOf(WORLD.names) });
  const idOf = (pick: Picker) => `tr${pick.below(5)}`;
  const nextOf = (pick: Picker) => (pick.rarely(3) ? null : pick.time());
  return {
    createTrigger: (pick) => {
      const row = triggerOf({ ...refOf(pick), id: idOf(pick), nextAtMs: nextOf(pick) });
      return (store) => store.createTrigger(row);
    },
    getTrigger: (pick) => {
      const ref = refOf(pick);
      return (store) => store.getTrigger(ref);
    },
    findTrigger: (pick) => {
      const id = idOf(pick);
      return (store) => store.findTrigger(id);
    },
    listTriggers: (pick) => {
      const application = pick.rarely(2) ? pick.oneOf(WORLD.applications) : undefined;
      return (store) => store.listTriggers(application);
    },
    changeTrigger: (pick) => {
      const [ref, nextAtMs] = [refOf(pick), nextOf(pick)];
      const change = { nextAtMs, ...(pick.rarely(2) ? { tokenSha256: pick.oneOf(WORLD.secrets) } : {}) };
      return (store) => store.changeTrigger(ref, change);
    },
    deleteTrigger: (pick) => {
      const ref = refOf(pick);
      return (store) => store.deleteTrigger(ref);
    },
    dueTriggers: (pick) => {
      const [now, limit] = [pick.time(), 1 + pick.below(3)];
      return (store) => store.dueTriggers(now, limit);
    },
    noteFiring: (pick) => {
      const [id, atMs, toMs] = [idOf(pick), pick.time(), nextOf(pick)];
      const firing = { atMs, outcome: 'started' as const, executionId: null, because: null };
      const advance = pick.rarely(2) ? { fromMs: pick.time(), toMs } : undefined;
      return (store) => store.noteFiring(id, firing, advance);
    },
  } satisfies Partial<Record<OperationName, Builder>>;
}
