import { createServer as createPlainServer, type RequestListener, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { Duplex, Readable } from 'node:stream';
import { OutriderError } from '@outrider/shared/errors.ts';
import Fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import type { Logger } from '../app/logger.ts';
import type { Randomness } from '../app/ports.ts';
import type { Actor } from '../auth/api-keys.ts';
import { formatAddress, type ListenAddress } from '../config.ts';
import { sendAnswer } from './answer.ts';
import { type Authenticate, actorOf, LOCAL_ACTOR } from './authenticate.ts';
import { type RawBody, readBody } from './body.ts';
import { isLocalRequest } from './loopback.ts';
import { PROBLEM_TYPE, problemDocument, requestError } from './problem.ts';
import type { Route } from './route.ts';
import { withoutSecret } from './secret-paths.ts';

export interface HttpServerOptions {
  readonly listen: ListenAddress;
  readonly routes: readonly Route[];
  /** Null: no keys are asked for, and only this machine's own tools are answered. */
  readonly authenticate: Authenticate | null;
  /** Null: plain HTTP. */
  readonly tls: ServerIdentity | null;
  readonly logger: Logger;
  readonly randomness: Randomness;
  /** Told after every answer. */
  readonly onAnswered?: (route: string, method: string, status: number, seconds: number) => void;
}

/** What the listener presents; renewed while it runs. */
export interface ServerIdentity {
  current(): PemPair;
  onRenewed(listener: (material: PemPair) => void): () => void;
}
export interface PemPair {
  readonly certificateChainPem: string;
  readonly privateKeyPem: string;
}

export interface HttpServer {
  /** `http://127.0.0.1:8800` */
  readonly url: string;
  /** Lets running requests finish for a moment and ends streams, whose readers come back. */
  close(): Promise<void>;
}

const MAX_CONNECTIONS = 4_096;
/** A request must have arrived whole within this. */
const REQUEST_TIMEOUT_MS = 60_000;
const KEEP_ALIVE_TIMEOUT_MS = 72_000;
/** After this, what is still open is cut off. */
const CLOSE_TIMEOUT_MS = 5_000;
/** Longest name in a path: 128 characters, each percent-encoded. */
const MAX_PARAMETER_LENGTH = 1_024;

/** What is known of a request before its handler runs. */
interface Exchange {
  readonly id: string;
  readonly startedMs: number;
  actor: Actor | undefined;
}

/** Starts the operator API. @throws configuration-invalid when the address cannot be listened on */
export async function startHttpServer(options: HttpServerOptions): Promise<HttpServer> {
  const { listen, logger } = options;
  const streams = new Set<AbortController>();
  const app = createApp(options, streams);
  try {
    await app.listen({ host: listen.host, port: listen.port });
  } catch (cause) {
    throw listenError('OUTRIDER_HTTP_ADDR', listen, cause);
  }
  const url = `${options.tls === null ? 'http' : 'https'}://${formatAddress(boundAddress(app.server, listen))}`;
  return {
    url,
    async close() {
      for (const stream of streams) stream.abort();
      const closed = app.close();
      await answered(app.server);
      // Also connections that were opened in advance and never used: they count as busy.
      app.server.closeAllConnections();
      await closed;
      logger.debug({ url }, 'the operator API is closed');
    },
  };
}

const unanswered = new WeakMap<Server, Set<ServerResponse>>();

/** Resolves when no request waits for its answer any more, or when there was time enough. */
async function answered(server: Server): Promise<void> {
  const responses = unanswered.get(server) ?? new Set();
  if (responses.size === 0) return;
  await new Promise<void>((resolve) => {
    const timer = setTimeout(resolve, CLOSE_TIMEOUT_MS);
    for (const response of responses) {
      response.once('close', () => {
        if (responses.size > 0) return;
        clearTimeout(timer);
        resolve();
      });
    }
  });
}

function countUnanswered(server: Server): void {
  const responses = new Set<ServerResponse>();
  unanswered.set(server, responses);
  server.on('request', (_request, response: ServerResponse) => {
    responses.add(response);
    response.on('close', () => responses.delete(response));
  });
}

/** What went wrong with listening, in words that name the variable. */
export function listenError(variable: string, listen: ListenAddress, cause: unknown): OutriderError {
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : '';
  const where = formatAddress(listen);
  if (code === 'EADDRINUSE') {
    return new OutriderError('configuration-invalid', `${where} is in use by another process`, {
      hint: `Stop the other process, or set ${variable} to another address.`,
      cause,
    });
  }
  const why = cause instanceof Error ? cause.message : String(cause);
  return new OutriderError('configuration-invalid', `Cannot listen on ${where}: ${why}`, {
    hint: `Set ${variable} to an address of this machine.`,
    cause,
  });
}

function boundAddress(server: Server, wished: ListenAddress): ListenAddress {
  const address: AddressInfo | string | null = server.address();
  return address === null || typeof address === 'string' ? wished : { host: wished.host, port: address.port };
}

function createApp(options: HttpServerOptions, streams: Set<AbortController>): FastifyInstance {
  const app: FastifyInstance = Fastify({
    serverFactory: (handler) => createServer(handler, options.tls),
    exposeHeadRoutes: false,
    // Idle connections are closed at once; close() above sees to the busy ones.
    forceCloseConnections: 'idle',
    routerOptions: { maxParamLength: MAX_PARAMETER_LENGTH },
    clientErrorHandler: answerMalformed,
    frameworkErrors: (error, request, reply) => {
      void sendProblem(request, reply, error);
    },
  });
  const exchanges = new WeakMap<FastifyRequest, Exchange>();
  const exchangeOf = (request: FastifyRequest): Exchange => {
    let exchange = exchanges.get(request);
    if (exchange === undefined) {
      const id = `req_${Buffer.from(options.randomness.bytes(9)).toString('hex')}`;
      exchange = { id, startedMs: performance.now(), actor: undefined };
      exchanges.set(request, exchange);
    }
    return exchange;
  };

  async function sendProblem(request: FastifyRequest, reply: FastifyReply, thrown: unknown): Promise<void> {
    const error = requestError(thrown);
    const { id } = exchangeOf(request);
    const document = problemDocument(error, pathOf(request), id);
    if (document.status >= 500) options.logger.error({ err: thrown, requestId: id }, `${request.method} failed`);
    if (error.code === 'not-authenticated') reply.header('www-authenticate', 'Bearer realm="outrider"');
    await reply.code(document.status).header('content-type', PROBLEM_TYPE).send(JSON.stringify(document));
  }

  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', (request: FastifyRequest, payload: Readable) =>
    readBody(payload, request.headers['content-type']),
  );
  app.setErrorHandler((error, request, reply) => sendProblem(request, reply, error));
  app.setNotFoundHandler((request, reply) => sendProblem(request, reply, notFound(request, reply, options.routes)));
  app.addHook('onRequest', async (request, reply) => {
    const { id } = exchangeOf(request);
    reply.headers({ 'x-request-id': id, 'x-content-type-options': 'nosniff', 'cache-control': 'no-store' });
    if (options.authenticate === null && !isLocalRequest(request.headers.host, request.headers.origin)) {
      throw new OutriderError('not-permitted', 'Without keys, only requests from this machine itself are answered', {
        hint: 'Call it as 127.0.0.1 or localhost, and not from a page of another site.',
      });
    }
  });
  app.addHook('onResponse', async (request, reply) => {
    const { startedMs, actor, id } = exchangeOf(request);
    const seconds = (performance.now() - startedMs) / 1_000;
    const route = request.routeOptions.url ?? 'none';
    options.onAnswered?.(route, request.method, reply.statusCode, seconds);
    const fields = { requestId: id, method: request.method, path: pathOf(request), status: reply.statusCode };
    options.logger.debug({ ...fields, by: actor?.name, seconds }, 'answered');
  });
  for (const route of options.routes) addRoute(app, route, { options, streams, exchangeOf });
  return app;
}

