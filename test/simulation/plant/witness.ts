import type { CommitInput } from '@outrider/control-plane/app/ports.ts';
import type { MemoryStore } from '@outrider/control-plane/store/memory.ts';
import type { TaskRef } from '@outrider/shared/protocol/messages.ts';
import type { Recorder } from './recorder.ts';

/** The store, and beside it evidence of what it let happen to leases and histories. Effects happen when an operation is called. */
export function witnessed(store: MemoryStore, recorder: Recorder): MemoryStore {
  const grant = (kind: 'returned' | 'renewed' | 'reattached', ref: TaskRef, instanceId: string | null) =>
    recorder.grant({ kind, ...refOf(ref), instanceId });
  return {
    ...store,
    async commit(input) {
      const outcome = await store.commit(input);
      if (outcome.kind === 'ok') witnessCommit(recorder, store, input);
      return outcome;
    },
    async offerTask(...given) {
      const outcome = await store.offerTask(...given);
      if (outcome.kind === 'ok') {
        const { taskId, epoch, instanceId } = outcome.task;
        recorder.grant({ kind: 'offered', taskId, epoch, instanceId });
      }
      return outcome;
    },
    async returnOffer(ref, notBeforeMs) {
      const outcome = await store.returnOffer(ref, notBeforeMs);
      if (outcome === 'ok') grant('returned', ref, null);
      return outcome;
    },
    async renewLeases(instanceId, refs, leaseUntilMs) {
      const outcome = await store.renewLeases(instanceId, refs, leaseUntilMs);
      for (const ref of outcome.extended) grant('renewed', ref, instanceId);
      return outcome;
    },
    async reattachTask(ref, delegate, instanceId, leaseUntilMs) {
      const outcome = await store.reattachTask(ref, delegate, instanceId, leaseUntilMs);
      if (outcome === 'ok') grant('reattached', ref, instanceId);
      return outcome;
    },
    async appendLog(ref, offset, bytes) {
      const outcome = await store.appendLog(ref, offset, bytes);
      if (outcome.kind === 'ok') {
        const { durableOffset } = outcome;
        recorder.grant({ kind: 'logged', ...refOf(ref), instanceId: null, durableOffset });
      }
      return outcome;
    },
  };
}

function witnessCommit(recorder: Recorder, store: MemoryStore, { executionId, events, task }: CommitInput): void {
  recorder.commit({ executionId, events });
  if (task === undefined) return;
  switch (task.kind) {
    case 'accepted':
      return recorder.grant({ kind: 'accepted', ...refOf(task), instanceId: task.instanceId });
    case 'withdrawn': {
      const epoch = store.snapshot().tasks.get(task.taskId)?.epoch ?? 0;
      return recorder.grant({ kind: 'withdrawn', taskId: task.taskId, epoch, instanceId: null });
    }
    default:
      return recorder.grant({ kind: task.kind, ...refOf(task), instanceId: null });
  }
}

function refOf({ taskId, epoch }: TaskRef): TaskRef {
  return { taskId, epoch };
}
