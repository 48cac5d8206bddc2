import { isJsonArray, isJsonObject, type Json, type JsonObject } from '../json.ts';
import { didYouMean, listed } from '../nearest.ts';
import {
  EVALUATION_LIMIT,
  type Expression,
  type ExpressionProblem,
  type Operator,
  OUTPUT_LIMIT,
  RECURSION_LIMIT,
  type Span,
  type Template,
} from './ast.ts';
import { type Callable, FUNCTIONS, METHODS, memberOf } from './functions.ts';
import { parseTemplate } from './parser.ts';

/** What expressions can name at some place. Plain data: looking something up has no effect. */
export interface Scope {
  /** Values by root name: `{ app: { name: … }, DOCKER_IMAGE_NAME: … }`. */
  readonly values: JsonObject;
  /** Dotted paths whose texts may hold expressions themselves, resolved in this same scope: `serviceVariable`. */
  readonly templates?: readonly string[];
  /** Why a name that expressions know is not there now, by dotted path: `EXECUTION_ROLE` → `example has no executionRole`. */
  readonly absent?: Readonly<Record<string, string>>;
}

export type Evaluated = { readonly value: Json } | { readonly problem: ExpressionProblem };

/** Evaluates expressions of one rendering: its limits hold over all of them together. Never throws. */
export class Evaluator {
  readonly #scope: Scope;
  #evaluations = 0;
  #output = 0;
  /** Dotted paths of the values that are being rendered, outermost first. */
  readonly #rendering: string[] = [];

  constructor(scope: Scope) {
    this.#scope = scope;
  }

  /** A template that is one expression alone keeps its value's type; any other one gives text. */
  template(template: Template): Evaluated {
    const [only] = template.parts;
    if (template.parts.length === 1 && typeof only === 'object') {
      const evaluated = this.#evaluate(only.expression, template.source);
      return 'value' in evaluated ? this.#counted(evaluated.value, template.source) : evaluated;
    }
    let text = '';
    for (const part of template.parts) {
      if (typeof part === 'string') {
        text += part;
        continue;
      }
      const evaluated = this.#evaluate(part.expression, template.source);
      if ('problem' in evaluated) return evaluated;
      const piece = textOf(evaluated.value);
      if (piece === undefined) {
        return refuse(
          template.source,
          part.span,
          'the expression has no value here',
          'null cannot be a part of a text',
        );
      }
      text += piece;
      if (text.length > OUTPUT_LIMIT) return this.#tooMuch(template.source, part.span);
    }
    return this.#counted(text, template.source);
  }

  condition(
    expression: Expression,
    source: string,
  ): { readonly value: boolean } | { readonly problem: ExpressionProblem } {
    const evaluated = this.#evaluate(expression, source);
    return 'problem' in evaluated ? evaluated : truth(evaluated.value, source, expression.span);
  }

