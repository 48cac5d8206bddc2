import { problemError } from '@outrider/shared/api/problem.ts';
import { problem as problemSchema } from '@outrider/shared/api/schemas.ts';
import { OutriderError } from '@outrider/shared/errors.ts';
import type { z } from 'zod';
import { plainJson } from './render/text.ts';
import { readSse, type SseMessage } from './sse-reader.ts';

/** The control plane as the command line sees it: HTTP and nothing else. */
export interface ApiClient {
  readonly url: string;
  /**
   * `raw` is the answer as it came, for --json; `value` is what this version understands of it, fit for a terminal.
   * @throws the problem that the control plane answers, or `unreachable`
   */
  call<Schema extends z.ZodType>(
    method: 'GET' | 'POST' | 'PUT' | 'DELETE',
    path: string,
    schema: Schema,
    options?: CallOptions,
  ): Promise<{ readonly value: z.output<Schema>; readonly raw: unknown; readonly headers: Headers }>;
  /** A file that may be large and may take long to make. The body must be read to its end or left. */
  download(
    path: string,
    accept: string,
  ): Promise<{ readonly headers: Headers; readonly body: AsyncIterable<Uint8Array> }>;
  /** Text as it comes. */
  text(path: string, accept: string, query?: Query): Promise<string>;
  /**
   * Server-sent events after `lastId`. Ends when the server ends it; throws `unreachable` when the connection breaks:
   * call it again with the id of the last message.
   */
  stream(path: string, options: StreamOptions): AsyncGenerator<SseMessage, void, void>;
}

export type Query = Readonly<Record<string, string | number | undefined>>;
export interface CallOptions {
  readonly query?: Query;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}
export interface StreamOptions {
  readonly query?: Query;
  readonly lastId?: string | undefined;
  readonly signal: AbortSignal;
  /** The control plane has answered; messages follow. */
  readonly onOpen?: () => void;
}

const REQUEST_TIMEOUT_MS = 60_000;
const DOWNLOAD_TIMEOUT_MS = 1_800_000;
/** A stream says something every 15 s; one that is silent for longer is dead. */
const STREAM_SILENCE_MS = 45_000;

export function createClient(url: string, apiKey: string | undefined): ApiClient {
  const base = url.replace(/\/+$/, '');
  const authorization: Record<string, string> = apiKey === undefined ? {} : { authorization: `Bearer ${apiKey}` };

  async function send(method: string, path: string, options: CallOptions, accept: string, signal: AbortSignal) {
    const { query = {}, body, headers = {} } = options;
    const address = `${base}${path}${queryText(query)}`;
    const json: Record<string, string> = body === undefined ? {} : { 'content-type': 'application/json' };
    try {
      const response = await fetch(address, {
        method,
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        headers: { accept, ...authorization, ...json, ...headers },
        signal,
        redirect: 'error',
      });
      if (!response.ok) throw await problemOf(response, base);
      return response;
    } catch (thrown) {
      throw unreachable(thrown, base);
    }
  }

  return {
    url: base,
    async call(method, path, schema, options = {}) {
      const response = await send(method, path, options, 'application/json', AbortSignal.timeout(REQUEST_TIMEOUT_MS));
      const text = await response.text().catch((thrown: unknown) => {
        throw unreachable(thrown, base);
      });
      const raw = text === '' ? undefined : jsonOf(text, base);
      const parsed = schema.safeParse(plainJson(raw));
      if (parsed.success) return { value: parsed.data, raw, headers: response.headers };
      throw new OutriderError('protocol-version', `${base} answers in a way that this version does not understand`, {
        hint: 'Use the command line of the same version as the control plane: outrider version.',
        cause: parsed.error,
      });
    },
    async download(path, accept) {
      const response = await send('GET', path, {}, accept, AbortSignal.timeout(DOWNLOAD_TIMEOUT_MS));
      return { headers: response.headers, body: bodyOf(response, base) };
    },
    async text(path, accept, query = {}) {
      const response = await send('GET', path, { query }, accept, AbortSignal.timeout(REQUEST_TIMEOUT_MS));
      return response.text();
    },
    async *stream(path, { query = {}, lastId, signal, onOpen }) {
      const headers: Record<string, string> = lastId === undefined ? {} : { 'last-event-id': lastId };
      const response = await send('GET', path, { query, headers }, 'text/event-stream', signal);
      onOpen?.();
      if (response.body === null) return;
      try {
        yield* readSse(response.body, STREAM_SILENCE_MS);
      } catch (thrown) {
        throw unreachable(thrown, base);
      }
    },
  };
}

