import type { Output } from '../io.ts';

const ESCAPE = '\u001b';

/** Draws lines over the ones drawn before, on the normal screen, so that the last state stays in the scrollback. */
export class Screen {
  readonly #output: Output;
  #drawn = 0;

  constructor(output: Output) {
    this.#output = output;
  }

  draw(lines: readonly string[]): void {
    const { columns, rows } = this.#output;
    // A screen that scrolls cannot be drawn over: what does not fit is left out above.
    const fitting = lines.length < rows ? lines : lines.slice(lines.length - rows + 1);
    const up = this.#drawn === 0 ? '' : `${ESCAPE}[${this.#drawn}A`;
    this.#output.write(`${up}\r${ESCAPE}[0J${fitting.map((line) => `${cut(line, columns - 1)}\n`).join('')}`);
    this.#drawn = fitting.length;
  }

  /** What is written next goes below. */
  leave(): void {
    this.#drawn = 0;
  }
}

/** Cuts at a width that colours do not count for, and ends colours that were cut off. */
function cut(line: string, columns: number): string {
  let width = 0;
  let index = 0;
  while (index < line.length) {
    if (line[index] === ESCAPE) {
      index = line.indexOf('m', index) + 1 || line.length;
      continue;
    }
    if (width >= columns) return `${line.slice(0, index)}…${ESCAPE}[0m`;
    const codePoint = line.codePointAt(index) ?? 0;
    index += codePoint > 0xffff ? 2 : 1;
    width += 1;
  }
  return line;
}
