import { z } from 'zod';

/** Entries of a page when the request does not say. */
const DEFAULT_LIMIT = 50;
const MAX_LIMIT = 200;

/** Query parameters of every list. */
export const pageQuery = {
  limit: z.coerce.number().int().min(1).max(MAX_LIMIT).default(DEFAULT_LIMIT),
  cursor: z.string().min(1).max(1_024).optional().describe('`nextCursor` of the page before'),
};

/** The header that leads to the next page; none on the last. */
export function nextLink(
  path: string,
  query: Readonly<Record<string, string | number | readonly string[] | undefined>>,
  nextCursor: string | null,
): Record<string, string> {
  if (nextCursor === null) return {};
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined && name !== 'cursor') parameters.set(name, String(value));
  }
  parameters.set('cursor', nextCursor);
  return { link: `<${path}?${parameters.toString()}>; rel="next"` };
}