  #evaluate(expression: Expression, source: string): Evaluated {
    if (++this.#evaluations > EVALUATION_LIMIT) {
      return refuse(source, expression.span, 'evaluating the expressions takes too many steps', 'make them simpler');
    }
    switch (expression.kind) {
      case 'literal':
        return { value: expression.value };
      case 'name':
        return this.#found(this.#scope.values, '', expression.name, expression.span, source);
      case 'member': {
        const target = this.#evaluate(expression.target, source);
        if ('problem' in target) return target;
        return this.#found(target.value, pathOf(expression.target), expression.name, expression.nameSpan, source);
      }
      case 'index':
        return this.#index(expression, source);
      case 'call':
        return this.#call(expression, source);
      case 'not': {
        const operand = this.#evaluate(expression.operand, source);
        if ('problem' in operand) return operand;
        const value = truth(operand.value, source, expression.operand.span);
        return 'problem' in value ? value : { value: !value.value };
      }
      case 'binary':
        return this.#binary(expression, source);
    }
  }

  /** `parent` is the dotted path of the target, or undefined when the target is no plain path. */
  #found(target: Json, parent: string | undefined, key: string, span: Span, source: string): Evaluated {
    const path = parent === undefined ? undefined : parent === '' ? key : `${parent}.${key}`;
    const value = memberOf(target, key);
    if (value !== undefined) return this.#rendered(value, path, span, source);
    const absent = this.#scope.absent ?? {};
    const reason = path !== undefined && Object.hasOwn(absent, path) ? absent[path] : undefined;
    return { problem: missing({ target, parent, key, span, source, reason }) };
  }

  #index(expression: Expression & { kind: 'index' }, source: string): Evaluated {
    const target = this.#evaluate(expression.target, source);
    if ('problem' in target) return target;
    const index = this.#evaluate(expression.index, source);
    if ('problem' in index) return index;
    if (typeof index.value !== 'string' && typeof index.value !== 'number') {
      return refuse(
        source,
        expression.index.span,
        'what stands in brackets must be a text or a number',
        'write ["key"]',
      );
    }
    const key = String(index.value);
    return this.#found(target.value, pathOf(expression.target), key, expression.index.span, source);
  }

  #rendered(value: Json, path: string | undefined, span: Span, source: string): Evaluated {
    if (typeof value !== 'string' || path === undefined || !value.includes('${') || !this.#isTemplate(path)) {
      return { value };
    }
    if (this.#rendering.includes(path)) {
      const circle = [...this.#rendering.slice(this.#rendering.indexOf(path)), path].join(' → ');
      return refuse(source, span, `the value of ${path} depends on itself: ${circle}`, 'break the circle');
    }
    if (this.#rendering.length >= RECURSION_LIMIT) {
      const message = `values name each other more than ${RECURSION_LIMIT} deep: ${this.#rendering.join(' → ')}`;
      return refuse(source, span, message, 'make the chain shorter');
    }
    const parsed = parseTemplate(value);
    if ('problem' in parsed) return { problem: within(parsed.problem, path, span, source) };
    this.#rendering.push(path);
    const evaluated = this.template(parsed.value);
    this.#rendering.pop();
    return 'problem' in evaluated ? { problem: within(evaluated.problem, path, span, source) } : evaluated;
  }

  #isTemplate(path: string): boolean {
    return (this.#scope.templates ?? []).some((root) => path === root || path.startsWith(`${root}.`));
  }

  #call(expression: Expression & { kind: 'call' }, source: string): Evaluated {
    const found = calledFunction(expression);
    if (found === undefined) return { problem: unknownFunction(expression, source) };
    const target = found.target === null ? { value: null } : this.#evaluate(found.target, source);
    if ('problem' in target) return target;
    const args: Json[] = [];
    for (const argument of expression.args) {
      const evaluated = this.#evaluate(argument, source);
      if ('problem' in evaluated) return evaluated;
      args.push(evaluated.value);
    }
    const { callable } = found;
    if (args.length !== callable.arity) {
      const message = `${expression.name} takes ${callable.arity} arguments, not ${args.length}`;
      return refuse(source, expression.span, message, `write ${callable.usage}`);
    }
    const called = callable.call(args, target.value);
    return 'refused' in called
      ? refuse(source, expression.nameSpan, called.refused, `write ${callable.usage}`)
      : called;
  }

  #binary(expression: Expression & { kind: 'binary' }, source: string): Evaluated {
    const { operator } = expression;
    const left = this.#evaluate(expression.left, source);
    if ('problem' in left) return left;
    if (operator !== '&&' && operator !== '||') {
      const right = this.#evaluate(expression.right, source);
      if ('problem' in right) return right;
      const value = compare(operator, left.value, right.value);
      if (value !== undefined) return { value };
      return refuse(source, expression.span, `${operator} compares numbers`, 'compare texts with == and !=');
    }
    const first = truth(left.value, source, expression.left.span);
    if ('problem' in first) return first;
    if (first.value === (operator === '||')) return { value: first.value };
    const right = this.#evaluate(expression.right, source);
    return 'problem' in right ? right : truth(right.value, source, expression.right.span);
  }

  #counted(value: Json, source: string): Evaluated {
    this.#output += typeof value === 'string' ? value.length : (textOf(value)?.length ?? 0);
    return this.#output > OUTPUT_LIMIT ? this.#tooMuch(source, { offset: 0, length: source.length }) : { value };
  }

  #tooMuch(source: string, span: Span): Evaluated {
    return refuse(source, span, 'the rendered text has more than 1 MiB', 'use shorter values');
  }
}

/** Numbers as JSON writes them, true and false as words, objects and lists as JSON; null has no text. */
export function textOf(value: Json): string | undefined {
  if (value === null) return undefined;
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}

/** The dotted path of a plain chain of names, or undefined for anything else. */
export function pathOf(expression: Expression): string | undefined {
  if (expression.kind === 'name') return expression.name;
  if (expression.kind === 'member') {
    const parent = pathOf(expression.target);
    return parent === undefined ? undefined : `${parent}.${expression.name}`;
  }
  if (expression.kind === 'index' && expression.index.kind === 'literal') {
    const parent = pathOf(expression.target);
    return parent === undefined ? undefined : `${parent}.${String(expression.index.value)}`;
  }
  return undefined;
}

