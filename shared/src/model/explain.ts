import { z } from 'zod';
import { memberOf } from '../expressions/functions.ts';
import { pointerStep } from '../expressions/render.ts';
import type { Json } from '../json.ts';
import { didYouMean, listed, nearestNames } from '../nearest.ts';
import { isStepType } from '../steps/index.ts';
import { READ_ONLY_MEMBERS } from './aws-definitions.ts';
import { descriptionOf, expectedWords, fieldNames, memberSchema, optionFor, unwrapped } from './schema-walk.ts';
import { LATER_STEP_TYPES } from './step.ts';

/** Something wrong at a place of a JSON value, in words. */
export interface Finding {
  /** JSON pointer of the value, or of the parent of a field that is missing. */
  readonly pointer: string;
  /** Whether the key is wrong or the value. */
  readonly at: 'key' | 'value';
  readonly message: string;
  readonly hint: string;
}

/** What the walk knows at some place: schema and value there. */
interface Spot {
  readonly schema: z.core.$ZodType;
  readonly value: Json | undefined;
  readonly pointer: string;
  /** The field's name; empty at the root. */
  readonly name: string;
  readonly parentPointer: string;
}

/** Says in words what zod found wrong, every thing once, and what to do about it. */
export function explain(schema: z.core.$ZodType, value: Json, issues: readonly z.core.$ZodIssue[]): readonly Finding[] {
  const root: Spot = { schema, value, pointer: '', name: '', parentPointer: '' };
  const findings = issues.flatMap((issue) => explainIssue(issue, root));
  const misspelt = new Set(findings.flatMap((finding) => (finding.meant === undefined ? [] : [finding.meant])));
  const seen = new Set<string>();
  const told: Finding[] = [];
  for (const { meant: _meant, missing, ...finding } of findings) {
    const id = `${finding.at} ${missing ?? finding.pointer}`;
    if (seen.has(id) || (missing !== undefined && misspelt.has(missing))) continue;
    seen.add(id);
    told.push(finding);
  }
  return told;
}

/** A finding with what it is about, so that a misspelt field is not reported as a missing one as well. */
interface Explained extends Finding {
  /** Pointer of the field that is missing. */
  readonly missing?: string;
  /** Pointer of the field that an unknown one was meant to be. */
  readonly meant?: string;
}

function explainIssue(issue: z.core.$ZodIssue, from: Spot): readonly Explained[] {
  const spot = spotAt(from, issue.path);
  if (issue.code === 'unrecognized_keys') return issue.keys.map((key) => unknownField(key, spot));
  if (spot.value === undefined) return [missingField(spot)];
  switch (issue.code) {
    case 'invalid_union':
      return explainUnion(issue, spot);
    case 'invalid_type':
      return [wrongType(spot)];
    case 'invalid_value':
      return [notAllowed(spot, issue.values.map(String))];
    case 'too_big':
      return [outOfBounds(spot, `at most ${issue.maximum}`)];
    case 'too_small':
      return [outOfBounds(spot, `at least ${issue.minimum}`)];
    case 'invalid_key': {
      const reason = issue.issues[0]?.message ?? 'another name is needed';
      const message = `"${shortened(spot.name)}" cannot stand here as a name`;
      return [{ pointer: spot.pointer, at: 'key', message, hint: readable(reason) }];
    }
    default:
      return [misfit(spot, issue.message)];
  }
}

function spotAt(from: Spot, path: readonly PropertyKey[]): Spot {
  let spot = from;
  for (const key of path) {
    const { value } = spot;
    const name = String(key);
    const member = value === undefined ? undefined : memberOf(value, name);
    spot = {
      schema: memberSchema(spot.schema, key, value) ?? z.unknown(),
      value: member,
      pointer: spot.pointer + pointerStep(name),
      name,
      parentPointer: spot.pointer,
    };
  }
  return spot;
}

function explainUnion(issue: z.core.$ZodIssueInvalidUnion, spot: Spot): readonly Explained[] {
  if (issue.discriminator !== undefined && issue.errors.length === 0)
    return [wrongKind(spot, ('options' in issue ? (issue.options ?? []) : []).map(String))];
  const union = unwrapped(spot.schema);
  if (!(union instanceof z.ZodUnion)) return [misfit(spot, issue.message)];
  const index = optionFor(union, spot.value);
  const option = index === undefined ? undefined : union.options[index];
  const issues = index === undefined ? undefined : issue.errors[index];
  if (option === undefined || issues === undefined) return [wrongType(spot)];
  return issues.flatMap((inner) => explainIssue(inner, { ...spot, schema: option }));
}

/** The field that tells which variant a mapping is has a value that no variant has. */
function wrongKind(spot: Spot, names: readonly string[]): Finding {
  if (typeof spot.value === 'string' && LATER_STEP_TYPES.includes(spot.value)) {
    const message = `the step type ${spot.value} is not available in this version`;
    return { pointer: spot.pointer, at: 'value', message, hint: `available are ${listed(names, 'and')}` };
  }
  const finding = notAllowed(spot, names);
  if (typeof spot.value !== 'string' || !names.some(isStepType)) return finding;
  return { ...finding, message: `there is no step type "${shortened(spot.value)}"` };
}

function missingField(spot: Spot): Explained {
  const description = descriptionOf(spot.schema);
  const hint = description === undefined ? `write ${spot.name}: …` : `write ${spot.name}: … (${lowered(description)})`;
  const message = `"${spot.name}" is missing`;
  return { pointer: spot.parentPointer, at: 'value', message, hint, missing: spot.pointer };
}

