import type { ControlResponse, ControlResponse__Output } from '../generated/outrider/delegate/v1/ControlResponse.ts';
import type { Offer, Offer__Output } from '../generated/outrider/delegate/v1/Offer.ts';
import type { Welcome, Welcome__Output } from '../generated/outrider/delegate/v1/Welcome.ts';
import type { CancelReason, DirectiveAction, RefusalCode, ResultStatus, ServerMessage } from '../messages.ts';
import { FACTS_MAX_BYTES, MAX_MESSAGE_BYTES } from '../timings.ts';
import {
  InvalidField,
  identifier,
  jsonObject,
  long,
  present,
  taskRef,
  text,
  time,
  uint,
  word,
  writeJson,
  writeLong,
  writeTaskRef,
  writeTime,
  writeUint,
} from './fields.ts';

/** ControlResponse ↔ ServerMessage. */

const ACTIONS = {
  keep: 'DIRECTIVE_ACTION_KEEP',
  stop: 'DIRECTIVE_ACTION_STOP',
  'resend-result': 'DIRECTIVE_ACTION_RESEND_RESULT',
} as const satisfies Record<DirectiveAction, string>;

export const REFUSALS = {
  'stale-epoch': 'REFUSAL_CODE_STALE_EPOCH',
  'unknown-task': 'REFUSAL_CODE_UNKNOWN_TASK',
  'task-ended': 'REFUSAL_CODE_TASK_ENDED',
  invalid: 'REFUSAL_CODE_INVALID',
} as const satisfies Record<RefusalCode, string>;

const CANCEL_REASONS = {
  aborted: 'CANCEL_REASON_ABORTED',
  'timed-out': 'CANCEL_REASON_TIMED_OUT',
  'rolling-back': 'CANCEL_REASON_ROLLING_BACK',
} as const satisfies Record<CancelReason, string>;

const STATUSES = {
  committed: 'RESULT_STATUS_COMMITTED',
  duplicate: 'RESULT_STATUS_DUPLICATE',
  stale: 'RESULT_STATUS_STALE',
  'log-incomplete': 'RESULT_STATUS_LOG_INCOMPLETE',
} as const satisfies Record<ResultStatus, string>;

export function writeServerMessage(message: ServerMessage): ControlResponse {
  switch (message.kind) {
    case 'welcome':
      return { welcome: writeWelcome(message) };
    case 'offer':
      return { offer: writeOffer(message) };
    case 'lease':
      return { lease: { ...writeTaskRef(message), ttlMs: writeUint(message.ttlMs) } };
    case 'refused':
      return {
        refused: {
          ...writeTaskRef(message),
          code: REFUSALS[message.code],
          what: message.what,
          message: message.message,
        },
      };
    case 'heartbeat-ack':
      return {
        heartbeatAck: {
          sequence: writeLong(message.sequence),
          extended: message.extended.map(writeTaskRef),
          lost: message.lost.map(writeTaskRef),
        },
      };
    case 'cancel':
      return {
        cancel: { ...writeTaskRef(message), reason: CANCEL_REASONS[message.reason], message: message.message },
      };
    case 'checkpoint-ack':
      return { checkpointAck: { ...writeTaskRef(message), sequence: writeLong(message.sequence) } };
    case 'result-ack':
      return {
        resultAck: {
          ...writeTaskRef(message),
          status: STATUSES[message.status],
          logOffset: writeLong(message.logOffset),
        },
      };
    case 'drain':
      return { drain: { reconnectAfterMs: writeUint(message.reconnectAfterMs), reason: message.reason } };
  }
}

