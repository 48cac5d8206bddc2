import { createHash } from 'node:crypto';
import type { TaskId } from '@outrider/shared/ids.ts';
import type {
  Directive,
  InventoryItem,
  ServerMessage,
  TaskOutcome,
  TaskRef,
} from '@outrider/shared/protocol/messages.ts';
import { outcomeText } from '@outrider/shared/protocol/outcome.ts';
import {
  HEARTBEAT_SHORTEST_MS,
  HEARTBEATS_OUTSTANDING_MAX,
  LEASE_RENEWAL_PAUSE_MS,
  LEASE_TTL_LONGEST_MS,
} from '@outrider/shared/protocol/timings.ts';
import { PROTOCOL_RANGE, rangeText } from '@outrider/shared/protocol/versions.ts';
import { stoppedText } from '../steps/stopped.ts';
import { elapsedMs, type Instant } from './instant.ts';
import { sayAgain } from './session-again.ts';
import { Draft } from './session-draft.ts';
import type { Decision, HeldTask, SessionInput, SessionState, Stage } from './session-state.ts';
import {
  abandon,
  acceptOffer,
  begin,
  finish,
  forget,
  handBack,
  sendResult,
  takeOffer,
  workEnded,
} from './session-tasks.ts';

/**
 * What the delegate does about anything that happens to it: a function of what it knows and what has come. No clock, no
 * socket, no file; agent.ts performs the outputs.
 *
 * S1 No work begins, and none begins again, before the control plane has confirmed the lease under this epoch.
 * S2 An accept, a checkpoint and a result are in the journal before they are sent.
 * S3 A result is kept until the control plane acknowledges or disowns it.
 * S4 Of one task at most one run is under way, whatever epochs come and go.
 * S5 A result is sent only when the control plane has the whole log.
 */
export function reduce(state: SessionState, input: SessionInput): Decision {
  const draft = new Draft(state);
  take(draft, input);
  return draft.decision();
}

function take(draft: Draft, input: SessionInput): void {
  switch (input.kind) {
    case 'connected':
      return connected(draft, input.logEnds);
    case 'disconnected':
      return disconnected(draft);
    case 'received':
      return received(draft, input.message, input.at, input.mayTakeWork);
    case 'heartbeat-due':
      if (heartbeatDue(draft, input.at)) sayAgain(draft);
      return;
    case 'renewal-wanted':
      return renewalWanted(draft, input.at);
    case 'checkpoint':
      return checkpoint(draft, input);
    case 'counts': {
      const task = draft.held(input);
      if (task?.stage.kind !== 'running') return;
      const { taskId, epoch, services } = input;
      return draft.send({ kind: 'progress', taskId, epoch, services });
    }
    case 'work-ended':
      return workEnded(draft, input, input.end);
    case 'log-settled':
      return logSettled(draft, input);
    case 'log-refused':
      return abandon(draft, input, input.because);
    case 'unsendable':
      return unsendable(draft, input);
    case 'drain':
      return drain(draft, input.reason);
  }
}

function connected(draft: Draft, logEnds: ReadonlyMap<TaskId, number>): void {
  const { identity } = draft.state;
  draft.change({ link: 'greeting' });
  const { delegateName, instanceId, version, tags, stepTypes, slots, region, protocol = PROTOCOL_RANGE } = identity;
  draft.put({
    kind: 'send',
    message: {
      kind: 'hello',
      delegateName,
      instanceId,
      version,
      tags,
      stepTypes,
      slots,
      region,
      protocolMin: protocol.min,
      protocolMax: protocol.max,
      inventory: inventoryOf(draft.state, logEnds),
    },
  });
}

/** Everything held, and results that were acknowledged: the control plane may have lost its newest rows. */
function inventoryOf(state: SessionState, logEnds: ReadonlyMap<TaskId, number>): InventoryItem[] {
  const items: InventoryItem[] = [];
  for (const { offer, stage, checkpointSequence } of state.tasks.values()) {
    if (stage.kind === 'abandoned') continue;
    const { taskId, epoch } = offer;
    const logOffset = logEnds.get(taskId) ?? offer.logOffset;
    items.push({ taskId, epoch, logOffset, ...phaseOf(stage), checkpointSequence });
  }
  for (const { taskId, epoch, outcome } of state.retained.values()) {
    if (state.tasks.has(taskId)) continue;
    items.push({ taskId, epoch, logOffset: 0, phase: 'finished', resultSha256: digestOf(outcome) });
  }
  return items;
}

