import { caretLines, type Expression, type ExpressionProblem } from '@outrider/shared/expressions/ast.ts';
import type { Scope } from '@outrider/shared/expressions/evaluate.ts';
import { type KnownMembers, knownMembers, unknownNames } from '@outrider/shared/expressions/names.ts';
import { parseCondition } from '@outrider/shared/expressions/parser.ts';
import { evaluateCondition, expressionsIn, type FoundExpression, render } from '@outrider/shared/expressions/render.ts';
import { isJsonObject, type Json } from '@outrider/shared/json.ts';
import type { PlanProblem } from './problems.ts';

/** What stands at a place where expressions are checked before anything runs. */
export interface CheckedPlace {
  /** In words: `phase "Phase 1", step "Setup": with`. */
  readonly where: string;
  /** JSON pointer into the workflow; absent for what stands in another resource. */
  readonly pointer?: string;
  readonly scope: Scope;
  /** Outputs of the steps before, by their names in expressions: their members are known, their values not yet. */
  readonly outputs: KnownMembers;
}

export interface CheckedValue {
  readonly problems: readonly PlanProblem[];
  /** Nothing in it waits for the output of a step: it renders now as it will later. */
  readonly isFinal: boolean;
}

/**
 * Every name that an expression uses must be there when it is evaluated; an expression that uses no step's output must
 * resolve now. `lenient`: JSON pointers of texts that may fail.
 */
export function checkValue(value: Json, place: CheckedPlace, lenient: readonly string[] = []): CheckedValue {
  const { expressions, problems } = expressionsIn(value);
  const wrong: ExpressionProblem[] = [...problems];
  const waiting = waitingTexts(expressions, place);
  for (const found of expressions) {
    const unknown = unknownNames(found, namesAt(place), place.scope.absent ?? {});
    wrong.push(...unknown);
    if (unknown.length > 0 || waiting.has(found.pointer)) continue;
    const rendered = render(found.source, place.scope);
    if ('problems' in rendered) wrong.push(...rendered.problems.map((problem) => at(problem, found.pointer)));
  }
  const counted = firstOfEach(wrong.filter((problem) => !lenient.includes(problem.pointer)));
  return { problems: counted.map((problem) => planProblem(problem, place)), isFinal: waiting.size === 0 };
}

/** The same for a condition, which is an expression as a whole. */
export function checkCondition(condition: string | boolean, place: CheckedPlace): readonly PlanProblem[] {
  if (typeof condition === 'boolean') return [];
  const parsed = parseCondition(condition);
  if ('problem' in parsed) return [planProblem(parsed.problem, place)];
  const found: FoundExpression = { pointer: '', source: condition, expression: parsed.value };
  const unknown = unknownNames(found, namesAt(place), place.scope.absent ?? {});
  if (unknown.length > 0) return unknown.map((problem) => planProblem(problem, place));
  if (waitingTexts([found], place).size > 0) return [];
  const evaluated = evaluateCondition(condition, place.scope);
  return 'problems' in evaluated ? evaluated.problems.map((problem) => planProblem(problem, place)) : [];
}

/** The names of an expression's roots. */
export function rootNames(expression: Expression): readonly string[] {
  switch (expression.kind) {
    case 'literal':
      return [];
    case 'name':
      return [expression.name];
    case 'member':
      return rootNames(expression.target);
    case 'index':
      return [...rootNames(expression.target), ...rootNames(expression.index)];
    case 'call':
      return [
        ...(expression.target === null ? [] : rootNames(expression.target)),
        ...expression.args.flatMap((argument) => rootNames(argument)),
      ];
    case 'not':
      return rootNames(expression.operand);
    case 'binary':
      return [...rootNames(expression.left), ...rootNames(expression.right)];
  }
}

/** Pointers of the texts that need the output of a step, by themselves or through a variable. */
function waitingTexts(expressions: readonly FoundExpression[], place: CheckedPlace): ReadonlySet<string> {
  const outputs = new Set(Object.keys(place.outputs).filter((name) => !Object.hasOwn(place.scope.values, name)));
  const waits = (found: FoundExpression) => rootNames(found.expression).some((name) => outputs.has(name));
  const waitingRoots = (place.scope.templates ?? [])
    .filter((path) => expressionsIn(valueAt(place.scope, path)).expressions.some(waits))
    .map((path) => path.split('.')[0]);
  const waiting = expressions.filter(
    (found) => waits(found) || rootNames(found.expression).some((name) => waitingRoots.includes(name)),
  );
  return new Set(waiting.map((found) => found.pointer));
}

function valueAt(scope: Scope, path: string): Json {
  let value: Json = scope.values;
  for (const key of path.split('.')) value = isJsonObject(value) ? (value[key] ?? null) : null;
  return value;
}

function namesAt(place: CheckedPlace): KnownMembers {
  return { ...place.outputs, ...knownMembers(place.scope.values) };
}

function at(problem: ExpressionProblem, pointer: string): ExpressionProblem {
  return { ...problem, pointer };
}

/** A text whose names are unknown fails to render for the same reason. */
function firstOfEach(problems: readonly ExpressionProblem[]): readonly ExpressionProblem[] {
  const seen = new Map<string, ExpressionProblem>();
  for (const problem of problems) {
    const key = `${problem.pointer} ${problem.span.offset} ${problem.message}`;
    if (!seen.has(key)) seen.set(key, problem);
  }
  return [...seen.values()];
}

function planProblem(problem: ExpressionProblem, place: CheckedPlace): PlanProblem {
  const [excerpt] = caretLines(problem);
  return {
    code: 'expression-unresolved',
    message: `${place.where}${problem.pointer.replaceAll('/', '.')}: ${problem.message} (in "${excerpt}")`,
    hint: problem.hint,
    ...(place.pointer === undefined ? {} : { pointer: place.pointer + problem.pointer }),
  };
}
