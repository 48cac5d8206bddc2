import { z } from 'zod';
import { FAILURE_TYPES } from '../errors.ts';
import { isStepType, STEP_SPECS, type StepType } from '../steps/index.ts';
import { jsonObject } from '../steps/target.ts';
import { resourceName } from './common.ts';
import { selectors } from './infrastructure.ts';

/** Steps of a section, parallel ones counted each. */
export const STEPS_PER_SECTION_LIMIT = 50;
/** A step may be given a week at most. */
const TIMEOUT_LIMIT_SECONDS = 604_800;

/** Step types that belong to the format but that this version has no code for; they are refused by name. */
export const LATER_STEP_TYPES: readonly string[] = [
  'ecs-run-task',
  'ecs-blue-green-setup',
  'ecs-swap-target-groups',
  'ecs-swap-target-groups-rollback',
  'shell-script',
  'http-check',
  'approval',
  'wait',
].filter((type) => !isStepType(type));

const failureTypes = z
  .array(z.enum(['any', ...FAILURE_TYPES]))
  .min(1)
  .max(20)
  .describe('What the strategy is for; `any` matches every failure.')
  .default(['any']);

/** What may follow when retries are used up. */
export const FINAL_ACTIONS = ['rollback-workflow', 'end', 'ignore'] as const;
export type FinalAction = (typeof FINAL_ACTIONS)[number];

/** What may follow a failed retry besides: somebody is asked. */
const AFTER_RETRIES = [...FINAL_ACTIONS, 'manual-intervention'] as const;

/** How long a person is waited for: two weeks, as long as nothing else is said; at least a minute, at most 30 days. */
export const INTERVENTION_SECONDS = { least: 60, usual: 1_209_600, most: 2_592_000 } as const;
/** What follows when nobody has answered by then. */
export const DEFAULT_AFTER_TIMEOUT: FinalAction = 'rollback-workflow';

const plainStrategy = <Action extends FinalAction>(action: Action, meaning: string) =>
  z.strictObject({ failureTypes, action: z.literal(action).describe(meaning) });

export const failureStrategy = z.discriminatedUnion('action', [
  plainStrategy('rollback-workflow', 'Runs the rollback of every phase that started, the last one first.'),
  plainStrategy('end', 'Ends the execution as failed, without a rollback.'),
  plainStrategy('ignore', 'Goes on as if the step had succeeded.'),
  z.strictObject({
    failureTypes,
    action: z.literal('retry').describe('Runs the step again.'),
    retryCount: z.int().min(1).max(10).describe('How many times, after the first.').default(1),
    retryIntervalsSeconds: z
      .array(z.int().min(0).max(86_400))
      .min(1)
      .max(10)
      .describe('Waiting time before each retry; the last one repeats.')
      .default([10]),
    afterRetries: z.enum(AFTER_RETRIES).describe('When the retries are used up.').default('rollback-workflow'),
  }),
  z.strictObject({
    failureTypes,
    action: z
      .literal('manual-intervention')
      .describe('Waits for a person to retry the step, ignore its failure, mark it as success, or stop the execution.'),
    timeoutSeconds: z
      .int()
      .min(INTERVENTION_SECONDS.least)
      .max(INTERVENTION_SECONDS.most)
      .describe('How long; two weeks when left out.')
      .default(INTERVENTION_SECONDS.usual),
    afterTimeout: z.enum(FINAL_ACTIONS).describe('When nobody has answered by then.').default(DEFAULT_AFTER_TIMEOUT),
  }),
]);
export type FailureStrategy = z.infer<typeof failureStrategy>;

/** The first one that matches counts; those of a step go before those of its phase, those before the workflow's. */
export const failureStrategies = z
  .array(failureStrategy)
  .max(20)
  .meta({ id: 'FailureStrategies', description: 'What to do when a step fails; the first one that matches counts.' });

function stepOf<Type extends StepType>(type: Type) {
  const spec = STEP_SPECS[type];
  return z
    .strictObject({
      name: resourceName.describe('Unique in its phase; expressions read outputs as `${Step__Name.key}`.'),
      type: z.literal(type).describe('The step type.'),
      with: spec.author.pipe(jsonObject).describe('Fields of the step.').prefault({}),
      when: z
        .union([z.boolean(), z.string().min(1).max(4_096)])
        .describe('Condition; the step is skipped when it is false.')
        .optional(),
      timeoutSeconds: z
        .int()
        .min(1)
        .max(TIMEOUT_LIMIT_SECONDS)
        .describe(`Limit of the step; left out: ${spec.defaultTimeoutSeconds}, or what its own timeouts need.`)
        .optional(),
      delegateSelectors: selectors.describe("Tags in addition to the infrastructure's.").optional(),
      failureStrategies: failureStrategies.optional(),
    })
    .meta({ id: type, description: spec.summary });
}

/** One step of a section. `with` has the defaults of its type filled in; expressions are not resolved. */
export const step = z
  .discriminatedUnion('type', [
    stepOf('ecs-service-setup'),
    stepOf('ecs-upgrade-containers'),
    stepOf('ecs-rollback-containers'),
    stepOf('ecs-daemon-service-setup'),
    stepOf('ecs-daemon-rollback'),
    stepOf('ecs-steady-state-check'),
    stepOf('ecs-canary-deploy'),
    stepOf('ecs-canary-delete'),
    stepOf('ecs-rolling-deploy'),
    stepOf('ecs-rolling-rollback'),
    stepOf('http-check'),
    stepOf('wait'),
    stepOf('ecs-run-task'),
    stepOf('shell-script'),
  ])
  .meta({ id: 'Step', description: 'One step of a section.' });
export type Step = z.infer<typeof step>;

export const parallelGroup = z
  .strictObject({
    parallel: z.array(step).min(1).max(20).describe('Steps that run at the same time; all must end.'),
  })
  .meta({ id: 'ParallelGroup', description: 'Steps that run at the same time.' });
export type ParallelGroup = z.infer<typeof parallelGroup>;

export const stepEntry = z.union([step, parallelGroup]);
export type StepEntry = Step | ParallelGroup;

export function isParallelGroup(entry: StepEntry): entry is ParallelGroup {
  return 'parallel' in entry;
}

/** The steps of a section one by one, those of parallel groups included, in the order in which they stand. */
export function stepsOf(entries: readonly StepEntry[]): readonly Step[] {
  return entries.flatMap((entry) => (isParallelGroup(entry) ? entry.parallel : [entry]));
}
