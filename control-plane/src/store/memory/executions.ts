import type { ExecutionId } from '@outrider/shared/ids.ts';
import type { CommitInput, CommitOutcome, EffectRow, ExecutionStore, ExecutionSummary } from '../../app/ports.ts';
import type { RecordedEvent } from '../../domain/execution/events.ts';
import { type ChainLink, chainLink, chainStart, verifyChain } from '../history.ts';
import { IDEMPOTENCY_RETENTION_MS, readLimit, requireConsistentCommit } from '../limits.ts';
import type { OperationsOf } from '../operations.ts';
import type { MemoryTasks } from './tasks.ts';
import { asJson, compareText, keyOf } from './values.ts';

interface Execution {
  summary: ExecutionSummary;
  readonly events: RecordedEvent[];
  readonly chain: ChainLink[];
}
interface UsedKey {
  readonly executionId: ExecutionId;
  readonly requestDigest: string;
  readonly atMs: number;
}

export function memoryExecutions(tasks: MemoryTasks): OperationsOf<ExecutionStore> {
  const executions = new Map<ExecutionId, Execution>();
  const effects = new Map<string, EffectRow>();
  const keys = new Map<string, UsedKey>();
  const headOf = (id: ExecutionId) => {
    const last = executions.get(id)?.chain.at(-1);
    return { seq: last?.seq ?? 0, hash: last?.hash ?? chainStart(id) };
  };

  return {
    commit(input) {
      requireConsistentCommit(input);
      const refused = replayOf(keys, input);
      if (refused !== undefined) return refused;
      const change = input.task === undefined ? undefined : tasks.judge(input.executionId, input.task);
      if (change !== undefined && 'refused' in change) return change.refused;
      const { seq } = headOf(input.executionId);
      if (seq !== input.expectedSeq) return { kind: 'conflict', seq };

      if (change !== undefined) tasks.rows.set(change.row.taskId, change.row);
      append(executions, input);
      for (const effect of input.effects) if (!effects.has(effect.id)) effects.set(effect.id, asJson(effect));
      rememberKey(keys, input);
      return { kind: 'ok' };
    },

    readEvents(id, afterSeq, limit) {
      const events = executions.get(id)?.events ?? [];
      return events.filter((event) => event.seq > afterSeq).slice(0, readLimit(limit));
    },
    getSummary: (id) => executions.get(id)?.summary,
    listSummaries({ statuses, application, workflow, before, limit }) {
      return [...executions.values()]
        .map((execution) => execution.summary)
        .filter((summary) => statuses === undefined || statuses.includes(summary.status))
        .filter((summary) => application === undefined || summary.application === application)
        .filter((summary) => workflow === undefined || summary.workflow === workflow)
        .filter((summary) => before === undefined || compareText(summary.id, before) < 0)
        .toSorted((left, right) => compareText(right.id, left.id))
        .slice(0, readLimit(limit));
    },

    pendingEffects(limit, executionId) {
      return [...effects.values()]
        .filter((effect) => executionId === undefined || effect.executionId === executionId)
        .slice(0, readLimit(limit));
    },
    effectDone(id) {
      effects.delete(id);
    },

    findIdempotent(scope, key, atMs) {
      const used = keys.get(keyOf(scope, key));
      if (used === undefined || isForgotten(used, atMs)) return undefined;
      return { executionId: used.executionId, requestDigest: used.requestDigest };
    },
    verifyHistory: (id) => verifyChain(id, executions.get(id)?.chain ?? [], headOf(id)),
  };
}

function append(executions: Map<ExecutionId, Execution>, input: CommitInput): void {
  const { executionId } = input;
  const execution = executions.get(executionId) ?? { summary: input.summary, events: [], chain: [] };
  execution.summary = asJson(input.summary);
  for (const { seq, atMs, event } of asJson(input.events)) {
    const previousHash = execution.chain.at(-1)?.hash ?? chainStart(executionId);
    execution.events.push({ seq, atMs, event });
    execution.chain.push(chainLink(previousHash, seq, atMs, JSON.stringify(event)));
  }
  executions.set(executionId, execution);
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
