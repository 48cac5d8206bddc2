import { ERRORS, type ErrorCode, FAILURE_TYPES, type Failure } from '@outrider/shared/errors.ts';
import { isJsonObject, type JsonObject } from '@outrider/shared/json.ts';
import { type Encoded, encodeDelegateMessage, encodeLogMessage } from '@outrider/shared/protocol/codec.ts';
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
  TaskOutcome,
  TaskRef,
} from '@outrider/shared/protocol/messages.ts';
import fc from 'fast-check';

/** Every message there is, with every value that may stand in it. */

/** Plain objects, as the codec makes them. */
function record<T>(model: { [K in keyof T]: fc.Arbitrary<T[K]> }): fc.Arbitrary<T> {
  return fc.record(model, { noNullPrototype: true });
}

const long = fc.maxSafeNat();
const uint = fc.nat({ max: 0xffff_ffff });
const name = fc.string({ minLength: 1, unit: 'binary' }).filter((text) => text.isWellFormed());
const text = fc.string({ unit: 'binary' }).filter((value) => value.isWellFormed());
const timeMs = fc.nat({ max: 4_102_444_800_000 });
const identifier = fc
  .string({ minLength: 1, maxLength: 256, unit: 'grapheme-ascii' })
  .filter((id) => !id.includes(' '));
export const jsonObject: fc.Arbitrary<JsonObject> = fc
  .dictionary(fc.string(), fc.jsonValue({ maxDepth: 3 }), { maxKeys: 4 })
  // JSON knows no -0, and a text has one form only.
  .map((value): unknown => JSON.parse(JSON.stringify(value)))
  .filter(isJsonObject);
export const taskRef: fc.Arbitrary<TaskRef> = record({ taskId: name, epoch: long });

const isCode = (code: string): code is ErrorCode => Object.hasOwn(ERRORS, code);
export const failure: fc.Arbitrary<Failure> = record({
  code: fc.constantFrom(...Object.keys(ERRORS).filter(isCode)),
  message: text,
  hint: text,
  evidence: fc.array(text, { maxLength: 3 }),
  failureType: fc.constantFrom(...FAILURE_TYPES),
});
export const outcome: fc.Arbitrary<TaskOutcome> = fc.oneof(
  record({ outcome: fc.constant('succeeded' as const), output: jsonObject }),
  record({ outcome: fc.constant('failed' as const), failure }),
  record({ outcome: fc.constant('stopped' as const), message: text }),
);
const counts = record({
  service: text,
  role: fc.constantFrom('new' as const, 'old' as const),
  desired: uint,
  running: uint,
  pending: uint,
});
const log = { logBytes: long, logSha256: text, logFrom: long };

/** A message of a kind about a task. */
function about<Kind extends string, Rest extends object>(
  kind: Kind,
  rest: fc.Arbitrary<Rest>,
): fc.Arbitrary<{ readonly kind: Kind } & TaskRef & Rest> {
  return fc.tuple(taskRef, rest).map(([ref, others]) => ({ kind, ...ref, ...others }));
}
const nothing = fc.constant({});

export const delegateMessage: fc.Arbitrary<DelegateMessage> = fc.oneof(
  record({
    kind: fc.constant('hello' as const),
    delegateName: name,
    instanceId: name,
    protocolMin: uint,
    protocolMax: uint,
    version: text,
    tags: fc.array(text, { maxLength: 3 }),
    stepTypes: fc.array(text, { maxLength: 3 }),
    slots: uint,
    inventory: fc.array(
      fc
        .tuple(
          taskRef,
          record({
            phase: fc.constantFrom('accepted' as const, 'running' as const, 'finished' as const),
            logOffset: long,
            resultSha256: text,
          }),
          fc.option(long, { nil: undefined }),
        )
        .map(([ref, rest, sequence]) => ({
          ...ref,
          ...rest,
          ...(sequence === undefined ? {} : { checkpointSequence: sequence }),
        })),
      { maxLength: 3 },
    ),
    region: text,
  }),
  about('accept', nothing),
  about('reject', record({ code: text, message: text })),
  record({
    kind: fc.constant('heartbeat' as const),
    sequence: long,
    running: fc.array(taskRef, { maxLength: 3 }),
    slotsFree: uint,
  }),
  about('checkpoint', record({ sequence: long, facts: jsonObject })),
  about('progress', record({ services: fc.array(counts, { maxLength: 3 }) })),
  about('result', record({ result: outcome, ...log })),
  record({ kind: fc.constant('draining' as const), reason: text }),
);

