import { ERRORS } from '@outrider/shared/errors.ts';
import type { ServerMessage, TaskOutcome, TaskRef } from '@outrider/shared/protocol/messages.ts';
import { outcomeJson } from '@outrider/shared/protocol/outcome.ts';
import type { Instant } from './instant.ts';
import type { OfferRecord } from './journal-format.ts';
import type { SpoolSummary } from './log-spool.ts';
import type { Draft } from './session-draft.ts';
import type { HeldTask, WorkEnd } from './session-state.ts';

/** What becomes of one task: taken, begun, ended, handed back, forgotten. */

type Offer = Extract<ServerMessage, { kind: 'offer' }>;

export function takeOffer(draft: Draft, message: Offer, at: Instant, mayTakeWork: boolean): void {
  const { taskId, epoch, task, deadlineMs, facts, checkpointSequence, logOffset, serverTimeMs } = message;
  // One of the two clocks may have been set since the Welcome.
  if (serverTimeMs !== null) draft.change({ serverAheadMs: serverTimeMs - at.wallMs });
  const offer: OfferRecord = { taskId, epoch, task, deadlineMs, facts, checkpointSequence, logOffset };
  const before = draft.state.tasks.get(taskId);
  if (before !== undefined) {
    if (epoch < before.offer.epoch)
      return draft.note('warn', { taskId, epoch }, 'An offer of an old epoch was passed over');
    if (epoch === before.offer.epoch) {
      // An offer that comes twice does not make the lease younger than the answer to the first one may be.
      if (before.stage.kind === 'accepting') acceptOffer(draft, before, before.stage.sentAt ?? at);
      return;
    }
    abandon(draft, before.offer, `it is offered again under epoch ${epoch}`);
    const ending = draft.state.tasks.get(taskId);
    if (ending?.stage.kind === 'abandoned') {
      // Its own work has not stopped yet; when it has, the offer is taken if it still stands.
      const next = { offer, offeredAt: at };
      return draft.stage(ending, { kind: 'abandoned', next });
    }
  }
  if ((draft.state.retained.get(taskId)?.epoch ?? -1) >= epoch) {
    return draft.note('warn', { taskId, epoch }, 'An offer of what is done was passed over');
  }
  const objection = objectionTo(draft, offer, mayTakeWork);
  if (objection !== undefined) {
    const { code, message: text } = objection;
    return draft.send({ kind: 'reject', taskId, epoch, code, message: text });
  }
  hold(draft, offer, at);
}

function objectionTo(
  draft: Draft,
  offer: OfferRecord,
  mayTakeWork: boolean,
): { code: string; message: string } | undefined {
  const { draining, identity } = draft.state;
  if (draining) return { code: 'draining', message: 'it is shutting down' };
  if (!mayTakeWork) return { code: 'no-room', message: 'its journal is full' };
  if (draft.slotsFree() === 0) return { code: 'no-slot', message: `all ${identity.slots} slots are taken` };
  const type = typeOf(offer);
  if (!identity.stepTypes.includes(type)) return { code: 'unknown-step', message: `its version does not know ${type}` };
  return undefined;
}

function hold(draft: Draft, offer: OfferRecord, at: Instant): void {
  const { facts, checkpointSequence } = offer;
  const task: HeldTask = { offer, facts, checkpointSequence, pending: [], stage: { kind: 'accepting', sentAt: at } };
  draft.put({ kind: 'journal', record: { kind: 'accepted', offer } });
  acceptOffer(draft, task, at);
}

/** Says yes; again after a reconnect, as the first one may not have come. */
export function acceptOffer(draft: Draft, task: HeldTask, at: Instant): void {
  const { taskId, epoch } = task.offer;
  // The lease counts from here: the message leaves at this moment or later.
  draft.stage(task, { kind: 'accepting', sentAt: at });
  draft.send({ kind: 'accept', taskId, epoch });
}

/** The lease holds: the work may begin, or begin again with the facts so far. */
export function begin(draft: Draft, task: HeldTask): void {
  const { offer, facts, checkpointSequence } = task;
  draft.stage(task, { kind: 'running', order: null });
  const deadlineMs = offer.deadlineMs - draft.state.serverAheadMs;
  draft.put({ kind: 'start', offer, facts, checkpointSequence, deadlineMs });
}

/** The task is not ours any more: nothing about it is sent, and its work stops. */
export function abandon(draft: Draft, ref: TaskRef, because: string): void {
  const { taskId, epoch } = ref;
  const task = draft.held(ref);
  if (task === undefined) return;
  draft.put({ kind: 'lease-over', taskId });
  if (task.stage.kind === 'abandoned') return;
  draft.note('info', { taskId, epoch, because }, 'A task is not ours any more');
  if (task.stage.kind !== 'running') return forget(draft, task);
  draft.stage(task, { kind: 'abandoned', next: null });
  draft.put({ kind: 'stop', taskId, epoch, reason: 'lease-lost' });
}

