import { z } from 'zod';
import { serviceDefinition, taskDefinition } from './aws-definitions.ts';
import { apiVersion, metadata, variables } from './common.ts';
import { IMAGE_REPOSITORY_PATTERN } from './image.ts';

/** How ECS places the tasks: a number of them, or one on each container instance. */
export const STRATEGIES = ['REPLICA', 'DAEMON'] as const;
export type Strategy = (typeof STRATEGIES)[number];

const artifact = z.strictObject({
  image: z
    .string()
    .max(255)
    .regex(IMAGE_REPOSITORY_PATTERN, 'expected an image repository such as library/nginx, without tag and digest')
    .describe('Image repository; the tag or digest comes with the run.'),
});

export const serviceSpec = z
  .strictObject({
    strategy: z.enum(STRATEGIES).describe('REPLICA: a number of tasks. DAEMON: one per instance.').default('REPLICA'),
    artifact: artifact.describe('What is deployed.'),
    taskDefinition: taskDefinition
      .describe('AWS RegisterTaskDefinition request; texts may hold expressions and the placeholders.')
      .optional(),
    taskDefinitionFile: z
      .string()
      .min(1)
      .max(1_024)
      .describe('JSON file with the task definition, relative to this document; lines that begin with # are left out.')
      .optional(),
    serviceDefinition: serviceDefinition
      .describe('AWS CreateService fields; texts may hold expressions. Cluster and task definition are ignored.')
      .prefault({}),
    variables: variables.describe('Values that expressions read as `${serviceVariable.NAME}`.').default([]),
  })
  .refine((spec) => (spec.taskDefinition === undefined) !== (spec.taskDefinitionFile === undefined), {
    message: 'give either taskDefinition or taskDefinitionFile, and exactly one of them',
  });

/** What is deployed: an image, its task definition and the fields of its ECS service. */
export const serviceSchema = z
  .strictObject({
    apiVersion,
    kind: z.literal('Service').describe('What this document describes.'),
    metadata: metadata.describe('Name and application.'),
    spec: serviceSpec.describe('What is deployed.'),
  })
  .describe('What is deployed: an image, its task definition and the fields of its ECS service.');
export type Service = z.infer<typeof serviceSchema>;
