import { isJsonObject, type Json } from '../json.ts';
import { didYouMean, listed } from '../nearest.ts';
import { API_VERSION } from './common.ts';
import { explain, type Finding, wordsOf } from './explain.ts';
import { isKind, KINDS, RESOURCE_SCHEMAS, type Resource } from './resource.ts';

export type ParsedResource = { readonly resource: Resource } | { readonly findings: readonly Finding[] };

/** Reads one resource from JSON, or says everything that is wrong with it. Never throws. */
export function parseResource(value: Json): ParsedResource {
  if (!isJsonObject(value)) {
    const message = `a document must be a mapping, not ${wordsOf(value)}`;
    return {
      findings: [{ pointer: '', at: 'value', message, hint: 'begin it with apiVersion, kind, metadata and spec' }],
    };
  }
  const { kind } = value;
  if (!isKind(kind)) return { findings: [...versionFindings(value['apiVersion']), kindFinding(kind)] };
  const parsed = RESOURCE_SCHEMAS[kind].safeParse(value);
  if (parsed.success) return { resource: parsed.data };
  return { findings: explain(RESOURCE_SCHEMAS[kind], value, parsed.error.issues) };
}

function kindFinding(kind: Json | undefined): Finding {
  const choice = `write one of ${listed(KINDS, 'and')}`;
  if (kind === undefined) return { pointer: '', at: 'value', message: '"kind" is missing', hint: choice };
  if (typeof kind !== 'string') {
    return { pointer: '/kind', at: 'value', message: `"kind" must be text, not ${wordsOf(kind)}`, hint: choice };
  }
  const hint = didYouMean(kind, KINDS) ?? choice;
  return { pointer: '/kind', at: 'value', message: `there is no kind "${kind.slice(0, 60)}"`, hint };
}

function versionFindings(version: Json | undefined): readonly Finding[] {
  if (version === API_VERSION) return [];
  const hint = `write apiVersion: ${API_VERSION}`;
  if (version === undefined) return [{ pointer: '', at: 'value', message: '"apiVersion" is missing', hint }];
  return [{ pointer: '/apiVersion', at: 'value', message: `${wordsOf(version)} is no version of this format`, hint }];
}
