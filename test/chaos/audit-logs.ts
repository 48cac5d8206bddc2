import type { Tell } from './audit.ts';
import type { ExecutionRecord, Observations, ProducedRun, StepRecord, StoreRecord } from './observations.ts';
import type { LogFollowed } from './watcher.ts';

type StoredTask = StoreRecord['tasks'][number];

/**
 * Lines that no run of a step says: what the control plane adds when a delegate cannot, and what an agent adds around its runs.
 */
const ADDED: readonly RegExp[] = [
  /^The step goes on elsewhere: /,
  /^Stopped: (the execution was aborted|the step took longer than its timeout|the execution is being rolled back)/,
  /^Stopped here: /,
  /^The step stands still/,
  /^The control plane is heard again/,
];
/** Marks of lines that are missing or wrong. No disk is lost here and no log is too long: nothing of the kind may be. */
const DAMAGED =
  /^\[The log above is not what |^\[Lines may be missing here|^\[[0-9]+ lines? \([0-9]+ bytes\) (is|are) missing here/;

/** Logs are whole, in order, the same for everybody, and end as their steps did. */
export function auditLogs({ executions, store, produced, followed }: Observations, tell: Tell): void {
  const tasks = new Map(store.tasks.map((task) => [task.taskId, task]));
  const runs = Map.groupBy(produced, (run) => run.taskId);
  for (const task of store.tasks) auditChunks(task, tell);
  for (const execution of executions) {
    for (const step of execution.steps) {
      auditTold(execution, step, tasks, tell);
      for (let attempt = 1; attempt <= step.attempt; attempt++) {
        const taskId = `${execution.id}/${step.id}/${attempt}`;
        const task = tasks.get(taskId);
        if (task !== undefined) auditProduced(task, runs.get(taskId) ?? [], endOf(execution, step.id, attempt), tell);
      }
      auditLastLine(execution, step, tell);
    }
  }
  const steps = new Map(executions.flatMap(({ id, steps: own }) => own.map((step) => [`${id}/${step.id}`, step])));
  for (const follower of followed) auditFollower(follower, steps.get(`${follower.executionId}/${follower.step}`), tell);
}

/** Who follows a log reads each line once, in order, to the end. */
function auditFollower(follower: LogFollowed, step: StepRecord | undefined, tell: Tell): void {
  const name = `${follower.executionId}/${follower.step} (${follower.connections} connections)`;
  if (!follower.ended) return tell('every follower of a log sees the end', name);
  const expected = (step?.lines ?? []).map(({ attempt, seq, text }) => `${attempt}.${seq} ${text}`);
  const wrong = expected.findIndex((line, index) => line !== follower.lines[index]);
  if (wrong >= 0 || follower.lines.length !== expected.length) {
    const where = `line ${wrong + 1}: ${follower.lines[wrong] ?? ''} for ${expected[wrong] ?? ''}`;
    tell(
      'followers of a log see each line once, in order',
      `${name}: ${follower.lines.length} of ${expected.length}, ${where}`,
    );
  }
}

function auditChunks({ taskId, state, logBytes, chunks, log }: StoredTask, tell: Tell): void {
  if (state !== 'ended') tell('every task ends', `${taskId} is ${state}`);
  let end = 0;
  for (const { offset, length } of chunks) {
    if (offset !== end) tell('a log has no hole', `${taskId}: ${offset} follows ${end}`);
    end = offset + length;
  }
  if (end !== logBytes) tell('a log has no hole', `${taskId}: ${end} bytes of ${logBytes}`);
  if (log !== '' && !log.endsWith('\n')) tell('a log has whole lines', `${taskId} ends in the middle of one`);
  if (linesOf(log).some((line) => DAMAGED.test(line.text))) tell('a log is what its delegate wrote', taskId);
}

/** The API tells the stored lines, counted from 1 in each attempt. */
function auditTold(
  { id }: ExecutionRecord,
  { id: stepId, attempt: last, lines }: StepRecord,
  tasks: ReadonlyMap<string, StoredTask>,
  tell: Tell,
): void {
  const expected: string[] = [];
  for (let attempt = 1; attempt <= last; attempt++) {
    const stored = linesOf(tasks.get(`${id}/${stepId}/${attempt}`)?.log ?? '');
    expected.push(...stored.map(({ text, level }, index) => `${attempt} ${index + 1} ${level} ${text}`));
  }
  const told = lines.map(({ attempt, seq, level, text }) => `${attempt} ${seq} ${level} ${text}`);
  const wrong = expected.findIndex((line, index) => line !== told[index]);
  if (wrong >= 0 || told.length !== expected.length) {
    tell(
      'the API tells the stored log',
      `${id}/${stepId}: line ${wrong + 1}, ${told.length} of ${expected.length} lines`,
    );
  }
}

type End = 'succeeded' | 'failed' | 'aborted' | undefined;

function endOf({ events }: ExecutionRecord, stepId: string, attempt: number): End {
  const ends = { 'step-succeeded': 'succeeded', 'step-failed': 'failed', 'step-aborted': 'aborted' } as const;
  for (const event of events) {
    if (event.stepId !== stepId || event.attempt !== attempt) continue;
    if (event.type === 'step-succeeded' || event.type === 'step-failed' || event.type === 'step-aborted') {
      return ends[event.type];
    }
  }
  return undefined;
}

/** A place in what the runs said: so many lines of that run have been found in the log. */
interface Place {
  readonly run: number;
  readonly line: number;
}

/**
 * The stored log is made of what the runs of the step said: of each a beginning (the rest went down with its process or its lease),
 * one after the other; and of the one whose result was taken, everything.
 */
function auditProduced({ taskId, log }: StoredTask, runs: readonly ProducedRun[], end: End, tell: Tell): void {
  const stored = linesOf(log).map((line) => line.text);
  let places: readonly Place[] = [{ run: -1, line: 0 }];
  for (const [index, text] of stored.entries()) {
    const next = followers(places, runs, text);
    if (next.length === 0) {
      const explained = isControlPlanesOwn(stored.slice(index), runs, places);
      if (!explained)
        tell('a log is what its runs said, in order', `${taskId}: line ${index + 1} "${text}" is out of place`);
      if (!explained) return;
      break;
    }
    places = next;
  }
  if (end !== 'succeeded') return;
  const whole = places.some(({ run, line }) => runs[run]?.outcome === 'succeeded' && line === runs[run]?.lines.length);
  if (!whole) tell('a log is whole', `${taskId}: the run that succeeded said more than is stored`);
}

function followers(places: readonly Place[], runs: readonly ProducedRun[], text: string): readonly Place[] {
  const found = new Map<string, Place>();
  const add = (place: Place) => found.set(`${place.run}/${place.line}`, place);
  for (const place of places) {
    if (runs[place.run]?.lines[place.line] === text) add({ run: place.run, line: place.line + 1 });
    for (let later = place.run + 1; later < runs.length; later++) {
      if (runs[later]?.lines[0] === text) add({ run: later, line: 1 });
    }
    if (ADDED.some((pattern) => pattern.test(text))) add(place);
  }
  return [...found.values()];
}

/** A step that the control plane itself ended has its words at the end: why, what was seen, what to do. */
function isControlPlanesOwn(rest: readonly string[], runs: readonly ProducedRun[], places: readonly Place[]): boolean {
  const saidLater = places.some(({ run }) =>
    runs.slice(run + 1).some((later) => rest.includes(later.lines[0] ?? '\n')),
  );
  return !saidLater && rest.length <= MOST_LAST_WORDS && (rest.at(-1)?.startsWith('What to do: ') ?? false);
}
/** The reason, its evidence, and the hint. */
const MOST_LAST_WORDS = 22;

const SUCCESS = /^Command execution finished with status SUCCESS$|^ ?(Deployment|Rollback) Successful\.$/;

/** The last line says what the step's status says. */
function auditLastLine({ id, events }: ExecutionRecord, { id: stepId, status, lines }: StepRecord, tell: Tell): void {
  const started = events.some((event) => event.stepId === stepId && event.type === 'step-started');
  if (!started) return;
  const last = lines.at(-1);
  const name = `${id}/${stepId} is ${status}, and its log ends "${last?.text ?? ''}"`;
  if (last === undefined) return tell('a log ends as its step did', name);
  const says = SUCCESS.test(last.text);
  if (status === 'succeeded' && last.level === 'ERROR') tell('a log ends as its step did', name);
  if (status === 'failed' && last.level !== 'ERROR') tell('a log ends as its step did', name);
  if (status === 'aborted' && (says || !last.text.startsWith('Stopped'))) tell('a log ends as its step did', name);
}

function linesOf(log: string): readonly { readonly text: string; readonly level: string }[] {
  return log
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => {
      const parsed: { text: string; level: string } = JSON.parse(line);
      return parsed;
    });
}
