import { Lexer, type Node, parseAllDocuments, type YAMLError } from 'yaml';
import { type Range, type SourceText } from './source.ts';
import { type ConvertedDocument, convertDocument, DEPTH_LIMIT, type RangeProblem } from './yaml-json.ts';

/** One document; 1 MiB. Counted in UTF-8 bytes, as they travel. */
export const DOCUMENT_LIMIT_BYTES = 1_048_576;
/** One file with all its documents; 4 MiB. */
export const FILE_LIMIT_BYTES = 4_194_304;
/** Documents of one file. */
export const DOCUMENTS_LIMIT = 500;
/** Words and marks of a file; a file of 1 MiB that people or tools write has fewer. Keeps parsing within seconds. */
const TOKENS_LIMIT = 500_000;
/** Anchors and directives of a file; the parser is slow with many. */
const MARKS_LIMIT = 1_000;
/** Syntax errors that are reported of one document: one error makes others. */
const SYNTAX_ERRORS_LIMIT = 5;

export interface ReadDocument extends ConvertedDocument {
  /** Whether its syntax is right: only then is the value worth looking at. */
  readonly whole: boolean;
}

export type ReadFile =
  | { readonly documents: readonly ReadDocument[] }
  | { readonly refused: RangeProblem; readonly tooLarge: boolean };

/**
 * Reads the documents of a YAML or JSON file. Size and nesting are checked before anything is parsed. Documents that
 * hold nothing are left out. Never throws.
 */
export function readYaml(source: SourceText): ReadFile {
  const large = tooLarge(source.text);
  if (large !== undefined) return { refused: large, tooLarge: true };
  const dense = tooDense(source.text);
  if (dense !== undefined) return { refused: dense, tooLarge: false };
  const parsed = parseAllDocuments(source.text, {
    uniqueKeys: false,
    prettyErrors: false,
    logLevel: 'silent',
    strict: true,
    version: '1.2',
    schema: 'core',
  });
  const documents: ReadDocument[] = [];
  for (const document of Array.isArray(parsed) ? parsed : []) {
    const [start, end] = document.range;
    const errors = [...document.errors, ...document.warnings].slice(0, SYNTAX_ERRORS_LIMIT);
    const contents: Node | null = document.contents;
    const origin = contents?.range?.[0] ?? start;
    if (errors.length === 0 && isNothing(contents)) continue;
    const converted = convertDocument(errors.length === 0 ? contents : null, source, { start: origin, end });
    const problems = [...errors.map((error) => syntaxProblem(error, source.text)), ...converted.problems];
    documents.push({ ...converted, problems, whole: problems.length === 0 });
  }
  return { documents };
}

/** A document without a value: an empty file, or `---` after the last one. */
function isNothing(contents: Node | null): boolean {
  return contents === null || ('value' in contents && contents.value === null && rangeLength(contents) === 0);
}

function rangeLength(node: Node): number {
  return node.range === undefined || node.range === null ? 0 : node.range[1] - node.range[0];
}

function tooLarge(text: string): RangeProblem | undefined {
  const bytes = Buffer.byteLength(text);
  const start = { start: 0, end: 1 };
  if (bytes > FILE_LIMIT_BYTES) {
    const message = `the file is too large: it has ${megabytes(bytes)}, and ${megabytes(FILE_LIMIT_BYTES)} are allowed`;
    return { range: start, message, hint: 'split it into several files; one document may have 1 MiB' };
  }
  if (bytes <= DOCUMENT_LIMIT_BYTES) return undefined;
  for (const range of documentRanges(text)) {
    const size = Buffer.byteLength(text.slice(range.start, range.end));
    if (size <= DOCUMENT_LIMIT_BYTES) continue;
    const message = `the document is too large: it has ${megabytes(size)}, and ${megabytes(DOCUMENT_LIMIT_BYTES)} are allowed`;
    return { range: { start: range.start, end: range.start + 1 }, message, hint: 'split it into several documents' };
  }
  return undefined;
}

/** Documents end at lines that begin with `---` or `...`, wherever they stand (YAML 1.2 §9.1.2). */
function documentRanges(text: string): readonly Range[] {
  const ranges: Range[] = [];
  let start = 0;
  for (const mark of text.matchAll(/^(?:---|\.\.\.)(?=\s|$)/gm)) {
    ranges.push({ start, end: mark.index });
    start = mark.index;
  }
  return [...ranges, { start, end: text.length }];
}

