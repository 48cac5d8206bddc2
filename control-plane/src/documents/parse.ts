import type { Place, Problem } from '@outrider/shared/errors.ts';
import { parseResource } from '@outrider/shared/model/parse-resource.ts';
import type { Resource } from '@outrider/shared/model/resource.ts';
import { type ReadDocument, readYaml } from './read-yaml.ts';
import { type Excerpt, type Part, type Positions, type Range, SourceText } from './source.ts';
import { type FileReader, withTaskDefinition } from './task-definition-file.ts';

/** Problems that are reported of one file; more are counted only. */
export const PROBLEMS_LIMIT = 200;

/** A resource that is valid in itself, and where each of its values stands. */
export interface ParsedDocument {
  readonly resource: Resource;
  /** Place of a value by JSON pointer, or of the nearest parent that stands in the file. */
  readonly placeOf: (pointer: string, part?: Part) => Place;
  readonly excerptOf: (pointer: string, part?: Part) => Excerpt;
  /** Place and excerpt of a part of a text; undefined when the text stands there in another form. */
  readonly within: (pointer: string, offset: number, length: number) => Located | undefined;
}

export interface Located {
  readonly place: Place;
  readonly excerpt: Excerpt;
}

export interface ParsedFile {
  readonly documents: readonly ParsedDocument[];
  /** Every problem of every document, by place. */
  readonly problems: readonly Problem[];
  /** Whether it was refused for its size. */
  readonly tooLarge: boolean;
}

export interface ParseOptions {
  /** Gives the text of a file named by `taskDefinitionFile`; left out: such a field is refused. */
  readonly readFile?: FileReader;
}

/**
 * Reads the resources of a YAML or JSON file and finds everything that is wrong with each of them in itself; what ties
 * resources together is for `checkReferences`. `file` is what places call the file. Never throws.
 */
export function parseDocuments(file: string, text: string, options: ParseOptions = {}): ParsedFile {
  const source = new SourceText(file, text.startsWith('\uFEFF') ? text.slice(1) : text);
  const read = readYaml(source);
  if ('refused' in read) {
    const { range, message, hint } = read.refused;
    return { documents: [], problems: [problemAt(source, range, message, hint)], tooLarge: read.tooLarge };
  }
  const documents: ParsedDocument[] = [];
  const problems: Problem[] = [];
  for (const document of read.documents) {
    const parsed = parseOne(document, source, options.readFile);
    if ('resource' in parsed) documents.push(parsed);
    else problems.push(...parsed.problems);
  }
  if (read.documents.length === 0) {
    const range = { start: 0, end: 0 };
    problems.push(problemAt(source, range, 'the file holds no document', 'write apiVersion, kind, metadata and spec'));
  }
  return { documents, problems: limited(problems), tooLarge: false };
}

function parseOne(
  document: ReadDocument,
  source: SourceText,
  readFile: FileReader | undefined,
): ParsedDocument | { readonly problems: readonly Problem[] } {
  if (!document.whole) {
    return { problems: document.problems.map(({ range, message, hint }) => problemAt(source, range, message, hint)) };
  }
  const { positions } = document;
  const completed = withTaskDefinition(document.value, positions, readFile);
  const parsed = parseResource(completed.value);
  const findings = 'findings' in parsed ? parsed.findings : [];
  const problems = [
    ...completed.problems,
    ...findings.map((finding) => {
      const found = completed.positionsFor(finding.pointer);
      const range = found.positions.rangeOf(found.pointer, finding.at);
      const problem = problemAt(found.positions.source, range, finding.message, finding.hint);
      return { ...problem, pointer: finding.pointer };
    }),
  ];
  if (problems.length > 0 || 'findings' in parsed) return { problems: problems.toSorted(byPlace) };
  return located(parsed.resource, completed.positionsFor);
}

type PositionsFor = (pointer: string) => { readonly positions: Positions; readonly pointer: string };

function located(resource: Resource, positionsFor: PositionsFor): ParsedDocument {
  const rangeOf = (pointer: string, part?: Part) => {
    const found = positionsFor(pointer);
    return { source: found.positions.source, range: found.positions.rangeOf(found.pointer, part) };
  };
  return {
    resource,
    placeOf: (pointer, part) => {
      const { source, range } = rangeOf(pointer, part);
      return source.placeAt(range.start);
    },
    excerptOf: (pointer, part) => {
      const { source, range } = rangeOf(pointer, part);
      return source.excerptAt(range);
    },
    within: (pointer, offset, length) => {
      const found = positionsFor(pointer);
      const range = found.positions.rangeWithin(found.pointer, offset, length);
      if (range === undefined) return undefined;
      const { source } = found.positions;
      return { place: source.placeAt(range.start), excerpt: source.excerptAt(range) };
    },
  };
}

export function problemAt(source: SourceText, range: Range, message: string, hint: string): Problem {
  return { message, hint, place: source.placeAt(range.start), excerpt: source.excerptAt(range) };
}

function byPlace(one: Problem, other: Problem): number {
  const [a, b] = [one.place, other.place];
  if (a === undefined || b === undefined || a.file !== b.file) return 0;
  return a.line - b.line || a.column - b.column;
}

function limited(problems: readonly Problem[]): readonly Problem[] {
  if (problems.length <= PROBLEMS_LIMIT) return problems;
  const rest = problems.length - PROBLEMS_LIMIT;
  const message = `there are ${rest} more problems`;
  return [...problems.slice(0, PROBLEMS_LIMIT), { message, hint: 'mend those above first' }];
}
