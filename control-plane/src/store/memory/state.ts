import type { ExecutionId, TaskId } from '@outrider/shared/ids.ts';
import type {
  ApiKeyRow,
  CredentialRow,
  DelegateRow,
  EffectRow,
  ExecutionSummary,
  JoinTokenRow,
  LogChunk,
  StoredResource,
  TaskRow,
} from '../../app/ports.ts';
import type { TriggerRow } from '../../app/triggers/ports.ts';
import type { DeliveryRow, WebhookRow } from '../../app/webhooks/ports.ts';
import type { RecordedEvent } from '../../domain/execution/events.ts';

/** All that a memory store holds. Rows are replaced, never changed in place, so that copies of the state may share them. */
export interface MemoryState {
  readonly shelves: Map<string, Shelf>;
  readonly executions: Map<ExecutionId, Execution>;
  /** By id, oldest first; so are the tasks. */
  readonly effects: Map<string, EffectRow>;
  readonly usedKeys: Map<string, UsedKey>;
  readonly tasks: Map<TaskId, TaskRow>;
  /** Those that are not ended, oldest first. */
  readonly living: Set<TaskId>;
  readonly logs: Map<TaskId, LogChunk[]>;
  readonly delegates: Map<string, DelegateRow>;
  readonly tokens: Map<string, JoinTokenRow>;
  readonly credentials: Map<string, CredentialRow>;
  readonly apiKeys: Map<string, ApiKeyRow>;
  readonly settings: Map<string, string>;
  readonly webhooks: Map<string, WebhookRow>;
  /** By id, oldest first. */
  readonly deliveries: Map<string, DeliveryRow>;
  /** By application and name. */
  readonly triggers: Map<string, TriggerRow>;
}

/** All versions, oldest first; `deleted` says whether the newest one still stands. */
export interface Shelf {
  readonly versions: readonly StoredResource[];
  readonly deleted: boolean;
}
export interface Execution {
  readonly summary: ExecutionSummary;
  /** Grows at its end only; event n stands at n - 1. */
  readonly events: RecordedEvent[];
}
export interface UsedKey {
  readonly executionId: ExecutionId;
  readonly requestDigest: string;
  readonly atMs: number;
}

export function emptyState(): MemoryState {
  return {
    shelves: new Map(),
    executions: new Map(),
    effects: new Map(),
    usedKeys: new Map(),
    tasks: new Map(),
    living: new Set(),
    logs: new Map(),
    delegates: new Map(),
    tokens: new Map(),
    credentials: new Map(),
    apiKeys: new Map(),
    settings: new Map(),
    webhooks: new Map(),
    deliveries: new Map(),
    triggers: new Map(),
  };
}

/** The state as it is now: nothing that happens to either of the two shows in the other. */
export function forkState(state: MemoryState): MemoryState {
  const executions = new Map<ExecutionId, Execution>();
  for (const [id, { summary, events }] of state.executions) executions.set(id, { summary, events: events.slice() });
  const logs = new Map<TaskId, LogChunk[]>();
  for (const [id, chunks] of state.logs) logs.set(id, chunks.slice());
  return {
    shelves: new Map(state.shelves),
    executions,
    effects: new Map(state.effects),
    usedKeys: new Map(state.usedKeys),
    tasks: new Map(state.tasks),
    living: new Set(state.living),
    logs,
    delegates: new Map(state.delegates),
    tokens: new Map(state.tokens),
    credentials: new Map(state.credentials),
    apiKeys: new Map(state.apiKeys),
    settings: new Map(state.settings),
    webhooks: new Map(state.webhooks),
    deliveries: new Map(state.deliveries),
    triggers: new Map(state.triggers),
  };
}
