import { ERRORS, type OutriderError } from '@outrider/shared/errors.ts';
import { formatProblem } from '../../documents/format.ts';
import { plainText } from './text.ts';

/** Problems that are shown; the rest is counted. */
const SHOWN_PROBLEMS = 50;

/** An error for a person: what happened and why, each problem at its place, what to do. */
export function errorText(error: OutriderError): string {
  const lines = [`outrider: ${error.message}`];
  const single = error.problems.length === 1 && error.problems[0]?.message === error.message;
  const problems = single ? error.problems.filter((problem) => problem.place !== undefined) : error.problems;
  for (const problem of problems.slice(0, SHOWN_PROBLEMS))
    lines.push(
      ...formatProblem(problem)
        .split('\n')
        .map((line) => `  ${line}`),
    );
  if (problems.length > SHOWN_PROBLEMS) lines.push(`  … and ${problems.length - SHOWN_PROBLEMS} more`);
  const hintsInProblems = problems.some((problem) => problem.hint !== undefined);
  if (error.hint !== '' && !(hintsInProblems && error.hint === ERRORS[error.code].hint)) lines.push(`  ${error.hint}`);
  lines.push(`  (${error.code})`);
  return `${lines.map(plainText).join('\n')}\n`;
}

/** An error for a program: the problem document without what only HTTP needs. */
export function errorJson(error: OutriderError): unknown {
  return {
    code: error.code,
    title: ERRORS[error.code].title,
    detail: error.message,
    hint: error.hint,
    retryable: ERRORS[error.code].retryable,
    ...(error.problems.length === 0
      ? {}
      : { errors: error.problems.map(({ message, place, ...rest }) => ({ detail: message, ...rest, ...place })) }),
    ...(Object.keys(error.data).length === 0 ? {} : { data: error.data }),
  };
}
