import { OutriderError, type Problem } from '@outrider/shared/errors.ts';
import type { JsonObject } from '@outrider/shared/json.ts';
import { NormalizedSchema } from '@smithy/core/schema';
import type { SchemaRef } from '@smithy/types';

const MAX_PROBLEMS = 20;

/**
 * Checks JSON that people wrote against AWS's own model, as the SDK carries it: the SDK drops members that it does not
 * know without a word, so that a misspelt `placementStrategie` would silently do nothing.
 */
export function checkRequestShape(schema: SchemaRef, value: JsonObject, operation: string): void {
  const problems: Problem[] = [];
  visit(NormalizedSchema.of(schema), value, '', problems);
  const [first] = problems;
  if (first === undefined) return;
  throw new OutriderError('step-input-invalid', `${operation}: ${first.message}`, {
    problems,
    hint: first.hint ?? 'Mend the field named.',
    data: { operation },
  });
}

/** The same JSON as the SDK's input type, once AWS's model has agreed to it. */
export function requestOf<Input extends object>(schema: SchemaRef, value: JsonObject, operation: string): Input {
  checkRequestShape(schema, value, operation);
  // The compiler cannot follow the model; the check above has compared every member with it.
  return { ...value } as object as Input;
}

function visit(schema: NormalizedSchema, value: unknown, pointer: string, problems: Problem[]): void {
  if (problems.length >= MAX_PROBLEMS || value === undefined || value === null) return;
  if (schema.isStructSchema()) return visitStructure(schema, value, pointer, problems);
  if (schema.isListSchema()) {
    if (!Array.isArray(value)) return wrong(pointer, 'a list', value, problems);
    for (const [index, item] of value.entries()) visit(schema.getValueSchema(), item, `${pointer}/${index}`, problems);
    return;
  }
  if (schema.isMapSchema()) {
    if (typeof value !== 'object' || Array.isArray(value)) return wrong(pointer, 'an object', value, problems);
    for (const [key, item] of Object.entries(value))
      visit(schema.getValueSchema(), item, `${pointer}/${key}`, problems);
    return;
  }
  if (schema.isStringSchema() && typeof value !== 'string') return wrong(pointer, 'text', value, problems);
  if (schema.isBooleanSchema() && typeof value !== 'boolean') return wrong(pointer, 'true or false', value, problems);
  if (schema.isNumericSchema() && typeof value !== 'number') return wrong(pointer, 'a number', value, problems);
}

function visitStructure(schema: NormalizedSchema, value: unknown, pointer: string, problems: Problem[]): void {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return wrong(pointer, 'an object', value, problems);
  }
  const members = new Map(schema.structIterator());
  for (const [key, item] of Object.entries(value)) {
    const member = members.get(key);
    if (member !== undefined) {
      visit(member, item, `${pointer}/${key}`, problems);
      continue;
    }
    const near = [...members.keys()].find((name) => name.toLowerCase() === key.toLowerCase());
    problems.push({
      message: `AWS knows no field ${pathOf(`${pointer}/${key}`)}`,
      hint: near === undefined ? `Known here: ${[...members.keys()].join(', ')}.` : `Did you mean ${near}?`,
      pointer: `${pointer}/${key}`,
    });
  }
}

function wrong(pointer: string, expected: string, value: unknown, problems: Problem[]): void {
  const found = JSON.stringify(value) ?? 'nothing';
  problems.push({
    message: `${pathOf(pointer)} must be ${expected}, not ${found.length > 60 ? `${found.slice(0, 60)}…` : found}`,
    pointer,
  });
}

/** `/containerDefinitions/0/image` → `containerDefinitions[0].image`. */
function pathOf(pointer: string): string {
  return pointer
    .split('/')
    .slice(1)
    .map((part, index) => (/^[0-9]+$/.test(part) ? `[${part}]` : index === 0 ? part : `.${part}`))
    .join('');
}
