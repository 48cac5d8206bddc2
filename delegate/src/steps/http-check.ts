import { FUNCTIONS } from '@outrider/shared/expressions/functions.ts';
import { isJson, type Json } from '@outrider/shared/json.ts';
import { HTTP_BODY_LIMIT_BYTES, HTTP_OUTPUT_BODY_LIMIT } from '@outrider/shared/steps/http-check.ts';
import type { RenderedWith } from '@outrider/shared/steps/index.ts';
import type { HttpAnswer, HttpClient } from '../host/ports.ts';
import type { StepContext, StepHandler } from './contract.ts';
import { failure } from './failures.ts';

type Check = RenderedWith<'http-check'>;
type Answer = Extract<HttpAnswer, { kind: 'answered' }>;

const EXCERPT_LENGTH = 300;

/**
 * Asks until so many right answers in a row have come, or all attempts are used up. Nothing of it is saved: another
 * delegate begins again.
 */
export const httpCheck: StepHandler<'http-check'> = async (input, ctx) => {
  const check = input.with;
  const url = check.url.trim();
  const where = `${check.method} ${shownUrl(url)}`;
  let inARow = 0;
  for (let attempt = 1; ; attempt++) {
    ctx.log(check.attempts === 1 ? where : `${where} (${attempt} of ${check.attempts})`);
    const answer = await ask(check, url, ctx);
    const wrong = answer.kind === 'failed' ? answer.why : wrongWith(answer, check, ctx.host.http);
    inARow = wrong === undefined ? inARow + 1 : 0;
    if (answer.kind === 'answered') ctx.log(`HTTP status ${answer.status}, ${answer.body.length} characters`);
    if (wrong !== undefined) ctx.log(wrong, 'WARN');
    if (answer.kind === 'answered' && inARow >= check.consecutiveSuccesses) {
      ctx.log('The check has passed.');
      return {
        httpUrl: shownUrl(url),
        httpMethod: check.method,
        httpResponseCode: answer.status,
        httpResponseBody: answer.body.slice(0, HTTP_OUTPUT_BODY_LIMIT),
        attempts: attempt,
      };
    }
    // Too few attempts are left for as many right answers as are needed: waiting on would only take time.
    if (check.attempts - attempt < check.consecutiveSuccesses - inARow)
      throw failed(check, url, answer, wrong, attempt);
    await ctx.sleep(check.intervalSeconds * 1_000);
  }
};

async function ask(check: Check, url: string, ctx: StepContext<unknown>): Promise<HttpAnswer> {
  const request = {
    method: check.method,
    url,
    headers: check.headers,
    body: check.body,
    timeoutMs: check.requestTimeoutSeconds * 1_000,
    bodyLimitBytes: HTTP_BODY_LIMIT_BYTES,
  };
  return await ctx.host.http.send(request, ctx.stop);
}

/** What is not as it should be; undefined: nothing. */
function wrongWith(answer: Answer, check: Check, http: HttpClient): string | undefined {
  const { status, body } = answer;
  if (!check.status.some(({ from, to }) => status >= from && status <= to)) {
    return `HTTP status ${status} is not ${statusesText(check.status)}`;
  }
  if (check.bodyContains !== undefined && !body.includes(check.bodyContains)) {
    return `The body does not have the text ${JSON.stringify(check.bodyContains)}`;
  }
  if (check.bodyMatches !== undefined) {
    const matches = http.matches(check.bodyMatches, body);
    if (matches === undefined) return `It takes longer than a second to match the body against ${check.bodyMatches}`;
    if (!matches) return `The body does not match ${check.bodyMatches}`;
  }
  for (const { path, equals } of check.json) {
    const wrong = wrongAt(body, path, equals);
    if (wrong !== undefined) return wrong;
  }
  return undefined;
}

function wrongAt(body: string, path: string, equals: string): string | undefined {
  const selected = FUNCTIONS['json.select']?.call([path, body], null) ?? { refused: 'the text is no JSON' };
  if ('refused' in selected) return `The body has no value at ${path}: ${selected.refused}`;
  const found = textOf(selected.value);
  return found === equals ? undefined : `The body has ${found.slice(0, EXCERPT_LENGTH)} at ${path}, not ${equals}`;
}

function textOf(value: Json): string {
  return typeof value === 'string' ? value : JSON.stringify(isJson(value) ? value : null);
}

function failed(check: Check, url: string, answer: HttpAnswer, wrong: string | undefined, attempts: number): Error {
  const times = attempts === 1 ? '' : ` after ${attempts} attempts`;
  const reason = wrong ?? `${check.consecutiveSuccesses} right answers in a row were needed`;
  const evidence = [`${check.method} ${shownUrl(url)}`];
  if (answer.kind === 'answered') {
    evidence.push(`HTTP status ${answer.status}`);
    if (answer.body !== '') evidence.push(`Body: ${answer.body.slice(0, EXCERPT_LENGTH)}`);
    if (answer.truncated) evidence.push(`Only the first ${HTTP_BODY_LIMIT_BYTES} bytes of the body were looked at`);
    return failure('check-failed', `The check failed${times}: ${reason}`, { evidence });
  }
  return failure('check-failed', `The check failed${times}: ${reason}`, {
    evidence,
    hint: 'See whether the delegate can reach the address: name, port, security groups, proxy.',
  });
}

function statusesText(ranges: Check['status']): string {
  return ranges.map(({ from, to }) => (from === to ? `${from}` : `${from}-${to}`)).join(', ');
}

/** User, password and query may be secret; the log and the output do not have them. */
function shownUrl(text: string): string {
  const url = URL.parse(text);
  return url === null ? text : `${url.origin}${url.pathname}${url.search === '' ? '' : '?…'}`;
}
