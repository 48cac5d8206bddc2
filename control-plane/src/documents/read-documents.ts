import path from 'node:path';
import { OutriderError, type Problem } from '@outrider/shared/errors.ts';
import { type ParsedDocument, parseDocuments } from './parse.ts';

/** A file by the name that problems call it by: a path with `/` between its parts. */
export interface NamedText {
  readonly name: string;
  readonly text: string;
}

/**
 * Reads the resources of several files. Nothing is read from disk: the files that the documents name come along as
 * attachments. `undefined`: the sender cannot send any.
 * @throws document-invalid with every problem at its place, document-too-large
 */
export function readDocuments(
  files: readonly NamedText[],
  attachments: readonly NamedText[] | undefined,
): readonly ParsedDocument[] {
  const read: ParsedDocument[] = [];
  const problems: Problem[] = [];
  let tooLarge = false;
  for (const file of files) {
    const parsed = parseDocuments(file.name, file.text, attachmentReader(file.name, attachments));
    read.push(...parsed.documents);
    problems.push(...parsed.problems);
    tooLarge ||= parsed.tooLarge;
  }
  if (problems.length === 0) return read;
  throw invalidDocuments(problems, tooLarge);
}

/** One error for all that is wrong with documents. */
export function invalidDocuments(problems: readonly Problem[], tooLarge: boolean): OutriderError {
  const [first] = problems;
  const message =
    problems.length === 1 && first !== undefined ? first.message : `${problems.length} problems in the documents`;
  return new OutriderError(tooLarge ? 'document-too-large' : 'document-invalid', message, { problems });
}

/** Where a file that a document names is found among the attachments: its path seen from where the documents have theirs. */
export function attachmentName(file: string, named: string): string {
  return path.posix.normalize(path.posix.join(path.posix.dirname(file), named));
}

function attachmentReader(file: string, attachments: readonly NamedText[] | undefined) {
  if (attachments === undefined) return {};
  return {
    readFile(named: string) {
      const name = attachmentName(file, named);
      const found = attachments.find((attachment) => attachment.name === name);
      return found === undefined ? { refused: 'it was not sent along' } : { text: found.text };
    },
  };
}
