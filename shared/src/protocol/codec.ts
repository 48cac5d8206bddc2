import type { ControlRequest__Output } from './generated/outrider/delegate/v1/ControlRequest.ts';
import type { ControlResponse__Output } from './generated/outrider/delegate/v1/ControlResponse.ts';
import type { JoinRequest__Output } from './generated/outrider/delegate/v1/JoinRequest.ts';
import type { JoinResponse__Output } from './generated/outrider/delegate/v1/JoinResponse.ts';
import type { LogsRequest__Output } from './generated/outrider/delegate/v1/LogsRequest.ts';
import type { LogsResponse__Output } from './generated/outrider/delegate/v1/LogsResponse.ts';
import type { PollRequest__Output } from './generated/outrider/delegate/v1/PollRequest.ts';
import type { PollResponse__Output } from './generated/outrider/delegate/v1/PollResponse.ts';
import type { RenewRequest__Output } from './generated/outrider/delegate/v1/RenewRequest.ts';
import type { RenewResponse__Output } from './generated/outrider/delegate/v1/RenewResponse.ts';
import type {
  DelegateMessage,
  JoinRequest,
  JoinResponse,
  LogMessage,
  LogReply,
  PollRequest,
  PollResponse,
  RenewRequest,
  RenewResponse,
  ServerMessage,
  TaskRef,
} from './messages.ts';
import { FACTS_MAX_BYTES, MAX_MESSAGE_BYTES, OUTPUT_MAX_BYTES, POLL_MAX_BYTES, TASK_ID_MAX_LENGTH } from './timings.ts';
import { readDelegateMessage, writeDelegateMessage } from './wire/delegate-message.ts';
import {
  checkSoleArm,
  digest,
  InvalidField,
  identifier,
  long,
  name,
  text,
  time,
  writeLong,
  writeTime,
} from './wire/fields.ts';
import { readLogMessage, readLogReply, writeLogMessage, writeLogReply } from './wire/log-message.ts';
import { readPollRequest, readPollResponse, writePollRequest, writePollResponse } from './wire/poll.ts';
import { readServerMessage, writeServerMessage } from './wire/server-message.ts';
import { messageType } from './wire/types.ts';

/**
 * Messages ↔ bytes. This file and wire/ are the only code that touches proto objects: proto-loader drops misspelt fields,
 * wrong enum names and surplus arms without a word, so everything is written and read field by field here, both ways
 * exhaustive by type. Nothing here throws for what came over the wire.
 */

/** Bytes to send, or why they may not be sent: one message that is too large would end the receiver's whole stream. */
export type Encoded =
  | { readonly kind: 'ok'; readonly bytes: Buffer }
  | { readonly kind: 'too-large'; readonly why: string };

export type Decoded<Message> =
  | { readonly kind: 'ok'; readonly message: Message }
  /** A message of a newer peer, or an empty one: report it and go on. */
  | { readonly kind: 'unknown-arm' }
  /** `task`: what it was about, as far as that could be read, so that it can be refused by name. */
  | { readonly kind: 'invalid'; readonly why: string; readonly arm: string | null; readonly task: TaskRef | null };

const CONTROL_REQUEST = messageType('ControlRequest');
const CONTROL_RESPONSE = messageType('ControlResponse');
const LOGS_REQUEST = messageType('LogsRequest');
const LOGS_RESPONSE = messageType('LogsResponse');
const POLL_REQUEST = messageType('PollRequest');
const POLL_RESPONSE = messageType('PollResponse');
const JOIN_REQUEST = messageType('JoinRequest');
const JOIN_RESPONSE = messageType('JoinResponse');
const RENEW_REQUEST = messageType('RenewRequest');
const RENEW_RESPONSE = messageType('RenewResponse');

export function encodeDelegateMessage(message: DelegateMessage): Encoded {
  const wire = writeDelegateMessage(message);
  if (message.kind === 'checkpoint') {
    const bytes = byteLength(wire.checkpoint?.factsJson);
    if (bytes > FACTS_MAX_BYTES) return tooLarge('the facts of a checkpoint', bytes, FACTS_MAX_BYTES);
  }
  if (message.kind === 'result') {
    const bytes = byteLength(wire.result?.outputJson);
    if (bytes > OUTPUT_MAX_BYTES) return tooLarge('the output of a step', bytes, OUTPUT_MAX_BYTES);
  }
  return limited(CONTROL_REQUEST.serialize(wire), message.kind);
}

