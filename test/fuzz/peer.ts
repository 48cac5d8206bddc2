import http2 from 'node:http2';
import { status } from '@grpc/grpc-js';
import { AUTHORIZATION_METADATA, DELEGATE_SERVICE } from '@outrider/shared/protocol/service.ts';
import { eventually } from '../support/processes.ts';
import { type Address, message as framed } from './frames.ts';

type MethodName = keyof typeof DELEGATE_SERVICE;

/** How a call ended. `name`: what gRPC calls it, or that it gave no status and what HTTP/2 said instead. */
export interface Ended {
  readonly name: string;
  readonly details: string;
}

/** A client of which every byte behind HTTP/2's own is ours: no library stands between a test and the wire. */
export class Peer {
  readonly session: http2.ClientHttp2Session;
  readonly #tls: boolean;

  private constructor(session: http2.ClientHttp2Session, tls: boolean) {
    this.session = session;
    this.#tls = tls;
    session.on('error', () => {});
  }

  static async connect({ port, caPem }: Address, options: http2.ClientSessionOptions = {}): Promise<Peer> {
    const url = `${caPem === undefined ? 'http' : 'https'}://127.0.0.1:${port}`;
    const session = http2.connect(url, { ...options, ...(caPem === undefined ? {} : { ca: caPem }) });
    const peer = new Peer(session, caPem !== undefined);
    await new Promise<void>((resolve) => {
      session.once('connect', () => resolve());
      session.once('close', () => resolve());
    });
    return peer;
  }

  get closed(): boolean {
    return this.session.closed || this.session.destroyed;
  }

  /** Begins a call; nothing is sent but its headers. */
  call(name: MethodName, headers: http2.OutgoingHttpHeaders = {}): Call {
    const request = {
      ':method': 'POST',
      ':path': DELEGATE_SERVICE[name].path,
      ':scheme': this.#tls ? 'https' : 'http',
      'content-type': 'application/grpc',
      te: 'trailers',
      ...headers,
    };
    return new Call(name, this.session.request(request, { endStream: false }));
  }

  destroy(): void {
    this.session.destroy();
  }
}

export function bearer(credential: string | undefined): http2.OutgoingHttpHeaders {
  return credential === undefined ? {} : { [AUTHORIZATION_METADATA]: `Bearer ${credential}` };
}

/** One call. What comes back is decoded as soon as it is whole. */
export class Call {
  readonly name: MethodName;
  readonly stream: http2.ClientHttp2Stream;
  /** Messages that have come, oldest first; whoever reads one may take it out. */
  readonly received: unknown[] = [];
  messages = 0;
  ended: Ended | undefined;
  #rest: Buffer = Buffer.alloc(0);
  #status: Ended | undefined;

  constructor(name: MethodName, stream: http2.ClientHttp2Stream) {
    this.name = name;
    this.stream = stream;
    const take = (headers: http2.IncomingHttpHeaders) => this.#takeHeaders(headers);
    stream.on('response', take);
    stream.on('trailers', (headers: http2.IncomingHttpHeaders) => {
      take(headers);
      // The call is over with this, though the stream stays half open until we close it.
      this.#finish();
    });
    stream.on('end', () => this.#finish());
    stream.on('error', () => {});
    stream.on('data', (bytes: Buffer) => this.#takeBytes(bytes));
    stream.on('close', () => this.#finish());
  }

  #finish(): void {
    this.ended ??= this.#status ?? { name: `no status (HTTP/2 code ${this.stream.rstCode})`, details: '' };
    if (!this.stream.closed) this.stream.close();
  }

  /** A message as gRPC frames it. Resolves when there is room for the next one, or nobody to send it to. */
  async send(body: Buffer): Promise<void> {
    await this.write(framed(body));
  }

  async write(bytes: Buffer): Promise<void> {
    const { stream } = this;
    if (this.over || stream.write(bytes)) return;
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

  get over(): boolean {
    return this.ended !== undefined || this.stream.closed || this.stream.destroyed || this.stream.writableEnded;
  }

  /** Nothing follows from here. */
  end(): void {
    if (!this.over) this.stream.end();
  }

  /** The oldest message that fits; waits for it, but not longer than the call lives. */
  async next<T>(what: string, look: (message: unknown) => T | undefined): Promise<T> {
    const found = await this.nextOrEnd(what, look);
    if (found === undefined) throw new Error(`no ${what}: ${this.ended?.name}: ${this.ended?.details}`);
    return found;
  }

  /** The same; undefined: the call is over without it. */
  async nextOrEnd<T>(what: string, look: (message: unknown) => T | undefined): Promise<T | undefined> {
    const [found] = await eventually(what, () => {
      for (const [index, message] of this.received.entries()) {
        const fitting = look(message);
        if (fitting === undefined) continue;
        this.received.splice(index, 1);
        return [fitting];
      }
      return this.ended === undefined ? undefined : [undefined];
    });
    return found;
  }

  async status(): Promise<Ended> {
    return await eventually(`the end of ${this.name}`, () => this.ended);
  }

  #takeHeaders(headers: http2.IncomingHttpHeaders): void {
    const code = headers['grpc-status'];
    if (code === undefined) {
      if (String(headers[':status'] ?? 200) !== '200') {
        this.#status = { name: `HTTP ${String(headers[':status'])}`, details: '' };
      }
      return;
    }
    const details = decodeURIComponent(String(headers['grpc-message'] ?? ''));
    this.#status = { name: status[Number(code)] ?? `grpc-status ${String(code)}`, details };
  }

  #takeBytes(bytes: Buffer): void {
    this.#rest = this.#rest.length === 0 ? bytes : Buffer.concat([this.#rest, bytes]);
    while (this.#rest.length >= 5) {
      const length = this.#rest.readUInt32BE(1);
      if (this.#rest.length < 5 + length) return;
      const decoded = DELEGATE_SERVICE[this.name].responseDeserialize(this.#rest.subarray(5, 5 + length));
      this.messages += 1;
      this.received.push(decoded.kind === 'ok' ? decoded.message : decoded);
      if (this.received.length > KEPT) this.received.shift();
      this.#rest = this.#rest.subarray(5 + length);
    }
  }
}

/** Of what is received in a flood only the newest is of interest. */
const KEPT = 1_000;
