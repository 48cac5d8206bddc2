import type { ServerHttp2Stream } from 'node:http2';
import { Duplex } from 'node:stream';
import {
  type Metadata,
  ServerInterceptingCall,
  type ServerInterceptingCallInterface,
  type ServerInterceptor,
  ServerListenerBuilder,
  status,
} from '@grpc/grpc-js';
import { DELEGATE_SERVICE } from '@outrider/shared/protocol/service.ts';
import {
  ANSWERED_CLOSE_MS,
  CALLS_PER_CREDENTIAL,
  JOIN_CALLS_AT_ONCE,
  JOIN_CALLS_PER_ADDRESS_AT_ONCE,
  UNARY_DEADLINE_MS,
} from '@outrider/shared/protocol/timings.ts';
import type { DelegatePeer, Timers } from '../app/dispatch/ports.ts';

/**
 * What one call may cost before anybody knows who makes it, and what all the calls of one delegate may. A message that is
 * begun and never ended is held in memory until its stream is gone, up to the transport's limit, and so many streams fit into
 * a connection: without these limits a few connections of strangers fill any machine.
 *
 * G1 Join and Renew prove themselves only by their message: few of them are open at once, fewer of one address.
 * G2 Of one credential few calls are open at once.
 * G3 A call without a stream has sent its whole request within UNARY_DEADLINE_MS.
 * G4 A call that was answered is gone soon after: its stream is closed, though the other side leaves its half open or
 *    does not read the answer.
 * G5 Nothing compressed is unpacked: we never send it, and 4 KiB of it are 4 MiB.
 */
export interface CallGuard {
  /** Before anything else looks at the call. */
  readonly outside: ServerInterceptor;
  /** Once it is known who calls. */
  readonly inside: ServerInterceptor;
}

export interface CallGuardOptions {
  readonly timers: Timers;
  readonly peerOf: (metadata: Metadata) => DelegatePeer;
  readonly unaryDeadlineMs?: number | undefined;
  readonly answeredCloseMs?: number | undefined;
}

/** These come from strangers, as far as is known before their message is read. */
const UNPROVEN: ReadonlySet<string> = new Set([DELEGATE_SERVICE.join.path, DELEGATE_SERVICE.renew.path]);

export function createCallGuard(options: CallGuardOptions): CallGuard {
  const { timers, peerOf, unaryDeadlineMs = UNARY_DEADLINE_MS, answeredCloseMs = ANSWERED_CLOSE_MS } = options;
  const streams = new WeakMap<Metadata, ServerHttp2Stream>();
  const unproven = new Places(JOIN_CALLS_PER_ADDRESS_AT_ONCE, JOIN_CALLS_AT_ONCE);
  const proven = new Places(CALLS_PER_CREDENTIAL, Number.POSITIVE_INFINITY);

  const outside: ServerInterceptor = (method, call) => {
    const { stream, compressed } = insideOf(call);
    let cancelDeadline = () => {};
    const refuse = (code: status, details: string) => guarded.sendStatus({ code, details });
    const listener = new ServerListenerBuilder()
      .withOnReceiveMetadata((metadata, proceed) => {
        if (compressed) return refuse(status.UNIMPLEMENTED, 'compressed messages are not taken');
        const address = call.getConnectionInfo().remoteAddress ?? 'unknown';
        if (UNPROVEN.has(method.path) && !unproven.take(address, stream)) {
          return refuse(status.RESOURCE_EXHAUSTED, 'too many calls of this kind are open; try again in a moment');
        }
        if (!method.requestStream) {
          const details = 'the request did not come to its end in time';
          cancelDeadline = timers.after(unaryDeadlineMs, () => refuse(status.DEADLINE_EXCEEDED, details));
        }
        streams.set(metadata, stream);
        proceed(metadata);
      })
      .withOnReceiveHalfClose((proceed) => {
        cancelDeadline();
        proceed();
      })
      .withOnCancel(() => cancelDeadline())
      .build();
    const guarded = new ServerInterceptingCall(call, {
      start: (next) => next(listener),
      sendStatus(ended, next) {
        next(ended);
        // Not at once: a stream that is closed drops what waits to be sent on it, the status too.
        const cancel = timers.after(answeredCloseMs, () => stream.close());
        stream.once('close', cancel);
      },
    });
    return guarded;
  };

  const inside: ServerInterceptor = (_method, call) =>
    new ServerInterceptingCall(call, {
      start(next) {
        const listener = new ServerListenerBuilder().withOnReceiveMetadata((metadata, proceed) => {
          const { credentialId, delegateName } = peerOf(metadata);
          const stream = streams.get(metadata);
          if (credentialId === undefined || stream === undefined || proven.take(credentialId, stream)) {
            return proceed(metadata);
          }
          const details = `${delegateName ?? 'it'} has ${CALLS_PER_CREDENTIAL} calls open already`;
          call.sendStatus({ code: status.RESOURCE_EXHAUSTED, details });
        });
        next(listener.build());
      },
    });

  return { outside, inside };
}

/** So many at once of each key, and of all of them; a place is held for as long as its stream lives. */
class Places {
  readonly #perKey: number;
  readonly #total: number;
  readonly #taken = new Map<string, number>();
  #all = 0;

  constructor(perKey: number, total: number) {
    this.#perKey = perKey;
    this.#total = total;
  }

  /** False: there is none left. */
  take(key: string, stream: ServerHttp2Stream): boolean {
    const taken = this.#taken.get(key) ?? 0;
    if (taken >= this.#perKey || this.#all >= this.#total) return false;
    this.#taken.set(key, taken + 1);
    this.#all += 1;
    stream.once('close', () => this.#free(key));
    return true;
  }

  #free(key: string): void {
    this.#all -= 1;
    const left = (this.#taken.get(key) ?? 1) - 1;
    if (left > 0) this.#taken.set(key, left);
    else this.#taken.delete(key);
  }
}

/** What grpc-js keeps to itself. A test fails when a version of it calls these otherwise. */
function insideOf(call: ServerInterceptingCallInterface): {
  readonly stream: ServerHttp2Stream;
  readonly compressed: boolean;
} {
  const stream: unknown = Reflect.get(call, 'stream');
  const encoding: unknown = Reflect.get(call, 'incomingEncoding');
  if (isHttp2Stream(stream) && typeof encoding === 'string') return { stream, compressed: encoding !== 'identity' };
  throw new TypeError('this version of grpc-js has the stream of a call elsewhere');
}

function isHttp2Stream(value: unknown): value is ServerHttp2Stream {
  return value instanceof Duplex && 'rstCode' in value && 'headersSent' in value;
}
