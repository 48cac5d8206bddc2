import { documentFiles } from '@outrider/shared/api/schemas.ts';
import { OutriderError } from '@outrider/shared/errors.ts';
import { isJsonObject, parseJsonObject } from '@outrider/shared/json.ts';
import type { NamedText } from '../documents/read-documents.ts';
import type { DocumentText } from './body.ts';

export interface DocumentInput {
  readonly files: readonly NamedText[];
  readonly attachments: readonly NamedText[] | undefined;
}

/** What problems call a body that came without a file name. */
const BODY_NAME = 'body';
/** Brackets open at once, those within texts counted. */
const DEEPEST_JSON = 1_000;

/** A body of /v1/apply and /v1/validate: resources as text, or a JSON object with `files`. @throws request-invalid */
export function documentInput(body: DocumentText): DocumentInput {
  const whole = body.format === 'json' ? parseJsonObject(body.text) : undefined;
  if (whole === undefined || !('files' in whole)) {
    return { files: [{ name: BODY_NAME, text: body.text }], attachments: undefined };
  }
  const parsed = documentFiles.safeParse(whole);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new OutriderError('request-invalid', `\`${issue?.path.join('.') ?? ''}\` is wrong: ${issue?.message ?? ''}`, {
    hint: 'Send {"files": [{"name": …, "text": …}], "attachments": [{"name": …, "text": …}]}.',
  });
}

/**
 * The body of a PUT as one file: without the read-only `status` that a GET answers with, and with the application of
 * the address where the document names none.
 */
export function documentFile(
  body: DocumentText,
  ref: { readonly application: string; readonly name: string },
): NamedText {
  const whole = body.format === 'json' && !isDeep(body.text) ? parseJsonObject(body.text) : undefined;
  if (whole === undefined) return { name: BODY_NAME, text: body.text };
  const { status: _status, ...document } = whole;
  const metadata = document['metadata'];
  if (isJsonObject(metadata) && metadata['application'] === undefined) {
    return {
      name: BODY_NAME,
      text: JSON.stringify({ ...document, metadata: { ...metadata, application: ref.application } }),
    };
  }
  return { name: BODY_NAME, text: 'status' in whole ? JSON.stringify(document) : body.text };
}

/** Deeper than any resource: the parser of documents refuses it at its place, and nobody else should walk it. */
function isDeep(json: string): boolean {
  let depth = 0;
  for (const character of json) {
    if (character === '{' || character === '[') depth += 1;
    else if (character === '}' || character === ']') depth -= 1;
    if (depth > DEEPEST_JSON) return true;
  }
  return false;
}