function phaseOf(stage: Stage): Pick<InventoryItem, 'phase' | 'resultSha256'> {
  if (stage.kind === 'accepting') return { phase: 'accepted', resultSha256: '' };
  if (stage.kind === 'finished') return { phase: 'finished', resultSha256: digestOf(stage.outcome) };
  return { phase: 'running', resultSha256: '' };
}

function digestOf(outcome: TaskOutcome): string {
  return createHash('sha256').update(outcomeText(outcome)).digest('hex');
}

function disconnected(draft: Draft): void {
  draft.change({ link: 'down', heartbeats: [], unanswered: new Map() });
  for (const task of draft.tasks()) {
    if (task.stage.kind === 'accepting') draft.stage(task, { kind: 'accepting', sentAt: null });
  }
}

function received(draft: Draft, message: ServerMessage, at: Instant, mayTakeWork: boolean): void {
  const { link } = draft.state;
  // A connection that is to be dropped says nothing more.
  if (link === 'down') return;
  if ((link === 'greeting') !== (message.kind === 'welcome')) return dropFor(draft, OUT_OF_TURN);
  switch (message.kind) {
    case 'welcome':
      return welcomed(draft, message, at);
    case 'offer':
      return takeOffer(draft, message, at, mayTakeWork);
    case 'lease':
      return leased(draft, message);
    case 'refused':
      return refused(draft, message);
    case 'heartbeat-ack':
      return heartbeatAcknowledged(draft, message);
    case 'cancel':
      return cancelled(draft, message);
    case 'checkpoint-ack':
      return checkpointAcknowledged(draft, message, at);
    case 'result-ack':
      return resultAcknowledged(draft, message, at);
    case 'drain':
      return draft.put({ kind: 'reconnect-after', milliseconds: message.reconnectAfterMs, reason: message.reason });
  }
}

type Of<Kind extends ServerMessage['kind']> = Extract<ServerMessage, { kind: Kind }>;

const OUT_OF_TURN = 'the control plane said Welcome again, or something else before it';

function dropFor(draft: Draft, reason: string): void {
  draft.change({ link: 'down' });
  draft.note('error', {}, reason);
  draft.put({ kind: 'drop-connection', reason });
}

function welcomed(draft: Draft, welcome: Of<'welcome'>, at: Instant): void {
  const { sessionId } = welcome;
  const { protocol = PROTOCOL_RANGE } = draft.state.identity;
  // Whatever it asks for: a lease that never ends is none, and heartbeats come neither all the time nor never.
  const leaseTtlMs = Math.min(welcome.leaseTtlMs, LEASE_TTL_LONGEST_MS);
  const heartbeatMs = Math.max(Math.min(welcome.heartbeatMs, leaseTtlMs / 2), HEARTBEAT_SHORTEST_MS);
  if (welcome.protocol < protocol.min || welcome.protocol > protocol.max) {
    const reason = `the control plane would speak protocol ${welcome.protocol}, this delegate speaks ${rangeText(protocol)}`;
    return dropFor(draft, reason);
  }
  draft.change({ link: 'open', leaseTtlMs, heartbeatMs, serverAheadMs: welcome.serverTimeMs - at.wallMs });
  draft.put({ kind: 'set-terms', leaseTtlMs, heartbeatMs });
  draft.put({ kind: 'open-logs', sessionId });
  draft.put({ kind: 'arm-heartbeat' });
  for (const directive of welcome.directives) obey(draft, directive, at);
  // The lease of what is kept counts from a message of ours that is answered: this one.
  if (draft.tasks().length > 0) heartbeatDue(draft, at);
  if (draft.state.draining) {
    draft.send({ kind: 'draining', reason: 'it is shutting down' });
    for (const task of draft.tasks()) handBack(draft, task);
  }
}

function obey(draft: Draft, directive: Directive, at: Instant): void {
  if (directive.action === 'stop') return abandon(draft, directive, 'the control plane says so');
  const task = draft.held(directive) ?? draft.revive(directive);
  if (task === undefined) return;
  const { taskId, epoch } = task.offer;
  const { stage } = task;
  switch (stage.kind) {
    case 'accepting':
      return acceptOffer(draft, task, at);
    case 'abandoned':
      return;
    case 'waiting':
    case 'running':
      draft.put({ kind: 'resume-log', taskId, epoch, offset: directive.logOffset, began: true });
      for (const each of task.pending) draft.send({ kind: 'checkpoint', taskId, epoch, ...each });
      return;
    case 'finished':
      draft.put({ kind: 'resume-log', taskId, epoch, offset: directive.logOffset, began: true });
      return draft.put({ kind: 'settle-log', taskId, epoch });
    case 'handing-back':
      draft.stage(task, { ...stage, ready: false });
      draft.put({ kind: 'resume-log', taskId, epoch, offset: directive.logOffset, began: true });
      return draft.put({ kind: 'settle-log', taskId, epoch });
  }
}

