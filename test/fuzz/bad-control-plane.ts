import assert from 'node:assert/strict';
import http2 from 'node:http2';
import type { Socket } from 'node:net';
import { encodeServerMessage } from '@outrider/shared/protocol/codec.ts';
import type { DelegateMessage, LogMessage, ServerMessage } from '@outrider/shared/protocol/messages.ts';
import { DELEGATE_SERVICE } from '@outrider/shared/protocol/service.ts';
import { message } from './frames.ts';

/** One call of a delegate, to be answered with whatever a test wants. */
export class Served {
  readonly path: string;
  readonly stream: http2.ServerHttp2Stream;
  #rest: Buffer = Buffer.alloc(0);

  constructor(path: string, stream: http2.ServerHttp2Stream) {
    this.path = path;
    this.stream = stream;
    stream.on('error', () => {});
  }

  /** What gRPC begins an answer with. */
  accept(headers: http2.OutgoingHttpHeaders = {}): void {
    if (this.over) return;
    this.stream.respond({ ':status': 200, 'content-type': 'application/grpc', ...headers }, { waitForTrailers: true });
  }

  /** Resolves when there is room for more, or nobody to send it to. */
  async send(body: Buffer): Promise<void> {
    await this.write(message(body));
  }

  async write(bytes: Buffer): Promise<void> {
    const { stream } = this;
    if (this.over || stream.writableEnded || stream.write(bytes)) return;
    await new Promise<void>((resolve) => {
      const done = () => {
        stream.off('drain', done);
        stream.off('close', done);
        resolve();
      };
      stream.on('drain', done);
      stream.on('close', done);
    });
  }

  /** Ends it with a status; everything in it is up to the caller. */
  end(trailers: http2.OutgoingHttpHeaders): void {
    if (this.over || this.stream.writableEnded) return;
    if (!this.stream.headersSent) {
      this.stream.respond({ ':status': 200, 'content-type': 'application/grpc', ...trailers }, { endStream: true });
      return;
    }
    this.stream.once('wantTrailers', () => {
      if (!this.over) this.stream.sendTrailers(trailers);
    });
    this.stream.end();
  }

  get over(): boolean {
    return this.stream.closed || this.stream.destroyed;
  }

  /** Messages of the delegate, as they come. */
  listen(take: (told: DelegateMessage | LogMessage) => void): void {
    const method = this.path === DELEGATE_SERVICE.logs.path ? DELEGATE_SERVICE.logs : DELEGATE_SERVICE.control;
    this.stream.on('data', (bytes: Buffer) => {
      this.#rest = Buffer.concat([this.#rest, bytes]);
      while (this.#rest.length >= 5) {
        const length = this.#rest.readUInt32BE(1);
        if (this.#rest.length < 5 + length) return;
        const decoded = method.requestDeserialize(this.#rest.subarray(5, 5 + length));
        this.#rest = this.#rest.subarray(5 + length);
        assert.ok(decoded.kind === 'ok', 'a delegate says what the protocol allows');
        take(decoded.message);
      }
    });
  }
}

/** Listens where a delegate dials, and does to its calls what it is told to. */
export class BadControlPlane {
  readonly port: number;
  readonly #server: http2.Http2Server;
  readonly #sockets = new Set<Socket>();
  serve: (call: Served) => void = () => {};
  connections = 0;

  private constructor(server: http2.Http2Server, port: number) {
    this.#server = server;
    this.port = port;
    server.on('connection', (socket: Socket) => {
      this.connections += 1;
      this.#sockets.add(socket);
      socket.on('close', () => this.#sockets.delete(socket));
    });
    server.on('sessionError', () => {});
    server.on('stream', (stream, headers) => this.serve(new Served(String(headers[':path']), stream)));
  }

  static async start(port = 0): Promise<BadControlPlane> {
    const server = http2.createServer();
    await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', () => resolve()));
    const address = server.address();
    assert.ok(typeof address === 'object' && address !== null);
    return new BadControlPlane(server, address.port);
  }

  /** Ends every connection without a word. */
  cut(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    this.cut();
    await closed;
  }
}

export function told(said: ServerMessage): Buffer {
  const encoded = encodeServerMessage(said);
  assert.ok(encoded.kind === 'ok', 'it can be sent');
  return encoded.bytes;
}
