import { lookup } from 'node:dns';
import { type ClientRequest, type IncomingMessage, request as plainRequest } from 'node:http';
import { request as secureRequest } from 'node:https';
import type { LookupFunction } from 'node:net';
import type { Post, PostOutcome, PostRequest } from '../app/webhooks/ports.ts';
import { hostOf, type Reach, refusalOfUrl } from './addresses.ts';

/** Of an answer's body this much is read, so that the connection ends in order; nothing of it is kept. */
const MAX_ANSWER_BYTES = 65_536;
const MAX_RETRY_AFTER_LENGTH = 64;

/**
 * Sends to receivers. The address that was looked up and judged is the one that is connected to, so that a name cannot lead
 * elsewhere the second time; each request has a connection of its own.
 */
export function createPost(reach: Reach): Post {
  return async (given) => {
    const refused = refusalOfUrl(reach, given.url);
    if (refused !== undefined) return { kind: 'failed', because: refused };
    const late = AbortSignal.timeout(given.timeoutMs);
    try {
      return await send(given, reach, AbortSignal.any([given.signal, late]));
    } catch (thrown) {
      if (late.aborted) return { kind: 'failed', because: `no answer within ${given.timeoutMs / 1_000} s` };
      return { kind: 'failed', because: reasonOf(thrown) };
    }
  };
}

async function send(given: PostRequest, reach: Reach, signal: AbortSignal): Promise<PostOutcome> {
  const url = new URL(given.url);
  const headers = { ...given.headers, 'content-length': String(Buffer.byteLength(given.body)), connection: 'close' };
  const options = {
    method: 'POST',
    headers,
    agent: false,
    signal,
    lookup: judgedLookup(reach, url.protocol),
    host: hostOf(url),
    path: `${url.pathname}${url.search}`,
    ...(url.port === '' ? {} : { port: Number(url.port) }),
  };
  const request = url.protocol === 'https:' ? secureRequest(options) : plainRequest(options);
  const answer = await answerOf(request, given.body);
  const retryAfter = answer.headers['retry-after']?.slice(0, MAX_RETRY_AFTER_LENGTH) ?? null;
  await readAway(answer);
  return { kind: 'answered', status: answer.statusCode ?? 0, retryAfter };
}

function answerOf(request: ClientRequest, body: string): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    request.once('response', resolve);
    // Stays: a connection that breaks after the answer must not end the process.
    request.on('error', reject);
    request.end(body);
  });
}

/** The status is known: how the body ends changes nothing. */
async function readAway(answer: IncomingMessage): Promise<void> {
  let bytes = 0;
  try {
    for await (const chunk of answer) {
      bytes += Buffer.isBuffer(chunk) ? chunk.length : 0;
      if (bytes > MAX_ANSWER_BYTES) break;
    }
  } catch {
    // It was cut off.
  }
  answer.destroy();
}

function judgedLookup(reach: Reach, protocol: string): LookupFunction {
  return (host, options, done) => {
    lookup(host, { ...options, all: true }, (error, found) => {
      if (error !== null) return done(error, []);
      const refusals = found.map(({ address }) => reach.refusal(address, protocol));
      const good = found.filter((_, index) => refusals[index] === undefined);
      const [first] = good;
      if (first === undefined) {
        const why = refusals.find((refusal) => refusal !== undefined) ?? 'it has no address';
        return done(new Error(`${host}: ${why}`), []);
      }
      if (options.all === true) return done(null, good);
      return done(null, first.address, first.family);
    });
  };
}

const MAX_REASON_LENGTH = 300;

function reasonOf(thrown: unknown): string {
  if (thrown instanceof AggregateError) return reasonOf(thrown.errors[0]);
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  return message.slice(0, MAX_REASON_LENGTH);
}
