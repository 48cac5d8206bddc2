import assert from 'node:assert/strict';
import { createHash, randomUUID } from 'node:crypto';
import { Client, type ClientDuplexStream, credentials, Metadata, type StatusObject } from '@grpc/grpc-js';
import {
  type Decoded,
  type Encoded,
  encodeDelegateMessage,
  encodeLogMessage,
  encodeRenewRequest,
} from '@outrider/shared/protocol/codec.ts';
import type {
  DelegateMessage,
  LogMessage,
  LogReply,
  RenewResponse,
  ServerMessage,
} from '@outrider/shared/protocol/messages.ts';
import { AUTHORIZATION_METADATA, DELEGATE_SERVICE, SESSION_METADATA } from '@outrider/shared/protocol/service.ts';
import { STEP_TYPES } from '@outrider/shared/steps/index.ts';
import { eventually } from '../../support/processes.ts';

type Hello = Extract<DelegateMessage, { kind: 'hello' }>;

/** A delegate of which a test decides every message: for what a well-behaved one never does. */
export class RawDelegate {
  readonly instanceId: string;
  /** What no `next` has taken yet. */
  readonly received: ServerMessage[] = [];
  readonly everything: ServerMessage[] = [];
  readonly logReplies: LogReply[] = [];
  status: StatusObject | undefined;
  logsStatus: StatusObject | undefined;
  readonly #client: Client;
  readonly #metadata = new Metadata();
  readonly #control: ClientDuplexStream<Buffer, Decoded<ServerMessage>>;
  #logs: ClientDuplexStream<Buffer, Decoded<LogReply>> | undefined;

  constructor(port: number, options: { readonly bearer?: string; readonly instanceId?: string } = {}) {
    this.instanceId = options.instanceId ?? randomUUID();
    this.#client = new Client(`127.0.0.1:${port}`, credentials.createInsecure(), {
      'grpc.use_local_subchannel_pool': 1,
      'grpc.max_send_message_length': -1,
    });
    if (options.bearer !== undefined) this.#metadata.set(AUTHORIZATION_METADATA, options.bearer);
    const { path, requestSerialize, responseDeserialize } = DELEGATE_SERVICE.control;
    this.#control = this.#client.makeBidiStreamRequest(path, requestSerialize, responseDeserialize, this.#metadata);
    this.#control.on('data', (decoded: Decoded<ServerMessage>) => {
      assert.ok(decoded.kind === 'ok', JSON.stringify(decoded));
      this.received.push(decoded.message);
      this.everything.push(decoded.message);
    });
    this.#control.on('error', () => {});
    this.#control.on('status', (status: StatusObject) => {
      this.status = status;
    });
  }

  send(message: DelegateMessage): void {
    this.sendBytes(bytesOf(encodeDelegateMessage(message)));
  }

  /** Whatever it is. */
  sendBytes(bytes: Buffer): void {
    this.#control.write(bytes);
  }

  hello(delegateName: string, changes: Partial<Hello> = {}): void {
    this.send({
      kind: 'hello',
      delegateName,
      instanceId: this.instanceId,
      protocolMin: 1,
      protocolMax: 1,
      version: '0.1.0',
      tags: [],
      stepTypes: STEP_TYPES,
      slots: 2,
      inventory: [],
      region: 'us-east-1',
      ...changes,
    });
  }

  async welcomed(
    delegateName: string,
    changes: Partial<Hello> = {},
  ): Promise<Extract<ServerMessage, { kind: 'welcome' }>> {
    this.hello(delegateName, changes);
    return await this.next('welcome');
  }

  /** Takes the oldest message of a kind; waits for it. */
  async next<Kind extends ServerMessage['kind']>(kind: Kind): Promise<Extract<ServerMessage, { kind: Kind }>> {
    return await eventually(`a ${kind}`, () => {
      const index = this.received.findIndex((message) => message.kind === kind);
      if (index < 0) return undefined;
      const [message] = this.received.splice(index, 1);
      return isKind(message, kind) ? message : undefined;
    });
  }

  has(kind: ServerMessage['kind']): boolean {
    return this.received.some((message) => message.kind === kind);
  }

  openLogs(sessionId: string): void {
    const metadata = this.#metadata.clone();
    metadata.set(SESSION_METADATA, sessionId);
    const { path, requestSerialize, responseDeserialize } = DELEGATE_SERVICE.logs;
    this.#logs = this.#client.makeBidiStreamRequest(path, requestSerialize, responseDeserialize, metadata);
    this.#logs.on('data', (decoded: Decoded<LogReply>) => {
      assert.ok(decoded.kind === 'ok');
      this.logReplies.push(decoded.message);
    });
    this.#logs.on('error', () => {});
    this.#logs.on('status', (status: StatusObject) => {
      this.logsStatus = status;
    });
  }

  sendLog(message: LogMessage): void {
    this.#logs?.write(bytesOf(encodeLogMessage(message)));
  }

  sendLogBytes(bytes: Buffer): void {
    this.#logs?.write(bytes);
  }

  async nextLogReply(): Promise<LogReply> {
    return await eventually('an answer on Logs', () => this.logReplies.shift());
  }

  /** Asks for the next generation of a credential; answers what gRPC says when it is refused. */
  async renew(bearer: string, nextSecret: string): Promise<RenewResponse | StatusObject> {
    const metadata = new Metadata();
    metadata.set(AUTHORIZATION_METADATA, `Bearer ${bearer}`);
    const nextSecretSha256 = createHash('sha256').update(nextSecret).digest('hex');
    const request = bytesOf(encodeRenewRequest({ nextSecretSha256, instanceId: this.instanceId }));
    const { path, requestSerialize, responseDeserialize } = DELEGATE_SERVICE.renew;
    return await new Promise((resolve) => {
      this.#client.makeUnaryRequest(path, requestSerialize, responseDeserialize, request, metadata, (error, answer) => {
        if (error !== null) return resolve(error);
        assert.ok(answer?.kind === 'ok');
        resolve(answer.message);
      });
    });
  }

  async ended(): Promise<StatusObject> {
    return await eventually('the end of the stream', () => this.status);
  }

  /** The connection is gone without a word. */
  close(): void {
    this.#logs?.cancel();
    this.#control.cancel();
    this.#client.close();
  }
}

function bytesOf(encoded: Encoded): Buffer {
  assert.ok(encoded.kind === 'ok', 'it can be sent');
  return encoded.bytes;
}

function isKind<Kind extends ServerMessage['kind']>(
  message: ServerMessage | undefined,
  kind: Kind,
): message is Extract<ServerMessage, { kind: Kind }> {
  return message?.kind === kind;
}
