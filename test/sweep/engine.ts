import type { Engine, SubmitOutcome } from '@outrider/control-plane/app/engine-port.ts';
import type { ExecutionSummary, Store, TaskChange } from '@outrider/control-plane/app/ports.ts';
import type { ExecutionInput } from '@outrider/control-plane/domain/execution/events.ts';

/** An engine that takes every input and commits what it does to tasks: the dispatcher and the store are the real ones. */
export interface SweptEngine extends Engine {
  /** Tells listeners that there may be something to do. */
  nudge(): void;
}

/** `took` hears every input that was committed. */
export function sweptEngine(store: Store, took: (executionId: string, input: ExecutionInput) => void): SweptEngine {
  const seqs = new Map<string, number>();
  const listeners = new Set<(taskId: string) => void>();
  const commit = async (executionId: string, task: TaskChange): Promise<SubmitOutcome> => {
    for (;;) {
      const expectedSeq = seqs.get(executionId) ?? 0;
      const event = { type: 'phase-started', phase: 'Phase 1', rollback: false } as const;
      const outcome = await store.commit({
        executionId,
        expectedSeq,
        events: [{ seq: expectedSeq + 1, atMs: 0, event }],
        effects: [],
        summary: { ...SUMMARY, id: executionId },
        task,
      });
      switch (outcome.kind) {
        case 'ok':
          seqs.set(executionId, expectedSeq + 1);
          return OK;
        case 'conflict':
          seqs.set(executionId, outcome.seq);
          continue;
        case 'stale':
        case 'duplicate':
          return outcome;
        case 'unknown-task':
        case 'replayed':
          return { kind: 'unknown' };
      }
    }
  };
  return {
    nudge: () => {
      for (const listener of listeners) listener('');
    },
    start: async () => Promise.reject(new Error('nothing is planned here')),
    load: async () => undefined,
    recover: async () => {},
    onCommitted: () => () => {},
    onTasksChanged(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    async submit(executionId, input, task) {
      const outcome = task === undefined ? OK : await commit(executionId, task);
      if (outcome.kind === 'ok') took(executionId, input);
      return outcome;
    },
  };
}

/** Nobody here looks at the state of the execution. */
const OK: SubmitOutcome = { kind: 'ok', state: {} as never };

const SUMMARY: ExecutionSummary = {
  id: '',
  application: 'default',
  workflow: 'sweep',
  status: 'running',
  rollback: 'none',
  currentPhase: null,
  startedAtMs: 0,
  endedAtMs: null,
  startedBy: 'test',
  reason: '',
  resourceKeys: [],
  failure: null,
  artifacts: {},
  variables: {},
};