function leased(draft: Draft, lease: Of<'lease'>): void {
  const task = draft.held(lease);
  if (task?.stage.kind !== 'accepting' || task.stage.sentAt === null) return;
  const { taskId, epoch, logOffset } = task.offer;
  // Its log is there before the journal says that it began: one that is missing then was lost with a disk, and not with a kill.
  draft.put({ kind: 'resume-log', taskId, epoch, offset: logOffset, began: false });
  draft.put({ kind: 'journal', record: { kind: 'started', taskId, epoch } });
  draft.put({ kind: 'lease', taskId, sentAt: task.stage.sentAt });
  begin(draft, task);
}

/** False: none was sent, as nobody is there. */
function heartbeatDue(draft: Draft, at: Instant): boolean {
  const { state } = draft;
  if (state.link !== 'open') return false;
  const [oldest] = state.heartbeats;
  if (oldest !== undefined && elapsedMs(oldest.sentAt, at) > state.leaseTtlMs) {
    draft.put({ kind: 'drop-connection', reason: 'no heartbeat was answered for the length of a lease' });
    return false;
  }
  forgetUnansweredAccepts(draft, at);
  const sequence = state.heartbeatSequence + 1;
  const heartbeats = [...state.heartbeats, { sequence, sentAt: at }].slice(-HEARTBEATS_OUTSTANDING_MAX);
  draft.change({ heartbeatSequence: sequence, heartbeats });
  const running = draft.tasks().filter(needsLease).map(refOf);
  draft.send({ kind: 'heartbeat', sequence, running, slotsFree: draft.slotsFree() });
  draft.put({ kind: 'arm-heartbeat' });
  return true;
}

/** The control plane has given them to somebody else long ago; nothing was done for them. */
function forgetUnansweredAccepts(draft: Draft, at: Instant): void {
  for (const task of draft.tasks()) {
    const { stage } = task;
    if (stage.kind !== 'accepting' || stage.sentAt === null) continue;
    if (elapsedMs(stage.sentAt, at) > draft.state.leaseTtlMs) forget(draft, task);
  }
}

/** A heartbeat ahead of its time, unless one that is as new is under way. */
function renewalWanted(draft: Draft, at: Instant): void {
  const newest = draft.state.heartbeats.at(-1);
  if (newest !== undefined && elapsedMs(newest.sentAt, at) < LEASE_RENEWAL_PAUSE_MS) return;
  heartbeatDue(draft, at);
}

/** What must not be given to somebody else: also what is done, until its result is acknowledged. */
function needsLease({ stage }: HeldTask): boolean {
  return stage.kind !== 'accepting' && stage.kind !== 'abandoned';
}

function refOf({ offer: { taskId, epoch } }: HeldTask): TaskRef {
  return { taskId, epoch };
}

function heartbeatAcknowledged(draft: Draft, ack: Of<'heartbeat-ack'>): void {
  const sent = draft.state.heartbeats.find((heartbeat) => heartbeat.sequence === ack.sequence);
  if (sent === undefined) return;
  draft.change({ heartbeats: draft.state.heartbeats.filter((heartbeat) => heartbeat.sequence > ack.sequence) });
  for (const ref of ack.extended) {
    const task = draft.held(ref);
    if (task === undefined) continue;
    draft.put({ kind: 'lease', taskId: ref.taskId, sentAt: sent.sentAt });
    if (task.stage.kind === 'waiting' && task.pending.length === 0 && !draft.state.draining) begin(draft, task);
  }
  for (const ref of ack.lost) abandon(draft, ref, 'the lease is over');
}

function cancelled(draft: Draft, cancel: Of<'cancel'>): void {
  const task = draft.held(cancel);
  if (task === undefined) return;
  const { taskId, epoch, reason, message } = cancel;
  if (task.stage.kind === 'running') {
    if (task.stage.order?.by === 'control-plane') return;
    draft.stage(task, { kind: 'running', order: { reason, by: 'control-plane', message } });
    draft.put({ kind: 'stop', taskId, epoch, reason });
  } else if (task.stage.kind === 'waiting' || task.stage.kind === 'handing-back') {
    // No run is there to say it.
    draft.put({ kind: 'say', taskId, epoch, text: stoppedText(reason) });
    finish(draft, task, { outcome: 'stopped', message: 'nothing was under way' });
  }
}

