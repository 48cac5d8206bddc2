import { didYouMean, listed } from '../nearest.ts';
import { holdsExpression } from '../steps/fields.ts';
import type { VariableValue, VariableValues } from './common.ts';
import type { WorkflowVariable } from './workflow.ts';

/** One value that a run cannot have. */
export interface VariableProblem {
  readonly variable: string;
  readonly message: string;
  readonly hint: string;
}

export type ResolvedVariables = { readonly values: VariableValues } | { readonly problems: readonly VariableProblem[] };

/**
 * The values of a run's workflow variables: what the run gives, else the defaults. Variables without either are left
 * out, unless they are required. Every problem is reported. Values given as text count as their type (`"5"` as 5 for a
 * number); a default that holds an expression is checked when it is used.
 */
export function resolveWorkflowVariables(
  declared: readonly WorkflowVariable[],
  given: VariableValues,
): ResolvedVariables {
  const problems: VariableProblem[] = [];
  const values: Record<string, VariableValue> = {};
  const names = declared.map((variable) => variable.name);
  for (const name of Object.keys(given)) {
    if (names.includes(name)) continue;
    const available = names.length === 0 ? 'the workflow has no variables' : `there are ${listed(names, 'and')}`;
    const hint = didYouMean(name, names) ?? available;
    problems.push({ variable: name, message: `the workflow has no variable "${name}"`, hint });
  }
  for (const variable of declared) {
    const chosen = Object.hasOwn(given, variable.name) ? given[variable.name] : undefined;
    const resolved = resolveOne(variable, chosen);
    if (resolved === undefined) continue;
    if ('problem' in resolved) problems.push(resolved.problem);
    else values[variable.name] = resolved.value;
  }
  return problems.length > 0 ? { problems } : { values };
}

function resolveOne(
  variable: WorkflowVariable,
  given: VariableValue | undefined,
): { readonly value: VariableValue } | { readonly problem: VariableProblem } | undefined {
  const { name } = variable;
  if (given !== undefined && variable.fixed && String(given) !== String(variable.default)) {
    const message = `the variable "${name}" is fixed`;
    return { problem: { variable: name, message, hint: 'leave it out' } };
  }
  const value = given ?? variable.default;
  if (value === undefined) {
    if (!variable.required) return undefined;
    const message = `the variable "${name}" is required and has no value`;
    return { problem: { variable: name, message, hint: `give one: --set ${name}=…` } };
  }
  const wrong = wrongValue(variable, value, given === undefined);
  return wrong === undefined ? { value: typed(variable, value) } : { problem: { variable: name, ...wrong } };
}

/** Why a variable cannot have the value, or undefined. An expression may stand in a default only. */
export function wrongValue(
  variable: WorkflowVariable,
  value: VariableValue,
  isDefault: boolean,
): { readonly message: string; readonly hint: string } | undefined {
  const text = String(value);
  if (holdsExpression(text)) {
    if (isDefault) return undefined;
    return { message: `the value of "${variable.name}" holds an expression`, hint: 'give a plain value' };
  }
  const { allowedValues } = variable;
  if (allowedValues !== undefined && !allowedValues.some((allowed) => String(allowed) === text)) {
    const hint = `choose one of ${listed(allowedValues.map(String), 'and')}`;
    return { message: `"${text}" is none of the allowed values of "${variable.name}"`, hint };
  }
  const example = { text: undefined, number: NUMBER, email: EMAIL, boolean: BOOLEAN }[variable.type];
  if (example === undefined || example.pattern.test(text)) return undefined;
  const message = `"${text}" is no ${variable.type}, as the variable "${variable.name}" needs it`;
  return { message, hint: `write something like ${example.like}` };
}

const NUMBER = { pattern: /^-?[0-9]{1,15}(\.[0-9]{1,15})?$/, like: '5 or 0.5' };
const EMAIL = { pattern: /^[^\s@]{1,64}@[^\s@.]+(\.[^\s@.]+)+$/, like: 'ops@example.com' };
const BOOLEAN = { pattern: /^(true|false)$/, like: 'true or false' };

function typed(variable: WorkflowVariable, value: VariableValue): VariableValue {
  const text = String(value);
  if (holdsExpression(text)) return value;
  if (variable.type === 'number') return Number(text);
  return variable.type === 'boolean' ? text === 'true' : text;
}
