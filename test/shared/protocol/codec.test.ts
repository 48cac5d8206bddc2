import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { OutriderError } from '@outrider/shared/errors.ts';
import {
  type Decoded,
  decodeDelegateMessage,
  decodeJoinRequest,
  decodeJoinResponse,
  decodeLogMessage,
  decodeLogReply,
  decodePollRequest,
  decodePollResponse,
  decodeRenewRequest,
  decodeRenewResponse,
  decodeServerMessage,
  type Encoded,
  encodeDelegateMessage,
  encodeJoinRequest,
  encodeJoinResponse,
  encodeLogMessage,
  encodeLogReply,
  encodePollRequest,
  encodePollResponse,
  encodeRenewRequest,
  encodeRenewResponse,
  encodeServerMessage,
} from '@outrider/shared/protocol/codec.ts';
import descriptor from '@outrider/shared/protocol/generated/descriptor.json' with { type: 'json' };
import { DELEGATE_SERVICE } from '@outrider/shared/protocol/service.ts';
import {
  FACTS_MAX_BYTES,
  LOG_BATCH_MAX_BYTES,
  MAX_MESSAGE_BYTES,
  OUTPUT_MAX_BYTES,
  POLL_MESSAGES_MAX,
} from '@outrider/shared/protocol/timings.ts';
import { messageType } from '@outrider/shared/protocol/wire/types.ts';
import fc from 'fast-check';
import protobuf from 'protobufjs';
import {
  delegateMessage,
  joinRequest,
  joinResponse,
  logMessage,
  logReply,
  pollRequest,
  pollResponse,
  renewRequest,
  renewResponse,
  serverMessage,
} from './arbitraries.ts';

interface Direction {
  readonly name: string;
  /** The message type of the descriptor. */
  readonly wire: string;
  readonly any: fc.Arbitrary<unknown>;
  readonly there: (message: never) => Encoded;
  readonly back: (bytes: Buffer) => Decoded<unknown>;
}

const DIRECTIONS: readonly Direction[] = [
  {
    name: 'Control, to the control plane',
    wire: 'ControlRequest',
    any: delegateMessage,
    there: encodeDelegateMessage,
    back: decodeDelegateMessage,
  },
  {
    name: 'Control, to the delegate',
    wire: 'ControlResponse',
    any: serverMessage,
    there: encodeServerMessage,
    back: decodeServerMessage,
  },
  {
    name: 'Logs, to the control plane',
    wire: 'LogsRequest',
    any: logMessage,
    there: encodeLogMessage,
    back: decodeLogMessage,
  },
  { name: 'Logs, to the delegate', wire: 'LogsResponse', any: logReply, there: encodeLogReply, back: decodeLogReply },
  {
    name: 'Poll, to the control plane',
    wire: 'PollRequest',
    any: pollRequest,
    there: encodePollRequest,
    back: decodePollRequest,
  },
  {
    name: 'Poll, to the delegate',
    wire: 'PollResponse',
    any: pollResponse,
    there: encodePollResponse,
    back: decodePollResponse,
  },
  {
    name: 'Join, to the control plane',
    wire: 'JoinRequest',
    any: joinRequest,
    there: encodeJoinRequest,
    back: decodeJoinRequest,
  },
  {
    name: 'Join, to the delegate',
    wire: 'JoinResponse',
    any: joinResponse,
    there: encodeJoinResponse,
    back: decodeJoinResponse,
  },
  {
    name: 'Renew, to the control plane',
    wire: 'RenewRequest',
    any: renewRequest,
    there: encodeRenewRequest,
    back: decodeRenewRequest,
  },
  {
    name: 'Renew, to the delegate',
    wire: 'RenewResponse',
    any: renewResponse,
    there: encodeRenewResponse,
    back: decodeRenewResponse,
  },
];

const bytesOf = (encoded: Encoded): Buffer => {
  assert.ok(encoded.kind === 'ok');
  return encoded.bytes;
};
const asNever = (value: unknown) => value as never;