/** What is not HTTP, or too long, or too slow: there is no request to answer, only a socket. */
function answerMalformed(error: Error & { readonly code?: string }, socket: Duplex): void {
  if (!socket.writable) return;
  const why = MALFORMED[error.code ?? ''] ?? 'The request is not HTTP that can be read';
  const document = problemDocument(new OutriderError('request-invalid', why), '', '');
  const body = JSON.stringify(document);
  socket.end(
    `HTTP/1.1 400 Bad Request\r\ncontent-type: ${PROBLEM_TYPE}\r\ncontent-length: ${Buffer.byteLength(body)}\r\nconnection: close\r\n\r\n${body}`,
  );
}

const MALFORMED: Readonly<Record<string, string>> = {
  HPE_HEADER_OVERFLOW: 'The head of the request is larger than 16 KiB',
  ERR_HTTP_REQUEST_TIMEOUT: `The request did not arrive within ${REQUEST_TIMEOUT_MS / 1_000} s`,
};

function createServer(handler: RequestListener, identity: ServerIdentity | null): Server {
  const limits = { requestTimeout: REQUEST_TIMEOUT_MS, keepAliveTimeout: KEEP_ALIVE_TIMEOUT_MS };
  const server = identity === null ? createPlainServer(limits, handler) : createSecureServer(limits, handler, identity);
  server.maxConnections = MAX_CONNECTIONS;
  countUnanswered(server);
  return server;
}

