import { type LookupAddress, lookup } from 'node:dns';
import { isIP, type LookupFunction } from 'node:net';
import { runInNewContext } from 'node:vm';
import { Agent, type Dispatcher, EnvHttpProxyAgent, request } from 'undici';
import { stoppedBy } from '../steps/stopped.ts';
import type { HttpAnswer, HttpClient, HttpRequest } from './ports.ts';

const MATCH_LIMIT_MS = 1_000;
const CONNECTIONS_PER_HOST = 8;

/**
 * Requests of workflows over undici. HTTP_PROXY, HTTPS_PROXY and NO_PROXY count. Link-local addresses are refused: behind
 * them are the delegate's own credentials, which no answer may carry into a log.
 */
export function createHttpClient(environment: NodeJS.ProcessEnv = process.env): HttpClient {
  let shared: Dispatcher | undefined;
  const dispatcher = () => {
    shared ??= dispatcherFor(environment);
    return shared;
  };
  return {
    send: async (given, signal) => await send(given, signal, dispatcher()),
    matches(pattern, text) {
      // In a context of its own, since only there can a pattern that takes for ever be cut off.
      try {
        const found: unknown = runInNewContext(
          'new RegExp(pattern, "u").test(text)',
          { pattern, text },
          {
            timeout: MATCH_LIMIT_MS,
          },
        );
        return found === true;
      } catch {
        return undefined;
      }
    },
  };
}

function dispatcherFor(environment: NodeJS.ProcessEnv): Dispatcher {
  const options = { connections: CONNECTIONS_PER_HOST, connect: { lookup: guardedLookup } };
  const given = (name: string) => environment[name] ?? environment[name.toLowerCase()];
  const [httpProxy, httpsProxy, noProxy] = ['HTTP_PROXY', 'HTTPS_PROXY', 'NO_PROXY'].map(given);
  if (httpProxy === undefined && httpsProxy === undefined) return new Agent(options);
  return new EnvHttpProxyAgent({
    ...options,
    ...(httpProxy === undefined ? {} : { httpProxy }),
    ...(httpsProxy === undefined ? {} : { httpsProxy }),
    ...(noProxy === undefined ? {} : { noProxy }),
  });
}

async function send(given: HttpRequest, signal: AbortSignal, dispatcher: Dispatcher): Promise<HttpAnswer> {
  if (signal.aborted) throw stoppedBy(signal);
  const { method, url, headers, body, timeoutMs, bodyLimitBytes } = given;
  const host = new URL(url).hostname.replace(/^\[|\]$/g, '');
  if (isIP(host) !== 0 && isLinkLocal(host)) return { kind: 'failed', why: LINK_LOCAL };
  const limit = AbortSignal.timeout(timeoutMs);
  try {
    const answer = await request(url, {
      method,
      headers: { 'user-agent': 'outrider-delegate', ...headers },
      ...(body === undefined ? {} : { body }),
      dispatcher,
      signal: AbortSignal.any([signal, limit]),
    });
    const { text, truncated } = await limitedText(answer.body, bodyLimitBytes);
    return { kind: 'answered', status: answer.statusCode, body: text, truncated };
  } catch (error) {
    if (signal.aborted) throw stoppedBy(signal);
    return { kind: 'failed', why: limit.aborted ? `no answer within ${timeoutMs / 1_000} s` : reasonOf(error) };
  }
}

async function limitedText(
  body: AsyncIterable<unknown> & { destroy(): unknown },
  limitBytes: number,
): Promise<{ readonly text: string; readonly truncated: boolean }> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of body) {
    if (!(chunk instanceof Uint8Array)) continue;
    chunks.push(chunk);
    size += chunk.length;
    if (size > limitBytes) break;
  }
  // Ends the connection when there is more; the rest is nobody's concern.
  body.destroy();
  return { text: Buffer.concat(chunks).subarray(0, limitBytes).toString('utf8'), truncated: size > limitBytes };
}

const LINK_LOCAL = 'link-local addresses are not asked: the credentials of the delegate are there';

/** 169.254.0.0/16, fe80::/10, and the two that AWS uses for IPv6. */
function isLinkLocal(address: string): boolean {
  const text = address.toLowerCase();
  const mapped = /^::ffff:(.+)$/.exec(text)?.[1];
  if (mapped !== undefined) return mapped.startsWith('169.254.') || mapped.startsWith('a9fe:');
  return text.startsWith('169.254.') || /^fe[89ab][0-9a-f]:/.test(text) || text.startsWith('fd00:ec2:');
}

const guardedLookup: LookupFunction = (hostname, options, callback) => {
  lookup(hostname, { ...options, all: true }, (error, addresses: readonly LookupAddress[]) => {
    if (error !== null) return callback(error, []);
    const allowed = addresses.filter(({ address }) => !isLinkLocal(address));
    const [first] = allowed;
    if (first === undefined) return callback(new Error(LINK_LOCAL), []);
    if (options.all === true) return callback(null, [...allowed]);
    return callback(null, first.address, first.family);
  });
};

/** The system's word for it where there is one, such as ECONNREFUSED. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (error instanceof AggregateError && error.errors.length > 0) return reasonOf(error.errors[0]);
  const code = 'code' in error ? error.code : undefined;
  const message = error.message === '' ? error.name : error.message;
  return typeof code === 'string' && !message.includes(code) ? `${message} (${code})` : message;
}
