import { encodeLogLine, type ProducedLogLine } from '@outrider/shared/logs.ts';
import type { CancelReason } from '@outrider/shared/protocol/messages.ts';
import type { TaskRow } from '../ports.ts';
import type { Verdict } from './expiry.ts';

type Told = Extract<Verdict, { kind: 'release' | 'withdraw-stopped' | 'withdraw-failed' }>;
type Words = Pick<ProducedLogLine, 'level' | 'text'>;

/**
 * What a step's log says when a task is taken from a delegate that is not there to say it. Without it the log would just
 * break off. They are committed with what they tell, so that there is never one without the other.
 */
export function lastWords(row: Pick<TaskRow, 'cancel' | 'state'>, verdict: Told, atMs: number): Uint8Array {
  return encoded(wordsOn(row, verdict), atMs);
}

function wordsOn(row: Pick<TaskRow, 'cancel' | 'state'>, verdict: Told): readonly Words[] {
  // Somebody had it, and may have written more than has come.
  const missing = row.state === 'leased' ? ' What was logged there last may be missing here.' : '';
  switch (verdict.kind) {
    case 'release':
      return [{ level: 'WARN', text: `The step goes on elsewhere: ${verdict.because}.${missing}` }];
    case 'withdraw-stopped': {
      const why = row.cancel === null ? 'the step is not wanted any more' : STOPPED[row.cancel.reason];
      return [{ level: 'WARN', text: `Stopped: ${why} (${verdict.message}).${missing}` }];
    }
    case 'withdraw-failed': {
      const { message, evidence, hint } = verdict.failure;
      return [
        { level: 'ERROR', text: missing === '' ? message : `${message}.${missing}` },
        ...evidence.map((line) => ({ level: 'ERROR', text: `  ${line}` }) as const),
        ...(hint === '' ? [] : [{ level: 'ERROR', text: `What to do: ${hint}` } as const]),
      ];
    }
  }
}

function encoded(words: readonly Words[], atMs: number): Uint8Array {
  const at = new Date(atMs).toISOString();
  return new TextEncoder().encode(words.map((line) => encodeLogLine({ at, ...line })).join(''));
}

const STOPPED: Readonly<Record<CancelReason, string>> = {
  aborted: 'the execution was aborted',
  'timed-out': 'the step took longer than its timeout',
  'rolling-back': 'the execution is being rolled back',
};