function checkpoint(draft: Draft, input: Extract<SessionInput, { kind: 'checkpoint' }>): void {
  const task = draft.held(input);
  const { taskId, epoch, sequence, facts } = input;
  if (task?.stage.kind !== 'running') return;
  draft.task({
    ...task,
    facts: { ...task.facts, ...facts },
    checkpointSequence: sequence,
    pending: [...task.pending, { sequence, facts }],
  });
  draft.put({ kind: 'journal', record: { kind: 'checkpoint', taskId, epoch, sequence, facts } });
  draft.send({ kind: 'checkpoint', taskId, epoch, sequence, facts });
}

function checkpointAcknowledged(draft: Draft, ack: Of<'checkpoint-ack'>, at: Instant): void {
  const task = draft.held(ack);
  if (task === undefined) return;
  const { taskId, epoch } = ack;
  // Of what was never sent, or is committed already, there is nothing to remember.
  const sequence = task.pending.findLast((each) => each.sequence <= ack.sequence)?.sequence;
  if (sequence === undefined) return;
  draft.task({ ...task, pending: task.pending.filter((each) => each.sequence > sequence) });
  draft.put({ kind: 'journal', record: { kind: 'committed', taskId, epoch, sequence } });
  draft.put({ kind: 'checkpoint-committed', taskId, epoch, sequence });
  // What stood still for this can go on with the next renewal.
  if (task.stage.kind === 'waiting') renewalWanted(draft, at);
}

function logSettled(draft: Draft, input: Extract<SessionInput, { kind: 'log-settled' }>): void {
  const task = draft.held(input);
  if (task?.stage.kind === 'finished') {
    sendResult(draft, task, task.stage.outcome, input.log);
  } else if (task?.stage.kind === 'handing-back') {
    const settled = { ...task, stage: { kind: 'handing-back', ready: true } } as const;
    draft.task(settled);
    handBack(draft, settled);
  }
}

function resultAcknowledged(draft: Draft, ack: Of<'result-ack'>, at: Instant): void {
  const task = draft.held(ack);
  if (task?.stage.kind !== 'finished') return;
  const { taskId, epoch } = ack;
  switch (ack.status) {
    case 'committed':
    case 'duplicate':
      draft.put({ kind: 'journal', record: { kind: 'acknowledged', taskId, epoch, atMs: Math.floor(at.wallMs) } });
      return draft.retire(task, task.stage.outcome);
    case 'stale':
      draft.note('warn', ack, 'The result of a task was not wanted any more: somebody else has it');
      return forget(draft, task);
    case 'log-incomplete':
      draft.put({ kind: 'resume-log', taskId, epoch, offset: ack.logOffset, began: true });
      return draft.put({ kind: 'settle-log', taskId, epoch });
  }
}

function refused(draft: Draft, refusal: Of<'refused'>): void {
  const task = draft.held(refusal);
  if (task === undefined) return;
  const { code, what, message } = refusal;
  draft.note(
    'warn',
    { taskId: refusal.taskId, epoch: refusal.epoch, what, code, because: message },
    'The control plane refused a message',
  );
  if (code === 'invalid' && what !== 'accept') return unsendable(draft, { ...task.offer, what, why: message });
  abandon(draft, refusal, message);
}

/** The control plane would not or could not take it as it is: the step fails and says why. */
function unsendable(draft: Draft, input: TaskRef & { readonly what: string; readonly why: string }): void {
  const task = draft.held(input);
  if (task === undefined) return;
  const { taskId, epoch } = task.offer;
  if (input.what === 'checkpoint') {
    const [first] = task.pending;
    draft.task({ ...task, pending: task.pending.slice(1) });
    if (first !== undefined) {
      draft.put({ kind: 'checkpoint-failed', taskId, epoch, sequence: first.sequence, why: input.why });
    }
  } else if (input.what === 'result' && task.stage.kind === 'finished') {
    const { outcome } = task.stage;
    // A failure that cannot be sent either would go round for ever.
    if (outcome.outcome === 'failed' && outcome.failure.code === 'internal') return abandon(draft, input, input.why);
    finish(draft, task, {
      outcome: 'failed',
      failure: {
        code: 'internal',
        message: `The result of the step could not be sent: ${input.why}`,
        hint: 'Please report it with the log of the delegate.',
        evidence: [`The step had ${outcome.outcome}`],
        failureType: 'delegate',
      },
    });
  }
}

function drain(draft: Draft, reason: string): void {
  if (!draft.state.draining) {
    draft.change({ draining: true });
    draft.send({ kind: 'draining', reason });
    for (const task of draft.tasks()) handBack(draft, task);
  }
}