export function decodeDelegateMessage(bytes: Buffer): Decoded<DelegateMessage> {
  return decode(bytes, (input) => {
    const wire: ControlRequest__Output = CONTROL_REQUEST.deserialize(input);
    return { wire, arm: wire.message, read: () => readDelegateMessage(wire) };
  });
}

export function encodeServerMessage(message: ServerMessage): Encoded {
  return limited(CONTROL_RESPONSE.serialize(writeServerMessage(message)), message.kind);
}

export function decodeServerMessage(bytes: Buffer): Decoded<ServerMessage> {
  return decode(bytes, (input) => {
    const wire: ControlResponse__Output = CONTROL_RESPONSE.deserialize(input);
    return { wire, arm: wire.message, read: () => readServerMessage(wire) };
  });
}

export function encodeLogMessage(message: LogMessage): Encoded {
  return limited(LOGS_REQUEST.serialize(writeLogMessage(message)), message.kind);
}

export function decodeLogMessage(bytes: Buffer): Decoded<LogMessage> {
  return decode(bytes, (input) => {
    const wire: LogsRequest__Output = LOGS_REQUEST.deserialize(input);
    return { wire, arm: wire.message, read: () => readLogMessage(wire) };
  });
}

export function encodeLogReply(message: LogReply): Encoded {
  return limited(LOGS_RESPONSE.serialize(writeLogReply(message)), message.kind);
}

export function decodeLogReply(bytes: Buffer): Decoded<LogReply> {
  return decode(bytes, (input) => {
    const wire: LogsResponse__Output = LOGS_RESPONSE.deserialize(input);
    return { wire, arm: wire.message, read: () => readLogReply(wire) };
  });
}

export function encodePollRequest(request: PollRequest): Encoded {
  return limited(POLL_REQUEST.serialize(writePollRequest(request)), 'poll', POLL_MAX_BYTES);
}

/** Only what is around the messages is read here; they themselves by decodeDelegateMessage and decodeLogMessage. */
export function decodePollRequest(bytes: Buffer): Decoded<PollRequest> {
  const parse = (input: Buffer) => {
    const wire: PollRequest__Output = POLL_REQUEST.deserialize(input);
    return { wire: {}, arm: undefined, read: () => readPollRequest(wire) };
  };
  return decode(bytes, parse, POLL_MAX_BYTES);
}

export function encodePollResponse(response: PollResponse): Encoded {
  return limited(POLL_RESPONSE.serialize(writePollResponse(response)), 'answer to a poll', POLL_MAX_BYTES);
}

export function decodePollResponse(bytes: Buffer): Decoded<PollResponse> {
  const parse = (input: Buffer) => {
    const wire: PollResponse__Output = POLL_RESPONSE.deserialize(input);
    return { wire: {}, arm: undefined, read: () => readPollResponse(wire) };
  };
  return decode(bytes, parse, POLL_MAX_BYTES);
}

export function encodeJoinRequest(request: JoinRequest): Encoded {
  const { joinToken, delegateName, instanceId, version, secretSha256 } = request;
  const wire = { joinToken, delegateName, instanceId, version, secretSha256 };
  return limited(JOIN_REQUEST.serialize(wire), 'join request');
}

export function decodeJoinRequest(bytes: Buffer): Decoded<JoinRequest> {
  return decode(bytes, (input) => {
    const wire: JoinRequest__Output = JOIN_REQUEST.deserialize(input);
    const read = () => ({
      joinToken: name(wire.joinToken, 'join_token'),
      delegateName: name(wire.delegateName, 'delegate_name'),
      instanceId: text(wire.instanceId),
      version: text(wire.version),
      secretSha256: text(wire.secretSha256) === '' ? '' : digest(wire.secretSha256, 'secret_sha256'),
    });
    return { wire: {}, arm: undefined, read };
  });
}

export function encodeJoinResponse(response: JoinResponse): Encoded {
  const { credential, credentialId, expiresAtMs, delegateName } = response;
  const wire = { credential, credentialId, expiresAt: writeTime(expiresAtMs), delegateName };
  return limited(JOIN_RESPONSE.serialize(wire), 'join response');
}

