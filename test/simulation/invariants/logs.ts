import { decodeLogLine } from '@outrider/shared/logs.ts';
import type { HistoryRecord } from '../plant/record.ts';
import type { ProducedLine } from '../ports.ts';
import { groupBy, type Invariant } from './violation.ts';

export const LOGS_WHOLE: Invariant = {
  id: 'H4',
  says:
    'The stored log of an attempt is what its holders wrote, line by line and in order, nothing doubled and nothing foreign; where lines are ' +
    'missing, a line stands that says so. A line that was written in the instant in which its process was killed may be missing; and where a ' +
    'restore of the store took back that the step was ever begun, it took the log of then with it.',
  check: (record) =>
    record.store.tasks.flatMap(({ taskId }) => {
      const stored = record.storedLogs.find((log) => log.taskId === taskId)?.text ?? '';
      const oldest = oldestEpoch(record, taskId);
      const produced = record.produced.filter((line) => line.taskId === taskId && line.epoch >= oldest);
      return logProblems(stored, produced).map((detail) => ({ detail: `${taskId}: ${detail}`, about: [taskId] }));
    }),
};

/** A restore may take back that a task was ever queued: then it is queued anew, and its log begins anew under a later epoch. */
function oldestEpoch({ committed, grants, rolledBack }: HistoryRecord, taskId: string): number {
  if (rolledBack.length === 0) return 0;
  const queuedAtMs = committed
    .filter(({ executionId, events }) =>
      events.some(
        ({ event }) => event.type === 'step-queued' && taskId === `${executionId}/${event.stepId}/${event.attempt}`,
      ),
    )
    .map(({ atMs }) => atMs);
  const last = queuedAtMs.at(-1);
  if (last === undefined || queuedAtMs.length < 2) return 0;
  const offered = grants.find((grant) => grant.taskId === taskId && grant.kind === 'offered' && grant.atMs >= last);
  return offered?.epoch ?? Number.POSITIVE_INFINITY;
}

/** Lines that say that others are, or may be, missing where they stand. */
const HOLES: readonly RegExp[] = [
  /^\[\d+ lines? \(\d+ bytes\) are missing here: the delegate could not keep them\]$/,
  /^\[Lines may be missing here: they were lost with a disk\]$/,
  /What was logged there last may be missing here\.$/,
];
/** Lines that the control plane, and a delegate for want of a run, add by themselves. */
const ADDED: readonly RegExp[] = [
  /^Stopped: /,
  /^Stopped here: /,
  /^\[The log above is not what .+ wrote: its length or its SHA-256 differs\]$/,
  /^\[The log is too long: from here on only its last lines are kept, and follow when the step ends\]$/,
  /^\d+ offers of the step were not accepted by any delegate$/,
  /^no delegate could take the step for \d+ s$/,
  /^.+ went away in the middle of a step that must not be done twice$/,
  /^.+ is too large to be sent to a delegate$/,
];

/** What stands between two produced lines of a stored log. */
interface Between {
  hole: boolean;
}

/** A place in what was produced: the writer, and its line. */
interface Place {
  readonly writer: number;
  readonly line: number;
}

/** What is wrong with a stored log, given all that was produced for it. Empty: nothing. */
export function logProblems(stored: string, produced: readonly ProducedLine[]): string[] {
  if (stored !== '' && !stored.endsWith('\n')) return ['it ends in the middle of a line'];
  // One process writes on under one epoch after another; another process, or another epoch, is another writer.
  const writers = [...groupBy(produced, ({ epoch, host }) => `${epoch} ${host}`).values()];
  const problems: string[] = [];
  const between: Between = { hole: false };
  let next: Place = { writer: 0, line: 0 };
  let explaining = false;
  for (const raw of stored.split('\n').slice(0, -1)) {
    const { text } = decodeLogLine(raw);
    const found = find(writers, next, raw);
    if (found === undefined) {
      const known = matches(HOLES, text) || matches(ADDED, text);
      // A failure that the control plane tells has evidence and advice below it.
      if (!known && !(explaining && /^( {2}|What to do: )/.test(text))) problems.push(`nobody wrote “${text}” there`);
      explaining = known || explaining;
      between.hole ||= matches(HOLES, text);
      continue;
    }
    problems.push(...missing(writers, next, found, between, `before “${text}”`));
    between.hole = matches(HOLES, text);
    explaining = false;
    next = { writer: found.writer, line: found.line + 1 };
  }
  const end = { writer: writers.length, line: 0 };
  problems.push(...missing(writers, next, end, between, 'at its end'));
  return problems;
}

/** Where the stored line was produced, from this place on. */
function find(writers: readonly ProducedLine[][], from: Place, raw: string): Place | undefined {
  for (let writer = from.writer; writer < writers.length; writer++) {
    const lines = writers[writer] ?? [];
    const start = writer === from.writer ? from.line : 0;
    const line = lines.findIndex((each, index) => index >= start && isThis(each, raw));
    if (line >= 0) return { writer, line };
  }
  return undefined;
}

/** Produced lines are known as they were encoded. */
function isThis(produced: ProducedLine, raw: string): boolean {
  return produced.text === `${raw}\n`;
}

/** Says what was produced between two places and is not stored, unless a line that admits it stands there. */
function missing(
  writers: readonly ProducedLine[][],
  from: Place,
  to: Place,
  between: Between,
  where: string,
): string[] {
  const lost: ProducedLine[] = [];
  for (let writer = from.writer; writer <= to.writer && writer < writers.length; writer++) {
    const start = writer === from.writer ? from.line : 0;
    const end = writer === to.writer ? to.line : undefined;
    lost.push(...(writers[writer] ?? []).slice(start, end));
  }
  const unexplained = between.hole ? undefined : lost.find((line) => line.inSpool);
  if (unexplained === undefined) return [];
  const rest = lost.length > 1 ? ` and ${lost.length - 1} more` : '';
  return [`“${decodeLogLine(unexplained.text).text}” of ${unexplained.host}${rest} is missing ${where}`];
}

function matches(patterns: readonly RegExp[], text: string): boolean {
  return patterns.some((pattern) => pattern.test(text));
}
