import assert from 'node:assert/strict';
import type { ExecutionEvent } from '@outrider/control-plane/domain/execution/events.ts';
import type { OperationName } from '@outrider/control-plane/store/operations.ts';
import type { DelegateMessage, LogMessage, LogReply, ServerMessage } from '@outrider/shared/protocol/messages.ts';
import type { HistoryRecord } from './plant/record.ts';
import type { FaultKind } from './ports.ts';
import { FAULT_KINDS } from './script-faults.ts';

/** How often each kind of thing happened, by name: `fault:partition`, `event:step-failed`, `message:offer`, `store:commit`, … */
export type Counts = ReadonlyMap<string, number>;

/** Fewest entries of the trace that a history must have: one with less shows nothing. */
export const EVENTS_MIN = 50;

/** What happened in one history. A fault counts when it really changed something. */
export function countsOf(record: HistoryRecord): Counts {
  const counts = new Map<string, number>();
  for (const { kind } of record.trace) if (!kind.startsWith('fault:')) count(counts, kind);
  for (const index of record.faultsInEffect) {
    const fault = record.script.faults[index];
    if (fault === undefined) continue;
    count(counts, `fault:${fault.kind}`);
    if ('how' in fault) count(counts, `fault:${fault.kind}/${fault.how}`);
    if (fault.kind === 'crash-delegate-at') count(counts, `fault:${fault.kind}/${fault.effect}`);
  }
  for (const { events } of record.store.executions) {
    const end = events.at(-1)?.event;
    if (end?.type === 'execution-finished') count(counts, `end:${end.status}, rollback ${end.rollback}`);
  }
  return counts;
}

/** Why a history shows less than it should; empty: it does not. */
export function thinness(record: HistoryRecord): string[] {
  const thin: string[] = [];
  if (record.trace.length < EVENTS_MIN) {
    thin.push(`only ${record.trace.length} things happened, at least ${EVENTS_MIN} are wanted`);
  }
  if (record.faultsInEffect.length === 0) thin.push('none of its faults had an effect');
  return thin;
}

export function addCounts(total: Map<string, number>, counts: Iterable<readonly [string, number]>): void {
  for (const [kind, times] of counts) count(total, kind, times);
}

/** Fails with everything that should have occurred in so many histories and never did. */
export function assertCovered(counts: Counts): void {
  const missing = EXPECTED.filter((kind) => (counts.get(kind) ?? 0) === 0);
  assert.deepEqual(missing, [], 'never occurred in any history');
}

function count(counts: Map<string, number>, kind: string, times = 1): void {
  counts.set(kind, (counts.get(kind) ?? 0) + times);
}

/**
 * Every type of event: a new one is a compile error here. `false`: the samples' workflows refuse a run beside another one, and
 * nobody pauses them or is asked about a failure; test/properties/executions.test.ts and test/control-plane/app do it.
 */
const EVENTS: Readonly<Record<ExecutionEvent['type'], boolean>> = {
  'execution-created': true,
  'execution-queued': false,
  'place-freed': false,
  'pause-requested': false,
  'resume-requested': false,
  'phase-started': true,
  'step-queued': true,
  'step-started': true,
  'step-requeued': true,
  'step-checkpointed': true,
  'step-cancel-requested': true,
  'step-succeeded': true,
  'step-failed': true,
  'step-answered': false,
  'step-unanswered': false,
  'step-aborted': true,
  'step-skipped': true,
  'phase-finished': true,
  'abort-requested': true,
  'rollback-requested': true,
  'rollback-started': true,
  'execution-finished': true,
};

const MESSAGES: Readonly<Record<DelegateMessage['kind'] | ServerMessage['kind'], true>> = {
  hello: true,
  accept: true,
  reject: true,
  heartbeat: true,
  checkpoint: true,
  progress: true,
  result: true,
  draining: true,
  welcome: true,
  offer: true,
  lease: true,
  refused: true,
  'heartbeat-ack': true,
  cancel: true,
  'checkpoint-ack': true,
  'result-ack': true,
  drain: true,
};

/** `false`: the samples log far less than a spool holds, so that no line is ever dropped; test/delegate/agent/logs.test.ts does it. */
const LOG_MESSAGES: Readonly<Record<LogMessage['kind'] | LogReply['kind'], boolean>> = {
  batch: true,
  gap: false,
  opened: true,
  ack: true,
  refused: true,
};

/** Operations that change the store; those of operators’ documents, keys and joining are the store tests’ (`false`). */
const OPERATIONS: Readonly<Partial<Record<OperationName, boolean>>> = {
  commit: true,
  effectDone: true,
  enqueueTask: true,
  offerTask: true,
  returnOffer: true,
  renewLeases: true,
  reattachTask: true,
  extendAllLeases: true,
  cancelTask: true,
  appendLog: true,
  seeDelegate: true,
  raiseGeneration: true,
};

const FORMS: readonly string[] = [
  ...['drop', 'double', 'delay', 'reorder'].map((how) => form('messages', how)),
  ...['refused', 'done-but-failed', 'slow'].map((how) => form('store-fault', how)),
  ...['throttled', 'server-error', 'response-lost', 'slow'].map((how) => form('aws-fault', how)),
  ...['journal-append', 'aws-mutation', 'aws-read', 'send', 'spool-write'].map((how) => form('crash-delegate-at', how)),
];

function form(kind: FaultKind, how: string): string {
  return `fault:${kind}/${how}`;
}

/** What must have occurred in a large number of histories. */
export const EXPECTED: readonly string[] = [
  ...FAULT_KINDS.map((kind) => `fault:${kind}`),
  ...FORMS,
  ...wanted('event', EVENTS),
  ...wanted('message', MESSAGES),
  ...wanted('message:log', LOG_MESSAGES, '-'),
  ...wanted('store', OPERATIONS),
  'end:succeeded, rollback none',
  'end:failed, rollback succeeded',
  'end:aborted, rollback none',
  'end:aborted, rollback succeeded',
];

function wanted(family: string, kinds: Readonly<Record<string, boolean>>, joint = ':'): string[] {
  return Object.entries(kinds).flatMap(([kind, must]) => (must ? [`${family}${joint}${kind}`] : []));
}
