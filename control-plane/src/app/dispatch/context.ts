import { type ExecutionId, parseTaskId, type StepId, type TaskId } from '@outrider/shared/ids.ts';
import type { RefusalCode, ServerMessage, TaskRef } from '@outrider/shared/protocol/messages.ts';
import { EVIDENCE_KEPT, EVIDENCE_MAX_LENGTH, PREFERRED_WORKERS_KEPT } from '@outrider/shared/protocol/timings.ts';
import { PROTOCOL_RANGE, type ProtocolRange } from '@outrider/shared/protocol/versions.ts';
import { Listeners } from '../listeners.ts';
import type { TaskRow } from '../ports.ts';
import { KeyedQueue } from './keyed-queue.ts';
import type { DispatcherDependencies } from './ports.ts';
import { ProgressBoard } from './progress.ts';
import { Registry, type Session } from './registry.ts';
import { SteadyClock } from './steady-clock.ts';
import { DISPATCH_TIMINGS, type DispatchTimings } from './timings.ts';

/** What the parts of the dispatcher share. All of it may be lost with the process: it hurries or explains, it never decides. */
export interface DispatchContext extends Omit<DispatcherDependencies, 'clock' | 'timings' | 'protocol'> {
  readonly clock: SteadyClock;
  readonly timings: DispatchTimings;
  readonly protocol: ProtocolRange;
  readonly registry: Registry;
  /** By task: accept, renewal, result, hand-back and expiry of one task never overlap. */
  readonly locks: KeyedQueue;
  readonly progress: ProgressBoard;
  readonly logAppended: Listeners<[TaskId, number]>;
  readonly notes: Notes;
  /** Looks soon for what is due. Never blocks. */
  readonly kick: () => void;
}

/** What was noticed about living tasks; forgotten when they end. */
export interface Notes {
  /** Since when nobody can take it. */
  readonly nobodySinceMs: Map<TaskId, number>;
  /** Why, one line for each delegate, or who let its offers go by. */
  readonly evidence: Map<TaskId, readonly string[]>;
  /** Instances that let an offer go by. */
  readonly declined: Map<TaskId, ReadonlySet<string>>;
  /** When its cancel was first seen. */
  readonly cancelSinceMs: Map<TaskId, number>;
  /** The delegate that last worked for an execution. */
  readonly workers: Map<ExecutionId, string>;
  /** What the engine would not have, so that it is said once. */
  readonly refusals: Map<TaskId, string>;
  /** Tasks at each instance, as of the last look. */
  busy: ReadonlyMap<string, number>;
}

export function createContext(dependencies: DispatcherDependencies, kick: () => void): DispatchContext {
  const { logger } = dependencies;
  return {
    ...dependencies,
    clock: new SteadyClock(dependencies.clock),
    timings: { ...DISPATCH_TIMINGS, ...dependencies.timings },
    protocol: dependencies.protocol ?? PROTOCOL_RANGE,
    registry: new Registry(),
    locks: new KeyedQueue(),
    progress: new ProgressBoard(logger),
    logAppended: new Listeners('onLogAppended', logger),
    notes: {
      nobodySinceMs: new Map(),
      evidence: new Map(),
      declined: new Map(),
      cancelSinceMs: new Map(),
      workers: new Map(),
      refusals: new Map(),
      busy: new Map(),
    },
    kick,
  };
}

export interface TaskPlace {
  readonly executionId: ExecutionId;
  readonly stepId: StepId;
  readonly attempt: number;
}

/** Whose task it is, or how to refuse the message. */
export type Standing =
  | { readonly kind: 'ok'; readonly place: TaskPlace; readonly row: TaskRow }
  | {
      readonly kind: 'refused';
      readonly code: RefusalCode;
      readonly because: string;
      readonly row: TaskRow | undefined;
    };

/** Whether this session may speak for the task: a message of anybody else's is refused by name. */
export async function standingOf(context: DispatchContext, session: Session, ref: TaskRef): Promise<Standing> {
  const place = parseTaskId(ref.taskId);
  const row = place === undefined ? undefined : await context.store.getTask(ref.taskId);
  if (place === undefined || row === undefined) {
    return { kind: 'refused', code: 'unknown-task', because: `there is no task ${ref.taskId}`, row: undefined };
  }
  if (row.epoch !== ref.epoch) {
    const because = `epoch ${ref.epoch} is over; the task is at epoch ${row.epoch}`;
    return { kind: 'refused', code: 'stale-epoch', because, row };
  }
  if (row.delegate !== session.delegate) {
    return { kind: 'refused', code: 'stale-epoch', because: 'the task was given to another delegate', row };
  }
  return { kind: 'ok', place, row };
}

export function send(session: Session, message: ServerMessage): void {
  // What does not get through is asked for again by the delegate after it has come back.
  session.link.send(message);
}

export function refuse(
  session: Session,
  ref: TaskRef,
  what: 'accept' | 'checkpoint' | 'result',
  code: RefusalCode,
  message: string,
): void {
  send(session, { kind: 'refused', taskId: ref.taskId, epoch: ref.epoch, what, code, message });
}

/** Remembers who works for an execution, for as many executions as are worth remembering. */
export function noteWorker(notes: Notes, executionId: ExecutionId, delegate: string): void {
  notes.workers.delete(executionId);
  notes.workers.set(executionId, delegate);
  const [oldest] = notes.workers.keys();
  if (notes.workers.size > PREFERRED_WORKERS_KEPT && oldest !== undefined) notes.workers.delete(oldest);
}

/** Somebody let an offer go by, or gave it back. */
export function noteDeclined(notes: Notes, taskId: TaskId, instanceId: string, line: string): void {
  notes.declined.set(taskId, new Set([...(notes.declined.get(taskId) ?? []), instanceId]));
  notes.evidence.set(
    taskId,
    [...(notes.evidence.get(taskId) ?? []), line.slice(0, EVIDENCE_MAX_LENGTH)].slice(-EVIDENCE_KEPT),
  );
}

/**
 * The clock was set forward: no lease has come to its end by that, and nobody was silent. As after a start, every lease is extended
 * before the new time counts.
 */
export async function heedSetClock({ clock, store, timings, registry, notes, logger }: DispatchContext): Promise<void> {
  const wallMs = clock.setForwardTo;
  if (wallMs === undefined) return;
  const now = clock.now();
  // Such as after a restore, when somebody may still be at work on what must not be offered yet: that time has to pass in truth.
  if ((await store.livingTasks()).some((row) => row.notBeforeMs > now)) return;
  const byMs = wallMs - now;
  const extended = await store.extendAllLeases(wallMs + timings.leaseExtensionAfterStartMs);
  clock.follow(wallMs);
  for (const session of registry.all()) session.lastHeardMs += byMs;
  for (const since of [notes.nobodySinceMs, notes.cancelSinceMs]) {
    for (const [taskId, atMs] of since) since.set(taskId, atMs + byMs);
  }
  logger.warn({ byMs, extended }, 'The clock of this machine was set forward; running steps keep their delegates');
}
