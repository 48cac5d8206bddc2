import type { IncomingMessage } from 'node:http';
import { request } from 'node:https';

/** Where the control plane's API is, and what signs its certificate. */
export interface Endpoint {
  readonly port: number;
  readonly ca: string;
}

export interface ApiAccess {
  readonly endpoint: Endpoint;
  readonly apiKey: string;
}

export interface Answer {
  readonly status: number;
  readonly body: Readonly<Record<string, unknown>>;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
}

export interface CallOptions {
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  readonly timeoutMs?: number;
  /** The answer comes as far as this machine and no further. */
  readonly loseAnswer?: boolean;
}

const TIMEOUT_MS = 3_000;

/** One request over a connection of its own. Throws when there is no whole answer in time: nobody knows then what was done. */
export async function call(
  access: ApiAccess,
  method: 'GET' | 'POST' | 'PUT',
  path: string,
  { body, headers = {}, timeoutMs = TIMEOUT_MS, loseAnswer = false }: CallOptions,
): Promise<Answer> {
  const signal = AbortSignal.timeout(timeoutMs);
  const response = await open(access, method, path, { 'content-type': 'application/json', ...headers }, signal, body);
  if (loseAnswer) {
    response.destroy();
    throw new Error('the answer is lost');
  }
  const chunks: Buffer[] = [];
  for await (const chunk of response) if (Buffer.isBuffer(chunk)) chunks.push(chunk);
  if (!response.complete) throw new Error('the answer was cut off');
  const text = Buffer.concat(chunks).toString('utf8');
  const parsed: unknown = text === '' ? {} : JSON.parse(text);
  return { status: response.statusCode ?? 0, body: Object(parsed), headers: response.headers };
}

/** Begins a request and answers when its head has come. */
export async function open(
  { endpoint, apiKey }: ApiAccess,
  method: string,
  path: string,
  headers: Readonly<Record<string, string>>,
  signal: AbortSignal,
  body?: unknown,
): Promise<IncomingMessage> {
  return await new Promise((resolve, reject) => {
    const sent = request(
      {
        host: '127.0.0.1',
        port: endpoint.port,
        ca: endpoint.ca,
        path,
        method,
        agent: false,
        signal,
        headers: { authorization: `Bearer ${apiKey}`, ...headers },
      },
      resolve,
    );
    sent.on('error', reject);
    sent.end(body === undefined ? undefined : JSON.stringify(body));
  });
}
