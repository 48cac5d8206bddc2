import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { Client, credentials, Metadata, type ServiceError } from '@grpc/grpc-js';
import {
  type Decoded,
  decodeLogReply,
  decodeServerMessage,
  type Encoded,
  encodeDelegateMessage,
  encodeLogMessage,
} from '@outrider/shared/protocol/codec.ts';
import type {
  DelegateMessage,
  LogMessage,
  LogReply,
  PollResponse,
  ServerMessage,
} from '@outrider/shared/protocol/messages.ts';
import { DELEGATE_SERVICE } from '@outrider/shared/protocol/service.ts';
import { messageType } from '@outrider/shared/protocol/wire/types.ts';
import { STEP_TYPES } from '@outrider/shared/steps/index.ts';

type Hello = Extract<DelegateMessage, { kind: 'hello' }>;

/** What one call brought. */
export interface Polled {
  readonly sequence: number;
  readonly messages: readonly ServerMessage[];
  readonly logs: readonly LogReply[];
}

export interface PollCall {
  readonly answer: Promise<Polled>;
  cancel(): void;
}

export interface PollWords {
  readonly sessionId?: string;
  readonly say?: readonly (DelegateMessage | Buffer)[];
  readonly lines?: readonly (LogMessage | Buffer)[];
  readonly last?: boolean;
}

/** A delegate over single calls, of which a test decides each one. */
export class RawPoll {
  readonly instanceId: string;
  sessionId = '';
  readonly #client: Client;
  readonly #metadata = new Metadata();

  constructor(port: number, instanceId: string = randomUUID()) {
    this.instanceId = instanceId;
    this.#client = new Client(`127.0.0.1:${port}`, credentials.createInsecure(), {
      'grpc.use_local_subchannel_pool': 1,
      'grpc.max_send_message_length': -1,
    });
  }

  /** One call, answered or refused; refusals reject with gRPC's status. */
  call(sequence: number, words: PollWords = {}): PollCall {
    const { sessionId = this.sessionId, say = [], lines = [], last = false } = words;
    return this.send(
      messageType('PollRequest').serialize({
        sessionId,
        sequence: String(sequence),
        control: say.map((each) => (Buffer.isBuffer(each) ? each : bytesOf(encodeDelegateMessage(each)))),
        logs: lines.map((each) => (Buffer.isBuffer(each) ? each : bytesOf(encodeLogMessage(each)))),
        last,
      }),
    );
  }

  send(bytes: Buffer): PollCall {
    const { path, requestSerialize, responseDeserialize } = DELEGATE_SERVICE.poll;
    const answered = Promise.withResolvers<Polled>();
    const take = (error: ServiceError | null, decoded?: Decoded<PollResponse>) => {
      if (error !== null) return answered.reject(error);
      assert.ok(decoded?.kind === 'ok', JSON.stringify(decoded));
      const { sessionId, sequence, control, logs } = decoded.message;
      this.sessionId = sessionId;
      answered.resolve({ sequence, messages: control.map(messageOf), logs: logs.map(replyOf) });
    };
    const request = this.#client.makeUnaryRequest(
      path,
      requestSerialize,
      responseDeserialize,
      bytes,
      this.#metadata,
      {},
      take,
    );
    // A call that a test gives up is of no interest any more.
    answered.promise.catch(() => {});
    return { answer: answered.promise, cancel: () => request.cancel() };
  }

  hello(delegateName: string, changes: Partial<Hello> = {}): PollCall {
    const message: DelegateMessage = {
      kind: 'hello',
      delegateName,
      instanceId: this.instanceId,
      protocolMin: 1,
      protocolMax: 2,
      version: '0.1.0',
      tags: [],
      stepTypes: STEP_TYPES,
      slots: 2,
      inventory: [],
      region: 'us-east-1',
      ...changes,
    };
    return this.call(0, { sessionId: '', say: [message] });
  }

  async refused(call: PollCall): Promise<ServiceError> {
    try {
      await call.answer;
    } catch (thrown) {
      if (isServiceError(thrown)) return thrown;
      throw thrown;
    }
    assert.fail('it was answered');
  }

  close(): void {
    this.#client.close();
  }
}

function isServiceError(thrown: unknown): thrown is ServiceError {
  return thrown instanceof Error && 'code' in thrown && 'details' in thrown;
}

function messageOf(bytes: Buffer): ServerMessage {
  const decoded = decodeServerMessage(bytes);
  assert.ok(decoded.kind === 'ok');
  return decoded.message;
}

function replyOf(bytes: Buffer): LogReply {
  const decoded = decodeLogReply(bytes);
  assert.ok(decoded.kind === 'ok');
  return decoded.message;
}

function bytesOf(encoded: Encoded): Buffer {
  assert.ok(encoded.kind === 'ok', 'it can be sent');
  return encoded.bytes;
}