export function decodeJoinResponse(bytes: Buffer): Decoded<JoinResponse> {
  return decode(bytes, (input) => {
    const wire: JoinResponse__Output = JOIN_RESPONSE.deserialize(input);
    const read = () => ({
      credential: text(wire.credentialId) === '' ? identifier(wire.credential, 'credential') : text(wire.credential),
      credentialId: text(wire.credentialId) === '' ? '' : identifier(wire.credentialId, 'credential_id'),
      expiresAtMs: time(wire.expiresAt, 'expires_at'),
      delegateName: name(wire.delegateName, 'delegate_name'),
    });
    return { wire: {}, arm: undefined, read };
  });
}

export function encodeRenewRequest({ nextSecretSha256, instanceId }: RenewRequest): Encoded {
  return limited(RENEW_REQUEST.serialize({ nextSecretSha256, instanceId }), 'renew request');
}

export function decodeRenewRequest(bytes: Buffer): Decoded<RenewRequest> {
  return decode(bytes, (input) => {
    const wire: RenewRequest__Output = RENEW_REQUEST.deserialize(input);
    const read = () => ({
      nextSecretSha256: digest(wire.nextSecretSha256, 'next_secret_sha256'),
      instanceId: text(wire.instanceId),
    });
    return { wire: {}, arm: undefined, read };
  });
}

export function encodeRenewResponse({ generation, expiresAtMs }: RenewResponse): Encoded {
  const wire = { generation: writeLong(generation), expiresAt: writeTime(expiresAtMs) };
  return limited(RENEW_RESPONSE.serialize(wire), 'renew response');
}

export function decodeRenewResponse(bytes: Buffer): Decoded<RenewResponse> {
  return decode(bytes, (input) => {
    const wire: RenewResponse__Output = RENEW_RESPONSE.deserialize(input);
    const read = () => ({
      generation: long(wire.generation, 'generation'),
      expiresAtMs: time(wire.expiresAt, 'expires_at'),
    });
    return { wire: {}, arm: undefined, read };
  });
}

interface Parsed<Message> {
  readonly wire: object;
  readonly arm: string | undefined;
  readonly read: () => Message | undefined;
}

function decode<Message>(
  bytes: Buffer,
  parse: (bytes: Buffer) => Parsed<Message>,
  maxBytes: number = MAX_MESSAGE_BYTES,
): Decoded<Message> {
  if (bytes.length > maxBytes) {
    // What it was about is still worth knowing, so that the sender can be told which message was refused.
    return { ...subject(bytes, parse), why: `it has ${bytes.length} bytes, at most ${maxBytes} are taken` };
  }
  try {
    const parsed = parse(bytes);
    checkSoleArm(parsed.wire);
    const message = parsed.read();
    return message === undefined ? { kind: 'unknown-arm' } : { kind: 'ok', message };
  } catch (thrown) {
    const why = thrown instanceof InvalidField ? thrown.message : 'it is not a message of this protocol';
    return { ...subject(bytes, parse), why };
  }
}

function subject(
  bytes: Buffer,
  parse: (bytes: Buffer) => Parsed<unknown>,
): { readonly kind: 'invalid'; readonly arm: string | null; readonly task: TaskRef | null } {
  try {
    const { wire, arm } = parse(bytes);
    const body: unknown = arm === undefined ? undefined : Reflect.get(wire, arm);
    return { kind: 'invalid', arm: arm ?? null, task: taskOf(body) };
  } catch {
    return { kind: 'invalid', arm: null, task: null };
  }
}

function taskOf(body: unknown): TaskRef | null {
  if (typeof body !== 'object' || body === null || !('taskId' in body) || !('epoch' in body)) return null;
  const { taskId, epoch } = body;
  const number = Number(epoch);
  // What is echoed must not be larger than what is taken.
  if (typeof taskId !== 'string' || taskId.length > TASK_ID_MAX_LENGTH) return null;
  return Number.isSafeInteger(number) && number >= 0 ? { taskId, epoch: number } : null;
}

function limited(bytes: Buffer, what: string, maxBytes: number = MAX_MESSAGE_BYTES): Encoded {
  if (bytes.length > maxBytes) return tooLarge(`the message "${what}"`, bytes.length, maxBytes);
  return { kind: 'ok', bytes };
}

function tooLarge(what: string, bytes: number, limit: number): Encoded {
  return { kind: 'too-large', why: `${what} has ${bytes} bytes, at most ${limit} may be sent` };
}

function byteLength(value: Uint8Array | string | undefined): number {
  return value?.length ?? 0;
}
