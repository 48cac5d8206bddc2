import { type ServiceModel, type Shape, shapeOf } from './model.ts';

/** One broken constraint, worded as AWS's validators word it. */
export interface Violation {
  readonly path: string;
  readonly kind: 'required' | 'enum' | 'limit' | 'pattern';
  readonly text: string;
}

/** The request does not even have the declared form: an unknown member or a value of the wrong type. */
export class MalformedInput extends Error {
  override readonly name = 'MalformedInput';
}

/** Nesting beyond this is refused: no AWS shape used here comes near it. */
const MAX_DEPTH = 32;

/**
 * Checks a decoded request against its input shape. Null members count as absent, timestamps become epoch milliseconds.
 * Throws MalformedInput for wrong types and unknown members; constraints that are broken come back as a list.
 */
export function checkInput(
  model: ServiceModel,
  shapeName: string,
  value: unknown,
): { value: unknown; violations: Violation[] } {
  const violations: Violation[] = [];
  const checked = check({ model, violations }, shapeName, value, '', 0);
  return { value: checked, violations };
}

/** AWS's usual sentence over broken constraints. */
export function violationMessage(violations: readonly Violation[]): string {
  const count = violations.length;
  return `${count} validation error${count === 1 ? '' : 's'} detected: ${violations.map((one) => one.text).join('; ')}`;
}

interface Context {
  readonly model: ServiceModel;
  readonly violations: Violation[];
}

function check(context: Context, shapeName: string, value: unknown, path: string, depth: number): unknown {
  if (depth > MAX_DEPTH) throw new MalformedInput('The request is nested too deeply');
  const shape = shapeOf(context.model, shapeName);
  switch (shape.type) {
    case 'structure':
      return checkStructure(context, shape, value, path, depth);
    case 'list':
      return checkList(context, shape, value, path, depth);
    case 'map':
      return checkMap(context, shape, value, path, depth);
    case 'string':
      return checkString(context, shape, value, path);
    case 'integer':
    case 'long':
    case 'float':
    case 'double':
      return checkNumber(context, shape, value, path);
    case 'boolean':
      if (typeof value !== 'boolean') throw wrongType(value, 'a Boolean', path);
      return value;
    case 'timestamp':
      return checkTimestamp(value, path);
    default:
      return shape satisfies never;
  }
}

function checkStructure(
  context: Context,
  shape: Extract<Shape, { type: 'structure' }>,
  value: unknown,
  path: string,
  depth: number,
): unknown {
  if (!isRecord(value)) throw wrongType(value, 'a structure', path);
  const result: Record<string, unknown> = {};
  for (const [name, member] of Object.entries(value)) {
    const declared = shape.members.get(name);
    if (declared === undefined) throw new MalformedInput(`Unknown member '${join(path, name)}'`);
    if (member === null || member === undefined) continue;
    result[name] = check(context, declared.shape, member, join(path, name), depth + 1);
  }
  for (const name of shape.required) {
    if (result[name] !== undefined) continue;
    const at = join(path, name);
    context.violations.push({
      path: at,
      kind: 'required',
      text: `Value null at '${at}' failed to satisfy constraint: Member must not be null`,
    });
  }
  return result;
}

function checkList(
  context: Context,
  shape: Extract<Shape, { type: 'list' }>,
  value: unknown,
  path: string,
  depth: number,
): unknown {
  if (!Array.isArray(value)) throw wrongType(value, 'a list', path);
  checkLimits(context, shape, value.length, `[${value.length} members]`, path, 'length');
  return value.map((member: unknown, index) => {
    const at = `${path}.${index + 1}.member`;
    if (member === null) throw wrongType(member, 'a list member', at);
    return check(context, shape.member, member, at, depth + 1);
  });
}

