import { OPERATORS, type Span } from './ast.ts';

export type Token = { readonly span: Span } & (
  | { readonly kind: 'name'; readonly text: string }
  | { readonly kind: 'number'; readonly value: number }
  | { readonly kind: 'string'; readonly value: string }
  | { readonly kind: 'symbol'; readonly text: string }
  /** The text is over. */
  | { readonly kind: 'end' }
  /** What no expression may hold; `text` says why. */
  | { readonly kind: 'wrong'; readonly text: string }
);

const SYMBOLS = [...OPERATORS, '${', '!', '.', ',', '(', ')', '[', ']', '}'];

const ESCAPES: Readonly<Record<string, string>> = { n: '\n', t: '\t', r: '\r', '\\': '\\', '"': '"', "'": "'", $: '$' };

/** The token at `offset` or after the blanks there. Never throws. */
export function tokenAt(source: string, offset: number): Token {
  let start = offset;
  while (start < source.length && /\s/.test(source.charAt(start))) start++;
  if (start >= source.length) return { kind: 'end', span: { offset: source.length, length: 0 } };
  const first = source.charAt(start);
  if (first === '"' || first === "'") return stringAt(source, start, first);
  const word = /[A-Za-z0-9_]/.test(first) ? wordAt(source, start) : '';
  if (word !== '') return wordToken(source, start, word);
  for (const symbol of SYMBOLS) {
    if (source.startsWith(symbol, start)) {
      return { kind: 'symbol', text: symbol, span: { offset: start, length: symbol.length } };
    }
  }
  const character = String.fromCodePoint(source.codePointAt(start) ?? 0);
  return { kind: 'wrong', text: `"${character}" is no part of an expression`, span: { offset: start, length: 1 } };
}

function wordAt(source: string, start: number): string {
  let end = start;
  while (end < source.length && /[A-Za-z0-9_]/.test(source.charAt(end))) end++;
  return source.slice(start, end);
}

/** Digits alone are a number; a name may begin with a digit, since a step's name may. */
function wordToken(source: string, start: number, word: string): Token {
  if (!/^[0-9]{1,15}$/.test(word)) return { kind: 'name', text: word, span: { offset: start, length: word.length } };
  const fraction = source.charAt(start + word.length) === '.' ? wordAt(source, start + word.length + 1) : '';
  const text = /^[0-9]{1,15}$/.test(fraction) ? `${word}.${fraction}` : word;
  return { kind: 'number', value: Number(text), span: { offset: start, length: text.length } };
}

function stringAt(source: string, start: number, quote: string): Token {
  let value = '';
  for (let index = start + 1; index < source.length; index++) {
    const character = source.charAt(index);
    if (character === quote) return { kind: 'string', value, span: { offset: start, length: index + 1 - start } };
    if (character !== '\\') {
      value += character;
      continue;
    }
    index++;
    const escaped = ESCAPES[source.charAt(index)];
    if (escaped === undefined) {
      const text = `"\\${source.charAt(index)}" is no escape: there are \\n \\t \\r \\\\ \\" \\' and \\$`;
      return { kind: 'wrong', text, span: { offset: index - 1, length: 2 } };
    }
    value += escaped;
  }
  const text = `the text that begins with ${quote} is not closed`;
  return { kind: 'wrong', text, span: { offset: start, length: source.length - start } };
}
