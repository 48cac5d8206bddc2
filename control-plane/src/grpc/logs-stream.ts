import { type handleBidiStreamingCall, Metadata, type ServerDuplexStream, status } from '@grpc/grpc-js';
import { OutriderError } from '@outrider/shared/errors.ts';
import { type Decoded, encodeLogReply } from '@outrider/shared/protocol/codec.ts';
import type { LogMessage, LogReply } from '@outrider/shared/protocol/messages.ts';
import { SendQueue } from '@outrider/shared/protocol/send-queue.ts';
import { SESSION_METADATA } from '@outrider/shared/protocol/service.ts';
import {
  LOG_UNACKNOWLEDGED_MAX_BYTES,
  SEND_QUEUE_MAX_BYTES,
  SESSION_MESSAGES_IN_FLIGHT,
} from '@outrider/shared/protocol/timings.ts';
import type { DelegateGateway, DelegatePeer, LogSession } from '../app/dispatch/ports.ts';
import type { Logger } from '../app/logger.ts';
import type { OpenStream, OpenStreams } from './open-streams.ts';

type LogsCall = ServerDuplexStream<Decoded<LogMessage>, Buffer>;

export interface LogsOptions {
  readonly gateway: DelegateGateway;
  readonly logger: Logger;
  readonly peerOf: (metadata: Metadata) => DelegatePeer;
  readonly streams: OpenStreams;
}

/** The second stream of a session: lines in, durable offsets out. */
export function logsHandler(options: LogsOptions): handleBidiStreamingCall<Decoded<LogMessage>, Buffer> {
  return (call) => {
    call.sendMetadata(new Metadata());
    const peer = options.peerOf(call.metadata);
    const sessionId = call.metadata.get(SESSION_METADATA).map(String).at(0) ?? '';
    const session = options.gateway.openLogs(peer, sessionId);
    if (session === undefined) {
      call.on('error', () => {});
      call.emit('error', { code: status.FAILED_PRECONDITION, details: 'there is no such session: open Control first' });
      return;
    }
    new LogsStream(call, session, options, peer).begin();
  };
}

class LogsStream implements OpenStream {
  readonly #call: LogsCall;
  readonly #session: LogSession;
  readonly #logger: Logger;
  readonly #streams: OpenStreams;
  readonly #peer: DelegatePeer;
  readonly #queue: SendQueue;
  #inFlight = 0;
  #ended = false;

  constructor(call: LogsCall, session: LogSession, { logger, streams }: LogsOptions, peer: DelegatePeer) {
    this.#call = call;
    this.#session = session;
    this.#logger = logger;
    this.#streams = streams;
    this.#peer = peer;
    this.#queue = new SendQueue(call, SEND_QUEUE_MAX_BYTES, () =>
      this.#end(status.RESOURCE_EXHAUSTED, 'the delegate does not read what it is sent'),
    );
  }

  begin(): void {
    this.#streams.add(this);
    this.#call.on('data', (decoded: Decoded<LogMessage>) => void this.#take(decoded));
    this.#call.on('end', () => this.#end(status.OK, ''));
    this.#call.on('cancelled', () => this.#over());
    this.#call.on('error', () => this.#over());
    this.#call.on('close', () => this.#over());
    this.#send({ kind: 'opened', maxUnacknowledgedBytes: LOG_UNACKNOWLEDGED_MAX_BYTES });
  }

  shutDown(): void {
    this.#end(status.UNAVAILABLE, 'the control plane is shutting down');
  }

  async #take(decoded: Decoded<LogMessage>): Promise<void> {
    if (this.#ended) return;
    const delegate = this.#peer.delegateName;
    if (decoded.kind === 'unknown-arm') {
      this.#logger.warn({ delegate }, 'A log message of a newer protocol was left out of account');
      return;
    }
    if (decoded.kind === 'invalid') {
      const { why, task } = decoded;
      this.#logger.warn({ delegate, task, why }, 'A log message of a delegate is not valid');
      // Its offset cannot be trusted, nor anything after it: the delegate opens the stream again and resumes.
      return this.#end(status.INVALID_ARGUMENT, why);
    }
    this.#inFlight += 1;
    if (this.#inFlight >= SESSION_MESSAGES_IN_FLIGHT) this.#call.pause();
    try {
      this.#send(await this.#session.receive(decoded.message));
    } catch (thrown) {
      if (OutriderError.from(thrown).code === 'not-allowed-now') {
        return this.#end(status.FAILED_PRECONDITION, 'the session is over: open Control first');
      }
      this.#logger.error({ err: thrown, delegate, task: decoded.message.taskId }, 'Log lines could not be stored');
      this.#end(status.UNAVAILABLE, 'log lines cannot be stored now');
    }
    this.#inFlight -= 1;
    if (this.#inFlight < SESSION_MESSAGES_IN_FLIGHT / 2 && !this.#ended) this.#call.resume();
  }

  #send(reply: LogReply): void {
    const encoded = encodeLogReply(reply);
    if (encoded.kind === 'ok') this.#queue.send(encoded.bytes);
  }

  #end(code: status, details: string): void {
    if (!this.#over()) return;
    if (code === status.OK) this.#call.end();
    else this.#call.emit('error', { code, details });
  }

  /** False: it was over already. */
  #over(): boolean {
    if (this.#ended) return false;
    this.#ended = true;
    this.#streams.delete(this);
    this.#queue.end();
    return true;
  }
}
