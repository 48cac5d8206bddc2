import { z } from 'zod';
import { isJsonObject, type Json } from '../json.ts';
import { nearestNames } from '../nearest.ts';

/** Wrappers within wrappers; deeper ones do not occur. */
const WRAPPERS_LIMIT = 20;

/** The schema below optional, default, nullable and pipe: what the author's value itself must be. */
export function unwrapped(schema: z.core.$ZodType): z.core.$ZodType {
  let current = schema;
  for (let count = 0; count < WRAPPERS_LIMIT; count++) {
    if (current instanceof z.ZodOptional || current instanceof z.ZodNullable) current = current.unwrap();
    else if (current instanceof z.ZodDefault || current instanceof z.ZodPrefault) current = current.unwrap();
    else if (current instanceof z.ZodPipe) current = current.in;
    else break;
  }
  return current;
}

/** What is said of a field: the outermost description that there is. */
export function descriptionOf(schema: z.core.$ZodType): string | undefined {
  let current = schema;
  for (let count = 0; count < WRAPPERS_LIMIT; count++) {
    const description = z.globalRegistry.get(current)?.description;
    if (description !== undefined) return description;
    if (current instanceof z.ZodOptional || current instanceof z.ZodNullable) current = current.unwrap();
    else if (current instanceof z.ZodDefault || current instanceof z.ZodPrefault) current = current.unwrap();
    else if (current instanceof z.ZodPipe) current = current.in;
    else return undefined;
  }
  return undefined;
}

/** The schema of a member: of an object's field, a record's or a list's element; undefined where there is none. */
export function memberSchema(
  schema: z.core.$ZodType,
  key: PropertyKey,
  value: Json | undefined,
): z.core.$ZodType | undefined {
  const inner = chosen(schema, value);
  if (inner instanceof z.ZodObject) {
    const shape: Record<string, z.core.$ZodType> = inner.shape;
    return Object.hasOwn(shape, key) ? shape[String(key)] : undefined;
  }
  if (inner instanceof z.ZodArray) return inner.element;
  return inner instanceof z.ZodRecord ? inner.valueType : undefined;
}

/** The names of the fields that stand beside a field, as far as the schema names them. */
export function fieldNames(schema: z.core.$ZodType, value: Json | undefined): readonly string[] {
  const inner = chosen(schema, value);
  return inner instanceof z.ZodObject ? Object.keys(inner.shape) : [];
}

/** Unwraps a schema; of a union, chooses what the author meant, as `optionFor` does. */
export function chosen(schema: z.core.$ZodType, value: Json | undefined): z.core.$ZodType {
  let inner = unwrapped(schema);
  for (let count = 0; count < WRAPPERS_LIMIT && inner instanceof z.ZodUnion; count++) {
    const index = optionFor(inner, value);
    const option = index === undefined ? undefined : inner.options[index];
    if (option === undefined) return inner;
    inner = unwrapped(option);
  }
  return inner;
}

/**
 * Which option of a union the author meant: the one of the value's type; among several mappings the one whose
 * discriminator fits, else the one that knows most of the keys. Undefined when none takes a value of that type.
 */
export function optionFor(union: z.ZodUnion, value: Json | undefined): number | undefined {
  let best: { readonly index: number; readonly score: number } | undefined;
  union.options.forEach((option, index) => {
    const score = fitness(unwrapped(option), value);
    if (score > 0 && (best === undefined || score > best.score)) best = { index, score };
  });
  return best?.index;
}

function fitness(schema: z.core.$ZodType, value: Json | undefined): number {
  if (schema instanceof z.ZodUnion)
    return Math.max(0, ...schema.options.map((option) => fitness(unwrapped(option), value)));
  if (schema instanceof z.ZodObject) return isJsonObject(value) ? objectFitness(schema, Object.entries(value)) : 0;
  const fits =
    (schema instanceof z.ZodString && typeof value === 'string') ||
    (schema instanceof z.ZodNumber && typeof value === 'number') ||
    (schema instanceof z.ZodBoolean && typeof value === 'boolean') ||
    (schema instanceof z.ZodNull && value === null) ||
    (schema instanceof z.ZodArray && Array.isArray(value)) ||
    ((schema instanceof z.ZodRecord || schema instanceof z.ZodCustom) && isJsonObject(value)) ||
    (schema instanceof z.ZodLiteral && typeof value === typeof schema.value);
  return fits ? 1 : 0;
}

function objectFitness(schema: z.ZodObject, members: readonly (readonly [string, Json])[]): number {
  const shape: Record<string, z.core.$ZodType> = schema.shape;
  const names = Object.keys(shape);
  let score = 1;
  for (const [key, member] of members) {
    const named = Object.hasOwn(shape, key) ? shape[key] : undefined;
    const field = named === undefined ? undefined : unwrapped(named);
    if (field === undefined) score += nearestNames(key, names).length > 0 ? 0.5 : 0;
    else if (field instanceof z.ZodLiteral) score += field.values.has(literalOf(member)) ? 100 : 0;
    else score += 1;
  }
  return score;
}

function literalOf(value: Json): string | number | boolean | null {
  return typeof value === 'object' ? null : value;
}

/** The types that a schema takes, in words: `text or a number`. */
export function expectedWords(schema: z.core.$ZodType): string {
  const words = [...new Set(wordsOf(unwrapped(schema)))];
  const last = words.pop() ?? 'another value';
  return words.length === 0 ? last : `${words.join(', ')} or ${last}`;
}

function wordsOf(schema: z.core.$ZodType): readonly string[] {
  if (schema instanceof z.ZodUnion) return schema.options.flatMap((option) => wordsOf(unwrapped(option)));
  if (schema instanceof z.ZodString || schema instanceof z.ZodEnum) return ['text'];
  if (schema instanceof z.ZodNumber) return [schema.isInt ? 'a whole number' : 'a number'];
  if (schema instanceof z.ZodBoolean) return ['true or false'];
  if (schema instanceof z.ZodArray) return ['a list'];
  if (schema instanceof z.ZodNull) return ['null'];
  if (schema instanceof z.ZodLiteral) return [JSON.stringify(schema.value)];
  if (schema instanceof z.ZodObject || schema instanceof z.ZodRecord || schema instanceof z.ZodCustom)
    return ['a mapping'];
  return [];
}
