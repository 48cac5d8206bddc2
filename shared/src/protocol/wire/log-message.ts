import type { LogsRequest, LogsRequest__Output } from '../generated/outrider/delegate/v1/LogsRequest.ts';
import type { LogsResponse, LogsResponse__Output } from '../generated/outrider/delegate/v1/LogsResponse.ts';
import type { LogMessage, LogReply } from '../messages.ts';
import { LOG_BATCH_MAX_BYTES } from '../timings.ts';
import {
  InvalidField,
  long,
  present,
  taskRef,
  text,
  time,
  word,
  writeLong,
  writeTaskRef,
  writeTime,
} from './fields.ts';
import { REFUSALS } from './server-message.ts';

/** LogsRequest ↔ LogMessage, LogsResponse ↔ LogReply. */

const NEWLINE = 10;

export function writeLogMessage(message: LogMessage): LogsRequest {
  switch (message.kind) {
    case 'batch':
      return {
        batch: { ...writeTaskRef(message), offset: writeLong(message.offset), data: Buffer.from(message.data) },
      };
    case 'gap':
      return {
        gap: {
          ...writeTaskRef(message),
          offset: writeLong(message.offset),
          droppedLines: writeLong(message.droppedLines),
          droppedBytes: writeLong(message.droppedBytes),
          at: writeTime(message.atMs),
        },
      };
  }
}

/** Undefined: an arm that this code does not know. Throws InvalidField. */
export function readLogMessage(wire: LogsRequest__Output): LogMessage | undefined {
  switch (wire.message) {
    case 'batch': {
      const batch = present(wire.batch, 'batch');
      const data = batch.data ?? Buffer.alloc(0);
      checkLines(data);
      return { kind: 'batch', ...taskRef(batch), offset: long(batch.offset, 'offset'), data };
    }
    case 'gap': {
      const gap = present(wire.gap, 'gap');
      return {
        kind: 'gap',
        ...taskRef(gap),
        offset: long(gap.offset, 'offset'),
        droppedLines: long(gap.droppedLines, 'dropped_lines'),
        droppedBytes: long(gap.droppedBytes, 'dropped_bytes'),
        atMs: time(gap.at, 'at'),
      };
    }
    case undefined:
      return undefined;
  }
}

export function writeLogReply(message: LogReply): LogsResponse {
  switch (message.kind) {
    case 'opened':
      return { opened: { maxUnacknowledgedBytes: writeLong(message.maxUnacknowledgedBytes) } };
    case 'ack':
      return { ack: { ...writeTaskRef(message), durableOffset: writeLong(message.durableOffset) } };
    case 'refused':
      return {
        refused: {
          ...writeTaskRef(message),
          code: REFUSALS[message.code],
          durableOffset: writeLong(message.durableOffset),
          message: message.message,
        },
      };
  }
}

/** Undefined: an arm that this code does not know. Throws InvalidField. */
export function readLogReply(wire: LogsResponse__Output): LogReply | undefined {
  switch (wire.message) {
    case 'opened':
      return {
        kind: 'opened',
        maxUnacknowledgedBytes: long(wire.opened?.maxUnacknowledgedBytes, 'max_unacknowledged_bytes'),
      };
    case 'ack': {
      const ack = present(wire.ack, 'ack');
      return { kind: 'ack', ...taskRef(ack), durableOffset: long(ack.durableOffset, 'durable_offset') };
    }
    case 'refused': {
      const refused = present(wire.refused, 'refused');
      return {
        kind: 'refused',
        ...taskRef(refused),
        code: word(REFUSALS, refused.code, 'code'),
        durableOffset: long(refused.durableOffset, 'durable_offset'),
        message: text(refused.message),
      };
    }
    case undefined:
      return undefined;
  }
}

/** Half a line can never be stored, so that every stored log is whole lines at every moment. */
function checkLines(data: Uint8Array): void {
  if (data.length === 0) throw new InvalidField('data is empty');
  if (data.length > LOG_BATCH_MAX_BYTES) {
    throw new InvalidField(`data has ${data.length} bytes, at most ${LOG_BATCH_MAX_BYTES} are taken`);
  }
  if (data[data.length - 1] !== NEWLINE) throw new InvalidField('data does not end with a newline');
}
