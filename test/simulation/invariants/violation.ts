import type { HistoryRecord } from '../plant/record.ts';

/** Something that is true of every history: stated in words, and looked for in what is known of one. */
export interface Invariant {
  /** H1, H2 …: what code, reports and regressions call it. */
  readonly id: string;
  readonly says: string;
  /** What breaks it; empty when all is well. Pure. */
  readonly check: (record: HistoryRecord) => readonly Finding[];
}

export interface Finding {
  readonly detail: string;
  /** Tasks, executions, hosts and resources that it is about: what a reader of the trace looks for. */
  readonly about: readonly string[];
  /** When it was, if it was at a moment. */
  readonly atMs?: number;
}

export interface Violation extends Finding {
  readonly invariant: string;
}

/**
 * Whether a restore of an older store took back what was promised at this moment. Only a restore may: it is announced to
 * the operator who makes it, with the time of the backup.
 */
export function takenBack(record: HistoryRecord, atMs: number): boolean {
  return record.rolledBack.some((restore) => restore.toMs <= atMs && atMs <= restore.atMs);
}

/** Groups in the order in which their first members come. */
export function groupBy<T>(items: readonly T[], key: (item: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const item of items) {
    const name = key(item);
    const group = groups.get(name);
    if (group === undefined) groups.set(name, [item]);
    else group.push(item);
  }
  return groups;
}
