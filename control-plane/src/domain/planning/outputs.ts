import type { Known, KnownMembers } from '@outrider/shared/expressions/names.ts';
import { normalizeName } from '@outrider/shared/names.ts';
import { STEP_SPECS, type StepType } from '@outrider/shared/steps/index.ts';

/** What a step's output will hold, by the name that expressions give the step. */
export function knownOutputs(steps: readonly { readonly name: string; readonly type: StepType }[]): KnownMembers {
  return Object.fromEntries(steps.map((step) => [normalizeName(step.name), knownOutput(step.type)]));
}

function knownOutput(type: StepType): Known {
  const { shape } = STEP_SPECS[type].output;
  return Object.fromEntries(Object.keys(shape).map((key): [string, Known] => [key, 'any']));
}
