import { Readable } from 'node:stream';
import { OutriderError } from '@outrider/shared/errors.ts';
import type { FastifyReply } from 'fastify';
import type { Logger } from '../app/logger.ts';
import type { Answer } from './route.ts';
import { openSse } from './sse.ts';

/** Streams that may be open at once. */
export const MAX_STREAMS = 1_000;

export interface StreamContext {
  /** Those that are open; aborting one ends it, and its reader comes back. */
  readonly streams: Set<AbortController>;
  readonly logger: Logger;
}

/** Turns an answer into bytes. */
export async function sendAnswer(answer: Answer, reply: FastifyReply, context: StreamContext): Promise<void> {
  switch (answer.kind) {
    case 'json':
      reply.code(answer.status).headers({ 'content-type': 'application/json; charset=utf-8', ...answer.headers });
      await reply.send(JSON.stringify(answer.body));
      return;
    case 'text':
      reply.code(answer.status).headers({ 'content-type': answer.contentType, ...answer.headers });
      await reply.send(answer.text);
      return;
    case 'empty':
      await reply
        .code(answer.status)
        .headers({ ...answer.headers })
        .send();
      return;
    case 'chunks':
      reply.code(200).header('content-type', answer.contentType);
      await reply.send(Readable.from(answer.chunks));
      return;
    case 'bytes':
      await sendBytes(answer, reply, context.logger);
      return;
    case 'stream':
      await sendStream(answer.run, reply, context);
  }
}

/** Who reads a file slower than this keeps what it stands on too long. */
export const SEND_BYTES_LIMIT_MS = 1_800_000;

async function sendBytes(
  { contentType, length, content, headers, done }: Extract<Answer, { kind: 'bytes' }>,
  reply: FastifyReply,
  logger: Logger,
): Promise<void> {
  const body = Readable.from(content);
  const limit = setTimeout(() => body.destroy(new Error('its reader is too slow')), SEND_BYTES_LIMIT_MS);
  limit.unref();
  const end = () => {
    clearTimeout(limit);
    body.destroy();
    done().catch((thrown: unknown) => logger.error({ err: thrown }, 'what was sent could not be tidied up'));
  };
  // It may have gone away while the file was made.
  if (reply.raw.destroyed) end();
  else reply.raw.once('close', end);
  reply.code(200).headers({ ...headers, 'content-type': contentType, 'content-length': String(length) });
  await reply.send(body);
}

async function sendStream(
  run: Extract<Answer, { kind: 'stream' }>['run'],
  reply: FastifyReply,
  { streams, logger }: StreamContext,
): Promise<void> {
  if (streams.size >= MAX_STREAMS) {
    throw new OutriderError('overloaded', `${MAX_STREAMS} event streams are open already`);
  }
  const controller = new AbortController();
  streams.add(controller);
  reply.hijack();
  reply.raw.on('close', () => controller.abort());
  try {
    await run(openSse(reply.raw, controller.signal, { 'x-request-id': String(reply.getHeader('x-request-id')) }));
  } catch (thrown) {
    // The head is out: the reader can only be cut off, and comes back.
    logger.error({ err: thrown }, 'an event stream failed');
  } finally {
    streams.delete(controller);
    controller.abort();
    reply.raw.end();
  }
}