export function forget(draft: Draft, task: HeldTask): void {
  const { taskId, epoch } = task.offer;
  draft.drop(task.offer);
  draft.put({ kind: 'lease-over', taskId });
  draft.put({ kind: 'journal', record: { kind: 'forgotten', taskId, epoch } });
  draft.put({ kind: 'forget', taskId, epoch });
}

export function workEnded(draft: Draft, ref: TaskRef, end: WorkEnd): void {
  const task = draft.held(ref);
  if (task?.stage.kind === 'abandoned') return abandonedEnded(draft, task, task.stage.next);
  if (task?.stage.kind !== 'running') return;
  const { order } = task.stage;
  if (end.kind === 'outcome') return finish(draft, task, end.outcome);
  if (order?.by === 'control-plane') return finish(draft, task, { outcome: 'stopped', message: end.message });
  switch (end.reason) {
    case 'lease-lost':
      // Nobody has said that it is lost: it goes on when the lease is shown to hold again.
      draft.stage(task, { kind: 'waiting' });
      if (draft.state.draining) handBack(draft, { ...task, stage: { kind: 'waiting' } });
      return;
    case 'draining':
      return handBack(draft, { ...task, stage: { kind: 'waiting' } });
    case 'timed-out':
      return finish(draft, task, timedOut(end.message));
    case 'aborted':
    case 'rolling-back':
      return finish(draft, task, { outcome: 'stopped', message: end.message });
  }
}

function abandonedEnded(
  draft: Draft,
  task: HeldTask,
  next: { readonly offer: OfferRecord; readonly offeredAt: Instant } | null,
): void {
  forget(draft, task);
  if (next === null || draft.state.link !== 'open') return;
  const objection = objectionTo(draft, next.offer, true);
  const { taskId, epoch } = next.offer;
  if (objection !== undefined) {
    return draft.send({ kind: 'reject', taskId, epoch, code: objection.code, message: objection.message });
  }
  // The lease counts from when the offer came, so that an answer that is too late gives no time to change anything.
  hold(draft, next.offer, next.offeredAt);
}

/** The work is over; its result waits for its log. */
export function finish(draft: Draft, task: HeldTask, outcome: TaskOutcome): void {
  const { taskId, epoch } = task.offer;
  draft.put({ kind: 'journal', record: { kind: 'result', taskId, epoch, outcome: outcomeJson(outcome) } });
  draft.stage(task, { kind: 'finished', outcome });
  draft.put({ kind: 'settle-log', taskId, epoch });
}

/** The control plane has the whole log, and `log` says what that is. */
export function sendResult(draft: Draft, task: HeldTask, result: TaskOutcome, log: SpoolSummary): void {
  const { taskId, epoch } = task.offer;
  const { end, from, sha256 } = log;
  draft.send({ kind: 'result', taskId, epoch, result, logBytes: end, logSha256: sha256, logFrom: from });
}

/** This delegate goes: what can go on elsewhere is stopped and given back, the rest is finished first. */
export function handBack(draft: Draft, task: HeldTask): void {
  const { taskId, epoch } = task.offer;
  const { stage } = task;
  const reject = () => {
    if (draft.state.link !== 'open') return;
    draft.send({ kind: 'reject', taskId, epoch, code: 'draining', message: 'it is shutting down' });
    forget(draft, task);
  };
  switch (stage.kind) {
    case 'accepting':
      return reject();
    case 'handing-back':
      return stage.ready ? reject() : undefined;
    case 'running':
      if (stage.order !== null || !draft.state.identity.repeatableTypes.includes(typeOf(task.offer))) return;
      draft.stage(task, { kind: 'running', order: { reason: 'draining', by: 'delegate', message: '' } });
      return draft.put({ kind: 'stop', taskId, epoch, reason: 'draining' });
    case 'waiting':
      if (!draft.state.identity.repeatableTypes.includes(typeOf(task.offer))) return;
      draft.stage(task, { kind: 'handing-back', ready: false });
      return draft.put({ kind: 'settle-log', taskId, epoch });
    case 'finished':
    case 'abandoned':
      return;
  }
}

function typeOf(offer: OfferRecord): string {
  const { type } = offer.task;
  return typeof type === 'string' ? type : '';
}

function timedOut(message: string): TaskOutcome {
  const { title, hint } = ERRORS['step-timed-out'];
  const failure = {
    code: 'step-timed-out',
    message: title,
    hint,
    evidence: [message],
    failureType: 'timeout',
  } as const;
  return { outcome: 'failed', failure };
}