function createSecureServer(limits: object, handler: RequestListener, identity: ServerIdentity): Server {
  const secureContext = ({ certificateChainPem, privateKeyPem }: PemPair) => ({
    cert: certificateChainPem,
    key: privateKeyPem,
    minVersion: 'TLSv1.2' as const,
  });
  const server = createTlsServer({ ...limits, ...secureContext(identity.current()) }, handler);
  const stopRenewing = identity.onRenewed((material) => server.setSecureContext(secureContext(material)));
  server.on('close', stopRenewing);
  return server;
}

function addRoute(
  app: FastifyInstance,
  route: Route,
  context: {
    readonly options: HttpServerOptions;
    readonly streams: Set<AbortController>;
    readonly exchangeOf: (request: FastifyRequest) => Exchange;
  },
): void {
  const { options, streams, exchangeOf } = context;
  app.route({
    method: route.method,
    url: route.path.replace(/\{([A-Za-z]+)\}/g, ':$1'),
    onRequest: async (request) => {
      if (route.permission === 'public') return;
      exchangeOf(request).actor = await actorOf(request.headers.authorization, options.authenticate, route.permission);
    },
    handler: async (request, reply) => {
      const answer = await route.run({
        method: request.method,
        path: pathOf(request),
        params: request.params,
        query: request.query,
        body: isRawBody(request.body) ? request.body : undefined,
        headers: request.headers,
        actor: exchangeOf(request).actor ?? LOCAL_ACTOR,
      });
      await sendAnswer(answer, reply, { streams, logger: options.logger });
      return reply;
    },
  });
}

function notFound(request: FastifyRequest, reply: FastifyReply, routes: readonly Route[]): OutriderError {
  const path = pathOf(request);
  const methods = routes.filter((route) => patternOf(route.path).test(path)).map((route) => route.method);
  if (methods.length === 0) {
    return new OutriderError('not-found', `There is no ${path.slice(0, 200)} here`, { hint: 'See /openapi.json.' });
  }
  reply.header('allow', methods.join(', '));
  return new OutriderError('method-not-allowed', `${request.method} is not for ${path.slice(0, 200)}`, {
    hint: `Use ${methods.join(' or ')}.`,
  });
}

function patternOf(path: string): RegExp {
  return new RegExp(`^${path.replaceAll('.', '\\.').replace(/\{[A-Za-z]+\}/g, '[^/]+')}$`);
}

/** As it may be logged and answered. */
function pathOf(request: FastifyRequest): string {
  return withoutSecret(request.url.split('?', 1)[0] ?? '');
}

function isRawBody(body: unknown): body is RawBody {
  return typeof body === 'object' && body !== null && 'bytes' in body && Buffer.isBuffer(body.bytes);
}
