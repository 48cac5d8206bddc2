import { OutriderError, type Problem } from '../errors.ts';
import type { JsonObject } from '../json.ts';
import type { ProblemDocument } from './schemas.ts';

/** A problem document as the error that it tells of, for clients: it renders as if it had happened here. */
export function problemError(document: ProblemDocument): OutriderError {
  const problems = (document.errors ?? []).map((entry): Problem => {
    const { detail, hint, pointer, file, line, column, excerpt } = entry;
    const place = file === undefined ? undefined : { file, line: line ?? 1, column: column ?? 1 };
    return {
      message: detail,
      ...(hint === undefined ? {} : { hint }),
      ...(pointer === undefined ? {} : { pointer }),
      ...(place === undefined ? {} : { place }),
      ...(excerpt === undefined ? {} : { excerpt }),
    };
  });
  const data: JsonObject = document.data ?? {};
  return new OutriderError(document.code, document.detail, { hint: document.hint, problems, data });
}