describe('the codec', () => {
  for (const { name, any, there, back } of DIRECTIONS) {
    test(`every message comes back as it went: ${name}`, () => {
      fc.assert(
        fc.property(any, (message) => {
          const decoded = back(bytesOf(there(asNever(message))));
          assert.deepEqual(decoded, { kind: 'ok', message });
        }),
        { numRuns: 300 },
      );
    });

    test(`no bytes make it throw: ${name}`, () => {
      fc.assert(
        fc.property(
          fc.uint8Array({ maxLength: 200 }),
          any,
          fc.nat(),
          fc.nat({ max: 255 }),
          (noise, message, at, value) => {
            assert.ok(['ok', 'invalid', 'unknown-arm'].includes(back(Buffer.from(noise)).kind));
            const bytes = Buffer.from(bytesOf(there(asNever(message))));
            if (bytes.length > 0) bytes[at % bytes.length] = value;
            assert.ok(['ok', 'invalid', 'unknown-arm'].includes(back(bytes).kind));
          },
        ),
        { numRuns: 300 },
      );
    });
  }

  test('every field of the proto file is written by it', () => {
    const root = protobuf.Root.fromJSON(JSON.parse(JSON.stringify(descriptor)));
    root.resolveAll();
    const written = new Set<string>();
    const walk = (type: protobuf.Type, message: object) => {
      for (const field of type.fieldsArray) {
        const value: unknown = Reflect.get(message, field.name);
        if (!Object.hasOwn(message, field.name) || value === null || value === undefined) continue;
        written.add(`${type.name}.${field.name}`);
        const { resolvedType } = field;
        if (!(resolvedType instanceof protobuf.Type)) continue;
        for (const each of Array.isArray(value) ? value : [value])
          if (typeof each === 'object' && each !== null) walk(resolvedType, each);
      }
    };
    for (const { wire, any, there } of DIRECTIONS) {
      const type = root.lookupType(`outrider.delegate.v1.${wire}`);
      for (const message of fc.sample(any, { numRuns: 400, seed: 7 }))
        walk(type, type.decode(bytesOf(there(asNever(message)))));
    }
    const namespace = root.lookup('outrider.delegate.v1');
    assert.ok(namespace instanceof protobuf.Namespace);
    const types = namespace.nestedArray.filter((nested) => nested instanceof protobuf.Type);
    const fields = types.flatMap((type) => type.fieldsArray.map((field) => `${type.name}.${field.name}`));
    assert.ok(fields.length > 60);
    assert.deepEqual(
      fields.filter((field) => !written.has(field)),
      [],
    );
  });

  test('the methods are those of the descriptor', () => {
    const { methods } = descriptor.nested.outrider.nested.delegate.nested.v1.nested.DelegateService;
    const known = Object.values(DELEGATE_SERVICE).map(({ path, requestStream, responseStream }) => ({
      path,
      requestStream,
      responseStream,
    }));
    const described = Object.entries(methods).map(([name, method]) => ({
      path: `/outrider.delegate.v1.DelegateService/${name}`,
      requestStream: 'requestStream' in method,
      responseStream: 'responseStream' in method,
    }));
    assert.deepEqual(known, described);
  });

  const control = (wire: object) => decodeDelegateMessage(messageType('ControlRequest').serialize(wire));
  const ref = { taskId: 't', epoch: '1' };

  for (const [title, wire, why] of [
    ['a result without an outcome', { result: { ...ref } }, /outcome has the unknown value unspecified/],
    ['an outcome of a newer version', { result: { ...ref, outcome: 99 } }, /outcome has the unknown value 99/],
    ['a failure without its words', { result: { ...ref, outcome: 'OUTCOME_FAILED' } }, /failure is missing/],
    ['a task without an id', { accept: { epoch: '1' } }, /task_id is empty/],
    ['a number too large to be held', { accept: { taskId: 't', epoch: '9007199254740993' } }, /epoch is not a number/],
    [
      'facts that are not JSON',
      { checkpoint: { ...ref, sequence: '1', factsJson: Buffer.from('{') } },
      /facts_json is not a JSON object/,
    ],
    [
      'facts that are an array',
      { checkpoint: { ...ref, sequence: '1', factsJson: Buffer.from('[1]') } },
      /facts_json is not a JSON object/,
    ],
    ['two arms at once', { accept: ref, draining: { reason: '' } }, /several arms: accept, draining/],
    ['a delegate without a name', { hello: { instanceId: 'i' } }, /delegate_name is empty/],
    [
      'a phase that is not one',
      { hello: { delegateName: 'd', instanceId: 'i', inventory: [{ ...ref }] } },
      /phase has the unknown value/,
    ],
  ] as const) {
    test(`${title} is refused with the reason`, () => {
      const decoded = control(wire);
      assert.ok(decoded.kind === 'invalid');
      assert.match(decoded.why, why);
    });
  }

  test('what is refused is named as far as it can be read', () => {
    const decoded = control({ checkpoint: { ...ref, epoch: '3', sequence: '1', factsJson: Buffer.from('nonsense') } });
    assert.deepEqual(decoded, {
      kind: 'invalid',
      arm: 'checkpoint',
      task: { taskId: 't', epoch: 3 },
      why: 'facts_json is not a JSON object',
    });
  });

  test('an empty message and one of a newer version are unknown, not invalid', () => {
    assert.deepEqual(decodeDelegateMessage(Buffer.alloc(0)), { kind: 'unknown-arm' });
    assert.deepEqual(decodeServerMessage(Buffer.from([0x9a, 0x06, 0x01, 0x41])), { kind: 'unknown-arm' });
  });

  test('the code and type of a failure that only a newer delegate knows give way, and its words stay', () => {
    const failure = { code: 'of-tomorrow', message: 'm', hint: 'h', evidence: ['e'], failureType: 'cosmic' };
    const decoded = control({ result: { ...ref, outcome: 'OUTCOME_FAILED', failure, logSha256: '' } });
    assert.ok(
      decoded.kind === 'ok' && decoded.message.kind === 'result' && decoded.message.result.outcome === 'failed',
    );
    assert.deepEqual(decoded.message.result.failure, {
      code: 'step-failed',
      message: 'm',
      hint: 'h',
      evidence: ['e'],
      failureType: 'application',
    });
  });

  test('of the words of a failure as much is kept as a person can read', () => {
    const failure = { code: 'internal', message: 'm'.repeat(9_000), evidence: Array(30).fill('e'.repeat(9_000)) };
    const decoded = control({ result: { ...ref, outcome: 'OUTCOME_FAILED', failure } });
    assert.ok(
      decoded.kind === 'ok' && decoded.message.kind === 'result' && decoded.message.result.outcome === 'failed',
    );
    const kept = decoded.message.result.failure;
    assert.equal(kept.evidence.length, 20);
    for (const text of [kept.message, ...kept.evidence]) assert.ok(text.length < 4_200 && text.endsWith('[cut]'));
  });

  test('nothing that is too large is written', () => {
    const task = { taskId: 't', epoch: 1 };
    const facts = { big: 'x'.repeat(FACTS_MAX_BYTES) };
    const output = { big: 'x'.repeat(OUTPUT_MAX_BYTES) };
    const log = { logBytes: 0, logSha256: '', logFrom: 0 };
    for (const [encoded, why] of [
      [encodeDelegateMessage({ kind: 'checkpoint', ...task, sequence: 1, facts }), /the facts of a checkpoint/],
      [
        encodeDelegateMessage({ kind: 'result', ...task, result: { outcome: 'succeeded', output }, ...log }),
        /the output of a step/,
      ],
      [encodeDelegateMessage({ kind: 'draining', reason: 'x'.repeat(MAX_MESSAGE_BYTES) }), /"draining"/],
    ] as const) {
      assert.ok(encoded.kind === 'too-large');
      assert.match(encoded.why, why);
    }
  });

  test('a batch of lines has whole lines, and not too many of them', () => {
    const logs = (data: Buffer) =>
      decodeLogMessage(messageType('LogsRequest').serialize({ batch: { ...ref, offset: '0', data } }));
    assert.equal(logs(Buffer.from('x\n')).kind, 'ok');
    for (const data of [Buffer.alloc(0), Buffer.from('half'), Buffer.alloc(LOG_BATCH_MAX_BYTES + 1, '\n')]) {
      assert.equal(logs(data).kind, 'invalid');
    }
    assert.equal(logs(Buffer.alloc(LOG_BATCH_MAX_BYTES, '\n')).kind, 'ok');
  });

  test('a number of ours that cannot be written is a defect, not a wrong number', () => {
    for (const epoch of [-1, 0.5, Number.NaN, 2 ** 53]) {
      assert.throws(() => encodeDelegateMessage({ kind: 'accept', taskId: 't', epoch }), OutriderError);
    }
    assert.throws(() => encodeServerMessage({ kind: 'lease', taskId: 't', epoch: 1, ttlMs: 2 ** 32 }), OutriderError);
  });

  test('a call of Poll brings so many messages and so many bytes, and no more', () => {
    const poll = (messages: Buffer[], lines: Buffer[] = []) =>
      decodePollRequest(
        messageType('PollRequest').serialize({ sessionId: 's', sequence: '1', control: messages, logs: lines }),
      );
    assert.equal(poll([Buffer.alloc(MAX_MESSAGE_BYTES)]).kind, 'ok');
    for (const [broken, why] of [
      [poll(Array(POLL_MESSAGES_MAX + 1).fill(Buffer.alloc(1))), /has 65 messages, at most 64/],
      [poll([Buffer.alloc(MAX_MESSAGE_BYTES)], [Buffer.alloc(1)]), /have 1048577 bytes, at most 1048576/],
      [poll([Buffer.alloc(2 * MAX_MESSAGE_BYTES)]), /at most 1052672 are taken/],
    ] as const) {
      assert.ok(broken.kind === 'invalid');
      assert.match(broken.why, why);
    }
  });
});