function megabytes(bytes: number): string {
  return `${(bytes / 1_048_576).toFixed(bytes % 1_048_576 === 0 ? 0 : 1)} MiB`;
}

/** What would take the parser long, or its stack: found by the lexer alone, which takes linear time. */
function tooDense(text: string): RangeProblem | undefined {
  const counts = { tokens: 0, depth: 0, documents: 0, marks: 0 };
  let offset = 0;
  for (const lexeme of new Lexer().lex(text)) {
    const range = { start: Math.min(offset, text.length), end: Math.min(offset + lexeme.length, text.length) };
    // The lexer adds marks of its own, which do not stand in the text.
    if (text.startsWith(lexeme, offset)) offset += lexeme.length;
    if (/^\s*$/.test(lexeme)) continue;
    count(lexeme, counts);
    const exceeded = exceededLimit(counts);
    if (exceeded !== undefined) return { range, ...exceeded };
  }
  return undefined;
}

interface Counts {
  tokens: number;
  depth: number;
  documents: number;
  marks: number;
}

function count(lexeme: string, counts: Counts): void {
  counts.tokens++;
  const first = lexeme.charAt(0);
  if (lexeme === '[' || lexeme === '{') counts.depth++;
  else if (lexeme === ']' || lexeme === '}') counts.depth = Math.max(0, counts.depth - 1);
  else if (lexeme === '---') counts.documents++;
  else if (first === '&' || first === '%') counts.marks++;
}

function exceededLimit(counts: Counts): { readonly message: string; readonly hint: string } | undefined {
  const { tokens, depth, documents, marks } = counts;
  if (depth > DEPTH_LIMIT) {
    const message = `brackets are nested more than ${DEPTH_LIMIT} deep`;
    return { message, hint: 'make the document flatter, or close the brackets' };
  }
  const hint = 'split the file up';
  if (documents > DOCUMENTS_LIMIT) return { message: `the file has more than ${DOCUMENTS_LIMIT} documents`, hint };
  if (marks > MARKS_LIMIT) return { message: `the file has more than ${MARKS_LIMIT} anchors and directives`, hint };
  if (tokens > TOKENS_LIMIT) return { message: `the file has more than ${TOKENS_LIMIT} words and marks`, hint };
  return undefined;
}

const HINTS: Readonly<Record<string, string>> = {
  TAB_AS_INDENT: 'indent with spaces',
  BAD_INDENT: 'fields of one mapping, and entries of one list, begin in the same column',
  MULTILINE_IMPLICIT_KEY: 'put the key on one line, and a text with a colon in quotes',
  BLOCK_AS_IMPLICIT_KEY: 'begin the nested field on a new line, or put a text with ": " in quotes',
  MISSING_CHAR: 'add what is missing; put texts with special characters in quotes',
  BAD_SCALAR_START: 'put a text that begins with a special character in quotes',
  UNEXPECTED_TOKEN: 'put texts with special characters in quotes',
  BAD_ALIAS: 'put a text that begins with * in quotes',
  TAG_RESOLVE_FAILED: 'leave the tag out; put a text that begins with ! in quotes',
  BAD_DIRECTIVE: 'put a text that begins with % in quotes',
};

function syntaxProblem(error: Pick<YAMLError, 'code' | 'message' | 'pos'>, text: string): RangeProblem {
  const [start, end] = error.pos;
  const range = { start: Math.min(start, text.length), end: Math.min(Math.max(end, start + 1), text.length) };
  if (error.message.includes('call stack')) {
    const message = `the document is nested more than ${DEPTH_LIMIT} deep`;
    return { range, message, hint: 'make it flatter' };
  }
  const said = error.message.split('\n')[0] ?? '';
  const unclosed = error.message.includes('end with') ? 'close the bracket or brace' : undefined;
  const message = `this is no YAML: ${said.length > 160 ? `${said.slice(0, 160)}…` : said}`;
  return { range, message, hint: unclosed ?? HINTS[error.code] ?? 'see the line, and the one before it' };
}
