import type { EcsService } from '../aws/ports.ts';
import type { StepContext } from './contract.ts';

/**
 * The tags that say what belongs to Outrider. Operators may search by them, and may hand a service
 * over by setting the family tag themselves.
 *
 * - `outrider:managed-by`: always `outrider`.
 * - `outrider:family`: which services are versions of one another. A service without this tag, or with another family's,
 *   is never resized, updated or deleted, whatever its name looks like.
 * - `outrider:execution`, `outrider:step`: who made it; how a repeated step finds what it made before.
 */
export const MANAGED_BY_TAG = 'outrider:managed-by';
export const FAMILY_TAG = 'outrider:family';
export const EXECUTION_TAG = 'outrider:execution';
export const STEP_TAG = 'outrider:step';
/** On task definitions: execution and step in one value, looked for before another revision is registered. */
export const TASK_DEFINITION_TAG = 'outrider:task-definition';

type Identified = Pick<StepContext<unknown>, 'identity' | 'token'>;

export function identityTags(ctx: Identified, family: string): Record<string, string> {
  return {
    [MANAGED_BY_TAG]: 'outrider',
    [FAMILY_TAG]: family,
    [EXECUTION_TAG]: ctx.identity.executionId,
    [STEP_TAG]: ctx.identity.stepId,
  };
}

export function taskDefinitionTags(ctx: Identified, family: string): Record<string, string> {
  return { ...identityTags(ctx, family), [TASK_DEFINITION_TAG]: ctx.token('task-definition') };
}

export function belongsTo(service: EcsService, family: string): boolean {
  return service.tags[FAMILY_TAG] === family;
}

/** Made by this very step, in this run of it or in an earlier one. */
export function madeByThisStep(service: EcsService, ctx: Identified): boolean {
  return service.tags[EXECUTION_TAG] === ctx.identity.executionId && service.tags[STEP_TAG] === ctx.identity.stepId;
}
