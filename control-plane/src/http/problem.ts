import type { ProblemDocument } from '@outrider/shared/api/schemas.ts';
import { ERRORS, OutriderError, type Problem } from '@outrider/shared/errors.ts';

export const PROBLEM_TYPE = 'application/problem+json; charset=utf-8';

/** Where the page of an error code is served: the `type` of its problem documents. */
export function problemPage(code: string): string {
  return `/errors/${code}`;
}

/**
 * An error as RFC 9457 wants it. What is not one of ours says nothing of its insides: they are in the log of the
 * control plane, under the request's id.
 */
export function problemDocument(error: OutriderError, instance: string, requestId: string): ProblemDocument {
  const kind = ERRORS[error.code];
  const unexpected = error.code === 'internal';
  return {
    type: problemPage(error.code),
    title: kind.title,
    status: kind.httpStatus,
    detail: unexpected ? `The control plane failed; its log has the cause under ${requestId}` : error.message,
    instance,
    code: error.code,
    hint: error.hint,
    retryable: kind.retryable,
    requestId,
    ...(error.problems.length === 0 ? {} : { errors: error.problems.map(problemEntry) }),
    ...(Object.keys(error.data).length === 0 || unexpected ? {} : { data: error.data }),
  };
}

function problemEntry(problem: Problem): NonNullable<ProblemDocument['errors']>[number] {
  return {
    detail: problem.message,
    ...(problem.hint === undefined ? {} : { hint: problem.hint }),
    ...(problem.pointer === undefined ? {} : { pointer: problem.pointer }),
    ...(problem.place === undefined ? {} : problem.place),
    ...(problem.excerpt === undefined ? {} : { excerpt: problem.excerpt }),
  };
}

/** Converts what was thrown while a request was handled, framework errors included. Called once, at the border. */
export function requestError(thrown: unknown): OutriderError {
  if (thrown instanceof OutriderError) return thrown;
  const status = thrown instanceof Error && 'statusCode' in thrown ? thrown.statusCode : undefined;
  if (thrown instanceof Error && typeof status === 'number' && status >= 400 && status < 500) {
    const code = status === 413 ? 'document-too-large' : status === 415 ? 'media-type-unsupported' : 'request-invalid';
    return new OutriderError(code, thrown.message, { cause: thrown });
  }
  return OutriderError.from(thrown);
}
