import {
  EXPRESSION_LIMIT,
  type Expression,
  type ExpressionProblem,
  NESTING_LIMIT,
  OPERATORS,
  type Operator,
  type Span,
  type Template,
  type TemplatePart,
} from './ast.ts';
import { type Token, tokenAt } from './lexer.ts';

/*
 * template   = { text | "$${" (a literal "${") | "${" expression "}" }
 * expression = or
 * or         = and { "||" and }
 * and        = comparison { "&&" comparison }
 * comparison = unary [ ( "==" | "!=" | "<=" | ">=" | "<" | ">" ) unary ]
 * unary      = "!" unary | postfix
 * postfix    = primary { "." name [ arguments ] | "[" expression "]" }
 * primary    = name [ arguments ] | number | text | "true" | "false" | "null" | "(" expression ")" | "${" expression "}"
 */

export type Parsed<T> = { readonly value: T } | { readonly problem: ExpressionProblem };

const ESCAPE_HINT = 'close it with }, or write $${ for a ${ that is meant for somebody else';
const LITERALS: ReadonlyMap<string, boolean | null> = new Map([
  ['true', true],
  ['false', false],
  ['null', null],
]);

/** Splits a text into its pieces. A text without `${` is one piece. Never throws. */
export function parseTemplate(source: string): Parsed<Template> {
  const parts: TemplatePart[] = [];
  let text = '';
  let index = 0;
  while (index < source.length) {
    const next = source.indexOf('$', index);
    if (next === -1) break;
    text += source.slice(index, next);
    if (source.startsWith('$${', next)) {
      text += '${';
      index = next + 3;
    } else if (source.startsWith('${', next)) {
      const parsed = new Parser(source).bracedAt(next);
      if ('problem' in parsed) return parsed;
      if (text !== '') parts.push(text);
      text = '';
      const { expression, end } = parsed.value;
      parts.push({ expression, span: { offset: next, length: end - next } });
      index = end;
    } else {
      text += '$';
      index = next + 1;
    }
  }
  text += source.slice(index);
  if (text !== '') parts.push(text);
  return { value: { source, parts } };
}

/** Parses a whole text as one expression, as conditions are: `${a.b} == "x" && !c.d`. Never throws. */
export function parseCondition(source: string): Parsed<Expression> {
  return new Parser(source).whole();
}

/** Carries a problem out of the recursive descent; it does not leave this file. */
class Refusal extends Error {
  readonly problem: ExpressionProblem;
  constructor(problem: ExpressionProblem) {
    super(problem.message);
    this.problem = problem;
  }
}

class Parser {
  readonly #source: string;
  #token: Token;
  #end = 0;
  #depth = 0;

  constructor(source: string) {
    this.#source = source;
    this.#token = { kind: 'end', span: { offset: 0, length: 0 } };
  }

