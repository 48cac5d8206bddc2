import { encodeLogLine } from '../logs.ts';

/** Lines that a delegate could not keep. */
export interface LogGapMark {
  readonly atMs: number;
  readonly droppedLines: number;
  readonly droppedBytes: number;
}

/**
 * The line that stands in the log for lines that were dropped. Delegate and control plane both make it from the same mark,
 * byte for byte: it takes up the log's offsets and counts in its digest like any other line.
 */
export function encodeGapLine(mark: LogGapMark): string {
  const lines = `${mark.droppedLines} line${mark.droppedLines === 1 ? '' : 's'}`;
  return encodeLogLine({
    at: new Date(mark.atMs).toISOString(),
    level: 'WARN',
    text: `[${lines} (${mark.droppedBytes} bytes) are missing here: the delegate could not keep them]`,
  });
}
