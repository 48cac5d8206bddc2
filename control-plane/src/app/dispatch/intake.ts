import { createHash } from 'node:crypto';
import type { DelegateMessage, TaskRef } from '@outrider/shared/protocol/messages.ts';
import { outcomeText } from '@outrider/shared/protocol/outcome.ts';
import { CHECKPOINTS_MAX, FACTS_MAX_BYTES } from '@outrider/shared/protocol/timings.ts';
import type { TaskRow } from '../ports.ts';
import { type DispatchContext, noteDeclined, noteWorker, refuse, send, standingOf } from './context.ts';
import { logVerdict, markDamagedLog } from './log-whole.ts';
import type { HelloMessage } from './ports.ts';
import type { Session } from './registry.ts';
import { handBack } from './requeue.ts';

type SessionMessage = Exclude<DelegateMessage, HelloMessage>;
type Of<Kind extends SessionMessage['kind']> = Extract<SessionMessage, { kind: Kind }>;

/** Deals with one message of a session. Answers go out through the session; a throw means the store or the engine failed. */
export async function takeMessage(context: DispatchContext, session: Session, message: SessionMessage): Promise<void> {
  session.lastHeardMs = context.clock.now();
  switch (message.kind) {
    case 'accept':
      return await context.locks.run([message.taskId], () => takeAccept(context, session, message));
    case 'reject':
      return await context.locks.run([message.taskId], () => takeReject(context, session, message));
    case 'heartbeat':
      return await context.locks.run(idsOf(message.running), () => takeHeartbeat(context, session, message));
    case 'checkpoint':
      return await context.locks.run([message.taskId], () => takeCheckpoint(context, session, message));
    case 'result':
      return await context.locks.run([message.taskId], () => takeResult(context, session, message));
    case 'progress':
      if (session.held.get(message.taskId) === message.epoch) context.progress.note(message.taskId, message.services);
      return;
    case 'draining':
      if (session.draining) return;
      session.draining = true;
      context.logger.info({ delegate: session.delegate, reason: message.reason }, 'The delegate drains');
      return context.kick();
  }
}

function idsOf(refs: readonly TaskRef[]): string[] {
  return refs.map((ref) => ref.taskId);
}

async function takeAccept(context: DispatchContext, session: Session, ref: Of<'accept'>): Promise<void> {
  const standing = await standingOf(context, session, ref);
  if (standing.kind === 'refused') return refuse(session, ref, 'accept', standing.code, standing.because);
  const { executionId, stepId, attempt } = standing.place;
  const leaseUntilMs = context.clock.now() + context.timings.leaseTtlMs;
  const { taskId, epoch } = ref;
  const outcome = await context.engine.submit(
    executionId,
    { kind: 'task-accepted', stepId, attempt, delegate: session.delegate },
    { kind: 'accepted', taskId, epoch, instanceId: session.instanceId, leaseUntilMs },
  );
  switch (outcome.kind) {
    case 'ok':
      break;
    case 'duplicate': {
      // The delegate counts its lease from the accept it has just sent again, so that is what the lease must last from.
      const renewed = await context.store.renewLeases(session.instanceId, [{ taskId, epoch }], leaseUntilMs);
      if (renewed.extended.length === 0) return refuse(session, ref, 'accept', 'stale-epoch', 'the lease is over');
      break;
    }
    case 'stale':
      return refuse(session, ref, 'accept', 'stale-epoch', `the task is at epoch ${outcome.epoch}`);
    case 'refused':
      return refuse(session, ref, 'accept', 'task-ended', outcome.because);
    case 'unknown':
      return refuse(session, ref, 'accept', 'unknown-task', `there is no execution ${executionId}`);
  }
  session.held.set(taskId, epoch);
  noteWorker(context.notes, executionId, session.delegate);
  send(session, { kind: 'lease', taskId, epoch, ttlMs: context.timings.leaseTtlMs });
  context.kick();
}

async function takeReject(context: DispatchContext, session: Session, reject: Of<'reject'>): Promise<void> {
  const standing = await standingOf(context, session, reject);
  if (standing.kind === 'refused') return;
  const { row, place } = standing;
  const why = `${session.delegate}: ${reject.message === '' ? reject.code : reject.message}`;
  if (row.state === 'offered') {
    noteDeclined(context.notes, row.taskId, session.instanceId, why);
    await context.store.returnOffer(reject, context.clock.now() + context.timings.offerPauseMs);
  } else if (row.state === 'leased' && row.instanceId === session.instanceId) {
    const { state, epoch, instanceId } = row;
    const because = `${session.delegate} handed it back: ${reject.message}`;
    await handBack(context, row, place, because, { seen: { state, epoch, instanceId } });
  }
  session.held.delete(row.taskId);
  context.kick();
}

