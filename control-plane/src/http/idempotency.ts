import { OutriderError } from '@outrider/shared/errors.ts';

/**
 * The header `Idempotency-Key`, with the quotes of draft-ietf-httpapi-idempotency-key-header or without them.
 * @throws request-invalid when it is there and is no key
 */
export function idempotencyKeyOf(header: string | string[] | undefined): string | undefined {
  if (header === undefined) return undefined;
  const key = typeof header === 'string' ? unquoted(header.trim()) : undefined;
  if (key !== undefined && /^[ -~]{1,255}$/.test(key)) return key;
  throw new OutriderError('request-invalid', 'The header Idempotency-Key is not a key', {
    hint: 'Send 1 to 255 printable characters, in quotes or without.',
  });
}

function unquoted(header: string): string | undefined {
  if (!header.startsWith('"')) return header;
  const inner = /^"((?:[^"\\]|\\["\\])*)"$/.exec(header)?.[1];
  return inner?.replace(/\\(["\\])/g, '$1');
}
