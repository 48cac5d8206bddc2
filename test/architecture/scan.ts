/** One word, punctuation mark or string of a source file; comments and white space are not among them. */
export interface Token {
  readonly kind: 'word' | 'mark' | 'string';
  /** For a string its content, without quotes; a template is a string too, and what stands in its ${…} is scanned as code after it. */
  readonly text: string;
  readonly line: number;
}

export interface Comment {
  readonly text: string;
  readonly line: number;
}

export interface ImportOf {
  /** Undefined for an `import(…)` of something that is not a plain string. */
  readonly specifier: string | undefined;
  /** Whether nothing is left of it at run time: `import type …`, `export type …`. */
  readonly typeOnly: boolean;
  readonly line: number;
}

export interface Scan {
  readonly tokens: readonly Token[];
  readonly comments: readonly Comment[];
  readonly imports: readonly ImportOf[];
}

/** After one of these a slash begins a regular expression; after any other word, a number or a closing bracket it divides. */
const WORDS_BEFORE_REGEX = new Set([
  'return',
  'typeof',
  'case',
  'in',
  'of',
  'do',
  'else',
  'void',
  'delete',
  'throw',
  'new',
  'await',
  'yield',
]);

/**
 * Reads TypeScript or JavaScript far enough to tell code from comments and strings, and finds what it imports, types too: `import … from 'x'`,
 * `export … from 'x'`, `import 'x'`, `import('x')`, `import x = require('x')`, `require('x')`.
 */
export function scan(source: string): Scan {
  const { tokens, comments } = tokenize(source);
  return { tokens, comments, imports: importsIn(tokens) };
}

function importsIn(tokens: readonly Token[]): readonly ImportOf[] {
  const found: ImportOf[] = [];
  for (const [index, token] of tokens.entries()) {
    if (token.kind !== 'word' || isProperty(tokens, index)) continue;
    if (token.text === 'import' || token.text === 'export') {
      const string = specifierOf(tokens, index);
      if (string !== undefined)
        found.push({ specifier: string.text, typeOnly: isTypeOnly(tokens, index), line: token.line });
      else if (token.text === 'import' && isMark(tokens[index + 1], '(')) found.push(called(tokens, index));
    } else if (token.text === 'require' && isMark(tokens[index + 1], '(')) {
      found.push(called(tokens, index));
    }
  }
  return found;
}

/** The string of a static import or of a re-export that begins at `index`; undefined for an export of the file's own, `import(…)` and `import.meta`. */
function specifierOf(tokens: readonly Token[], index: number): Token | undefined {
  const next = tokens[index + 1];
  if (next?.kind === 'string') return tokens[index]?.text === 'import' ? next : undefined;
  let depth = 0;
  for (let at = index + 1; at < tokens.length; at += 1) {
    const token = tokens[at];
    if (token === undefined || token.kind === 'string') return undefined;
    if (isMark(token, '{')) depth += 1;
    else if (isMark(token, '}')) depth -= 1;
    else if (token.kind === 'mark' && token.text !== '*' && token.text !== ',') return undefined;
    else if (token.text === 'from' && depth === 0 && tokens[at + 1]?.kind === 'string') return tokens[at + 1];
  }
  return undefined;
}

function called(tokens: readonly Token[], index: number): ImportOf {
  const argument = tokens[index + 2];
  const end = tokens[index + 3];
  const plain = argument?.kind === 'string' && (isMark(end, ')') || isMark(end, ','));
  return { specifier: plain ? argument.text : undefined, typeOnly: false, line: tokens[index]?.line ?? 0 };
}

/** `import type { X }` and `import type X`, but not `import type from`, which imports a value of that name. */
function isTypeOnly(tokens: readonly Token[], index: number): boolean {
  const following = tokens[index + 2];
  const named = following?.kind === 'word' && (following.text !== 'from' || tokens[index + 3]?.kind !== 'string');
  return tokens[index + 1]?.text === 'type' && (named || isMark(following, '{') || isMark(following, '*'));
}

