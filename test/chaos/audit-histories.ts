import { createHash } from 'node:crypto';
import type { Tell } from './audit.ts';
import type { EventRecord, ExecutionRecord, Observations, StepRecord, StoreRecord } from './observations.ts';
import type { CommandWatched, Watched } from './watcher.ts';

/** Histories are whole, unforged, and say the same to everybody. */
export function auditHistories(seen: Observations, tell: Tell): void {
  const { executions, store, watched, watchedByCommand } = seen;
  const stored = Map.groupBy(store.events, (event) => event.executionId);
  for (const execution of executions) {
    auditOrder(execution, tell);
    auditEnd(execution, tell);
    for (const step of execution.steps) auditStep(execution, step, tell);
    const types = (stored.get(execution.id) ?? []).map(({ event }) => typeOf(event));
    if (types.join() !== execution.events.map((event) => event.type).join()) {
      tell(
        'the API tells what is stored',
        `${execution.id}: ${types.length} events stored, ${execution.events.length} told`,
      );
    }
  }
  auditChains(store, tell);
  const histories = new Map(executions.map((execution) => [execution.id, execution.events]));
  for (const watcher of watched) auditWatcher(watcher, histories.get(watcher.executionId) ?? [], tell);
  const known = new Map(executions.map((execution) => [execution.id, execution]));
  for (const command of watchedByCommand) auditCommand(command, known.get(command.executionId), tell);
}

function auditOrder({ id, events }: ExecutionRecord, tell: Tell): void {
  for (const [index, event] of events.entries()) {
    if (event.seq !== index + 1)
      return tell('events count from 1 without holes', `${id}: ${event.seq} at place ${index + 1}`);
  }
  const attempts = new Map<string, string[]>();
  for (const { type, stepId, attempt } of events) {
    if (stepId === '') continue;
    const key = `${stepId}/${attempt}`;
    attempts.set(key, [...(attempts.get(key) ?? []), type]);
  }
  for (const [key, types] of attempts) {
    const queued = types.filter((type) => type === 'step-queued').length;
    const ended = types.filter((type) => STEP_ENDS.has(type)).length;
    const skipped = types.includes('step-skipped');
    if (!skipped && queued !== 1) tell('an attempt is queued once', `${id}/${key}: ${queued} times`);
    if (ended !== 1) tell('an attempt ends once', `${id}/${key}: ${ended} times (${types.join(', ')})`);
    else if (!STEP_ENDS.has(types.at(-1) ?? ''))
      tell('after its end nothing happens to an attempt', `${id}/${key}: ${types.join(', ')}`);
  }
}

const STEP_ENDS: ReadonlySet<string> = new Set(['step-succeeded', 'step-failed', 'step-aborted', 'step-skipped']);

function auditEnd({ id, events, status, rollback }: ExecutionRecord, tell: Tell): void {
  const ends = events.filter((event) => event.type === 'execution-finished');
  const [end] = ends;
  if (end === undefined || ends.length > 1 || events.at(-1) !== end) {
    return tell('an execution ends once, and then nothing happens', `${id} has ${ends.length} ends`);
  }
  const told: { status: string; rollback: string } = JSON.parse(end.text);
  if (told.status !== status || told.rollback !== rollback) {
    tell(
      'the ending agrees with the events',
      `${id}: ${status}/${rollback}, and its events say ${told.status}/${told.rollback}`,
    );
  }
}

/** What the events say became of a step is what the API shows. */
function auditStep({ id, events }: ExecutionRecord, step: StepRecord, tell: Tell): void {
  const last = events.filter((event) => event.stepId === step.id).findLast((event) => STEP_ENDS.has(event.type));
  const expected = last === undefined ? ['pending', 'skipped'] : [last.type.slice('step-'.length)];
  if (!expected.includes(step.status)) {
    tell(
      'the steps agree with the events',
      `${id}/${step.id} is ${step.status}, its events say ${expected.join(' or ')}`,
    );
  }
}

function auditWatcher(watcher: Watched, history: readonly EventRecord[], tell: Tell): void {
  const name = `${watcher.name} (${watcher.executionId}, ${watcher.connections} connections)`;
  if (watcher.end === undefined) return tell('every watcher sees the end', name);
  const seen = watcher.events.map((event) => event.seq);
  const expected = history.map((event) => event.seq);
  if (seen.join() !== expected.join()) {
    return tell('watchers see each event once, in order', `${name}: ${seen.join(' ')} of ${expected.length}`);
  }
  for (const [index, event] of watcher.events.entries()) {
    const truth = history[index];
    const same =
      truth !== undefined && event.type === truth.type && event.id === event.seq && event.text === truth.text;
    if (!same) return tell('watchers see what the history says', `${name}: event ${event.seq} differs`);
  }
}

/** `outrider watch` prints each event once, and its exit code says how the execution ended. */
function auditCommand(
  { executionId, exitCode, events, said }: CommandWatched,
  execution: ExecutionRecord | undefined,
  tell: Tell,
): void {
  if (execution === undefined) return;
  const seqOf = (text: string): number => (JSON.parse(text) as { seq: number }).seq;
  const seen = events.map(seqOf).join(' ');
  const expected = execution.events.map((event) => event.seq).join(' ');
  if (seen !== expected)
    tell('the command line sees each event once, in order', `${executionId}: ${seen} of ${expected}`);
  const code = exitCodeOf(execution);
  if (exitCode !== code)
    tell('exit codes tell how it ended', `${executionId}: ${exitCode} instead of ${code}: ${said}`);
}

function exitCodeOf({ status, rollback }: ExecutionRecord): number {
  if (status === 'succeeded') return 0;
  if (rollback === 'failed') return 5;
  return status === 'aborted' ? 6 : 3;
}

/** Each hash covers the event, its place, its time and the hash before it; the first stands on the execution's id. */
function auditChains(store: StoreRecord, tell: Tell): void {
  const histories = Map.groupBy(store.events, (event) => event.executionId);
  for (const head of store.heads) {
    let hash = sha256({ executionId: head.id });
    let seq = 0;
    for (const link of histories.get(head.id) ?? []) {
      seq += 1;
      const { atMs, previousHash } = link;
      const event: unknown = JSON.parse(link.event);
      if (link.seq !== seq || previousHash !== hash || link.hash !== sha256({ seq, atMs, event, previousHash })) {
        tell('the hash chain holds', `${head.id} breaks at event ${seq}`);
        break;
      }
      hash = link.hash;
    }
    if (seq !== head.seq || hash !== head.hash)
      tell('the hash chain holds', `${head.id}: its head is not its last event`);
  }
}

function sha256(value: unknown): string {
  return createHash('sha256').update(sorted(value)).digest('hex');
}

/** JSON with the keys of every object in order. */
function sorted(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(sorted).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const members = Object.entries(value)
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, member]) => `${JSON.stringify(key)}:${sorted(member)}`);
  return `{${members.join(',')}}`;
}

function typeOf(event: string): string {
  const parsed: { type: string } = JSON.parse(event);
  return parsed.type;
}
