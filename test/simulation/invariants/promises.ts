import { isDeepStrictEqual } from 'node:util';
import type { RecordedEvent } from '@outrider/control-plane/domain/execution/events.ts';
import { parseTaskId } from '@outrider/shared/ids.ts';
import type { HistoryRecord, StoredExecution } from '../plant/record.ts';
import type { Acknowledgement, OperatorAnswer } from '../ports.ts';
import { type Finding, type Invariant, takenBack } from './violation.ts';

export const ACKNOWLEDGED_IS_DURABLE: Invariant = {
  id: 'H10',
  says:
    'What is acknowledged was committed before, and is in the store at the end: starts, aborts and rollbacks, leases, checkpoints, results ' +
    'and log offsets. A restore of the store takes back what was acknowledged after its backup was made, and nothing else.',
  check: (record) => [...brokenAnswers(record), ...brokenAcknowledgements(record)],
};

function brokenAnswers(record: HistoryRecord): Finding[] {
  return record.answers.flatMap((answer) => {
    if (takenBack(record, answer.atMs)) return [];
    const execution = record.store.executions.find(({ id }) => id === answer.executionId);
    const wrong = whatIsMissing(answer, execution);
    if (wrong === undefined) return [];
    const detail = `${answer.request.kind} ${answer.request.key} was answered with ${answer.executionId}: ${wrong}`;
    return [{ detail, about: [answer.executionId], atMs: answer.atMs }];
  });
}

function whatIsMissing({ request }: OperatorAnswer, execution: StoredExecution | undefined): string | undefined {
  if (execution === undefined) return 'there is no such execution';
  const has = (type: string) => execution.events.some(({ event }) => event.type === type);
  if (request.kind === 'abort' && !has('abort-requested')) return 'its history knows of no abort';
  if (request.kind === 'rollback' && !has('rollback-requested')) return 'its history knows of no rollback';
  return undefined;
}

function brokenAcknowledgements(record: HistoryRecord): Finding[] {
  const findings: Finding[] = [];
  const executions = new Map(record.store.executions.map((execution) => [execution.id, execution]));
  const logs = new Map(record.storedLogs.map(({ taskId, bytes }) => [taskId, bytes]));
  for (const given of record.acknowledgements) {
    if (takenBack(record, given.atMs)) continue;
    const wrong =
      given.kind === 'log'
        ? (shortLog(given.durableOffset, logs.get(given.taskId) ?? 0) ?? unstoredLog(given, record))
        : (whatHistoryLacks(given, stored(given, executions)) ?? whatWasNotCommitted(given, record));
    if (wrong === undefined) continue;
    const detail = `${given.kind} of ${given.taskId} (epoch ${given.epoch}) was acknowledged: ${wrong}`;
    findings.push({ detail, about: [given.taskId], atMs: given.atMs });
  }
  return findings;
}

function shortLog(offset: number, bytes: number): string | undefined {
  return bytes >= offset ? undefined : `its log up to ${offset}, and it has ${bytes} bytes`;
}

function unstoredLog(given: Extract<Acknowledgement, { kind: 'log' }>, { grants }: HistoryRecord): string | undefined {
  const had = grants.some(
    ({ kind, taskId, atMs, durableOffset = 0 }) =>
      kind === 'logged' && taskId === given.taskId && atMs <= given.atMs && durableOffset >= given.durableOffset,
  );
  return had ? undefined : `its log up to ${given.durableOffset}, which it never had before`;
}

type AcknowledgedEvent = Exclude<Acknowledgement, { kind: 'log' }>;

/** Undefined: there is no such execution. */
function stored(
  { taskId }: AcknowledgedEvent,
  executions: ReadonlyMap<string, StoredExecution>,
): readonly RecordedEvent[] | undefined {
  return executions.get(parseTaskId(taskId)?.executionId ?? '')?.events;
}

function whatWasNotCommitted(given: AcknowledgedEvent, { committed }: HistoryRecord): string | undefined {
  const executionId = parseTaskId(given.taskId)?.executionId;
  const before = committed.filter((each) => each.executionId === executionId && each.atMs <= given.atMs);
  const lacking = whatHistoryLacks(
    given,
    before.flatMap(({ events }) => events),
  );
  return lacking === undefined ? undefined : `at that moment ${lacking}`;
}

function whatHistoryLacks(given: AcknowledgedEvent, history: readonly RecordedEvent[] | undefined): string | undefined {
  const place = parseTaskId(given.taskId);
  if (place === undefined || history === undefined) return 'there is no such execution';
  const events = history
    .map(({ event }) => event)
    .filter((event) => 'attempt' in event && event.stepId === place.stepId && event.attempt === place.attempt);
  switch (given.kind) {
    case 'lease':
      return events.some(({ type }) => type === 'step-started') ? undefined : 'it was never started';
    case 'checkpoint': {
      const saved = events.some(
        (event) => event.type === 'step-checkpointed' && isDeepStrictEqual(event.facts, given.facts),
      );
      return saved ? undefined : `no event has the facts ${Object.keys(given.facts).join(', ')}`;
    }
    case 'result': {
      if (given.status !== 'committed' && given.status !== 'duplicate') return undefined;
      const wanted = ENDS[given.outcome];
      return events.some(({ type }) => wanted.has(type)) ? undefined : `it is not ${[...wanted].join(' or ')}`;
    }
  }
}

/** What a result may come to: one that stopped because its time was up has failed. */
const ENDS = {
  succeeded: new Set(['step-succeeded']),
  failed: new Set(['step-failed']),
  stopped: new Set(['step-aborted', 'step-failed']),
} as const satisfies Record<string, ReadonlySet<string>>;
