import type { ErrorCode, Place, Problem } from '@outrider/shared/errors.ts';
import { caretLines, type ExpressionProblem } from '@outrider/shared/expressions/ast.ts';
import type { Resource } from '@outrider/shared/model/resource.ts';
import type { Located } from '../parse.ts';
import type { Excerpt, Part } from '../source.ts';

/** A resource with what is known of the file it came from; a ParsedDocument is one. */
export interface Checkable {
  readonly resource: Resource;
  readonly placeOf?: ((pointer: string, part?: Part) => Place | undefined) | undefined;
  readonly excerptOf?: ((pointer: string, part?: Part) => Excerpt | undefined) | undefined;
  readonly within?: ((pointer: string, offset: number, length: number) => Located | undefined) | undefined;
}

export interface ReferenceProblem extends Problem {
  readonly code: Extract<ErrorCode, 'document-invalid' | 'reference-missing' | 'expression-unresolved'>;
}

export interface Found {
  /** JSON pointer into the resource. */
  readonly pointer: string;
  readonly message: string;
  readonly hint: string;
  readonly part?: Part;
  readonly code?: ReferenceProblem['code'];
}

/** Collects problems, each of them once, with their places. */
export class Report {
  readonly #problems = new Map<string, ReferenceProblem>();

  get problems(): readonly ReferenceProblem[] {
    return [...this.#problems.values()];
  }

  add(document: Checkable, found: Found): void {
    const { pointer, message, hint, part = 'value', code = 'document-invalid' } = found;
    const place = document.placeOf?.(pointer, part);
    const excerpt = document.excerptOf?.(pointer, part);
    this.#keep({
      code,
      message,
      hint,
      pointer,
      ...(place === undefined ? {} : { place }),
      ...(excerpt === undefined ? {} : { excerpt }),
    });
  }

  /** `base` is the pointer of the value in which the expression was found. */
  addExpression(document: Checkable, base: string, problem: ExpressionProblem): void {
    const pointer = base + problem.pointer;
    const { offset, length } = problem.span;
    const located = document.within?.(pointer, offset, length);
    const place = located?.place ?? document.placeOf?.(pointer);
    const [text, carets] = caretLines(problem);
    const own = { text, offset: carets.indexOf('^'), length: carets.trim().length };
    this.#keep({
      code: 'expression-unresolved',
      message: problem.message,
      hint: problem.hint,
      pointer,
      ...(place === undefined ? {} : { place }),
      excerpt: located?.excerpt ?? own,
    });
  }

  #keep(problem: ReferenceProblem): void {
    const { place } = problem;
    const where = place === undefined ? problem.pointer : `${place.file}:${place.line}:${place.column}`;
    const id = `${where} ${problem.message}`;
    if (!this.#problems.has(id)) this.#problems.set(id, problem);
  }
}
