import assert from 'node:assert/strict';
import type {
  ApiKeyRow,
  CommitInput,
  CredentialRow,
  ExecutionSummary,
  JoinTokenRow,
  Store,
  TaskChange,
} from '@outrider/control-plane/app/ports.ts';
import type { RecordedEvent } from '@outrider/control-plane/domain/execution/events.ts';
import { type ExecutionId, sortableId, taskId } from '@outrider/shared/ids.ts';
import type { TaskRef } from '@outrider/shared/protocol/messages.ts';
import type { StepTask } from '@outrider/shared/steps/task.ts';

/** A moment all tests count from. */
export const T0 = 1_750_000_000_000;

let made = 0;

/** An id that nothing else in this process has; later ones sort after earlier ones. */
export function freshExecutionId(): ExecutionId {
  made += 1;
  return sortableId('exe', T0 + made, new Uint8Array(10));
}

export function freshName(stem: string): string {
  made += 1;
  return `${stem}-${String(made).padStart(6, '0')}`;
}

export function summaryOf(id: ExecutionId, changes: Partial<ExecutionSummary> = {}): ExecutionSummary {
  return {
    id,
    application: 'ECS',
    workflow: 'ECS Replica Strategy',
    status: 'running',
    rollback: 'none',
    currentPhase: 'Phase 1',
    startedAtMs: T0,
    endedAtMs: null,
    startedBy: 'ada',
    reason: '',
    resourceKeys: ['web@example'],
    failure: null,
    artifacts: { web: 'library/nginx:1.27' },
    variables: { DesiredInstances: '50%' },
    ...changes,
  };
}

/** Events `from`, `from + 1`, … that say nothing in particular. */
export function eventsFrom(from: number, count = 1): RecordedEvent[] {
  return Array.from({ length: count }, (_, index) => ({
    seq: from + index,
    atMs: T0 + from + index,
    event: { type: 'phase-started', phase: `Phase ${from + index}`, rollback: false },
  }));
}

/** A commit of `count` events after `expectedSeq`. */
export function commitOf(
  executionId: ExecutionId,
  expectedSeq: number,
  more: Partial<CommitInput> & { readonly count?: number } = {},
): CommitInput {
  const { count = 1, ...changes } = more;
  return {
    executionId,
    expectedSeq,
    events: eventsFrom(expectedSeq + 1, count),
    effects: [],
    summary: summaryOf(executionId),
    ...changes,
  };
}

export function stepTaskOf(executionId: ExecutionId, stepId = 'p1.1', attempt = 1): StepTask {
  return {
    type: 'ecs-steady-state-check',
    executionId,
    stepId,
    attempt,
    stepName: 'Steady State Check',
    phaseName: 'Phase 1',
    workflow: 'ECS Replica Strategy',
    rollback: false,
    with: { timeoutMilliseconds: 600_000, labels: ['a', 'ü', '\u0000', '"'] },
    target: { infrastructure: 'example', region: 'us-east-1', cluster: 'example' },
    service: {
      application: 'ECS',
      name: 'web',
      environment: 'stage',
      strategy: 'REPLICA',
      image: 'library/nginx:1.27',
      containerName: 'web',
      family: 'ECS__web__stage',
      taskDefinition: {},
      serviceDefinition: {},
    },
    prior: { setup: null, undo: [], finalResize: true, allPhasesRolledBack: false },
  };
}

/** A queued task of an execution of its own. */
export async function queuedTask(store: Store, executionId = freshExecutionId(), stepId = 'p1.1'): Promise<TaskRef> {
  await store.enqueueTask({
    task: stepTaskOf(executionId, stepId),
    selectors: ['vpc-stage'],
    repeatable: true,
    timeoutSeconds: 600,
    notBeforeMs: T0,
    atMs: T0,
  });
  return { taskId: taskId(executionId, stepId, 1), epoch: 0 };
}

export const HOLDER = { delegate: 'vpc-1', instanceId: 'instance-a' } as const;

/** A task that was offered to the holder. */
export async function offeredTask(store: Store): Promise<TaskRef> {
  const ref = await queuedTask(store);
  return offer(store, ref.taskId);
}

export async function offer(store: Store, id: string, to: typeof HOLDER = HOLDER): Promise<TaskRef> {
  const offered = await store.offerTask(id, to, T0 + 1_000, T0 + 11_000);
  assert.equal(offered.kind, 'ok');
  return { taskId: id, epoch: offered.kind === 'ok' ? offered.task.epoch : -1 };
}

/** A task that the holder accepted. */
export async function leasedTask(store: Store): Promise<TaskRef> {
  const ref = await offeredTask(store);
  assert.deepEqual(
    await change(store, { kind: 'accepted', ...ref, instanceId: HOLDER.instanceId, leaseUntilMs: T0 + 31_000 }),
    { kind: 'ok' },
  );
  return ref;
}

export function executionOf(ref: { readonly taskId: string }): ExecutionId {
  return ref.taskId.slice(0, ref.taskId.indexOf('/'));
}

/** Commits an event together with the change of the task, as the engine does. */
export async function change(store: Store, task: TaskChange): Promise<Awaited<ReturnType<Store['commit']>>> {
  const executionId = executionOf(task);
  const events = await store.readEvents(executionId, 0, 10_000);
  return store.commit(commitOf(executionId, events.length, { task }));
}

/** The holder is gone: the task is free for the next. */
export async function release(store: Store, ref: TaskRef, notBeforeMs: number = T0): Promise<void> {
  assert.deepEqual(await change(store, { kind: 'released', ...ref, notBeforeMs }), { kind: 'ok' });
}

export function tokenOf(changes: Partial<JoinTokenRow> = {}): JoinTokenRow {
  return {
    id: freshName('token'),
    secretSha256: 'a'.repeat(64),
    delegateName: null,
    usesLeft: 1,
    createdAtMs: T0,
    createdBy: 'ada',
    expiresAtMs: T0 + 3_600_000,
    revokedAtMs: null,
    ...changes,
  };
}

export function credentialOf(changes: Partial<CredentialRow> = {}): CredentialRow {
  return {
    id: freshName('credential'),
    secretSha256: 'b'.repeat(64),
    delegateName: 'vpc-1',
    issuedAtMs: T0,
    expiresAtMs: T0 + 86_400_000,
    revokedAtMs: null,
    generation: 1,
    retired: [],
    ...changes,
  };
}

export function apiKeyOf(changes: Partial<ApiKeyRow> = {}): ApiKeyRow {
  return {
    id: freshName('key'),
    name: 'ci',
    secretSha256: 'c'.repeat(64),
    role: 'operator',
    createdAtMs: T0,
    createdBy: 'ada',
    expiresAtMs: null,
    revokedAtMs: null,
    lastUsedAtMs: null,
    ...changes,
  };
}

/** `count` log lines of our form. */
export function logLines(count: number, from = 1): Buffer {
  return Buffer.from(
    Array.from({ length: count }, (_, index) => `{"text":"Line ${from + index}: ${'x'.repeat(20)}"}\n`).join(''),
  );
}
