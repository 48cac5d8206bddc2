import { z } from 'zod';
import { autoScalerConfig, autoScalerInput, autoScalingSnapshot } from './autoscaling.ts';
import { defineStep } from './define.ts';
import { AUTHOR, type Fields, RENDERED } from './fields.ts';
import { serviceDesired } from './target.ts';

/** The page's default, used too when the timeout's expression fails, is null, not a number or not above 0. */
export const DEFAULT_STEADY_STATE_TIMEOUT_MINUTES = 10;
/** Instances when nothing runs and nothing is given; also what a fixed 0 means (ECS workflows page). */
export const DEFAULT_INSTANCES = 2;

const COUNT = { min: 0, max: 100_000 };
const MINUTES = { min: 1, max: 1_440 };

function loadBalancerFields<Integer, Flag>(f: Fields<Integer, Flag>) {
  return z.strictObject({
    loadBalancer: f.text('Name or ARN of the Application or Network Load Balancer.').optional(),
    targetGroupArn: f.text('The target group that the tasks register with.'),
    containerName: f.text('Container to route to; blank: found from the container definitions.').optional(),
    containerPort: f.integer('Port to route to; needs containerName.', { min: 1, max: 65_535 }).optional(),
  });
}

function commonFields<Integer, Flag>(f: Fields<Integer, Flag>) {
  return {
    serviceName: f.text('Stem of the service name; blank: application, service and environment.').optional(),
    instances: z
      .strictObject({
        fixed: f.integer('Instances to run, whatever runs now; 0 counts as 2.', COUNT).optional(),
        sameAsRunning: z.literal(true).optional().describe('As many as the newest active version runs now.'),
        max: f.integer('Instances when nothing runs yet; 0 counts as 2.', COUNT).optional(),
      })
      .refine((value) => value.fixed === undefined || value.sameAsRunning === undefined, {
        message: 'give either fixed or sameAsRunning, not both',
      })
      .describe('How many instances 100 % is; left out: as many as run now, or 2.')
      .optional(),
    resizeStrategy: z
      .enum(['resize-new-first', 'downsize-old-first'])
      .describe('Which version is resized first.')
      .default('resize-new-first'),
    loadBalancerRoleArn: f.text('Role for all load balancers, where AWS allows one.').optional(),
    loadBalancers: z
      .array(loadBalancerFields(f))
      .max(5)
      .describe('Where the tasks get their traffic from.')
      .default([]),
    autoScaler: autoScalerInput
      .describe('Auto scaling of the new version, attached after its final resize.')
      .optional(),
  };
}

/** Anything that is no whole number of minutes above 0 is `null`, and the step says that it uses 10. */
const lenientMinutes = z.preprocess((value) => {
  const number = typeof value === 'string' ? Number(value.trim() || Number.NaN) : value;
  return typeof number === 'number' && Number.isFinite(number) && number > 0 ? Math.min(number, MINUTES.max) : null;
}, z.number().nullable());

export const setupOutput = z.object({
  /** `<family>__<revision>`. */
  serviceName: z.string(),
  clusterName: z.string(),
  taskDefinitionArn: z.string(),
  family: z.string(),
  containerName: z.string(),
  image: z.string(),
  /** What 100 % means for the phases that follow. */
  total: z.number().int().min(0),
  resizeStrategy: z.enum(['resize-new-first', 'downsize-old-first']),
  steadyStateTimeoutMinutes: z.number().positive(),
  /** Active services of the family before the deployment, by ascending revision. */
  previous: z.array(serviceDesired),
  /** Auto scaling to attach after the final resize; null: none. */
  autoScaler: autoScalerConfig.nullable(),
  /** Auto scaling of older services before they were touched. */
  autoScalingSnapshots: z.array(autoScalingSnapshot),
});
export type SetupOutput = z.infer<typeof setupOutput>;

export const ecsServiceSetup = defineStep({
  type: 'ecs-service-setup',
  command: 'Setup ECS Service',
  summary: 'Registers the task definition and creates the new version of the service with no tasks.',
  runsOn: 'delegate',
  defaultName: 'ECS Service Setup',
  sections: ['Setup Container'],
  undoneBy: '',
  author: z.strictObject({
    ...commonFields(AUTHOR),
    steadyStateTimeoutMinutes: z
      .union([AUTHOR.integer('Minutes until the tasks must be steady.', MINUTES), z.null()])
      .describe('Minutes until the tasks must be steady; when it has no usable value: 10.')
      .optional(),
  }),
  rendered: z.strictObject({
    ...commonFields(RENDERED),
    /** undefined: not given; null: given, but unusable. */
    steadyStateTimeoutMinutes: lenientMinutes.optional(),
  }),
  output: setupOutput,
  facts: z
    .object({
      /** Active services of the family as they were before this step. */
      previous: z.array(serviceDesired),
      total: z.number().int(),
      /** The task definition may have been registered, whether or not its revision is known. */
      registering: z.boolean(),
      taskDefinitionArn: z.string(),
      serviceName: z.string(),
      autoScalingSnapshots: z.array(autoScalingSnapshot),
    })
    .partial(),
  repeatable: true,
  defaultTimeoutSeconds: 900,
});

/** Fields whose expression may fail: they render to null instead of failing the step (ECS workflows page). */
export const LENIENT_FIELDS: Readonly<Record<string, readonly string[]>> = {
  'ecs-service-setup': ['steadyStateTimeoutMinutes'],
};
