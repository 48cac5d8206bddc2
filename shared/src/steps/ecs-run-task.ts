import { z } from 'zod';
import { awsJson, taskDefinition } from '../model/aws-definitions.ts';
import { defineStep, SECTIONS } from './define.ts';
import { AUTHOR, type Fields, RENDERED } from './fields.ts';
import { jsonObject } from './target.ts';

/** Definitions of one step; more are more steps. */
export const RUN_TASK_DEFINITIONS_MAX = 10;
export const DEFAULT_RUN_TASK_TIMEOUT_MINUTES = 10;

/** No expressions here, as the page says: the step's own limit follows from it when the execution is planned. */
const minutes = z
  .int()
  .min(1)
  .max(1_440)
  .describe('How long to wait until all tasks have stopped, in minutes. No expressions.')
  .default(DEFAULT_RUN_TASK_TIMEOUT_MINUTES);

/** What is left of a definition when its expressions are resolved, as AWS takes it. */
const resolved = jsonObject.transform((definition) => awsJson(definition));

function fields<Integer, Flag, Definition extends z.ZodType>(f: Fields<Integer, Flag>, definition: Definition) {
  return z
    .strictObject({
      taskDefinition: definition
        .describe("What to run, as in AWS RegisterTaskDefinition; left out: the service's own task definition.")
        .optional(),
      taskDefinitions: z
        .array(definition)
        .min(1)
        .max(RUN_TASK_DEFINITIONS_MAX)
        .describe('Several of them, started one after the other and waited for together.')
        .optional(),
      taskFamilyName: f
        .text('Family of definitions that name none; left out: application, service, environment and step.')
        .optional(),
      count: f.integer('Tasks of each definition.', { min: 1, max: 10 }).optional(),
      overrides: jsonObject
        .describe('Overrides as in AWS RunTask: command, environment, roles, cpu, memory.')
        .optional(),
      skipSteadyStateCheck: f.flag('Go on when the tasks are started, without waiting for their end.').optional(),
      steadyStateTimeoutMinutes: minutes,
    })
    .refine((given) => given.taskDefinition === undefined || given.taskDefinitions === undefined, {
      message: 'give either taskDefinition or taskDefinitions, not both',
    });
}

/** How far one definition has come. */
const runFacts = z
  .object({
    registering: z.boolean(),
    taskDefinitionArn: z.string(),
    /** RunTask may have been called. Its token makes a second call answer with the tasks of the first. */
    starting: z.boolean(),
    taskArns: z.array(z.string()),
    /** Why the others were not started. */
    notStarted: z.array(z.string()),
  })
  .partial();
export type RunFacts = z.infer<typeof runFacts>;

export const ecsRunTask = defineStep({
  type: 'ecs-run-task',
  command: 'ECS Run Task',
  summary: 'Runs tasks that do their work and end, such as migrations, and waits for their exit codes.',
  runsOn: 'delegate',
  defaultName: 'ECS Run Task',
  sections: SECTIONS,
  undoneBy: '',
  author: fields(AUTHOR, taskDefinition),
  rendered: fields(RENDERED, resolved),
  output: z.object({
    clusterName: z.string(),
    taskDefinitionArns: z.array(z.string()),
    taskArns: z.array(z.string()),
  }),
  facts: z
    .object({
      /** In the order of the definitions. */
      runs: z.array(runFacts),
    })
    .partial(),
  repeatable: false,
  changesService: false,
  defaultTimeoutSeconds: 900,
});
