import { isJsonArray, isJsonObject, type Json } from '../json.ts';
import type { Expression, ExpressionProblem, Template } from './ast.ts';
import { Evaluator, type Scope } from './evaluate.ts';
import { parseCondition, parseTemplate } from './parser.ts';

/** Problems that one rendering reports; the rest would only repeat them. */
const PROBLEMS_LIMIT = 50;
/** Objects and lists within each other; deeper ones are refused. */
const DEPTH_LIMIT = 100;

export type Rendered =
  | {
      readonly value: Json;
      /** Expressions that failed where that is allowed, and so became null. */
      readonly notes: readonly ExpressionProblem[];
    }
  | { readonly problems: readonly ExpressionProblem[] };

export interface RenderOptions {
  /** JSON pointers of values whose expressions may fail: they become null, with a note that says why. */
  readonly lenient?: readonly string[];
}

/**
 * Resolves the expressions in all texts of a value. A text that is exactly one expression takes the type of its value;
 * in other texts numbers stand as JSON writes them, true and false as words, objects and lists as JSON, and null is an
 * error. `$${` stands for a literal `${`. Keys are left alone, and an expression in one is an error. Never throws.
 */
export function render(template: Json, scope: Scope, options: RenderOptions = {}): Rendered {
  const rendering = new Rendering(new Evaluator(scope), options.lenient ?? []);
  const value = rendering.value(template, '', 0);
  return rendering.problems.length > 0 ? { problems: rendering.problems } : { value, notes: rendering.notes };
}

/**
 * Decides a condition such as `${workflow.variables.X} == "prod" && !${serviceVariable.SKIP}`; the `${ }` around names
 * may be left out or stand around the whole. Never throws.
 */
export function evaluateCondition(
  condition: string | boolean,
  scope: Scope,
): { readonly value: boolean } | { readonly problems: readonly ExpressionProblem[] } {
  if (typeof condition === 'boolean') return { value: condition };
  const parsed = parseCondition(condition);
  if ('problem' in parsed) return { problems: [parsed.problem] };
  const evaluated = new Evaluator(scope).condition(parsed.value, condition);
  return 'problem' in evaluated ? { problems: [evaluated.problem] } : evaluated;
}

export interface FoundExpression {
  /** JSON pointer of the text that holds it. */
  readonly pointer: string;
  readonly source: string;
  readonly expression: Expression;
}

/** The expressions in all texts of a value, with those that do not parse as problems. Never throws. */
export function expressionsIn(value: Json): {
  readonly expressions: readonly FoundExpression[];
  readonly problems: readonly ExpressionProblem[];
} {
  const expressions: FoundExpression[] = [];
  const problems: ExpressionProblem[] = [];
  eachText(value, '', 0, (source, pointer) => {
    const parsed = parseTemplate(source);
    if ('problem' in parsed) {
      if (problems.length < PROBLEMS_LIMIT) problems.push({ ...parsed.problem, pointer });
      return;
    }
    for (const part of parsed.value.parts) {
      if (typeof part === 'object') expressions.push({ pointer, source, expression: part.expression });
    }
  });
  return { expressions, problems };
}

/** One step of a JSON pointer (RFC 6901). */
export function pointerStep(key: string | number): string {
  return `/${String(key).replaceAll('~', '~0').replaceAll('/', '~1')}`;
}

class Rendering {
  readonly problems: ExpressionProblem[] = [];
  readonly notes: ExpressionProblem[] = [];
  readonly #evaluator: Evaluator;
  readonly #lenient: readonly string[];

  constructor(evaluator: Evaluator, lenient: readonly string[]) {
    this.#evaluator = evaluator;
    this.#lenient = lenient;
  }

  value(template: Json, pointer: string, depth: number): Json {
    if (typeof template === 'string') return template.includes('${') ? this.#text(template, pointer) : template;
    if (template === null || typeof template !== 'object') return template;
    if (depth >= DEPTH_LIMIT) return this.#refuse(tooDeep(pointer));
    if (isJsonArray(template)) {
      return template.map((item, index) => this.value(item, pointer + pointerStep(index), depth + 1));
    }
    if (!isJsonObject(template)) return null;
    const members: [string, Json][] = Object.entries(template).map(([key, member]) => {
      const place = pointer + pointerStep(key);
      if (key.includes('${')) this.#refuse(expressionInKey(key, place));
      return [key, this.value(member, place, depth + 1)];
    });
    return Object.fromEntries(members);
  }

  #text(source: string, pointer: string): Json {
    const parsed = parseTemplate(source);
    const evaluated = 'problem' in parsed ? parsed : this.#evaluated(parsed.value);
    if ('value' in evaluated) return evaluated.value;
    const problem = { ...evaluated.problem, pointer };
    if (!this.#lenient.includes(pointer)) return this.#refuse(problem);
    this.notes.push(problem);
    return null;
  }

  #evaluated(template: Template) {
    return this.#evaluator.template(template);
  }

  #refuse(problem: ExpressionProblem): null {
    if (this.problems.length < PROBLEMS_LIMIT) this.problems.push(problem);
    return null;
  }
}

function eachText(value: Json, pointer: string, depth: number, see: (text: string, pointer: string) => void): void {
  if (typeof value === 'string') {
    if (value.includes('${')) see(value, pointer);
  } else if (isJsonArray(value)) {
    if (depth < DEPTH_LIMIT) {
      value.forEach((item, index) => eachText(item, pointer + pointerStep(index), depth + 1, see));
    }
  } else if (isJsonObject(value) && depth < DEPTH_LIMIT) {
    for (const [key, member] of Object.entries(value)) eachText(member, pointer + pointerStep(key), depth + 1, see);
  }
}

function tooDeep(pointer: string): ExpressionProblem {
  const message = `values are nested more than ${DEPTH_LIMIT} deep`;
  return { message, hint: 'make it flatter', pointer, source: '', span: { offset: 0, length: 0 } };
}

function expressionInKey(key: string, pointer: string): ExpressionProblem {
  const span = { offset: key.indexOf('${'), length: 2 };
  return { message: 'a key cannot hold an expression', hint: 'write the key out', pointer, source: key, span };
}
