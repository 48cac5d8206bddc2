import { z } from 'zod';
import { setupOutput } from './ecs-service-setup.ts';
import { STEP_TYPES } from './index.ts';
import { deployedService, deploymentTarget, jsonObject } from './target.ts';

/** A step that a rollback step undoes: what it saved before its first change. */
export const undoneStep = z.object({
  stepId: z.string(),
  phase: z.string(),
  type: z.string(),
  /** How it ended; `failed` and `aborted` steps may have done part of their work. */
  status: z.enum(['succeeded', 'failed', 'aborted']),
  facts: jsonObject,
  output: jsonObject.nullable(),
});
export type UndoneStep = z.infer<typeof undoneStep>;

/** What the execution knows when the step starts. */
export const prior = z.object({
  /** Output of the setup of this service and infrastructure; null: there was none. */
  setup: setupOutput.nullable(),
  /** For rollback steps: the steps of the undone phase that this one undoes, newest first. */
  undo: z.array(undoneStep),
  /** For resizes: no later step of this execution resizes this service. */
  finalResize: z.boolean(),
  /** What earlier attempts of this step saved, merged; the earliest value of a key holds. Left out: there were none. */
  earlier: jsonObject.optional(),
  /** A rollback step before this one went back over all phases already. */
  allPhasesRolledBack: z.boolean(),
});
export type Prior = z.infer<typeof prior>;

/** The work as it travels to the delegate in an offer. `with` is checked against the step's `rendered` schema. */
export const stepTask = z.object({
  type: z.enum(STEP_TYPES),
  executionId: z.string(),
  stepId: z.string(),
  attempt: z.number().int().min(1),
  stepName: z.string(),
  phaseName: z.string(),
  workflow: z.string(),
  rollback: z.boolean(),
  with: jsonObject,
  target: deploymentTarget,
  service: deployedService,
  prior,
});
export type StepTask = z.infer<typeof stepTask>;
