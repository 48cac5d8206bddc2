/** What a step says to the operator: the unit of the log, from the delegate's spool to `outrider logs`. */

export type LogLevel = 'INFO' | 'WARN' | 'ERROR';

/** A line as the delegate writes it; `at` is UTC, ISO 8601 with milliseconds. */
export interface ProducedLogLine {
  readonly at: string;
  readonly level: LogLevel;
  readonly text: string;
}

/** A stored line; `seq` counts from 1 within one attempt of a step. */
export interface LogLine extends ProducedLogLine {
  readonly seq: number;
}

/** Longest text of one line, in UTF-16 units; longer text is cut with a mark. */
export const LOG_LINE_MAX_LENGTH = 8_192;

/** One line as bytes on the wire and in the spool: a JSON object and a newline. */
export function encodeLogLine(line: ProducedLogLine): string {
  const text = line.text.length > LOG_LINE_MAX_LENGTH ? `${line.text.slice(0, LOG_LINE_MAX_LENGTH)}… [cut]` : line.text;
  return `${JSON.stringify({ at: line.at, level: line.level, text })}\n`;
}

/** The reverse; a line that is not one of ours is kept as an error line instead of being lost. */
export function decodeLogLine(json: string): ProducedLogLine {
  try {
    const value: unknown = JSON.parse(json);
    if (typeof value === 'object' && value !== null && 'at' in value && 'level' in value && 'text' in value) {
      const { at, level, text } = value;
      if (typeof at === 'string' && isLogLevel(level) && typeof text === 'string') return { at, level, text };
    }
  } catch {
    // Fall through: the raw text is still worth showing.
  }
  return { at: '1970-01-01T00:00:00.000Z', level: 'ERROR', text: json };
}

function isLogLevel(value: unknown): value is LogLevel {
  return value === 'INFO' || value === 'WARN' || value === 'ERROR';
}

/** The text form that `outrider logs` prints: `INFO   2019-01-07 13:32:54    Cluster Name: example`. */
export function renderLogLine(line: ProducedLogLine): string {
  const at = line.at.slice(0, 19).replace('T', ' ');
  return `${line.level.padEnd(7)}${at}    ${line.text}`;
}