async function* bodyOf(response: Response, base: string): AsyncGenerator<Uint8Array, void, void> {
  if (response.body === null) return;
  try {
    for await (const part of response.body) yield part;
  } catch (thrown) {
    throw unreachable(thrown, base);
  }
}

/** A path with its parts percent-encoded. */
export function apiPath(...parts: readonly string[]): string {
  return `/v1/${parts.map(encodeURIComponent).join('/')}`;
}

function queryText(query: Query): string {
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined) parameters.set(name, String(value));
  }
  const text = parameters.toString();
  return text === '' ? '' : `?${text}`;
}

function jsonOf(text: string, base: string): unknown {
  try {
    const value: unknown = JSON.parse(text);
    return value;
  } catch (cause) {
    throw notOurs(base, cause);
  }
}

async function problemOf(response: Response, base: string): Promise<OutriderError> {
  const text = await response.text();
  const parsed = problemSchema.safeParse(jsonOf(text, base));
  if (parsed.success) return problemError(parsed.data);
  return notOurs(base, parsed.error, `status ${response.status}`);
}

function notOurs(base: string, cause: unknown, what = 'something that is not JSON'): OutriderError {
  return new OutriderError('unreachable', `${base} answers, but not as a control plane does: ${what}`, {
    hint: 'See that OUTRIDER_URL is the address of the control plane, with http or https as it listens.',
    cause,
  });
}

function unreachable(thrown: unknown, base: string): OutriderError {
  if (thrown instanceof OutriderError) return thrown;
  if (thrown instanceof Error && thrown.name === 'TimeoutError') {
    return new OutriderError('unreachable', `${base} did not answer within ${REQUEST_TIMEOUT_MS / 1_000} s`, {
      cause: thrown,
    });
  }
  const why = reasonOf(thrown);
  return new OutriderError('unreachable', `${base} does not answer: ${why}`, {
    hint: hintFor(why, base),
    cause: thrown,
  });
}

function hintFor(why: string, base: string): string {
  if (/CERT|SELF_SIGNED|ISSUER|ALTNAME/i.test(why)) {
    return 'Set OUTRIDER_CA_FILE to the certificate of the control plane, or OUTRIDER_URL to a name that it carries.';
  }
  if (why === NO_HTTP) return 'It may be the port of the delegates; OUTRIDER_URL names the one of the operator API.';
  if (why === NO_TLS) return 'Try OUTRIDER_URL with http://, or see which port the control plane listens on.';
  if (why === CUT && base.startsWith('http:')) return 'If it listens with TLS, OUTRIDER_URL begins with https://.';
  return 'Start one with `outrider dev`, or set OUTRIDER_URL to where it runs.';
}

const CUT = 'the connection was cut';
const NO_TLS = 'it does not speak TLS';
const NO_HTTP = 'it does not speak HTTP';
const REASONS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'nothing listens there',
  ENOTFOUND: 'there is no such host',
  EAI_AGAIN: 'the name cannot be resolved now',
  ECONNRESET: CUT,
  UND_ERR_SOCKET: CUT,
  ERR_SSL_WRONG_VERSION_NUMBER: NO_TLS,
  ERR_SSL_TLSV1_ALERT_NO_APPLICATION_PROTOCOL: NO_HTTP,
  ETIMEDOUT: 'no answer in time',
  UND_ERR_CONNECT_TIMEOUT: 'no answer in time',
};

function reasonOf(thrown: unknown): string {
  const cause = thrown instanceof Error && thrown.cause !== undefined ? thrown.cause : thrown;
  if (!(cause instanceof Error)) return String(cause);
  const code = 'code' in cause && typeof cause.code === 'string' ? cause.code : '';
  if (code === '') return cause.message;
  if (code.startsWith('HPE_')) return NO_HTTP;
  return REASONS[code] ?? `${cause.message} (${code})`;
}
