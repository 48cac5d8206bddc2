import type { PlacementConstraint } from '@aws-sdk/client-ecs';
import { attributesOf } from './resources.ts';
import type { InstanceState } from './state.ts';
import type { Wire } from './wire-types.ts';

/** A parsed cluster query: comparisons joined by `and`; the part of AWS's language that is understood here. */
interface Comparison {
  readonly subject: string;
  readonly operator: '==' | '!=' | '=~' | '!~' | 'in' | 'not_in' | 'exists' | '!exists';
  readonly values: readonly string[];
}

const COMPARISON =
  /^\s*(attribute:[\w./-]+|ec2InstanceId|agentConnected)\s*(==|!=|=~|!~|in|not_in|exists|!exists)\s*(\[[^\]]*\]|[^\s[\]]*)\s*$/;

/** Parses a `memberOf` expression; undefined when it is not one. */
export function parseExpression(expression: string): readonly Comparison[] | undefined {
  const comparisons: Comparison[] = [];
  for (const part of expression.split(/\s+and\s+|\s*&&\s*/)) {
    const [, subject, operator, rest] = COMPARISON.exec(part) ?? [];
    if (subject === undefined || rest === undefined || !isOperator(operator)) return undefined;
    const values = rest
      .replace(/^\[|\]$/g, '')
      .split(',')
      .map((value) => value.trim())
      .filter((value) => value !== '');
    const needsNone = operator === 'exists' || operator === '!exists';
    if (needsNone !== (values.length === 0)) return undefined;
    comparisons.push({ subject, operator, values });
  }
  return comparisons;
}

/** Whether an instance satisfies all memberOf constraints; distinctInstance is the placement's own matter. */
export function satisfies(instance: InstanceState, constraints: readonly Wire<PlacementConstraint>[]): boolean {
  return constraints.every((constraint) => {
    if (constraint.type !== 'memberOf' || constraint.expression === undefined) return true;
    const comparisons = parseExpression(constraint.expression) ?? [];
    return comparisons.every((comparison) => holds(instance, comparison));
  });
}

function holds(instance: InstanceState, { subject, operator, values }: Comparison): boolean {
  const actual =
    subject === 'ec2InstanceId'
      ? instance.ec2InstanceId
      : subject === 'agentConnected'
        ? String(instance.agentConnected)
        : attributesOf(instance)[subject.slice('attribute:'.length)];
  switch (operator) {
    case 'exists':
      return actual !== undefined;
    case '!exists':
      return actual === undefined;
    case '==':
    case 'in':
      return actual !== undefined && values.includes(actual);
    case '!=':
    case 'not_in':
      return actual === undefined || !values.includes(actual);
    case '=~':
      return actual !== undefined && wildcard(values[0] ?? '').test(actual);
    case '!~':
      return actual === undefined || !wildcard(values[0] ?? '').test(actual);
    default:
      return operator satisfies never;
  }
}

/** AWS documents these patterns with `*`; everything else is taken literally. */
function wildcard(pattern: string): RegExp {
  const literal = pattern.split('*').map((part) => part.replace(/[.+?^${}()|[\]\\]/g, '\\$&'));
  return new RegExp(`^${literal.join('.*')}$`);
}

function isOperator(text: string | undefined): text is Comparison['operator'] {
  return text !== undefined && ['==', '!=', '=~', '!~', 'in', 'not_in', 'exists', '!exists'].includes(text);
}
