import { isJsonArray, isJsonObject, type Json, type JsonObject } from '../json.ts';
import { listed } from '../nearest.ts';
import type { Expression, ExpressionProblem, Span } from './ast.ts';
import { calledFunction, missing, pathOf, unknownFunction } from './evaluate.ts';

/**
 * What is known of a value before it exists: `leaf` has no members, of `any` nothing is known, and an object has these
 * members and no others.
 */
export type Known = 'leaf' | 'any' | KnownMembers;
export interface KnownMembers {
  readonly [name: string]: Known;
}

/** The names of a value that stands for those to come: its objects are closed, lists and the rest as they are. */
export function knownOf(value: Json): Known {
  if (isJsonObject(value)) return knownMembers(value);
  return isJsonArray(value) ? 'any' : 'leaf';
}

export function knownMembers(value: JsonObject): KnownMembers {
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, knownOf(member)]));
}

/**
 * The names of an expression that cannot be there when it is evaluated, and calls of functions that do not exist.
 * `reasons` says by dotted path why a name is missing. Values are not known yet, so that what passes here may still
 * fail later. Never throws.
 */
export function unknownNames(
  found: { readonly expression: Expression; readonly source: string; readonly pointer: string },
  names: KnownMembers,
  reasons: Readonly<Record<string, string>> = {},
): readonly ExpressionProblem[] {
  const check = new NameCheck(found.source, names, reasons);
  check.known(found.expression);
  return check.problems.map((problem) => ({ ...problem, pointer: found.pointer }));
}

class NameCheck {
  readonly problems: ExpressionProblem[] = [];
  readonly #source: string;
  readonly #names: KnownMembers;
  readonly #reasons: Readonly<Record<string, string>>;

  constructor(source: string, names: KnownMembers, reasons: Readonly<Record<string, string>>) {
    this.#source = source;
    this.#names = names;
    this.#reasons = reasons;
  }

  known(expression: Expression): Known {
    switch (expression.kind) {
      case 'literal':
        return 'leaf';
      case 'name':
        return this.#member(this.#names, '', expression.name, expression.span);
      case 'member':
        return this.#member(
          this.known(expression.target),
          pathOf(expression.target),
          expression.name,
          expression.nameSpan,
        );
      case 'index': {
        const target = this.known(expression.target);
        const { index } = expression;
        if (index.kind !== 'literal') {
          this.known(index);
          return 'any';
        }
        return this.#member(target, pathOf(expression.target), String(index.value), index.span);
      }
      case 'call':
        return this.#call(expression);
      case 'not':
        this.known(expression.operand);
        return 'leaf';
      case 'binary':
        this.known(expression.left);
        this.known(expression.right);
        return 'leaf';
    }
  }

  #call(expression: Expression & { kind: 'call' }): Known {
    for (const argument of expression.args) this.known(argument);
    const called = calledFunction(expression);
    if (called === undefined) {
      this.problems.push(unknownFunction(expression, this.#source));
      return 'any';
    }
    const target = called.target === null ? 'any' : this.known(called.target);
    const { arity, usage } = called.callable;
    if (expression.args.length !== arity) {
      const message = `${expression.name} takes ${arity} arguments, not ${expression.args.length}`;
      this.problems.push({ message, hint: `write ${usage}`, pointer: '', source: this.#source, span: expression.span });
    }
    const [first] = expression.args;
    if (expression.name !== 'get' || called.target === null || first?.kind !== 'literal') return 'any';
    return this.#member(target, pathOf(called.target), String(first.value), first.span);
  }

  #member(target: Known, parent: string | undefined, key: string, span: Span): Known {
    if (target === 'any') return 'any';
    if (target !== 'leaf' && Object.hasOwn(target, key)) return target[key] ?? 'any';
    const path = parent === '' ? key : `${parent}.${key}`;
    const reason = parent !== undefined && Object.hasOwn(this.#reasons, path) ? this.#reasons[path] : undefined;
    const shape = target === 'leaf' ? '' : Object.fromEntries(Object.keys(target).map((name) => [name, null]));
    this.problems.push(missing({ target: shape, parent, key, span, source: this.#source, reason }));
    return 'any';
  }
}

/** `"a", "b" and "c"`: the names that a place offers, for messages. */
export function namesText(names: KnownMembers): string {
  return listed(Object.keys(names), 'and');
}