async function takeHeartbeat(context: DispatchContext, session: Session, heartbeat: Of<'heartbeat'>): Promise<void> {
  const now = context.clock.now();
  const overdue = (ref: TaskRef) => {
    const since = context.notes.cancelSinceMs.get(ref.taskId);
    return since !== undefined && now - since >= context.timings.cancelAcknowledgeMs;
  };
  // A holder that goes on with a cancelled task for so long loses it: its own fence then stops it.
  const kept = heartbeat.running.filter((ref) => !overdue(ref));
  const renewed = await context.store.renewLeases(session.instanceId, kept, now + context.timings.leaseTtlMs);
  for (const ref of renewed.extended) session.held.set(ref.taskId, ref.epoch);
  for (const ref of renewed.lost) session.held.delete(ref.taskId);
  const lost = [...renewed.lost, ...heartbeat.running.filter(overdue)];
  send(session, { kind: 'heartbeat-ack', sequence: heartbeat.sequence, extended: renewed.extended, lost });
}

async function takeCheckpoint(context: DispatchContext, session: Session, message: Of<'checkpoint'>): Promise<void> {
  const standing = await standingOf(context, session, message);
  if (standing.kind === 'refused') return refuse(session, message, 'checkpoint', standing.code, standing.because);
  const { taskId, epoch, sequence, facts } = message;
  const { executionId, stepId, attempt } = standing.place;
  if (sequence > CHECKPOINTS_MAX) {
    const because = `an attempt has at most ${CHECKPOINTS_MAX} checkpoints, this would be number ${sequence}`;
    return refuse(session, message, 'checkpoint', 'invalid', because);
  }
  const bytes = Buffer.byteLength(JSON.stringify({ ...standing.row.facts, ...facts }));
  if (bytes > FACTS_MAX_BYTES) {
    const because = `the facts of the attempt would have ${bytes} bytes, at most ${FACTS_MAX_BYTES} are kept`;
    return refuse(session, message, 'checkpoint', 'invalid', because);
  }
  const outcome = await context.engine.submit(
    executionId,
    { kind: 'task-checkpointed', stepId, attempt, facts },
    { kind: 'checkpointed', taskId, epoch, instanceId: session.instanceId, sequence, facts },
  );
  switch (outcome.kind) {
    case 'ok':
    case 'duplicate':
      return send(session, { kind: 'checkpoint-ack', taskId, epoch, sequence });
    case 'stale':
      return refuse(session, message, 'checkpoint', 'stale-epoch', `the lease of epoch ${epoch} is over`);
    case 'refused':
      return refuse(session, message, 'checkpoint', 'task-ended', outcome.because);
    case 'unknown':
      return refuse(session, message, 'checkpoint', 'unknown-task', `there is no execution ${executionId}`);
  }
}

async function takeResult(context: DispatchContext, session: Session, message: Of<'result'>): Promise<void> {
  const { taskId, epoch } = message;
  const ack = (status: 'committed' | 'duplicate' | 'stale' | 'log-incomplete', logOffset: number) =>
    send(session, { kind: 'result-ack', taskId, epoch, status, logOffset });
  const standing = await standingOf(context, session, message);
  if (standing.kind === 'refused') {
    if (standing.code === 'stale-epoch') return ack('stale', standing.row?.logBytes ?? 0);
    return refuse(session, message, 'result', standing.code, standing.because);
  }
  const { row, place } = standing;
  if (row.state === 'leased' && !(await logIsSettled(context, session, row, message, ack))) return;
  const { executionId, stepId, attempt } = place;
  const outcome = await context.engine.submit(
    executionId,
    { kind: 'task-ended', stepId, attempt, result: message.result },
    {
      kind: 'ended',
      taskId,
      epoch,
      instanceId: session.instanceId,
      resultSha256: sha256(outcomeText(message.result)),
    },
  );
  switch (outcome.kind) {
    case 'ok':
      session.held.delete(taskId);
      ack('committed', row.logBytes);
      return context.kick();
    case 'duplicate':
      return ack('duplicate', row.logBytes);
    case 'stale':
      return ack('stale', row.logBytes);
    case 'refused':
      return refuse(session, message, 'result', 'task-ended', outcome.because);
    case 'unknown':
      return refuse(session, message, 'result', 'unknown-task', `there is no execution ${executionId}`);
  }
}

/** False: the log is not whole, and the delegate has been told from where to send it. */
async function logIsSettled(
  context: DispatchContext,
  session: Session,
  row: TaskRow,
  message: Of<'result'>,
  ack: (status: 'log-incomplete', logOffset: number) => void,
): Promise<boolean> {
  const verdict = await logVerdict(context.store, row, message);
  if (verdict === 'incomplete') {
    ack('log-incomplete', row.logBytes);
    return false;
  }
  if (verdict === 'damaged') {
    context.logger.error({ taskId: row.taskId, delegate: session.delegate }, 'The stored log is not what was written');
    await markDamagedLog(context.store, row, session.delegate, context.clock.now());
  }
  return true;
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
