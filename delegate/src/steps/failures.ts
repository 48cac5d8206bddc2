import { ERRORS, type ErrorCode, type Failure, type FailureType, OutriderError } from '@outrider/shared/errors.ts';
import { StepFailure } from './contract.ts';

/** As many lines of evidence as a Failure may carry. */
const MAX_EVIDENCE = 20;

const FAILURE_TYPES: Readonly<Partial<Record<ErrorCode, FailureType>>> = {
  'step-timed-out': 'timeout',
  'steady-state-timeout': 'timeout',
  'aws-access-denied': 'authorization',
  'not-authenticated': 'authentication',
  'not-permitted': 'authorization',
  'aws-unavailable': 'connectivity',
  unreachable: 'connectivity',
  'check-failed': 'verification',
  'delegate-lost': 'delegate',
  'no-eligible-delegate': 'delegate',
  internal: 'delegate',
};

/** The work cannot be done: what to throw from a recipe. */
export function failure(
  code: ErrorCode,
  message: string,
  details: { readonly hint?: string | undefined; readonly evidence?: readonly string[] } = {},
): StepFailure {
  return new StepFailure({
    code,
    message,
    hint: details.hint ?? ERRORS[code].hint,
    evidence: (details.evidence ?? []).slice(0, MAX_EVIDENCE),
    failureType: FAILURE_TYPES[code] ?? 'application',
  });
}

/** Anything a recipe threw that is no StepFailure, as one. Problems of a document become evidence. */
export function failureOf(thrown: unknown): Failure {
  const error = OutriderError.from(thrown);
  const evidence = error.problems.map((problem) =>
    problem.hint === undefined ? problem.message : `${problem.message}: ${problem.hint}`,
  );
  const requestId = error.data['requestId'];
  if (typeof requestId === 'string') evidence.push(`AWS request id: ${requestId}`);
  return failure(error.code, error.message, { hint: error.hint, evidence }).failure;
}

/** `instances.fixed: expected number; …`, at most five. */
export function problemsOf(error: {
  readonly issues: readonly { readonly path: readonly PropertyKey[]; readonly message: string }[];
}): string {
  return error.issues
    .slice(0, 5)
    .map((issue) => (issue.path.length === 0 ? issue.message : `${issue.path.join('.')}: ${issue.message}`))
    .join('; ');
}
