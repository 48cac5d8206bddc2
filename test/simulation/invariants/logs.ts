import { decodeLogLine } from '@outrider/shared/logs.ts';
import type { HistoryRecord } from '../plant/record.ts';
import type { ProducedLine } from '../ports.ts';
import { groupBy, type Invariant, takenBack } from './violation.ts';

export const LOGS_WHOLE: Invariant = {
  id: 'H4',
  says:
    'The stored log of an attempt is what its holders wrote, line by line and in order, nothing doubled and nothing foreign; where lines are ' +
    'missing, a line stands that says so. A line that was written in the instant in which its process was killed may be missing; and where a ' +
    'restore of the store took back that a delegate ever had the step, it took what that one wrote with it. Of a delegate and its clone, who cannot be ' +
    'told apart, every stored line is one that either of them wrote.',
  check: (record) =>
    record.store.tasks.flatMap(({ taskId }) => {
      const stored = record.storedLogs.find((log) => log.taskId === taskId)?.text ?? '';
      const produced = record.produced.filter((line) => line.taskId === taskId && !isTakenBack(record, line));
      const cloned = wasAtClone(record, taskId, produced);
      return logProblems(stored, produced, cloned).map((detail) => ({
        detail: `${taskId}: ${detail}`,
        about: [taskId],
      }));
    }),
};

/** The clone of a delegate has had the step under its original's epoch, whether or not it has written anything. */
function wasAtClone({ script, grants }: HistoryRecord, taskId: string, produced: readonly ProducedLine[]): boolean {
  const names = new Set(
    script.faults.map((fault) =>
      fault.kind === 'clone-delegate' ? script.delegates[fault.delegate]?.name : undefined,
    ),
  );
  const epochs = new Set(produced.filter(({ host }) => names.has(host)).map(({ epoch }) => epoch));
  return [...epochs].some((epoch) => {
    const holders = grants.filter((grant) => grant.taskId === taskId && grant.epoch === epoch);
    return new Set(holders.flatMap(({ instanceId }) => instanceId ?? [])).size > 1;
  });
}

/** A restore took back that the epoch was ever accepted: what was written under it went with it. */
function isTakenBack(record: HistoryRecord, { taskId, epoch }: ProducedLine): boolean {
  if (record.rolledBack.length === 0) return false;
  const accepted = record.grants.find(
    (grant) => grant.taskId === taskId && grant.epoch === epoch && grant.kind === 'accepted',
  );
  return accepted !== undefined && takenBack(record, accepted.atMs);
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
export function logProblems(stored: string, produced: readonly ProducedLine[], cloned = false): string[] {
  if (stored !== '' && !stored.endsWith('\n')) return ['it ends in the middle of a line'];
  if (cloned || hasTwins(produced)) return foreignLines(stored, produced);
  // One process writes on under one epoch after another; another process, or another epoch, is another writer.
  // Whoever lost the step may still say something after its successor has begun.
  const byEpoch = produced.toSorted((one, other) => one.epoch - other.epoch);
  const writers = [...groupBy(byEpoch, ({ epoch, host }) => `${epoch} ${host}`).values()];
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

/** A delegate and its clone wrote under one epoch: each has lines that the other one does not know of. */
function hasTwins(produced: readonly ProducedLine[]): boolean {
  const hosts = new Map<number, string>();
  return produced.some(({ epoch, host }) => {
    const other = hosts.get(epoch) ?? host;
    hosts.set(epoch, other);
    return other !== host;
  });
}

/** Lines that nobody wrote. Of what one of them has written the other one may store a copy, behind a line that admits a hole. */
function foreignLines(stored: string, produced: readonly ProducedLine[]): string[] {
  const known = new Set(produced.map(({ text }) => text));
  return stored
    .split('\n')
    .slice(0, -1)
    .flatMap((raw) => {
      const { text } = decodeLogLine(raw);
      const fine = known.has(`${raw}\n`) || [...HOLES, ...ADDED].some((pattern) => pattern.test(text));
      return fine ? [] : [`nobody wrote “${text}”`];
    });
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
