import { z } from 'zod';
import { variableName } from '../model/common.ts';
import { defineStep, SECTIONS } from './define.ts';
import { holdsExpression } from './fields.ts';

/** Characters of a script, before and after its expressions are resolved. */
export const SCRIPT_MAX_LENGTH = 65_536;
/** All values that a script gives together, in bytes. */
export const SCRIPT_OUTPUT_MAX_BYTES = 65_536;

/** What an expression gives may be a number or true/false: the script gets its text. */
const value = z.union([z.string().max(65_536), z.number(), z.boolean()]);

function fields<Value extends z.ZodType>(scriptText: z.ZodType<string>, environmentValue: Value) {
  return z.strictObject({
    script: scriptText.describe(
      'What bash runs. Expressions are resolved first: write $NAME, not ${NAME}, or $${NAME}.',
    ),
    environment: z
      .record(variableName, environmentValue)
      .describe('Environment variables of the script; the safe way to hand values over.')
      .default({}),
    workingDirectory: z
      .string()
      .min(1)
      .max(4_096)
      .describe('A folder of the delegate; left out: an empty one of its own, removed afterwards.')
      .optional(),
    outputVariables: z
      .array(variableName)
      .max(50)
      .describe('Variables of the script whose values the step gives to later ones.')
      .default([]),
    publishAs: variableName
      .describe('All later steps read the variables as `${context.NAME.VARIABLE}`, in other phases too.')
      .optional(),
  });
}

const script = z.string().min(1).max(SCRIPT_MAX_LENGTH);

export const shellScript = defineStep({
  type: 'shell-script',
  command: 'Shell Script',
  summary: 'Runs a bash script on the delegate, and hands its variables to later steps.',
  runsOn: 'delegate',
  defaultName: 'Shell Script',
  sections: SECTIONS,
  undoneBy: '',
  author: fields(script, value),
  rendered: fields(
    script.refine((text) => text.trim() !== '', 'the script is empty'),
    value.transform(String),
  ),
  output: z.object({
    exitCode: z.number(),
    /** Values by name; a variable that the script did not set is an empty text. */
    outputVariables: z.record(z.string(), z.string()),
  }),
  facts: z
    .object({
      /** The script may have begun: it is not begun again. */
      started: z.boolean(),
    })
    .partial(),
  repeatable: false,
  changesService: false,
  callsAws: false,
  defaultTimeoutSeconds: 600,
});

/** What a step publishes for `${context.NAME.VARIABLE}`: the name and its variables. Undefined: nothing. */
export function publishedBy(step: {
  readonly type: string;
  readonly with: Readonly<Record<string, unknown>>;
}): { readonly name: string; readonly variables: readonly string[] } | undefined {
  if (step.type !== shellScript.type) return undefined;
  const { publishAs: name, outputVariables } = step.with;
  if (typeof name !== 'string' || holdsExpression(name)) return undefined;
  const variables = Array.isArray(outputVariables) ? outputVariables.filter((each) => typeof each === 'string') : [];
  return { name, variables };
}
