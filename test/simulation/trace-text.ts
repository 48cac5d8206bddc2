import type { Violation } from './invariants.ts';
import type { HistoryRecord } from './plant/record.ts';
import type { TraceEvent } from './ports.ts';

/** Lines of a trace that are shown of a failed history. */
export const TRACE_LINES = 60;
/** What follows a violation that is at a moment, so much is shown of it. */
const AFTERWARDS_MS = 2_000;
/** What happens all the time and explains nothing by itself. */
const ROUTINE =
  /^(message:(heartbeat|heartbeat-ack|progress|log-.*)|store:(renewLeases|appendLog|effectDone|seeDelegate|livingTasks|getTask)|aws:(Describe|List).*)$/;
const ALWAYS = /^(fault|struck|process|operator|connection|event):/;

/** The end of a trace up to the violation, without what has nothing to do with it: one line each. */
export function relevantTrace(record: HistoryRecord, violation: Violation, lines: number = TRACE_LINES): string[] {
  const until = violation.atMs === undefined ? Number.POSITIVE_INFINITY : violation.atMs + AFTERWARDS_MS;
  const about = violation.about.flatMap((each) => [each, each.split('/').slice(0, 3).join('/')]);
  const shown = record.trace.filter((entry) => entry.atMs <= until && isRelevant(entry, about));
  const left = shown.length - lines;
  const told = shown.slice(-lines).map((entry) => lineOf(entry, record));
  return left > 0 ? [`… ${left} lines before`, ...told] : told;
}

function isRelevant({ kind, host, detail }: TraceEvent, about: readonly string[]): boolean {
  if (ALWAYS.test(kind)) return true;
  if (ROUTINE.test(kind)) return false;
  return about.length === 0 || about.some((each) => host === each || detail.includes(each));
}

function lineOf({ atMs, kind, host, detail }: TraceEvent, record: HistoryRecord): string {
  const seconds = (atMs / 1000).toFixed(3).padStart(10);
  return `${seconds}  ${host.padEnd(14)} ${kind.padEnd(26)} ${shortened(detail, record)}`.trimEnd();
}

/** Executions by their number instead of their id. */
export function shortened(text: string, { store }: HistoryRecord): string {
  let short = text;
  for (const [index, { id }] of store.executions.entries()) short = short.replaceAll(id, `E${index + 1}`);
  return short;
}
