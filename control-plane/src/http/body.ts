import type { Readable } from 'node:stream';
import { OutriderError } from '@outrider/shared/errors.ts';

/** Largest body of a request, in bytes: several documents, each below the limit of one document. */
export const MAX_BODY_BYTES = 4 * 1024 * 1024;
/**
 * A larger body is read and thrown away up to this, so that the client gets the answer that says so; one that goes on
 * is cut off.
 */
const MAX_DISCARDED_BYTES = 32 * 1024 * 1024;

export interface RawBody {
  /** Lower case, without parameters; empty when the header is absent. */
  readonly contentType: string;
  readonly bytes: Buffer;
}

/** @throws document-too-large; request-invalid when the connection breaks: who sent it is gone, and nothing of ours failed */
export async function readBody(stream: Readable, contentType: string | undefined): Promise<RawBody> {
  const chunks: Buffer[] = [];
  let size = 0;
  try {
    for await (const chunk of stream) {
      const bytes = Buffer.isBuffer(chunk) ? chunk : Buffer.from(String(chunk));
      size += bytes.length;
      if (size <= MAX_BODY_BYTES) chunks.push(bytes);
      else chunks.length = 0;
      if (size > MAX_DISCARDED_BYTES) break;
    }
  } catch (cause) {
    throw new OutriderError('request-invalid', 'The request was cut off before its body was whole', { cause });
  }
  if (size > MAX_BODY_BYTES) {
    const limit = `${MAX_BODY_BYTES / 1024 / 1024} MiB`;
    throw new OutriderError('document-too-large', `The body is larger than ${limit}`, {
      hint: `One document may have 1 MiB, a request ${limit}.`,
    });
  }
  return { contentType: (contentType ?? '').split(';')[0]?.trim().toLowerCase() ?? '', bytes: Buffer.concat(chunks) };
}

/** The body as JSON. @throws request-invalid, media-type-unsupported */
export function jsonBody(body: RawBody | undefined, mayBeEmpty: boolean): unknown {
  if (body === undefined || body.bytes.length === 0) {
    if (mayBeEmpty) return {};
    throw new OutriderError('request-invalid', 'The body is empty', { hint: 'Send a JSON object.' });
  }
  if (!/^application\/(?:[^+]+\+)?json$/.test(body.contentType))
    throw unsupported(body.contentType, 'application/json');
  return parseJson(text(body.bytes));
}

/** Resources as they were sent: YAML or JSON in any number of documents. */
export interface DocumentText {
  readonly format: 'json' | 'yaml';
  readonly text: string;
}

const YAML_TYPES = ['application/yaml', 'application/x-yaml', 'text/yaml', 'text/x-yaml', 'text/plain'];

/** @throws request-invalid, media-type-unsupported */
export function documentText(body: RawBody | undefined): DocumentText {
  if (body === undefined || body.bytes.length === 0) {
    throw new OutriderError('request-invalid', 'The body is empty', { hint: 'Send resources as YAML or JSON.' });
  }
  if (YAML_TYPES.includes(body.contentType)) return { format: 'yaml', text: text(body.bytes) };
  if (/^application\/(?:[^+]+\+)?json$/.test(body.contentType)) return { format: 'json', text: text(body.bytes) };
  throw unsupported(body.contentType, 'application/yaml or application/json');
}

/** @throws request-invalid with the parser's own words, which name the place */
export function parseJson(json: string): unknown {
  try {
    const value: unknown = JSON.parse(json);
    return value;
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new OutriderError('request-invalid', `The body is not JSON: ${why.slice(0, 300)}`, { cause });
  }
}

function text(bytes: Buffer): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new OutriderError('request-invalid', 'The body is not UTF-8 text', { cause });
  }
}

function unsupported(contentType: string, wanted: string): OutriderError {
  const found = contentType === '' ? 'There is no Content-Type' : `The Content-Type is ${contentType.slice(0, 100)}`;
  return new OutriderError('media-type-unsupported', found, { hint: `Send Content-Type: ${wanted}.` });
}
