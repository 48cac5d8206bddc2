import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import { eventually } from './processes.ts';

/** A receiver of webhooks on loopback that keeps what it gets and answers what the test says. */
export interface Receiver {
  readonly url: string;
  readonly received: readonly Received[];
  /** What it answers from now on; `hang`: nothing. */
  answer(status: number | 'hang', headers?: Readonly<Record<string, string>>): void;
  /** Waits for this many requests in all. */
  until(count: number): Promise<readonly Received[]>;
  close(): Promise<void>;
}
export interface Received {
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

export async function startReceiver(): Promise<Receiver> {
  const received: Received[] = [];
  let status: number | 'hang' = 204;
  let answerHeaders: Readonly<Record<string, string>> = {};
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('error', () => undefined);
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      received.push({ path: request.url ?? '', headers: request.headers, body: Buffer.concat(chunks).toString() });
      if (status !== 'hang') response.writeHead(status, { ...answerHeaders }).end('what it says is nobody’s business');
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (typeof address !== 'object' || address === null) throw new Error('no port');
  return {
    url: `http://127.0.0.1:${address.port}/hook`,
    received,
    answer(next, headers = {}) {
      status = next;
      answerHeaders = headers;
    },
    until: (count) => eventually(`${count} requests arrive`, () => (received.length >= count ? received : undefined)),
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}
