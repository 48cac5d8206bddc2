import { z } from 'zod';
import { apiVersion, metadata, resourceName, variables, variableValues } from './common.ts';

export const ENVIRONMENT_TYPES = ['PROD', 'NON_PROD'] as const;
export type EnvironmentType = (typeof ENVIRONMENT_TYPES)[number];

export const environmentSpec = z.strictObject({
  type: z.enum(ENVIRONMENT_TYPES).describe('PROD for production, NON_PROD for all else.'),
  variables: variables.describe('Values that expressions read as `${environmentVariable.NAME}`.').default([]),
  serviceOverrides: z
    .record(resourceName, variableValues)
    .describe('By service: values that stand in for its variables in this environment.')
    .default({}),
});

/** Where services run together: production, staging. */
export const environmentSchema = z
  .strictObject({
    apiVersion,
    kind: z.literal('Environment').describe('What this document describes.'),
    metadata: metadata.describe('Name and application.'),
    spec: environmentSpec.describe('Type and values of the environment.'),
  })
  .describe('Where services run together, such as production or staging, and the values that differ there.');
export type Environment = z.infer<typeof environmentSchema>;
