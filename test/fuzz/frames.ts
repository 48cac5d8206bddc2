import net from 'node:net';
import tls from 'node:tls';

/** HTTP/2 by hand: every frame is what the test says, right or wrong. */

export const PREFACE = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');

export const FRAME = {
  data: 0,
  headers: 1,
  priority: 2,
  rst: 3,
  settings: 4,
  pushPromise: 5,
  ping: 6,
  goaway: 7,
  windowUpdate: 8,
  continuation: 9,
} as const;

export const END_STREAM = 1;
export const END_HEADERS = 4;
export const ACK = 1;

export function frame(type: number, flags: number, stream: number, payload: Buffer = Buffer.alloc(0)): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head[3] = type;
  head[4] = flags;
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
}

/** Headers without compression; what may stand in them is not looked at. */
export function headerBlock(headers: readonly (readonly [name: string, value: string])[]): Buffer {
  return Buffer.concat(headers.flatMap(([name, value]) => [Buffer.from([0]), text(name), text(value)]));
}

/** A call of a method, as gRPC begins one. */
export function callHeaders(path: string, more: readonly (readonly [string, string])[] = []): Buffer {
  return headerBlock([
    [':method', 'POST'],
    [':scheme', 'http'],
    [':path', path],
    [':authority', 'localhost'],
    ['content-type', 'application/grpc'],
    ['te', 'trailers'],
    ...more,
  ]);
}

/** A gRPC message with the length and the flag that are given, whatever the body is. */
export function message(body: Buffer, length: number = body.length, compressed = 0): Buffer {
  const head = Buffer.alloc(5);
  head[0] = compressed;
  head.writeUInt32BE(length, 1);
  return Buffer.concat([head, body]);
}

function text(value: string): Buffer {
  const bytes = Buffer.from(value, 'latin1');
  return Buffer.concat([integer(bytes.length), bytes]);
}

/** HPACK's integer with a prefix of 7 bits. */
function integer(value: number): Buffer {
  if (value < 127) return Buffer.from([value]);
  const bytes = [127];
  let rest = value - 127;
  for (; rest >= 128; rest = Math.floor(rest / 128)) bytes.push((rest % 128) + 128);
  return Buffer.from([...bytes, rest]);
}

export interface Address {
  readonly port: number;
  /** With TLS: what signed the certificate. */
  readonly caPem?: string | undefined;
}

/** One socket of a bad peer. What comes back is counted, not kept. */
export class RawPeer {
  readonly socket: net.Socket;
  bytesReceived = 0;
  /** Why the other side ended the connection, as HTTP/2 says it; undefined: it has not. */
  goaway: number | undefined;
  readonly resets = new Map<number, number>();
  closed = false;
  #rest: Buffer = Buffer.alloc(0);

  private constructor(socket: net.Socket) {
    this.socket = socket;
    socket.on('error', () => {});
    socket.on('close', () => {
      this.closed = true;
    });
    socket.on('data', (bytes: Buffer) => this.#read(bytes));
  }

  /** Resolves when the connection stands, TLS included. */
  static async dial({ port, caPem }: Address): Promise<RawPeer> {
    const socket =
      caPem === undefined
        ? net.connect(port, '127.0.0.1')
        : tls.connect({ port, host: '127.0.0.1', ca: caPem, ALPNProtocols: ['h2'] });
    const peer = new RawPeer(socket);
    await new Promise<void>((resolve) => {
      socket.once(caPem === undefined ? 'connect' : 'secureConnect', () => resolve());
      socket.once('close', () => resolve());
    });
    return peer;
  }

  /** Dials and says what HTTP/2 begins with. */
  static async greet(address: Address): Promise<RawPeer> {
    const peer = await RawPeer.dial(address);
    await peer.write(Buffer.concat([PREFACE, frame(FRAME.settings, 0, 0)]));
    return peer;
  }

  /** Resolves when there is room for more, or nobody to send it to. */
  async write(bytes: Buffer): Promise<void> {
    if (this.closed || this.socket.destroyed || this.socket.write(bytes)) return;
    await new Promise<void>((resolve) => {
      const done = () => {
        this.socket.off('drain', done);
        this.socket.off('close', done);
        resolve();
      };
      this.socket.on('drain', done);
      this.socket.on('close', done);
    });
  }

  destroy(): void {
    this.socket.destroy();
  }

  #read(bytes: Buffer): void {
    this.bytesReceived += bytes.length;
    this.#rest = this.#rest.length === 0 ? bytes : Buffer.concat([this.#rest, bytes]);
    while (this.#rest.length >= 9) {
      const length = this.#rest.readUIntBE(0, 3);
      if (this.#rest.length < 9 + length) return;
      const type = this.#rest[3];
      const body = this.#rest.subarray(9, 9 + length);
      if (type === FRAME.goaway && length >= 8) this.goaway = body.readUInt32BE(4);
      if (type === FRAME.rst && length === 4) {
        const code = body.readUInt32BE(0);
        this.resets.set(code, (this.resets.get(code) ?? 0) + 1);
      }
      this.#rest = this.#rest.subarray(9 + length);
    }
  }
}
