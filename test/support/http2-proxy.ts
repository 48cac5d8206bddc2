import { once } from 'node:events';
import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  connect,
  constants,
  createServer,
  type IncomingHttpHeaders,
  type OutgoingHttpHeaders,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from 'node:http2';

/** What a proxy in some company's network does to gRPC. */
export interface ProxyManners {
  /**
   * To calls of which both sides are streams. `buffer`: passes a question on when it has all of it, and an answer too, which
   * single calls survive; `refuse`: answers 415 by itself; `reset`: ends them with an HTTP/2 error.
   */
  readonly streams: 'pass' | 'buffer' | 'refuse' | 'reset';
  /** Every call is reset after so long; null: none is. */
  readonly callLifeMs: number | null;
  /** Every connection is cut after so long; null: none is. */
  readonly connectionLifeMs: number | null;
  /** Share of single calls that never reach the control plane, and share of those whose answer is thrown away. */
  readonly lostQuestions: number;
  readonly lostAnswers: number;
}

export interface Http2Proxy {
  readonly port: number;
  behave(changes: Partial<ProxyManners>): void;
  /** Calls of this method that came. */
  count(methodName: string): number;
  close(): Promise<void>;
}

export const GOOD_MANNERS: ProxyManners = {
  streams: 'pass',
  callLifeMs: null,
  connectionLifeMs: null,
  lostQuestions: 0,
  lostAnswers: 0,
};

const STREAMS: ReadonlySet<string> = new Set(['Control', 'Logs']);

/** A proxy that understands HTTP/2 without TLS and stands before a control plane on this machine. */
export async function startHttp2Proxy(
  target: { readonly port: number },
  manners: Partial<ProxyManners> = {},
  random: () => number = Math.random,
): Promise<Http2Proxy> {
  let current: ProxyManners = { ...GOOD_MANNERS, ...manners };
  const counts = new Map<string, number>();
  const sessions = new Set<ServerHttp2Session>();
  const server = createServer();
  server.on('session', (session) => {
    sessions.add(session);
    session.on('error', () => {});
    const upstream = connect(`http://127.0.0.1:${target.port}`);
    upstream.on('error', () => session.destroy());
    upstream.on('close', () => session.destroy());
    const { connectionLifeMs } = current;
    const timer = connectionLifeMs === null ? undefined : setTimeout(() => session.destroy(), connectionLifeMs);
    session.on('close', () => {
      clearTimeout(timer);
      sessions.delete(session);
      upstream.destroy();
    });
    session.on('stream', (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => {
      const name = String(headers[':path']).split('/').at(-1) ?? '';
      counts.set(name, (counts.get(name) ?? 0) + 1);
      new ProxiedCall(stream, headers, upstream, current, random).begin(STREAMS.has(name));
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (typeof address !== 'object' || address === null) throw new Error('no port');
  return {
    port: address.port,
    behave(changes) {
      current = { ...current, ...changes };
    },
    count: (methodName) => counts.get(methodName) ?? 0,
    async close() {
      for (const session of sessions) session.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}

class ProxiedCall {
  readonly #stream: ServerHttp2Stream;
  readonly #headers: IncomingHttpHeaders;
  readonly #upstream: ClientHttp2Session;
  readonly #manners: ProxyManners;
  readonly #random: () => number;

  constructor(
    stream: ServerHttp2Stream,
    headers: IncomingHttpHeaders,
    upstream: ClientHttp2Session,
    manners: ProxyManners,
    random: () => number,
  ) {
    this.#stream = stream;
    this.#headers = headers;
    this.#upstream = upstream;
    this.#manners = manners;
    this.#random = random;
  }

  begin(streaming: boolean): void {
    const { streams, callLifeMs, lostQuestions, lostAnswers } = this.#manners;
    const stream = this.#stream;
    stream.on('error', () => {});
    if (callLifeMs !== null) {
      const timer = setTimeout(() => stream.close(constants.NGHTTP2_INTERNAL_ERROR), callLifeMs);
      stream.on('close', () => clearTimeout(timer));
    }
    if (streaming && streams === 'refuse') {
      stream.respond({ ':status': 415, 'content-type': 'text/html' });
      stream.end('<p>unsupported</p>');
    } else if (streaming && streams === 'reset') {
      stream.close(constants.NGHTTP2_REFUSED_STREAM);
    } else if (!streaming && this.#random() < lostQuestions) {
      stream.close(constants.NGHTTP2_INTERNAL_ERROR);
    } else {
      const loses = !streaming && this.#random() < lostAnswers;
      if (streaming && streams === 'buffer') this.#passWhenWhole();
      else this.#pass(loses);
    }
  }

  #pass(losesAnswer: boolean): void {
    const stream = this.#stream;
    const request = this.#request();
    if (request === undefined) return;
    stream.pipe(request);
    if (losesAnswer) {
      request.on('response', () => {});
      request.resume();
      request.on('end', () => stream.close(constants.NGHTTP2_INTERNAL_ERROR));
      return;
    }
    let trailers: OutgoingHttpHeaders = {};
    request.on('trailers', (given) => {
      trailers = given;
    });
    request.on('response', (headers, flags) => {
      if (stream.destroyed) return;
      const over = (flags & constants.NGHTTP2_FLAG_END_STREAM) !== 0;
      stream.respond(headers, over ? { endStream: true } : { waitForTrailers: true });
      stream.on('wantTrailers', () => stream.sendTrailers(trailers));
      if (!over) request.pipe(stream);
    });
  }

  /** A stream's question is never whole before its answer has begun, so nothing of it arrives. */
  #passWhenWhole(): void {
    const pieces: Buffer[] = [];
    this.#stream.on('data', (piece: Buffer) => pieces.push(piece));
    this.#stream.on('end', () => {
      const request = this.#request();
      request?.on('response', () => {});
      request?.resume();
      request?.end(Buffer.concat(pieces));
    });
  }

  #request(): ClientHttp2Stream | undefined {
    const stream = this.#stream;
    if (this.#upstream.destroyed || this.#upstream.closed) {
      stream.close(constants.NGHTTP2_REFUSED_STREAM);
      return undefined;
    }
    const request = this.#upstream.request({ ...this.#headers });
    request.on('error', () => stream.close(constants.NGHTTP2_INTERNAL_ERROR));
    request.on('close', () => {
      if (!stream.writableEnded && !stream.destroyed) stream.close(constants.NGHTTP2_INTERNAL_ERROR);
    });
    stream.on('close', () => request.close(constants.NGHTTP2_CANCEL));
    return request;
  }
}