const refusalCode = fc.constantFrom(
  'stale-epoch' as const,
  'unknown-task' as const,
  'task-ended' as const,
  'invalid' as const,
);
export const serverMessage: fc.Arbitrary<ServerMessage> = fc.oneof(
  record({
    kind: fc.constant('welcome' as const),
    sessionId: identifier,
    protocol: uint,
    leaseTtlMs: uint,
    heartbeatMs: uint,
    serverTimeMs: timeMs,
    directives: fc.array(
      fc
        .tuple(
          taskRef,
          record({
            action: fc.constantFrom('keep' as const, 'stop' as const, 'resend-result' as const),
            logOffset: long,
          }),
        )
        .map(([ref, rest]) => ({ ...ref, ...rest })),
      { maxLength: 3 },
    ),
  }),
  about(
    'offer',
    record({
      task: jsonObject,
      deadlineMs: timeMs,
      facts: jsonObject,
      logOffset: long,
      acceptWithinMs: uint,
      checkpointSequence: long,
      serverTimeMs: fc.option(timeMs),
    }),
  ),
  about('lease', record({ ttlMs: uint })),
  about(
    'refused',
    record({
      code: refusalCode,
      what: fc.constantFrom('accept' as const, 'checkpoint' as const, 'result' as const),
      message: text,
    }),
  ),
  record({
    kind: fc.constant('heartbeat-ack' as const),
    sequence: long,
    extended: fc.array(taskRef, { maxLength: 3 }),
    lost: fc.array(taskRef, { maxLength: 3 }),
  }),
  about(
    'cancel',
    record({
      reason: fc.constantFrom('aborted' as const, 'timed-out' as const, 'rolling-back' as const),
      message: text,
    }),
  ),
  about('checkpoint-ack', record({ sequence: long })),
  about(
    'result-ack',
    record({
      status: fc.constantFrom('committed' as const, 'duplicate' as const, 'stale' as const, 'log-incomplete' as const),
      logOffset: long,
    }),
  ),
  record({ kind: fc.constant('drain' as const), reconnectAfterMs: uint, reason: text }),
);

export const logMessage: fc.Arbitrary<LogMessage> = fc.oneof(
  about(
    'batch',
    record({
      offset: long,
      data: fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.concat([bytes, Buffer.from('\n')])),
    }),
  ),
  about('gap', record({ offset: long, droppedLines: long, droppedBytes: long, atMs: timeMs })),
);

export const logReply: fc.Arbitrary<LogReply> = fc.oneof(
  record({ kind: fc.constant('opened' as const), maxUnacknowledgedBytes: long }),
  about('ack', record({ durableOffset: long })),
  about('refused', record({ code: refusalCode, durableOffset: long, message: text })),
);

const sha256 = fc.string({ minLength: 64, maxLength: 64, unit: fc.constantFrom(...'0123456789abcdef'.split('')) });

export const joinRequest: fc.Arbitrary<JoinRequest> = record({
  joinToken: name,
  delegateName: name,
  instanceId: text,
  version: text,
  secretSha256: fc.oneof(fc.constant(''), sha256),
});
export const joinResponse: fc.Arbitrary<JoinResponse> = fc.oneof(
  record({ credential: identifier, credentialId: fc.constant(''), expiresAtMs: timeMs, delegateName: name }),
  record({ credential: text, credentialId: identifier, expiresAtMs: timeMs, delegateName: name }),
);
export const renewRequest: fc.Arbitrary<RenewRequest> = record({ nextSecretSha256: sha256, instanceId: text });
export const renewResponse: fc.Arbitrary<RenewResponse> = record({ generation: long, expiresAtMs: timeMs });

const bundle = {
  control: fc.array(wire(delegateMessage, encodeDelegateMessage), { maxLength: 4 }),
  logs: fc.array(wire(logMessage, encodeLogMessage), { maxLength: 4 }),
};
export const pollRequest: fc.Arbitrary<PollRequest> = record({
  sessionId: text,
  sequence: long,
  ...bundle,
  last: fc.boolean(),
});
export const pollResponse: fc.Arbitrary<PollResponse> = record({ sessionId: identifier, sequence: long, ...bundle });

function wire<Message>(any: fc.Arbitrary<Message>, encode: (message: Message) => Encoded): fc.Arbitrary<Buffer> {
  return any.map((message) => {
    const encoded = encode(message);
    return encoded.kind === 'ok' ? encoded.bytes : Buffer.alloc(0);
  });
}