/** What a call calls: `json.select(…)` is a function with a dotted name, `x.trim()` a method of x. */
export function calledFunction(
  expression: Expression & { kind: 'call' },
): { readonly callable: Callable; readonly target: Expression | null } | undefined {
  const root = expression.target?.kind === 'name' ? expression.target.name : undefined;
  const dotted = root === undefined ? expression.name : `${root}.${expression.name}`;
  const named = Object.hasOwn(FUNCTIONS, dotted) ? FUNCTIONS[dotted] : undefined;
  if (named !== undefined) return { callable: named, target: null };
  const method = Object.hasOwn(METHODS, expression.name) ? METHODS[expression.name] : undefined;
  return method === undefined || expression.target === null
    ? undefined
    : { callable: method, target: expression.target };
}

export function unknownFunction(expression: Expression & { kind: 'call' }, source: string): ExpressionProblem {
  const names = [...Object.keys(METHODS), ...Object.keys(FUNCTIONS)];
  const hint = didYouMean(expression.name, names) ?? `there are ${listed(names, 'and')}`;
  const message = `there is no function "${expression.name}" in expressions`;
  return { message, hint, pointer: '', source, span: expression.nameSpan };
}

export interface MissingName {
  readonly target: Json;
  /** Dotted path of the target; empty for the root, undefined when it is no plain path. */
  readonly parent: string | undefined;
  readonly key: string;
  readonly span: Span;
  readonly source: string;
  readonly reason?: string | undefined;
}

/** The problem of a name that is not there: what is near, what there is instead. */
export function missing({ target, parent, key, span, source, reason }: MissingName): ExpressionProblem {
  const where = parent === '' ? 'here' : `in ${parent ?? 'that value'}`;
  const names = isJsonObject(target) ? Object.keys(target) : [];
  const path = parent === undefined || parent === '' ? key : `${parent}.${key}`;
  if (reason !== undefined)
    return {
      message: `${path} has no value: ${reason}`,
      hint: 'give it one, or use another name',
      pointer: '',
      source,
      span,
    };
  if (!isJsonObject(target) && !isJsonArray(target)) {
    return {
      message: `${parent ?? 'that value'} has no members`,
      hint: `leave out ".${key}"`,
      pointer: '',
      source,
      span,
    };
  }
  const near = didYouMean(key, names);
  const what = parent === '' ? 'known here are' : `${parent ?? 'that value'} has`;
  const available = names.length === 0 ? `there is nothing ${where}` : `${what} ${listed(names, 'and')}`;
  const escape = parent === '' ? '; write $${ for a ${ that is meant for somebody else' : '';
  const hint = near === undefined ? `${available}${escape}` : `${near} (${available})`;
  return { message: `"${key}" is not known ${where}`, hint, pointer: '', source, span };
}

function within(problem: ExpressionProblem, path: string, span: Span, source: string): ExpressionProblem {
  return {
    ...problem,
    message: `in the value of ${path} (${excerpt(problem.source)}): ${problem.message}`,
    source,
    span,
  };
}

function excerpt(text: string): string {
  return text.length > 80 ? `${text.slice(0, 80)}…` : text;
}

/** true, false and their words are truth values; nothing else is, so that a mistake does not pass for one. */
function truth(
  value: Json,
  source: string,
  span: Span,
): { readonly value: boolean } | { readonly problem: ExpressionProblem } {
  if (value === true || value === 'true') return { value: true };
  if (value === false || value === 'false') return { value: false };
  const message = `this is neither true nor false but ${excerpt(JSON.stringify(value))}`;
  return { problem: { message, hint: 'compare it: == "…"', pointer: '', source, span } };
}

/** A number or true/false equals its own text, since what a run gives is text. Order is that of numbers alone. */
function compare(operator: Exclude<Operator, '&&' | '||'>, left: Json, right: Json): boolean | undefined {
  if (operator === '==' || operator === '!=') return equal(left, right) === (operator === '==');
  const [one, other] = [numberOf(left), numberOf(right)];
  if (one === undefined || other === undefined) return undefined;
  if (operator === '<') return one < other;
  if (operator === '>') return one > other;
  return operator === '<=' ? one <= other : one >= other;
}

function equal(left: Json, right: Json): boolean {
  if (left === null || right === null) return left === right;
  if (typeof left === 'object' || typeof right === 'object') return JSON.stringify(left) === JSON.stringify(right);
  return String(left) === String(right);
}

function numberOf(value: Json): number | undefined {
  if (typeof value === 'number') return value;
  const text = typeof value === 'string' ? value.trim() : '';
  return /^-?[0-9]{1,15}(\.[0-9]{1,15})?$/.test(text) ? Number(text) : undefined;
}

function refuse(source: string, span: Span, message: string, hint: string): { readonly problem: ExpressionProblem } {
  return { problem: { message, hint, pointer: '', source, span } };
}
