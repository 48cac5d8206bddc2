import type { Known, KnownMembers } from '@outrider/shared/expressions/names.ts';
import type { JsonObject } from '@outrider/shared/json.ts';
import { normalizeName } from '@outrider/shared/names.ts';
import { STEP_SPECS, type StepType } from '@outrider/shared/steps/index.ts';
import { publishedBy } from '@outrider/shared/steps/shell-script.ts';

interface KnownStep {
  readonly name: string;
  readonly type: StepType;
  readonly with: JsonObject;
}

/** Where published variables are: `${context.NAME.VARIABLE}`. No step may be called so. */
export const CONTEXT = 'context';

/**
 * What expressions can name of steps, after these: their outputs, by the names that expressions give the steps, and what
 * they publish. `before` is what there was before them.
 */
export function knownOutputs(steps: readonly KnownStep[], before: KnownMembers = {}): KnownMembers {
  const outputs = steps.map((step): [string, Known] => [normalizeName(step.name), knownOutput(step.type)]);
  return { ...before, ...Object.fromEntries(outputs), ...knownContext(steps, before) };
}

/** What these steps publish alone: other phases see that of each other, whatever service they deploy. */
export function knownContext(steps: readonly KnownStep[], before: KnownMembers = {}): KnownMembers {
  const earlier = before[CONTEXT];
  const context: Record<string, Known> = typeof earlier === 'object' ? { ...earlier } : {};
  for (const published of steps.map(publishedBy)) {
    if (published === undefined) continue;
    const variables = published.variables.map((name): [string, Known] => [name, 'leaf']);
    context[published.name] = Object.fromEntries(variables);
  }
  return { [CONTEXT]: context };
}

function knownOutput(type: StepType): Known {
  const { shape } = STEP_SPECS[type].output;
  return Object.fromEntries(Object.keys(shape).map((key): [string, Known] => [key, 'any']));
}