  /** The expression whose `${` stands at `offset`, and the offset after its `}`. */
  bracedAt(offset: number): Parsed<{ readonly expression: Expression; readonly end: number }> {
    return this.#guarded(() => {
      this.#token = tokenAt(this.#source, offset);
      const expression = this.#braced();
      return { expression, end: this.#end };
    });
  }

  whole(): Parsed<Expression> {
    return this.#guarded(() => {
      this.#token = tokenAt(this.#source, 0);
      const expression = this.#expression();
      if (this.#token.kind !== 'end') this.#unexpected('after the end of the expression');
      if (this.#source.length > EXPRESSION_LIMIT) this.#tooLong({ offset: 0, length: 1 });
      return expression;
    });
  }

  #guarded<T>(parse: () => T): Parsed<T> {
    try {
      return { value: parse() };
    } catch (thrown) {
      if (thrown instanceof Refusal) return { problem: thrown.problem };
      throw thrown;
    }
  }

  /** `${` … `}`. The closing brace is not followed by a look ahead: what comes after it is text. */
  #braced(): Expression {
    const open = this.#token.span;
    this.#advance();
    if (this.#isSymbol('}')) this.#refuse('the expression is empty', 'write a name between ${ and }', open.offset, 3);
    const expression = this.#expression();
    if (!this.#isSymbol('}')) {
      if (this.#token.kind === 'end') this.#refuse('the expression is not closed', ESCAPE_HINT, open.offset, 2);
      this.#unexpected('before the end of the expression');
    }
    const end = this.#token.span.offset + 1;
    if (end - open.offset > EXPRESSION_LIMIT + 3) this.#tooLong(open);
    this.#end = end;
    return expression;
  }

  #expression(): Expression {
    if (++this.#depth > NESTING_LIMIT) {
      this.#refuse(
        `the expression is nested more than ${NESTING_LIMIT} deep`,
        'split it up',
        this.#token.span.offset,
        1,
      );
    }
    const expression = this.#or();
    this.#depth--;
    return expression;
  }

  #or(): Expression {
    let left = this.#and();
    while (this.#isSymbol('||')) left = this.#binary(left, () => this.#and());
    return left;
  }

  #and(): Expression {
    let left = this.#comparison();
    while (this.#isSymbol('&&')) left = this.#binary(left, () => this.#comparison());
    return left;
  }

  #comparison(): Expression {
    const left = this.#unary();
    const comparing = this.#token.kind === 'symbol' && isOperator(this.#token.text);
    if (!comparing || this.#isSymbol('||') || this.#isSymbol('&&')) return left;
    return this.#binary(left, () => this.#unary());
  }

  #binary(left: Expression, operand: () => Expression): Expression {
    const operator = this.#token.kind === 'symbol' ? this.#token.text : '';
    this.#advance();
    const right = operand();
    const span = joined(left.span, right.span);
    return isOperator(operator) ? { kind: 'binary', operator, left, right, span } : left;
  }

  #unary(): Expression {
    if (!this.#isSymbol('!')) return this.#postfix();
    const start = this.#token.span;
    if (++this.#depth > NESTING_LIMIT) this.#refuse('there are too many !', 'leave them out', start.offset, 1);
    this.#advance();
    const operand = this.#unary();
    this.#depth--;
    return { kind: 'not', operand, span: joined(start, operand.span) };
  }

  #postfix(): Expression {
    let target = this.#primary();
    for (;;) {
      if (this.#isSymbol('.')) target = this.#member(target);
      else if (this.#isSymbol('[')) target = this.#index(target);
      else return target;
    }
  }

  #member(target: Expression): Expression {
    this.#advance();
    const token = this.#token;
    const isName = token.kind === 'name' || token.kind === 'number';
    if (!isName) this.#unexpected('where a name should follow the dot');
    const name = this.#source.slice(token.span.offset, token.span.offset + token.span.length);
    this.#advance();
    if (!this.#isSymbol('(')) {
      return { kind: 'member', target, name, nameSpan: token.span, span: joined(target.span, token.span) };
    }
    const { args, end } = this.#arguments();
    return { kind: 'call', target, name, nameSpan: token.span, args, span: joined(target.span, end) };
  }

  #index(target: Expression): Expression {
    this.#advance();
    const index = this.#expression();
    if (!this.#isSymbol(']')) this.#unexpected('where ] should be');
    const end = this.#token.span;
    this.#advance();
    return { kind: 'index', target, index, span: joined(target.span, end) };
  }

  #arguments(): { args: readonly Expression[]; end: Span } {
    this.#advance();
    const args: Expression[] = [];
    while (!this.#isSymbol(')')) {
      args.push(this.#expression());
      if (this.#isSymbol(',')) this.#advance();
      else if (!this.#isSymbol(')')) this.#unexpected('where , or ) should be');
    }
    const end = this.#token.span;
    this.#advance();
    return { args, end };
  }

  #primary(): Expression {
    const token = this.#token;
    if (token.kind === 'string' || token.kind === 'number') {
      this.#advance();
      return { kind: 'literal', value: token.value, span: token.span };
    }
    if (token.kind === 'name') return this.#named(token.text, token.span);
    if (this.#isSymbol('${')) {
      const inner = this.#braced();
      this.#token = tokenAt(this.#source, this.#end);
      return inner;
    }
    if (this.#isSymbol('(')) {
      this.#advance();
      const inner = this.#expression();
      if (!this.#isSymbol(')')) this.#unexpected('where ) should be');
      this.#advance();
      return inner;
    }
    return this.#unexpected('where a name or a value should be');
  }

  #named(name: string, span: Span): Expression {
    this.#advance();
    const literal = LITERALS.get(name);
    if (literal !== undefined) return { kind: 'literal', value: literal, span };
    if (!this.#isSymbol('(')) return { kind: 'name', name, span };
    const { args, end } = this.#arguments();
    return { kind: 'call', target: null, name, nameSpan: span, args, span: joined(span, end) };
  }

  #advance(): void {
    this.#token = tokenAt(this.#source, this.#token.span.offset + this.#token.span.length);
  }

  #isSymbol(text: string): boolean {
    return this.#token.kind === 'symbol' && this.#token.text === text;
  }

  #tooLong(open: Span): never {
    const message = `the expression has more than ${EXPRESSION_LIMIT} characters`;
    return this.#refuse(message, 'split it up', open.offset, open.length);
  }

  #unexpected(where: string): never {
    const token = this.#token;
    const { offset, length } = token.span;
    if (token.kind === 'wrong') return this.#refuse(token.text, hintFor(this.#source, offset), offset, length);
    if (token.kind === 'end') return this.#refuse('the expression is not closed', ESCAPE_HINT, offset, length);
    const text = this.#source.slice(offset, offset + length);
    return this.#refuse(`unexpected ${text} ${where}`, hintFor(this.#source, offset), offset, length);
  }

  #refuse(message: string, hint: string, offset: number, length: number): never {
    throw new Refusal({ message, hint, pointer: '', source: this.#source, span: { offset, length } });
  }
}

function hintFor(source: string, offset: number): string {
  if (source.startsWith(':-', offset) || source.charAt(offset) === ':') {
    return 'this looks like shell syntax: write $${ for a ${ that is meant for the shell';
  }
  if (source.charAt(offset) === '-')
    return 'names have letters, digits and _: a name with other characters is spelt with __';
  return 'write names with dots, such as ${app.name}; write $${ for a ${ that is meant for somebody else';
}

function isOperator(text: string): text is Operator {
  return OPERATORS.some((operator) => operator === text);
}

function joined(one: Span, other: Span): Span {
  return { offset: one.offset, length: other.offset + other.length - one.offset };
}
