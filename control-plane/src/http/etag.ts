import { OutriderError } from '@outrider/shared/errors.ts';

/** The ETag of a version: `"7"`. */
export function etagOf(version: number): string {
  return `"${version}"`;
}

/** What a request says about the version that it replaces; `undefined` version: whichever there is. */
export type Precondition =
  | { readonly kind: 'said'; readonly ifVersion: number | undefined }
  | { readonly kind: 'unsaid' };

/** Reads If-Match and If-None-Match. @throws request-invalid for what no answer of ours ever was */
export function preconditionOf(ifMatch: string | undefined, ifNoneMatch: string | undefined): Precondition {
  if (ifMatch !== undefined && ifNoneMatch !== undefined) {
    throw new OutriderError('request-invalid', 'If-Match and If-None-Match contradict each other', {
      hint: 'Send one of them.',
    });
  }
  if (ifNoneMatch !== undefined) {
    if (ifNoneMatch.trim() === '*') return { kind: 'said', ifVersion: 0 };
    throw new OutriderError('request-invalid', 'The header If-None-Match is not *', { hint: 'Send If-None-Match: *.' });
  }
  if (ifMatch === undefined) return { kind: 'unsaid' };
  if (ifMatch.trim() === '*') return { kind: 'said', ifVersion: undefined };
  const version = /^"?([1-9][0-9]{0,8})"?$/.exec(ifMatch.trim())?.[1];
  if (version !== undefined) return { kind: 'said', ifVersion: Number(version) };
  throw new OutriderError('request-invalid', 'The header If-Match is not an ETag of ours', {
    hint: 'Send the ETag of the answer to a GET, such as "7".',
  });
}
