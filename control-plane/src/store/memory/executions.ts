import type { ExecutionId } from '@outrider/shared/ids.ts';
import type { CommitInput, CommitOutcome, EffectRow, ExecutionStore } from '../../app/ports.ts';
import { IDEMPOTENCY_RETENTION_MS, readLimit, requireConsistentCommit } from '../limits.ts';
import type { OperationsOf } from '../operations.ts';
import type { MemoryState, UsedKey } from './state.ts';
import type { MemoryTasks } from './tasks.ts';
import { asJson, compareText, keyOf } from './values.ts';

type Executions = MemoryState['executions'];

export function memoryExecutions(
  { executions, effects, usedKeys }: MemoryState,
  tasks: Pick<MemoryTasks, 'judge'>,
): OperationsOf<ExecutionStore> {
  const seqOf = (id: ExecutionId) => executions.get(id)?.events.length ?? 0;
  return {
    commit(input) {
      requireConsistentCommit(input);
      const refused = replayOf(usedKeys, input);
      if (refused !== undefined) return refused;
      const change = input.task === undefined ? undefined : tasks.judge(input.executionId, input.task);
      if (change !== undefined && 'refused' in change) return change.refused;
      const seq = seqOf(input.executionId);
      if (seq !== input.expectedSeq) return { kind: 'conflict', seq };

      change?.apply();
      append(executions, input);
      for (const effect of input.effects) if (!effects.has(effect.id)) effects.set(effect.id, asJson(effect));
      rememberKey(usedKeys, input);
      return { kind: 'ok' };
    },

    readEvents(id, afterSeq, limit) {
      const from = Math.max(Math.floor(afterSeq), 0);
      return executions.get(id)?.events.slice(from, from + readLimit(limit)) ?? [];
    },
    getSummary: (id) => executions.get(id)?.summary,
    listSummaries: (options) => listSummaries(executions, options),

    pendingEffects(limit, executionId) {
      const most = readLimit(limit);
      const found: EffectRow[] = [];
      for (const effect of effects.values()) {
        if (found.length >= most) break;
        if (executionId === undefined || effect.executionId === executionId) found.push(effect);
      }
      return found;
    },
    effectDone(id) {
      effects.delete(id);
    },

    findIdempotent(scope, key, atMs) {
      const used = usedKeys.get(keyOf(scope, key));
      if (used === undefined || isForgotten(used, atMs)) return undefined;
      return { executionId: used.executionId, requestDigest: used.requestDigest };
    },
    /** Nobody can reach the events here to change one, so there is no chain of hashes to look at. */
    verifyHistory: (id) => ({ kind: 'ok', events: seqOf(id) }),
  };
}

function append(executions: Executions, { executionId, summary, events }: CommitInput): void {
  const stored = executions.get(executionId)?.events ?? [];
  for (const event of events) stored.push(asJson(event));
  executions.set(executionId, { summary: asJson(summary), events: stored });
}

function listSummaries(
  executions: Executions,
  { statuses, application, workflow, before, limit }: Parameters<ExecutionStore['listSummaries']>[0],
) {
  return [...executions.values()]
    .map((execution) => execution.summary)
    .filter((summary) => statuses === undefined || statuses.includes(summary.status))
    .filter((summary) => application === undefined || summary.application === application)
    .filter((summary) => workflow === undefined || summary.workflow === workflow)
    .filter((summary) => before === undefined || compareText(summary.id, before) < 0)
    .toSorted((left, right) => compareText(right.id, left.id))
    .slice(0, readLimit(limit));
}

function replayOf(keys: ReadonlyMap<string, UsedKey>, input: CommitInput): CommitOutcome | undefined {
  const asked = input.idempotency;
  const used = asked === undefined ? undefined : keys.get(keyOf(asked.scope, asked.key));
  if (asked === undefined || used === undefined || isForgotten(used, asked.atMs)) return undefined;
  return {
    kind: 'replayed',
    executionId: used.executionId,
    sameRequest: used.requestDigest === asked.requestDigest,
  };
}

function rememberKey(keys: Map<string, UsedKey>, { executionId, idempotency }: CommitInput): void {
  if (idempotency === undefined) return;
  const { scope, key, requestDigest, atMs } = idempotency;
  for (const [stored, used] of keys) if (isForgotten(used, atMs)) keys.delete(stored);
  keys.set(keyOf(scope, key), { executionId, requestDigest, atMs });
}

function isForgotten(used: UsedKey, atMs: number): boolean {
  return used.atMs <= atMs - IDEMPOTENCY_RETENTION_MS;
}
