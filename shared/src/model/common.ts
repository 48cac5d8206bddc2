import { z } from 'zod';
import { NAME_PATTERN } from '../names.ts';

/** The version of the resource format. */
export const API_VERSION = 'outrider/v1';

/** The application of a resource that names none. */
export const DEFAULT_APPLICATION = 'default';

export const NAME_RULE = 'a name has 1 to 128 letters, digits, spaces and _ . -';

/** What a resource, phase, step or application may be called. */
export const resourceName = z.string().regex(NAME_PATTERN, NAME_RULE);

/** Variables are written in expressions without brackets, hence no other characters. */
export const VARIABLE_NAME_PATTERN = /^[A-Za-z_][A-Za-z0-9_]{0,127}$/;

export const variableName = z
  .string()
  .regex(VARIABLE_NAME_PATTERN, "a variable's name has 1 to 128 letters, digits and _ and does not begin with a digit");

/** What a variable may hold. Text may hold expressions; 64 KiB at most. */
export const variableValue = z.union([z.string().max(65_536), z.number(), z.boolean()]);
export type VariableValue = z.infer<typeof variableValue>;

export const variable = z.strictObject({
  name: variableName.describe('How expressions call it, such as `${serviceVariable.NAME}`.'),
  value: variableValue.describe('Text, number or true/false; text may hold expressions.'),
  description: z.string().max(1_024).describe('What it is for.').optional(),
});
export type Variable = z.infer<typeof variable>;

export const variables = z.array(variable).max(500);

/** Values by variable name, as overrides write them. */
export const variableValues = z.record(variableName, variableValue);
export type VariableValues = z.infer<typeof variableValues>;

export const metadata = z.strictObject({
  name: resourceName.describe(`Unique per kind and application: ${NAME_RULE}.`),
  application: resourceName
    .describe('Resources refer to each other within their application.')
    .default(DEFAULT_APPLICATION),
  description: z.string().max(4_096).describe('For people.').optional(),
  labels: z
    .record(z.string().min(1).max(128), z.string().max(256))
    .describe('Free texts by name, for people and tools.')
    .optional(),
});
export type Metadata = z.infer<typeof metadata>;

export const apiVersion = z.literal(API_VERSION).describe('The version of this format.');