function unknownField(key: string, spot: Spot): Explained {
  const pointer = spot.pointer + pointerStep(key);
  const names = fieldNames(spot.schema, spot.value);
  const readOnly =
    Object.hasOwn(READ_ONLY_MEMBERS, key) && spot.name.endsWith('Definition') ? READ_ONLY_MEMBERS[key] : undefined;
  const merge = key === '<<' ? 'merge keys are not part of YAML 1.2: write the fields out' : undefined;
  const [near] = nearestNames(key, names, 1);
  const all = names.length === 0 ? 'leave it out' : `fields here are ${listed(names, 'and')}`;
  const hint = readOnly ?? merge ?? didYouMean(key, names) ?? all;
  const message = `unknown field "${shortened(key)}"${whereWords(spot)}`;
  return {
    pointer,
    at: 'key',
    message,
    hint,
    ...(near === undefined ? {} : { meant: spot.pointer + pointerStep(near) }),
  };
}

function wrongType(spot: Spot): Finding {
  const { value } = spot;
  const schema = unwrapped(spot.schema);
  const expected = expectedWords(schema);
  const message = `${subject(spot)} must be ${expected}, not ${wordsOf(value)}`;
  return { pointer: spot.pointer, at: 'value', message, hint: typeHint(expected, spot) };
}

function typeHint(expected: string, spot: Spot): string {
  const { value } = spot;
  if (value === null) return 'write a value, or leave the field out';
  if (expected.startsWith('text') && (typeof value === 'number' || typeof value === 'boolean')) {
    return `put it in quotes: "${String(value)}"`;
  }
  if (expected.includes('number') && typeof value === 'string' && /^-?[0-9.]+$/.test(value))
    return `leave out the quotes: ${value}`;
  if (expected.includes('true or false') && typeof value === 'string' && /^(yes|no|on|off|true|false)$/i.test(value)) {
    return `write ${/^(yes|on|true)$/i.test(value) ? 'true' : 'false'} without quotes`;
  }
  if (expected === 'a list') return 'begin each entry with "- " on a line of its own, or write [ … ]';
  if (expected === 'a mapping') return 'write its fields as name: value, one on each line';
  return descriptionOf(spot.schema) ?? `write ${expected}`;
}

function notAllowed(spot: Spot, names: readonly string[]): Finding {
  const { value } = spot;
  const choice = names.length === 1 ? `write ${names[0]}` : `write one of ${listed(names, 'and')}`;
  if (typeof value !== 'string') {
    const message = `${subject(spot)} must be ${names.length === 1 ? `"${names[0]}"` : 'one of a few words'}, not ${wordsOf(value)}`;
    return { pointer: spot.pointer, at: 'value', message, hint: choice };
  }
  const near = names.length === 1 ? undefined : didYouMean(value, names);
  const hint = near === undefined ? choice : `${near} (${choice})`;
  return { pointer: spot.pointer, at: 'value', message: `"${shortened(value)}" is not allowed as ${spot.name}`, hint };
}

function outOfBounds(spot: Spot, bound: string): Finding {
  const { value } = spot;
  const size =
    typeof value === 'string'
      ? `has ${value.length} characters, and ${bound} are allowed`
      : Array.isArray(value)
        ? `has ${value.length} entries, and ${bound} are allowed`
        : `is ${JSON.stringify(value)}, and must be ${bound}`;
  const hint = descriptionOf(spot.schema) ?? `make it ${bound}`;
  return { pointer: spot.pointer, at: 'value', message: `${subject(spot)} ${size}`, hint };
}

/** The value has the right type, but a rule says no; the rule's own words tell why. */
function misfit(spot: Spot, reason: string): Finding {
  const words = readable(reason);
  const hint = descriptionOf(spot.schema) ?? 'see `outrider schema` for what may stand here';
  const isScalar = typeof spot.value !== 'object';
  const message = isScalar ? `"${shortened(String(spot.value))}" cannot be ${spot.name}: ${words}` : words;
  return { pointer: spot.pointer, at: 'value', message, hint };
}

/** Zod's own words are of no use to an author; ours stand in the schemas. */
function readable(reason: string): string {
  return /^(Invalid|Too (big|small)|Unrecognized)/.test(reason)
    ? 'it does not have the form that is needed here'
    : reason;
}

function subject(spot: Spot): string {
  if (spot.name === '') return 'the document';
  return /^[0-9]+$/.test(spot.name) ? 'an entry of the list' : `"${shortened(spot.name)}"`;
}

function whereWords(spot: Spot): string {
  return spot.name === '' || /^[0-9]+$/.test(spot.name) ? '' : ` in ${shortened(spot.name)}`;
}

/** What a value is, in words. */
export function wordsOf(value: Json | undefined): string {
  if (value === undefined) return 'nothing';
  if (value === null) return 'nothing (null)';
  if (typeof value === 'string') return `the text "${shortened(value)}"`;
  if (typeof value === 'number') return `the number ${value}`;
  if (typeof value === 'boolean') return String(value);
  return Array.isArray(value) ? 'a list' : 'a mapping';
}

function shortened(text: string): string {
  const line = text.slice(0, 200).replace(/[\s\p{Cc}]+/gu, ' ');
  return line.length > 60 ? `${line.slice(0, 60)}…` : line;
}

function lowered(description: string): string {
  const text = description.replace(/\.$/, '');
  return /^[A-Z][a-z]/.test(text) ? text.charAt(0).toLowerCase() + text.slice(1) : text;
}