/** Undefined: an arm that this code does not know. Throws InvalidField. */
export function readServerMessage(wire: ControlResponse__Output): ServerMessage | undefined {
  switch (wire.message) {
    case 'welcome':
      return readWelcome(present(wire.welcome, 'welcome'));
    case 'offer':
      return readOffer(present(wire.offer, 'offer'));
    case 'lease': {
      const lease = present(wire.lease, 'lease');
      return { kind: 'lease', ...taskRef(lease), ttlMs: uint(lease.ttlMs) };
    }
    case 'refused':
      return readRefused(wire);
    case 'heartbeatAck': {
      const ack = present(wire.heartbeatAck, 'heartbeat_ack');
      return {
        kind: 'heartbeat-ack',
        sequence: long(ack.sequence, 'sequence'),
        extended: (ack.extended ?? []).map(taskRef),
        lost: (ack.lost ?? []).map(taskRef),
      };
    }
    case 'cancel': {
      const cancel = present(wire.cancel, 'cancel');
      const reason = word(CANCEL_REASONS, cancel.reason, 'reason');
      return { kind: 'cancel', ...taskRef(cancel), reason, message: text(cancel.message) };
    }
    case 'checkpointAck': {
      const ack = present(wire.checkpointAck, 'checkpoint_ack');
      return { kind: 'checkpoint-ack', ...taskRef(ack), sequence: long(ack.sequence, 'sequence') };
    }
    case 'resultAck': {
      const ack = present(wire.resultAck, 'result_ack');
      const status = word(STATUSES, ack.status, 'status');
      return { kind: 'result-ack', ...taskRef(ack), status, logOffset: long(ack.logOffset, 'log_offset') };
    }
    case 'drain': {
      const drain = present(wire.drain, 'drain');
      return { kind: 'drain', reconnectAfterMs: uint(drain.reconnectAfterMs), reason: text(drain.reason) };
    }
    case undefined:
      return undefined;
  }
}

function writeWelcome(message: ServerMessage & { kind: 'welcome' }): Welcome {
  return {
    sessionId: message.sessionId,
    protocol: writeUint(message.protocol),
    leaseTtlMs: writeUint(message.leaseTtlMs),
    heartbeatMs: writeUint(message.heartbeatMs),
    serverTime: writeTime(message.serverTimeMs),
    directives: message.directives.map((directive) => ({
      ...writeTaskRef(directive),
      action: ACTIONS[directive.action],
      logOffset: writeLong(directive.logOffset),
    })),
  };
}

function readWelcome(wire: Welcome__Output): ServerMessage {
  return {
    kind: 'welcome',
    sessionId: identifier(wire.sessionId, 'session_id'),
    protocol: uint(wire.protocol),
    leaseTtlMs: uint(wire.leaseTtlMs),
    heartbeatMs: uint(wire.heartbeatMs),
    serverTimeMs: time(wire.serverTime, 'server_time'),
    directives: (wire.directives ?? []).map((directive) => ({
      ...taskRef(directive),
      action: word(ACTIONS, directive.action, 'action'),
      logOffset: long(directive.logOffset, 'log_offset'),
    })),
  };
}

function writeOffer(message: ServerMessage & { kind: 'offer' }): Offer {
  return {
    ...writeTaskRef(message),
    taskJson: writeJson(message.task),
    deadline: writeTime(message.deadlineMs),
    factsJson: writeJson(message.facts),
    logOffset: writeLong(message.logOffset),
    acceptWithinMs: writeUint(message.acceptWithinMs),
    checkpointSequence: writeLong(message.checkpointSequence),
    ...(message.serverTimeMs === null ? {} : { serverTime: writeTime(message.serverTimeMs) }),
  };
}

function readOffer(wire: Offer__Output): ServerMessage {
  return {
    kind: 'offer',
    ...taskRef(wire),
    task: jsonObject(wire.taskJson, MAX_MESSAGE_BYTES, 'task_json'),
    deadlineMs: time(wire.deadline, 'deadline'),
    facts: jsonObject(wire.factsJson, FACTS_MAX_BYTES, 'facts_json'),
    logOffset: long(wire.logOffset, 'log_offset'),
    acceptWithinMs: uint(wire.acceptWithinMs),
    checkpointSequence: long(wire.checkpointSequence, 'checkpoint_sequence'),
    serverTimeMs: wire.serverTime === undefined ? null : time(wire.serverTime, 'server_time'),
  };
}

function readRefused(wire: ControlResponse__Output): ServerMessage {
  const refused = present(wire.refused, 'refused');
  const { what } = refused;
  if (what !== 'accept' && what !== 'checkpoint' && what !== 'result') {
    throw new InvalidField(`what has the unknown value ${what ?? ''}`);
  }
  const code = word(REFUSALS, refused.code, 'code');
  return { kind: 'refused', ...taskRef(refused), code, what, message: text(refused.message) };
}