function checkMap(
  context: Context,
  shape: Extract<Shape, { type: 'map' }>,
  value: unknown,
  path: string,
  depth: number,
): unknown {
  if (!isRecord(value)) throw wrongType(value, 'a map', path);
  const entries = Object.entries(value);
  checkLimits(context, shape, entries.length, `[${entries.length} entries]`, path, 'length');
  return Object.fromEntries(
    entries.map(([key, member]) => {
      check(context, shape.key, key, `${path}.key`, depth + 1);
      return [key, check(context, shape.value, member, join(path, key), depth + 1)];
    }),
  );
}

function checkString(
  context: Context,
  shape: Extract<Shape, { type: 'string' }>,
  value: unknown,
  path: string,
): string {
  if (typeof value !== 'string') throw wrongType(value, 'a String', path);
  const refuse = (kind: Violation['kind'], constraint: string): void => {
    context.violations.push({
      path,
      kind,
      text: `Value '${value}' at '${path}' failed to satisfy constraint: ${constraint}`,
    });
  };
  if (shape.enum !== undefined && !shape.enum.includes(value)) {
    refuse('enum', `Member must satisfy enum value set: [${shape.enum.join(', ')}]`);
  }
  checkLimits(context, shape, value.length, value, path, 'length');
  if (shape.pattern !== undefined && !shape.pattern.test(value)) {
    refuse('pattern', `Member must satisfy regular expression pattern: ${shape.pattern.source.slice(4, -2)}`);
  }
  return value;
}

function checkNumber(
  context: Context,
  shape: Extract<Shape, { type: 'integer' | 'long' | 'float' | 'double' }>,
  value: unknown,
  path: string,
): number {
  const whole = shape.type === 'integer' || shape.type === 'long';
  const name = whole ? `an ${shape.type === 'long' ? 'Long' : 'Integer'}` : 'a Double';
  if (typeof value !== 'number' || !Number.isFinite(value)) throw wrongType(value, name, path);
  if (whole && !Number.isSafeInteger(value)) throw wrongType(value, name, path);
  if (shape.type === 'integer' && Math.abs(value) > 2 ** 31) throw wrongType(value, name, path);
  checkLimits(context, shape, value, String(value), path, 'value');
  return value;
}

function checkTimestamp(value: unknown, path: string): number {
  if (typeof value === 'number' && Number.isFinite(value)) return value * 1000;
  // Callers in the same process hand dates over as the SDK takes them.
  if (value instanceof Date) return value.getTime();
  const parsed = typeof value === 'string' ? Date.parse(value) : Number.NaN;
  if (Number.isNaN(parsed)) throw wrongType(value, 'a Timestamp', path);
  return parsed;
}

function checkLimits(
  context: Context,
  limits: { readonly min?: number; readonly max?: number },
  measured: number,
  shown: string,
  path: string,
  what: 'length' | 'value',
): void {
  const bounds: string[] = [];
  if (limits.min !== undefined && measured < limits.min) bounds.push(`greater than or equal to ${limits.min}`);
  if (limits.max !== undefined && measured > limits.max) bounds.push(`less than or equal to ${limits.max}`);
  for (const bound of bounds) {
    const member = what === 'length' ? `Member must have length ${bound}` : `Member must have value ${bound}`;
    context.violations.push({
      path,
      kind: 'limit',
      text: `Value '${shown}' at '${path}' failed to satisfy constraint: ${member}`,
    });
  }
}

function wrongType(value: unknown, wanted: string, path: string): MalformedInput {
  const found =
    typeof value === 'string'
      ? 'STRING_VALUE'
      : typeof value === 'number'
        ? 'NUMBER_VALUE'
        : typeof value === 'boolean'
          ? `${value ? 'TRUE' : 'FALSE'}_VALUE`
          : Array.isArray(value)
            ? 'START_ARRAY'
            : value === null
              ? 'NULL_VALUE'
              : 'START_OBJECT';
  return new MalformedInput(`${found} can not be converted to ${wanted}${path === '' ? '' : ` at '${path}'`}`);
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function join(path: string, name: string): string {
  return path === '' ? name : `${path}.${name}`;
}
