import { z } from 'zod';
import { defineStep, SECTIONS } from './define.ts';
import { AUTHOR, type Fields, holdsExpression, RENDERED } from './fields.ts';

export const HTTP_METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'] as const;

/** How much of an answer's body is looked at and told, in bytes. */
export const HTTP_BODY_LIMIT_BYTES = 65_536;
/** How much of it goes into the step's output, in characters. */
export const HTTP_OUTPUT_BODY_LIMIT = 16_384;

const REQUEST_TIMEOUT = { usual: 10, min: 1, max: 300 };
const ATTEMPTS = { usual: 1, min: 1, max: 1_000 };
const INTERVAL = { usual: 5, min: 1, max: 3_600 };

/** First and last status that count, both included. */
export interface StatusRange {
  readonly from: number;
  readonly to: number;
}

const STATUS = 'Statuses that are right: `200`, `200-299` or several of them with commas.';
const STATUS_HINT = 'write a status (200), a range (200-299), or several with commas';
const STATUSES_USUAL = '200-299';
const STATUSES_MAX = 20;

/** Reads `200`, `"200-299"` or `"200, 204, 300-399"`; statuses lie in 100–599. Anything else is `undefined`. */
export function parseStatuses(value: unknown): readonly StatusRange[] | undefined {
  const text = typeof value === 'number' ? String(value) : value;
  if (typeof text !== 'string') return undefined;
  const ranges = text.split(',').map(rangeOf);
  const whole = ranges.filter((range) => range !== undefined);
  return whole.length === ranges.length && whole.length <= STATUSES_MAX ? whole : undefined;
}

function rangeOf(text: string): StatusRange | undefined {
  const [, first, last] = /^\s*([1-5][0-9]{2})\s*(?:-\s*([1-5][0-9]{2})\s*)?$/.exec(text) ?? [];
  if (first === undefined) return undefined;
  const range = { from: Number(first), to: Number(last ?? first) };
  return range.from <= range.to ? range : undefined;
}

const authorStatus = z
  .union([z.number(), z.string()])
  .refine(
    (value) => (typeof value === 'string' && holdsExpression(value)) || parseStatuses(value) !== undefined,
    STATUS_HINT,
  )
  .describe(STATUS)
  .default(STATUSES_USUAL);

const renderedStatus = z
  .union([z.number(), z.string()])
  .default(STATUSES_USUAL)
  .transform((value, context): readonly StatusRange[] => {
    const ranges = parseStatuses(value);
    if (ranges !== undefined) return ranges;
    context.addIssue({ code: 'custom', message: `${JSON.stringify(value)} is no status: ${STATUS_HINT}` });
    return z.NEVER;
  })
  .describe(STATUS);

/** What an expression gives may be a number or true/false; the text of it is sent or looked for. */
const scalarText = z.union([z.string(), z.number(), z.boolean()]).transform(String);

function fields<Integer, Flag, Status extends z.ZodType, Text extends z.ZodType>(
  f: Fields<Integer, Flag>,
  status: Status,
  text: (description: string) => Text,
) {
  return {
    url: f.text('Where to ask: http:// or https://, as the delegate reaches it.'),
    method: z
      .enum(HTTP_METHODS)
      .describe('HTTP method. Others than GET and HEAD may reach the service more than once.')
      .default('GET'),
    headers: z
      .record(z.string().regex(/^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,128}$/, 'expected the name of a header'), text('Value.'))
      .describe('Headers of the request; their values are not logged.')
      .default({}),
    body: text('Body of the request.').optional(),
    status,
    bodyContains: text('A text that the body must have.').optional(),
    bodyMatches: text('A regular expression (JavaScript) that the body must match.').optional(),
    json: z
      .array(
        z.strictObject({
          path: f.text('Path into the JSON body: `status` or `checks[0].state`.'),
          equals: text('The value there, as text.'),
        }),
      )
      .max(20)
      .describe('Values that the body, read as JSON, must have.')
      .default([]),
    requestTimeoutSeconds: f
      .integer('How long one request may take, in seconds. 10 when left out.', REQUEST_TIMEOUT)
      .optional(),
    attempts: f
      .integer('How many requests altogether, until the check has passed. 1 when left out.', ATTEMPTS)
      .optional(),
    intervalSeconds: f.integer('Time between two requests, in seconds. 5 when left out.', INTERVAL).optional(),
    consecutiveSuccesses: f
      .integer('How many right answers in a row are needed. 1 when left out.', ATTEMPTS)
      .optional(),
  };
}

const author = z.strictObject(
  fields(AUTHOR, authorStatus, (description) =>
    z.union([z.string().max(65_536), z.number(), z.boolean()]).describe(description),
  ),
);

const rendered = z
  .strictObject(fields(RENDERED, renderedStatus, (description) => scalarText.describe(description)))
  .refine((given) => isHttpUrl(given.url), { path: ['url'], message: 'expected an http:// or https:// address' })
  .refine((given) => (given.consecutiveSuccesses ?? 1) <= (given.attempts ?? 1), {
    path: ['consecutiveSuccesses'],
    message: 'there are fewer attempts than successes that are needed',
  })
  .refine((given) => given.bodyMatches === undefined || isPattern(given.bodyMatches), {
    path: ['bodyMatches'],
    message: 'that is no regular expression',
  })
  .refine((given) => given.body === undefined || (given.method !== 'GET' && given.method !== 'HEAD'), {
    path: ['body'],
    message: 'GET and HEAD have no body',
  })
  .transform((given) => ({
    ...given,
    requestTimeoutSeconds: given.requestTimeoutSeconds ?? REQUEST_TIMEOUT.usual,
    attempts: given.attempts ?? ATTEMPTS.usual,
    intervalSeconds: given.intervalSeconds ?? INTERVAL.usual,
    consecutiveSuccesses: given.consecutiveSuccesses ?? 1,
  }));

export const httpCheck = defineStep({
  type: 'http-check',
  command: 'HTTP Check',
  summary: 'Asks an address over HTTP, from the delegate, and holds status and body against what is expected.',
  runsOn: 'delegate',
  defaultName: 'HTTP Check',
  sections: SECTIONS,
  undoneBy: '',
  author,
  rendered,
  output: z.object({
    httpUrl: z.string(),
    httpMethod: z.string(),
    httpResponseCode: z.number(),
    /** At most HTTP_OUTPUT_BODY_LIMIT characters. */
    httpResponseBody: z.string(),
    attempts: z.number(),
  }),
  facts: z.object({}),
  repeatable: true,
  changesService: false,
  callsAws: false,
  defaultTimeoutSeconds: 600,
});

/** What all its requests and waits take at most, in seconds. `given` gives a field's number, as far as it is known. */
export function httpCheckSeconds(given: (field: string) => number | undefined): number {
  const attempts = given('attempts') ?? ATTEMPTS.usual;
  const request = given('requestTimeoutSeconds') ?? REQUEST_TIMEOUT.usual;
  const interval = given('intervalSeconds') ?? INTERVAL.usual;
  return Math.ceil(Math.min(Math.max(attempts * (request + interval), 1), LONGEST_SECONDS));
}

/** A week less a margin: no step may be given more. */
const LONGEST_SECONDS = 604_000;

function isHttpUrl(text: string): boolean {
  const url = URL.parse(text.trim());
  return url !== null && (url.protocol === 'http:' || url.protocol === 'https:') && url.hostname !== '';
}

function isPattern(text: string): boolean {
  try {
    return new RegExp(text, 'u') instanceof RegExp;
  } catch {
    return false;
  }
}
