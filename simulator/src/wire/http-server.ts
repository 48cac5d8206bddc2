import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { EncodedResponse } from './encode.ts';
import { handleCall, type WireContext } from './handle-call.ts';

/** Request bodies beyond this are refused, as AWS refuses them. */
const MAX_BODY_BYTES = 1_048_576;

/** Answers paths under `/_simulator/`; undefined for any other path. */
export type ControlHandler = (request: {
  readonly method: string;
  readonly url: URL;
  readonly body: string;
}) => Promise<EncodedResponse | undefined>;

/** Starts the one HTTP server of the simulator. Port 0 picks a free one. Rejects when the address is taken. */
export async function startHttpServer(
  context: WireContext,
  control: ControlHandler,
  address: { readonly host: string; readonly port: number },
): Promise<{ readonly server: Server; readonly port: number }> {
  const server = createServer((request, response) => {
    // A caller that hangs up in the middle of its own request needs no answer.
    serve(context, control, request, response).catch(() => response.destroy());
  });
  server.keepAliveTimeout = 30_000;
  await listen(server, address.host, address.port);
  return { server, port: portOf(server.address()) };
}

/** Listens, or rejects with the address in words and the system's `code` (EADDRINUSE, EADDRNOTAVAIL, EACCES …). */
export async function listen(server: Server, host: string, port: number): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error) => reject(listenFailure(error, host, port)));
    server.listen(port, host, () => {
      server.removeAllListeners('error');
      resolve();
    });
  });
}

function listenFailure(cause: Error, host: string, port: number): Error {
  const code = 'code' in cause && typeof cause.code === 'string' ? cause.code : '';
  const why =
    code === 'EADDRINUSE' ? 'the port is taken, perhaps by another simulator; 0 picks a free one' : cause.message;
  return Object.assign(new Error(`The simulator cannot listen on ${host}:${port}: ${why}`, { cause }), { code });
}

/** Ends the server and every connection it still holds. */
export async function stopHttpServer(server: Server): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  server.closeAllConnections();
  await closed;
}

export function portOf(address: AddressInfo | string | null): number {
  return typeof address === 'object' && address !== null ? address.port : 0;
}

async function serve(
  context: WireContext,
  control: ControlHandler,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const hungUp = new AbortController();
  response.on('close', () => hungUp.abort());
  const body = await readBody(request);
  if (body === undefined) {
    send(response, {
      status: 413,
      headers: { 'content-type': 'text/plain', connection: 'close' },
      body: 'Request body too large\n',
    });
    return;
  }
  const url = new URL(request.url ?? '/', 'http://simulator');
  const method = request.method ?? 'GET';
  const controlled = await control({ method, url, body });
  if (controlled !== undefined) {
    send(response, controlled);
    return;
  }
  const answer = await handleCall(context, { method, url, headers: request.headers, body }, hungUp.signal);
  if (answer.kind === 'hang-up') response.destroy();
  else send(response, answer.response);
}

async function readBody(request: IncomingMessage): Promise<string | undefined> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request) {
    if (!(chunk instanceof Buffer)) continue;
    size += chunk.length;
    if (size > MAX_BODY_BYTES) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function send(response: ServerResponse, encoded: EncodedResponse): void {
  const body = Buffer.from(encoded.body, 'utf8');
  response.writeHead(encoded.status, { ...encoded.headers, 'content-length': String(body.length) });
  response.end(body);
}
