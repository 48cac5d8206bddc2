/** Where a part of an expression stands: offsets in UTF-16 units into the text that holds the expression. */
export interface Span {
  readonly offset: number;
  readonly length: number;
}

export type Expression = (
  | { readonly kind: 'literal'; readonly value: string | number | boolean | null }
  /** A root name: `app`, `DOCKER_IMAGE_NAME`, `ECS__Service__Setup`. */
  | { readonly kind: 'name'; readonly name: string }
  /** `target.name`; `nameSpan` is the place of the name alone. */
  | { readonly kind: 'member'; readonly target: Expression; readonly name: string; readonly nameSpan: Span }
  /** `target[index]`. */
  | { readonly kind: 'index'; readonly target: Expression; readonly index: Expression }
  /** `target.method(…)`, or with a null target `function(…)`. */
  | {
      readonly kind: 'call';
      readonly target: Expression | null;
      readonly name: string;
      readonly nameSpan: Span;
      readonly args: readonly Expression[];
    }
  | { readonly kind: 'not'; readonly operand: Expression }
  | { readonly kind: 'binary'; readonly operator: Operator; readonly left: Expression; readonly right: Expression }
) & { readonly span: Span };

export const OPERATORS = ['||', '&&', '==', '!=', '<=', '>=', '<', '>'] as const;
export type Operator = (typeof OPERATORS)[number];

/** A text in pieces: literal text, and the expressions between `${` and `}`. */
export interface Template {
  readonly source: string;
  readonly parts: readonly TemplatePart[];
}
export type TemplatePart = string | { readonly expression: Expression; readonly span: Span };

/** What is wrong with an expression, and where. */
export interface ExpressionProblem {
  /** One sentence without a full stop. */
  readonly message: string;
  readonly hint: string;
  /** JSON pointer of the text within the rendered value; empty for a text alone. */
  readonly pointer: string;
  /** The text that holds the expression, and the place in it. */
  readonly source: string;
  readonly span: Span;
}

/** Longest expression, `${` and `}` not counted. */
export const EXPRESSION_LIMIT = 4_096;
/** Brackets, calls and negations within each other. */
export const NESTING_LIMIT = 32;
/** Variables whose values hold expressions that name variables, and so on. */
export const RECURSION_LIMIT = 10;
/** What a rendered value may have in all, in UTF-16 units of its texts. */
export const OUTPUT_LIMIT = 1_048_576;
/** Nodes that one rendering may evaluate. */
export const EVALUATION_LIMIT = 100_000;

/** How much of a text the caret line shows to each side. */
const EXCERPT = 60;

/** The text around the problem and a line of carets below it; two lines. */
export function caretLines(problem: ExpressionProblem): readonly [string, string] {
  const { offset, length } = problem.span;
  const lineStart = problem.source.lastIndexOf('\n', Math.max(0, offset - 1)) + 1;
  const lineEnd = problem.source.indexOf('\n', offset);
  const start = Math.max(lineStart, offset - EXCERPT);
  const end = Math.min(lineEnd === -1 ? problem.source.length : lineEnd, offset + Math.max(length, 1) + EXCERPT);
  const before = start > lineStart ? '…' : '';
  const after = end < (lineEnd === -1 ? problem.source.length : lineEnd) ? '…' : '';
  const carets = Math.max(1, Math.min(length, end - offset));
  return [
    `${before}${problem.source.slice(start, Math.max(start, end))}${after}`,
    `${' '.repeat(before.length + Math.max(0, offset - start))}${'^'.repeat(carets)}`,
  ];
}
