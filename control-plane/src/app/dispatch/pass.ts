import { ERRORS, type Failure } from '@outrider/shared/errors.ts';
import type { TaskId } from '@outrider/shared/ids.ts';
import { type JsonObject, parseJsonObject } from '@outrider/shared/json.ts';
import { seenOf } from '../../domain/fleet/fences.ts';
import type { SubmitOutcome } from '../engine-port.ts';
import type { TakenAway, TaskRow } from '../ports.ts';
import { busyByInstance, type Candidate, chooseSession, offerable, reasons } from './choose.ts';
import { type DispatchContext, heedSetClock, noteDeclined, send } from './context.ts';
import { type ExpiryContext, type Verdict, verdictOn } from './expiry.ts';
import { lastWords } from './last-words.ts';
import type { Session } from './registry.ts';
import { handBack } from './requeue.ts';
import { dropInvalidSessions } from './session-credentials.ts';

/** One look at everything that lives: what is due is done, cancels are delivered, work is offered. Passes never overlap. */
export async function runPass(context: DispatchContext, mayOffer: boolean): Promise<void> {
  await heedSetClock(context);
  const rows = await context.store.livingTasks();
  tidyNotes(context, rows);
  dropSilentSessions(context);
  await dropInvalidSessions(context);
  for (const row of rows) {
    if (verdictOn(row, expiryContext(context, row)).kind === 'leave') continue;
    await context.locks.run([row.taskId], () => expire(context, row.taskId));
  }
  deliverCancels(context, rows);
  if (mayOffer) await offerAll(context);
}

function expiryContext(context: DispatchContext, row: TaskRow): ExpiryContext {
  const { notes, clock, timings } = context;
  return {
    now: clock.now(),
    timings,
    nobodySinceMs: notes.nobodySinceMs.get(row.taskId),
    evidence: notes.evidence.get(row.taskId) ?? [],
  };
}

/** Under the task's lock: the row is read and judged again, as a heartbeat or a result may have come in between. */
async function expire(context: DispatchContext, taskId: TaskId): Promise<void> {
  const row = await context.store.getTask(taskId);
  if (row === undefined) return;
  const verdict = verdictOn(row, expiryContext(context, row));
  const { executionId, stepId, attempt } = row;
  switch (verdict.kind) {
    case 'leave':
      return;
    case 'return-offer': {
      const seconds = Math.round(context.timings.offerAcceptMs / 1000);
      noteDeclined(
        context.notes,
        taskId,
        row.instanceId ?? '',
        `${row.delegate}: did not accept it within ${seconds} s`,
      );
      await context.store.returnOffer(row, verdict.notBeforeMs);
      return context.kick();
    }
    case 'release':
      await handBack(context, row, row, verdict.because, takenAway(context, row, verdict));
      return;
    case 'deadline':
      return heed(
        context,
        row,
        await context.engine.submit(executionId, { kind: 'task-deadline-passed', stepId, attempt }),
      );
    case 'withdraw-stopped':
    case 'withdraw-failed':
      return heed(context, row, await withdraw(context, row, verdict));
  }
}

function takenAway({ clock }: DispatchContext, row: TaskRow, verdict: Parameters<typeof lastWords>[1]): TakenAway {
  return { seen: seenOf(row), lastWords: lastWords(row, verdict, clock.now()) };
}

type Withdrawal = Extract<Verdict, { kind: 'withdraw-stopped' | 'withdraw-failed' }>;

async function withdraw(context: DispatchContext, row: TaskRow, verdict: Withdrawal): Promise<SubmitOutcome> {
  const { executionId, stepId, attempt, taskId } = row;
  const change = { kind: 'withdrawn', taskId, ...takenAway(context, row, verdict) } as const;
  if (verdict.kind === 'withdraw-failed') {
    return await context.engine.submit(
      executionId,
      { kind: 'task-undeliverable', stepId, attempt, failure: verdict.failure },
      change,
    );
  }
  const result = { outcome: 'stopped', message: verdict.message } as const;
  return await context.engine.submit(executionId, { kind: 'task-ended', stepId, attempt, result }, change);
}

/** The engine's word on what time has made of a task. A refusal is a sign of a defect, so it is said once per reason. */
function heed(context: DispatchContext, row: TaskRow, outcome: SubmitOutcome): void {
  const { notes, logger } = context;
  if (outcome.kind === 'ok') {
    notes.refusals.delete(row.taskId);
    return context.kick();
  }
  const because = outcome.kind === 'refused' ? outcome.because : outcome.kind;
  if (notes.refusals.get(row.taskId) === because) return;
  notes.refusals.set(row.taskId, because);
  logger.warn({ taskId: row.taskId, state: row.state, because }, 'The engine did not take what has become due');
}

function tidyNotes(context: DispatchContext, rows: readonly TaskRow[]): void {
  const { notes } = context;
  const living = new Set(rows.map((row) => row.taskId));
  const maps = [notes.nobodySinceMs, notes.evidence, notes.declined, notes.cancelSinceMs, notes.refusals];
  for (const map of maps) for (const taskId of map.keys()) if (!living.has(taskId)) map.delete(taskId);
  context.progress.keepOnly(living);
  for (const session of context.registry.all()) {
    for (const taskId of session.held.keys()) if (!living.has(taskId)) session.held.delete(taskId);
    for (const taskId of session.cancelsSentMs.keys()) if (!living.has(taskId)) session.cancelsSentMs.delete(taskId);
  }
  notes.busy = busyByInstance(rows);
}

