import type { ExecutionSummaryBody } from '@outrider/shared/api/schemas.ts';

/** What the exit code of the command says (contract.md §1). Nothing else in the command line decides on numbers. */
export const EXIT = {
  done: 0,
  failed: 1,
  usage: 2,
  executionFailed: 3,
  notAllowed: 4,
  rollbackFailed: 5,
  aborted: 6,
  stoppedWaiting: 7,
  changes: 10,
  detached: 130,
} as const;
export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

/** The table of `outrider help exit-codes`. */
export const EXIT_MEANINGS: readonly (readonly [ExitCode, string])[] = [
  [EXIT.done, 'done; an execution succeeded'],
  [EXIT.failed, 'the command failed'],
  [EXIT.usage, 'usage: an unknown command or flag, or a wrong configuration'],
  [EXIT.executionFailed, 'the execution failed and was rolled back (or had nothing to roll back)'],
  [EXIT.notAllowed, 'not logged in or not allowed'],
  [EXIT.rollbackFailed, 'the execution failed and its rollback failed: a person must look'],
  [EXIT.aborted, 'aborted or rejected by a person'],
  [EXIT.stoppedWaiting, 'stopped waiting; the execution runs on'],
  [EXIT.changes, 'plan, diff --exit-code: there are changes'],
  [EXIT.detached, 'detached with Ctrl-C; the execution runs on'],
];

/** What an execution that has ended means for the exit code; undefined while it has not. */
export function exitCodeOf({
  status,
  rollback,
}: Pick<ExecutionSummaryBody, 'status' | 'rollback'>): ExitCode | undefined {
  switch (status) {
    case 'succeeded':
      return EXIT.done;
    case 'failed':
      return rollback === 'failed' ? EXIT.rollbackFailed : EXIT.executionFailed;
    case 'aborted':
    case 'rejected':
      return rollback === 'failed' ? EXIT.rollbackFailed : EXIT.aborted;
    case 'queued':
    case 'running':
    case 'waiting':
    case 'paused':
      return undefined;
  }
}
