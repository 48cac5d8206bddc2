import { OutriderError } from '@outrider/shared/errors.ts';
import type { ExecutionId, TaskId } from '@outrider/shared/ids.ts';
import { decodeLogLine, type LogLine } from '@outrider/shared/logs.ts';
import type { Executions } from './executions-port.ts';
import type { LogStore } from './ports.ts';

/** A line with the attempt whose log it stands in. */
export interface StepLogLine extends LogLine {
  readonly attempt: number;
}

/**
 * A place between two lines of a step's log: after line `seq` of `attempt`. `offset` is where that is in bytes, so
 * that reading on does not count lines from the start; it is checked before it is believed.
 */
export interface LogPosition {
  readonly attempt: number;
  readonly seq: number;
  readonly offset?: number;
}

export interface LogPageView {
  readonly lines: readonly StepLogLine[];
  /** Where the next page begins; the same place again when there is nothing new. */
  readonly next: LogPosition;
  /** No line will follow the ones here. */
  readonly ended: boolean;
}

/** The log of a step as operators read it: the lines of all its attempts, in order. */
export interface LogReader {
  /**
   * Lines after a place, at most `limit` (1–10 000). With `onlyAttempt`, the lines of that attempt alone.
   * @throws not-found
   */
  page(step: LogSource, after: LogPosition, limit: number): Promise<LogPageView>;
}

export interface LogSource {
  readonly executionId: ExecutionId;
  /** A step's id, PHASE/NAME, or NAME. */
  readonly step: string;
  readonly onlyAttempt?: number | undefined;
}

export const LOG_START: LogPosition = { attempt: 1, seq: 0, offset: 0 };
/** Bytes asked of the store at once. */
const READ_BYTES = 256 * 1024;
/** Stops a reader that gets no further: as many reads as the longest log of an attempt can need. */
const MAX_READS = 4_096;
const NEWLINE = 0x0a;

export function createLogReader(dependencies: {
  readonly store: LogStore;
  readonly executions: Pick<Executions, 'step'>;
}): LogReader {
  const { store, executions } = dependencies;
  return {
    async page({ executionId, step, onlyAttempt }, after, limit) {
      // Asked first: what ended before its lines were read has all its lines in the store.
      const details = await executions.step(executionId, step);
      const last = onlyAttempt ?? details.tasks.length;
      if (onlyAttempt !== undefined && details.tasks[onlyAttempt - 1] === undefined && details.ended) {
        throw new OutriderError('not-found', `The step has no attempt ${onlyAttempt}, but ${details.tasks.length}`);
      }
      const lines: StepLogLine[] = [];
      let position = onlyAttempt !== undefined && after.attempt < onlyAttempt ? startOf(onlyAttempt) : after;
      while (position.attempt <= last) {
        const task = details.tasks[position.attempt - 1];
        if (task === undefined) break;
        position = await readAttempt(store, task, position, limit, lines);
        if (lines.length >= limit || position.attempt >= last) break;
        position = startOf(position.attempt + 1);
      }
      const attemptOver = details.ended || details.tasks.length > last;
      return { lines, next: position, ended: attemptOver && lines.length < limit };
    },
  };
}

/** `ATTEMPT.SEQ.OFFSET`; shorter forms are read too. */
export function formatLogPosition(position: LogPosition): string {
  const offset = position.offset === undefined ? '' : `.${position.offset}`;
  return `${position.attempt}.${position.seq}${offset}`;
}

/** Reads `SEQ` (of `attempt`), `ATTEMPT.SEQ` or `ATTEMPT.SEQ.OFFSET`. */
export function parseLogPosition(text: string, attempt: number): LogPosition | undefined {
  const match = /^(?:([1-9][0-9]{0,5})\.)?([0-9]{1,12})(?:\.([0-9]{1,15}))?$/.exec(text);
  if (match === null) return undefined;
  const [, ownAttempt, seq, offset] = match;
  if (offset !== undefined && ownAttempt === undefined) return undefined;
  const place = { attempt: ownAttempt === undefined ? attempt : Number(ownAttempt), seq: Number(seq) };
  return offset === undefined ? place : { ...place, offset: Number(offset) };
}

function startOf(attempt: number): LogPosition {
  return { attempt, seq: 0, offset: 0 };
}

/** Adds lines after `after` to `lines` until there are `limit`, and answers how far it came. */
async function readAttempt(
  store: LogStore,
  task: TaskId,
  after: LogPosition,
  limit: number,
  lines: StepLogLine[],
): Promise<LogPosition> {
  const { attempt } = after;
  const believed = after.offset !== undefined && (await isLineStart(store, task, after.offset));
  let seq = believed ? after.seq : 0;
  let offset = believed ? (after.offset ?? 0) : 0;
  for (let reads = 0; reads < MAX_READS; reads++) {
    const bytes = joined(await store.readLog(task, offset, READ_BYTES));
    const whole = bytes.lastIndexOf(NEWLINE) + 1;
    if (whole === 0) break;
    let start = 0;
    while (start < whole && lines.length < limit) {
      const end = bytes.indexOf(NEWLINE, start);
      const json = bytes.toString('utf8', start, end);
      start = end + 1;
      seq += 1;
      if (seq > after.seq) lines.push({ attempt, seq, ...decodeLogLine(json) });
    }
    offset += start;
    if (lines.length >= limit) break;
  }
  // A reader that is ahead of the log stays where it says it is.
  return seq < after.seq ? after : { attempt, seq, offset };
}

async function isLineStart(store: LogStore, task: TaskId, offset: number): Promise<boolean> {
  if (offset === 0) return true;
  const [before] = await store.readLog(task, offset - 1, 1);
  return before?.offset === offset - 1 && before.bytes[0] === NEWLINE;
}

function joined(chunks: readonly { readonly bytes: Uint8Array }[]): Buffer {
  return Buffer.concat(chunks.map((chunk) => chunk.bytes));
}