/** A session that says nothing for so long is dead, whatever its socket says. */
function dropSilentSessions(context: DispatchContext): void {
  const { clock, registry, timings, logger } = context;
  for (const session of registry.all()) {
    const silentMs = clock.now() - session.lastHeardMs;
    if (silentMs < timings.sessionLostMs) continue;
    logger.warn({ delegate: session.delegate, instanceId: session.instanceId, silentMs }, 'A delegate has gone silent');
    registry.remove(session);
    session.link.close('nothing was heard for too long');
  }
}

function deliverCancels(context: DispatchContext, rows: readonly TaskRow[]): void {
  const { notes, clock, registry, timings } = context;
  for (const { taskId, epoch, state, cancel, instanceId } of rows) {
    if (cancel === null) continue;
    if (!notes.cancelSinceMs.has(taskId)) notes.cancelSinceMs.set(taskId, clock.now());
    const session = state === 'leased' && instanceId !== null ? registry.byInstance(instanceId) : undefined;
    if (session === undefined) continue;
    const lastMs = session.cancelsSentMs.get(taskId);
    if (lastMs !== undefined && clock.now() - lastMs < timings.cancelAgainMs) continue;
    session.cancelsSentMs.set(taskId, clock.now());
    send(session, { kind: 'cancel', taskId, epoch, reason: cancel.reason, message: cancel.message });
  }
}

interface Seat extends Candidate {
  readonly session: Session;
  slotsFree: number;
}

async function offerAll(context: DispatchContext): Promise<void> {
  const { clock, notes, registry, store, timings } = context;
  // Read again: what was expired above may be offered now.
  const rows = await store.livingTasks();
  notes.busy = busyByInstance(rows);
  const fleet = registry.views(notes.busy);
  const seats: Seat[] = registry.all().map((session) => ({
    session,
    slotsFree: session.slots - (notes.busy.get(session.instanceId) ?? 0),
    takesOffers: registry.takesOffers(session) && clock.now() - session.lastHeardMs < timings.offerSilenceMs,
  }));
  const silent = silentLines(context);
  for (const row of offerable(rows, clock.now())) {
    const worker = rows.find((other) => other.executionId === row.executionId && other.state === 'leased')?.delegate;
    const choice = chooseSession(row, seats, fleet, {
      worker: worker ?? notes.workers.get(row.executionId),
      declined: notes.declined.get(row.taskId) ?? new Set(),
    });
    if (choice.kind === 'nobody') {
      if (!notes.nobodySinceMs.has(row.taskId)) notes.nobodySinceMs.set(row.taskId, clock.now());
      notes.evidence.set(row.taskId, [...reasons(row, fleet), ...silent]);
      continue;
    }
    notes.nobodySinceMs.delete(row.taskId);
    if (choice.kind === 'offer' && (await offer(context, row, choice.to.session))) choice.to.slotsFree -= 1;
  }
}

/** Of each delegate that is connected, as far as anybody knows, and says nothing: since when. */
function silentLines({ clock, registry, timings }: DispatchContext): readonly string[] {
  return registry.all().flatMap(({ delegate, lastHeardMs }) => {
    const silentMs = clock.now() - lastHeardMs;
    if (silentMs < timings.offerSilenceMs) return [];
    return [`${delegate}: it has said nothing for ${Math.round(silentMs / 1000)} s`];
  });
}

/** False: it was not offered after all. */
async function offer(context: DispatchContext, row: TaskRow, session: Session): Promise<boolean> {
  const { clock, store, timings } = context;
  const now = clock.now();
  const to = { delegate: session.delegate, instanceId: session.instanceId };
  const offered = await store.offerTask(row.taskId, to, now, now + timings.offerAcceptMs);
  if (offered.kind === 'not-queued') return false;
  const { task } = offered;
  session.held.set(task.taskId, task.epoch);
  session.lastOfferMs = now;
  const sent = session.link.send({
    kind: 'offer',
    taskId: task.taskId,
    epoch: task.epoch,
    task: taskJson(task),
    deadlineMs: task.deadlineMs ?? now + task.timeoutSeconds * 1000,
    facts: task.facts,
    logOffset: task.logBytes,
    acceptWithinMs: timings.offerAcceptMs,
    checkpointSequence: task.checkpointSequence,
    serverTimeMs: clock.now(),
  });
  if (sent !== 'too-large') return true;
  const verdict = { kind: 'withdraw-failed', failure: tooLarge(task) } as const;
  await context.locks.run([task.taskId], async () => heed(context, task, await withdraw(context, task, verdict)));
  return false;
}

/** As JSON, without the keys whose value is undefined. */
function taskJson(row: TaskRow): JsonObject {
  return parseJsonObject(JSON.stringify(row.task)) ?? {};
}

function tooLarge(row: TaskRow): Failure {
  return {
    code: 'step-input-invalid',
    message: `${row.task.stepName} with its task definition and facts is too large to be sent to a delegate`,
    hint: ERRORS['step-input-invalid'].hint,
    evidence: [],
    failureType: 'delegate',
  };
}
