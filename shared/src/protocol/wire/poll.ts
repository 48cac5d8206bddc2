import type { PollRequest, PollRequest__Output } from '../generated/outrider/delegate/v1/PollRequest.ts';
import type { PollResponse, PollResponse__Output } from '../generated/outrider/delegate/v1/PollResponse.ts';
import type { PollRequest as Request, PollResponse as Response } from '../messages.ts';
import { MAX_MESSAGE_BYTES, POLL_MESSAGES_MAX } from '../timings.ts';
import { InvalidField, identifier, long, text, writeLong } from './fields.ts';

export function writePollRequest(request: Request): PollRequest {
  const { sessionId, sequence, control, logs, last } = request;
  return { sessionId, sequence: writeLong(sequence), control: [...control], logs: [...logs], last };
}

export function readPollRequest(wire: PollRequest__Output): Request {
  return {
    sessionId: text(wire.sessionId),
    sequence: long(wire.sequence, 'sequence'),
    ...bundle(wire),
    last: wire.last ?? false,
  };
}

export function writePollResponse({ sessionId, sequence, control, logs }: Response): PollResponse {
  return { sessionId, sequence: writeLong(sequence), control: [...control], logs: [...logs] };
}

export function readPollResponse(wire: PollResponse__Output): Response {
  return {
    sessionId: identifier(wire.sessionId, 'session_id'),
    sequence: long(wire.sequence, 'sequence'),
    ...bundle(wire),
  };
}

function bundle(wire: PollRequest__Output | PollResponse__Output): Pick<Request, 'control' | 'logs'> {
  const control = wire.control ?? [];
  const logs = wire.logs ?? [];
  const most = Math.max(control.length, logs.length);
  if (most > POLL_MESSAGES_MAX)
    throw new InvalidField(`it has ${most} messages, at most ${POLL_MESSAGES_MAX} are taken`);
  const bytes = [...control, ...logs].reduce((sum, each) => sum + each.length, 0);
  if (bytes > MAX_MESSAGE_BYTES) {
    throw new InvalidField(`its messages have ${bytes} bytes, at most ${MAX_MESSAGE_BYTES} are taken`);
  }
  return { control, logs };
}
