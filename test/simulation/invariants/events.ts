import type { ExecutionEvent, RecordedEvent } from '@outrider/control-plane/domain/execution/events.ts';
import { canonicalJson, type Json } from '@outrider/shared/json.ts';
import type { HistoryRecord, StoredExecution } from '../plant/record.ts';
import { type Finding, groupBy, type Invariant } from './violation.ts';

/** The histories of executions: H2, H5, H6 and H9. */

export const ONE_END: Invariant = {
  id: 'H2',
  says:
    'Every attempt of a step and every execution has exactly one end, an execution’s is its last event, and nothing that was committed ' +
    'changes or goes, save by a restore of the store.',
  check: (record) => [...record.store.executions.flatMap(endsOf), ...changedEvents(record)],
};

export const EVERYTHING_ENDS: Invariant = {
  id: 'H5',
  says: 'Every request is answered and every execution has ended before the limit, and then nothing is left to be done for it.',
  check: whatHasNotEnded,
};

export const IN_TIME: Invariant = {
  id: 'H15',
  says:
    'No step fails for want of time or of a delegate: all faults are over long before the time of a step is, so that what holds one up for ' +
    'longer is a defect. The exceptions are clocks that were set, images that could not be pulled, and offers that never got through: they are ' +
    'made three times and no more.',
  check: stepsOutOfTime,
};

export const CHAINS_HOLD: Invariant = {
  id: 'H6',
  says: 'The hash chain of every history verifies from its first event to its last, and seqs count from 1 without holes.',
  check: (record) => record.store.executions.flatMap(chainOf),
};

export const WATCHED_ONCE: Invariant = {
  id: 'H9',
  says:
    'Whoever watches an execution sees every event of it once and in order, over however many connections. Where a restore took events ' +
    'back, watchers saw some that are gone; none is shown twice even then.',
  check: whatWatchersMissed,
};

const STEP_ENDS = new Set<ExecutionEvent['type']>(['step-succeeded', 'step-failed', 'step-aborted']);

function endsOf({ id, events }: StoredExecution): Finding[] {
  const findings: Finding[] = [];
  const say = (detail: string) => findings.push({ detail: `${id}: ${detail}`, about: [id] });
  const ends = events.filter(({ event }) => event.type === 'execution-finished');
  if (ends.length > 1) say(`it ended ${ends.length} times`);
  if (ends.length === 1 && events.at(-1) !== ends[0]) say(`${events.at(-1)?.event.type ?? ''} after its end`);
  const attempts = new Map<string, { begun: number; ended: number }>();
  for (const { event } of events) {
    if (!('attempt' in event)) continue;
    const key = `${event.stepId}/${event.attempt}`;
    const attempt = attempts.get(key) ?? { begun: 0, ended: 0 };
    attempts.set(key, attempt);
    if (event.type === 'step-queued') attempt.begun += 1;
    if (STEP_ENDS.has(event.type)) attempt.ended += 1;
    else if (attempt.ended > 0) say(`${event.type} of ${key} after its end`);
  }
  for (const [key, { begun, ended }] of attempts) {
    if (begun > 1) say(`${key} was begun ${begun} times`);
    if (ended > 1) say(`${key} has ended ${ended} times`);
    if (ended === 0 && ends.length > 0) say(`${key} never ended, and its execution has`);
  }
  return findings;
}

/** What was committed and not taken back is what is stored, event for event. */
function changedEvents(record: HistoryRecord): Finding[] {
  const stored = new Map(record.store.executions.map(({ id, events }) => [id, events]));
  const findings: Finding[] = [];
  for (const [id, committed] of survivingEvents(record)) {
    const found = stored.get(id) ?? [];
    for (const [index, event] of committed.entries()) {
      const other = found[index];
      if (other !== undefined && isSame(other, event)) continue;
      const now = other === undefined ? 'gone' : `now ${other.event.type}`;
      findings.push({
        detail: `${id}: event ${event.seq}, ${event.event.type}, was committed and is ${now}`,
        about: [id],
      });
      break;
    }
    if (found.length > committed.length) {
      findings.push({
        detail: `${id}: ${found.length - committed.length} stored events were never committed`,
        about: [id],
      });
    }
  }
  return findings;
}

/** Committed events by execution, without those that a restore took back. */
export function survivingEvents(record: HistoryRecord): Map<string, RecordedEvent[]> {
  const histories = new Map<string, RecordedEvent[]>();
  const restores = [...record.rolledBack].toSorted((one, other) => one.atMs - other.atMs);
  const takeBackUntil = (atMs: number) => {
    for (let next = restores[0]; next !== undefined && next.atMs < atMs; next = restores[0]) {
      for (const { executionId, fromSeq } of next.executions) histories.get(executionId)?.splice(fromSeq);
      restores.shift();
    }
  };
  for (const { atMs, executionId, events } of record.committed) {
    takeBackUntil(atMs);
    const history = histories.get(executionId) ?? [];
    histories.set(executionId, history);
    history.push(...events);
  }
  takeBackUntil(Number.POSITIVE_INFINITY);
  return histories;
}

