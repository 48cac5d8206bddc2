import type { Place, Problem } from '@outrider/shared/errors.ts';

/** A part of a text: offsets in UTF-16 units. */
export interface Range {
  readonly start: number;
  readonly end: number;
}

export type Excerpt = NonNullable<Problem['excerpt']>;

/** How much of a long line an excerpt shows. */
const EXCERPT_WIDTH = 120;

/** A text with its file name, which can say in which line something stands. */
export class SourceText {
  readonly file: string;
  readonly text: string;
  #lineStarts: readonly number[] | undefined;

  constructor(file: string, text: string) {
    this.file = file;
    this.text = text;
  }

  /** Lines and columns count from 1; columns count UTF-16 units. */
  placeAt(offset: number): Place {
    const line = this.#lineAt(offset);
    return { file: this.file, line: line + 1, column: offset - this.#startOf(line) + 1 };
  }

  /** The line in which the range begins, cut to what fits on a screen, and the part of it that the range covers. */
  excerptAt({ start, end }: Range): Excerpt {
    const lineStart = this.#startOf(this.#lineAt(start));
    const newline = this.text.indexOf('\n', start);
    const lineEnd = newline === -1 ? this.text.length : newline;
    const from = start - lineStart > EXCERPT_WIDTH - 20 ? start - 40 : lineStart;
    const to = Math.min(lineEnd, from + EXCERPT_WIDTH);
    const before = from > lineStart ? '…' : '';
    const line = printable(this.text.slice(from, to).replace(/\r$/, ''));
    const text = `${before}${line}${to < lineEnd ? '…' : ''}`;
    const length = Math.max(1, Math.min(end, to) - start);
    return { text, offset: before.length + start - from, length };
  }

  #lineAt(offset: number): number {
    const starts = (this.#lineStarts ??= lineStarts(this.text));
    let low = 0;
    let high = starts.length - 1;
    while (low < high) {
      const middle = Math.ceil((low + high) / 2);
      if ((starts[middle] ?? 0) <= offset) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  #startOf(line: number): number {
    return (this.#lineStarts ??= lineStarts(this.text))[line] ?? 0;
  }
}

/** Control characters could do things to a terminal; the length stays. Tabs are harmless. */
export function printable(text: string): string {
  return text.replace(/[\p{Cc}\p{Zl}\p{Zp}]/gu, (character) => (character === '\t' ? character : '\uFFFD'));
}

function lineStarts(text: string): readonly number[] {
  const starts = [0];
  for (let index = text.indexOf('\n'); index !== -1; index = text.indexOf('\n', index + 1)) starts.push(index + 1);
  return starts;
}

/** Which part of a member is meant. */
export type Part = 'key' | 'value';

/** Where a value of a document stands. */
export interface Position {
  /** Undefined for entries of lists and for the document itself. */
  readonly key?: Range;
  readonly value: Range;
  /** Offset of the first character of a text that stands in the file as it is, without escapes and on one line. */
  readonly plainText?: number;
}

/** Where every value of a document stands, by JSON pointer. */
export class Positions {
  readonly source: SourceText;
  readonly #byPointer: ReadonlyMap<string, Position>;
  readonly #origin: Range;

  constructor(source: SourceText, byPointer: ReadonlyMap<string, Position>, origin: Range) {
    this.source = source;
    this.#byPointer = byPointer;
    this.#origin = origin;
  }

  /** The range of what the pointer names, or of the nearest parent that stands in the file (defaults do not). */
  rangeOf(pointer: string, part: Part = 'value'): Range {
    for (let current = pointer; ; current = current.slice(0, current.lastIndexOf('/'))) {
      const position = this.#byPointer.get(current);
      if (position !== undefined) return this.#rangeIn(position, current === pointer ? part : 'key');
      if (current === '') return this.#origin;
    }
  }

  /** A whole mapping or list is pointed at by its key. */
  #rangeIn(position: Position, part: Part): Range {
    if (position.key === undefined) return position.value;
    const spansLines = this.source.text.slice(position.value.start, position.value.end).includes('\n');
    return part === 'key' || spansLines ? position.key : position.value;
  }

  /** The range of a part of a text; undefined when the text does not stand in the file as it is. */
  rangeWithin(pointer: string, offset: number, length: number): Range | undefined {
    const start = this.#byPointer.get(pointer)?.plainText;
    return start === undefined ? undefined : { start: start + offset, end: start + offset + length };
  }
}