function isProperty(tokens: readonly Token[], index: number): boolean {
  return isMark(tokens[index - 1], '.') || isMark(tokens[index + 1], ':');
}

function isMark(token: Token | undefined, text: string): boolean {
  return token?.kind === 'mark' && token.text === text;
}

function tokenize(source: string): Pick<Scan, 'tokens' | 'comments'> {
  const tokens: Token[] = [];
  const comments: Comment[] = [];
  /** One entry per open template, the number of braces open in the ${…} that is being read. */
  const templates: number[] = [];
  let at = 0;
  let line = 1;
  const take = (end: number): string => {
    const text = source.slice(at, end);
    line += text.split('\n').length - 1;
    at = end;
    return text;
  };
  const takeTemplatePart = (): void => {
    const start = line;
    const text = take(endOfTemplatePart(source, at + 1));
    if (text.endsWith('${')) templates.push(0);
    tokens.push({ kind: 'string', text: text.slice(1, text.endsWith('${') ? -2 : -1), line: start });
  };
  while (at < source.length) {
    const rest = source.slice(at, at + 2);
    const character = rest.charAt(0);
    const started = line;
    if (/\s/.test(character)) take(at + 1);
    else if (rest === '//' || (rest === '#!' && at === 0))
      comments.push({ text: take(endOf(source, '\n', at)), line: started });
    else if (rest === '/*') comments.push({ text: take(endOf(source, '*/', at + 2) + 2), line: started });
    else if (character === "'" || character === '"') {
      tokens.push({ kind: 'string', text: take(endOfString(source, at)).slice(1, -1), line: started });
    } else if (character === '`') takeTemplatePart();
    else if (character === '}' && templates.at(-1) === 0) {
      templates.pop();
      takeTemplatePart();
    } else if (/[\p{ID_Start}\p{N}$_@#]/u.test(character)) {
      tokens.push({ kind: 'word', text: take(endOfWord(source, at)), line: started });
    } else if (character === '/' && startsRegex(tokens.at(-1))) {
      tokens.push({ kind: 'string', text: take(endOfRegex(source, at)), line: started });
    } else {
      const depth = templates.at(-1);
      if (depth !== undefined && character === '{') templates[templates.length - 1] = depth + 1;
      if (depth !== undefined && character === '}') templates[templates.length - 1] = depth - 1;
      tokens.push({ kind: 'mark', text: take(at + 1), line: started });
    }
  }
  return { tokens, comments };
}

function startsRegex(before: Token | undefined): boolean {
  if (before === undefined) return true;
  if (before.kind === 'word') return WORDS_BEFORE_REGEX.has(before.text);
  return before.kind === 'mark' && ![')', ']', '}'].includes(before.text);
}

function endOf(source: string, what: string, from: number): number {
  const end = source.indexOf(what, from);
  return end < 0 ? source.length : end;
}

function endOfWord(source: string, from: number): number {
  let end = from + 1;
  while (end < source.length && /[\p{ID_Continue}$]/u.test(source.charAt(end))) end += 1;
  return end;
}

function endOfString(source: string, from: number): number {
  const quote = source.charAt(from);
  for (let at = from + 1; at < source.length; at += 1) {
    if (source.charAt(at) === '\\') at += 1;
    else if (source.charAt(at) === quote) return at + 1;
  }
  return source.length;
}

/** The end of a template's text after `from`: behind the closing back-quote, or behind the next `${`. */
function endOfTemplatePart(source: string, from: number): number {
  for (let at = from; at < source.length; at += 1) {
    if (source.charAt(at) === '\\') at += 1;
    else if (source.charAt(at) === '`') return at + 1;
    else if (source.startsWith('${', at)) return at + 2;
  }
  return source.length;
}

function endOfRegex(source: string, from: number): number {
  let inClass = false;
  for (let at = from + 1; at < source.length; at += 1) {
    const character = source.charAt(at);
    if (character === '\\') at += 1;
    else if (character === '[') inClass = true;
    else if (character === ']') inClass = false;
    else if (character === '\n' || (character === '/' && !inClass)) return endOfWord(source, at);
  }
  return source.length;
}