/** The order of keys does not count; it seldom differs, and text in order takes long. */
function isSame(one: RecordedEvent, other: RecordedEvent): boolean {
  const [text, same] = [JSON.stringify(one), JSON.stringify(other)];
  return text === same || canonical(text) === canonical(same);
}

function canonical(text: string): string {
  const json: Json = JSON.parse(text);
  return canonicalJson(json);
}

function whatHasNotEnded(record: HistoryRecord): Finding[] {
  const findings: Finding[] = record.unended.map((id) => ({ detail: `${id} has not ended`, about: [id] }));
  const { executions, tasks, pendingEffects } = record.store;
  for (const { id, events } of executions) {
    const ended = events.at(-1)?.event.type === 'execution-finished';
    if (!ended && !record.unended.includes(id)) findings.push({ detail: `${id} stands still`, about: [id] });
    const living = tasks.filter((task) => task.executionId === id && task.state !== 'ended');
    for (const { taskId, state } of ended ? living : []) {
      findings.push({ detail: `${taskId} is ${state}, and its execution has ended`, about: [taskId, id] });
    }
  }
  if (pendingEffects > 0) findings.push({ detail: `${pendingEffects} effects are not performed`, about: [] });
  for (const request of record.script.requests) {
    if (request.kind !== 'run' || record.answers.some((answer) => answer.request.key === request.key)) continue;
    findings.push({ detail: `the request ${request.key} was never answered`, about: ['operator'] });
  }
  return findings;
}

const WANTS: ReadonlySet<string> = new Set([
  'step-timed-out',
  'steady-state-timeout',
  'delegate-lost',
  'no-eligible-delegate',
]);

function stepsOutOfTime({ script, store }: HistoryRecord): Finding[] {
  if (script.faults.some(({ kind }) => kind === 'jump-clock' || kind === 'image-pull-fails')) return [];
  return store.executions.flatMap(({ id, events }) =>
    events.flatMap(({ event }) => {
      if (event.type !== 'step-failed' || !WANTS.has(event.failure.code)) return [];
      if (/^\d+ offers of the step were not accepted/.test(event.failure.message)) return [];
      return [{ detail: `${id}/${event.stepId}: ${event.failure.code}: ${event.failure.message}`, about: [id] }];
    }),
  );
}

function chainOf({ id, events, verdict }: StoredExecution): Finding[] {
  const findings: Finding[] = [];
  if (verdict.kind === 'broken')
    findings.push({ detail: `${id}: the chain breaks at event ${verdict.seq}`, about: [id] });
  else if (verdict.events !== events.length) {
    findings.push({
      detail: `${id}: the chain has ${verdict.events} events, the history ${events.length}`,
      about: [id],
    });
  }
  const hole = events.find(({ seq }, index) => seq !== index + 1);
  if (hole !== undefined)
    findings.push({ detail: `${id}: event ${hole.seq} does not follow the one before`, about: [id] });
  return findings;
}

function whatWatchersMissed(record: HistoryRecord): Finding[] {
  const findings: Finding[] = [];
  const stored = new Map(record.store.executions.map(({ id, events }) => [id, events]));
  const takenBackFrom = new Set(
    record.rolledBack.flatMap(({ executions }) => executions.map((each) => each.executionId)),
  );
  for (const seen of groupBy(record.watched, ({ watcher, executionId }) => `${watcher} ${executionId}`).values()) {
    const [first] = seen;
    if (first === undefined) continue;
    const { watcher, executionId } = first;
    const say = (detail: string) =>
      findings.push({ detail: `${watcher}, ${executionId}: ${detail}`, about: [executionId, watcher] });
    const unordered = seen.findIndex(({ seq }, index) => index > 0 && seq <= (seen[index - 1]?.seq ?? 0));
    if (unordered >= 0) say(`event ${seen[unordered]?.seq} after event ${seen[unordered - 1]?.seq}`);
    if (takenBackFrom.has(executionId)) continue;
    const history = stored.get(executionId) ?? [];
    const wrong = history.findIndex(
      ({ seq, event }, index) => seen[index]?.seq !== seq || seen[index]?.type !== event.type,
    );
    if (wrong >= 0)
      say(`event ${wrong + 1}, ${history[wrong]?.event.type}, was shown as ${seen[wrong]?.type ?? 'nothing'}`);
    if (seen.length > history.length) say(`${seen.length} events were shown of ${history.length}`);
  }
  return findings;
}
