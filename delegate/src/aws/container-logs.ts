import { OutriderError } from '@outrider/shared/errors.ts';
import { isJsonArray, isJsonObject, parseJsonObject } from '@outrider/shared/json.ts';
import type { AccountClients } from './clients.ts';
import type { ContainerLogs } from './ports.ts';
import type { Calls } from './retry.ts';

const OPERATION = 'Logs GetLogEvents';
/** A line of somebody's program may be a megabyte long. */
const LINE_MAX_CHARACTERS = 300;

/** CloudWatch Logs, as far as the last lines of a container are concerned; signed and sent without its client. */
export function createContainerLogs(clients: AccountClients, calls: Calls): ContainerLogs {
  return {
    region: clients.region,
    async tail(group, stream, lines) {
      const body = JSON.stringify({ logGroupName: group, logStreamName: stream, limit: lines, startFromHead: false });
      try {
        const answer = await calls.readOnce(OPERATION, ({ abortSignal }) =>
          clients.askLogs('GetLogEvents', body, abortSignal),
        );
        return { kind: 'read', lines: linesOf(answer).slice(-lines) };
      } catch (error) {
        if (!(error instanceof OutriderError)) throw error;
        if (error.code === 'aws-access-denied') return { kind: 'denied', hint: error.hint };
        if (error.data['awsCode'] === 'ResourceNotFoundException') return { kind: 'missing', why: error.message };
        return { kind: 'unreadable', why: error.message };
      }
    },
  };
}

/** The messages, oldest first; one message may hold several lines. */
function linesOf(answer: string): string[] {
  const events = parseJsonObject(answer)?.['events'];
  return (isJsonArray(events) ? events : [])
    .map((event) => (isJsonObject(event) ? event['message'] : ''))
    .flatMap((message) => (typeof message === 'string' ? message.split('\n') : []))
    .map(printable)
    .filter((line) => line.trim() !== '');
}

/** Colours and other control characters must not reach the reader's terminal. */
function printable(line: string): string {
  const plain = line
    .replace(/\p{Cc}\[[0-9;]*[A-Za-z]/gu, '')
    .replace(/\p{Cc}/gu, ' ')
    .trimEnd();
  return plain.length > LINE_MAX_CHARACTERS ? `${plain.slice(0, LINE_MAX_CHARACTERS)}…` : plain;
}
