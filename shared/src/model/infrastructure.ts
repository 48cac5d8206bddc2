import { z } from 'zod';
import { apiVersion, metadata, resourceName } from './common.ts';

export const LAUNCH_TYPES = ['EC2', 'FARGATE', 'EXTERNAL'] as const;
export type LaunchType = (typeof LAUNCH_TYPES)[number];

/** A delegate's tag, as selectors name it. */
export const selector = z
  .string()
  .regex(/^[A-Za-z0-9_.:/@=-]{1,128}$/, 'a selector has 1 to 128 letters, digits and _ . : / @ = -');
export const selectors = z.array(selector).max(20);

const arn = (service: string) =>
  z
    .string()
    .max(2_048)
    .regex(new RegExp(`^arn:aws[a-z-]*:${service}:`), `expected an ARN that begins with arn:aws:${service}:`);

const capacityProvider = z.strictObject({
  capacityProvider: z.string().min(1).max(255).describe('Name of the capacity provider.'),
  weight: z.int().min(0).max(1_000).describe('Share of the tasks, relative to the other providers.').optional(),
  base: z.int().min(0).max(100_000).describe('Tasks that it runs before shares count.').optional(),
});

const network = z.strictObject({
  subnets: z.array(z.string().min(1).max(255)).max(16).describe('Subnet ids.').default([]),
  securityGroups: z.array(z.string().min(1).max(255)).max(5).describe('Security group ids.').default([]),
  assignPublicIp: z.boolean().describe('Public addresses for the tasks; heeded on Fargate only.').default(false),
});

export const infrastructureSpec = z
  .strictObject({
    environment: resourceName.describe('The Environment it belongs to.'),
    region: z
      .string()
      .regex(/^[a-z]{2}(-[a-z]+)+-[0-9]{1,2}$/, 'expected an AWS region such as us-east-1')
      .describe('AWS region of the cluster.'),
    cluster: z
      .string()
      .regex(
        /^(arn:aws[a-z-]*:ecs:[a-z0-9-]+:[0-9]{12}:cluster\/)?[A-Za-z0-9_-]{1,255}$/,
        'a cluster name has 1 to 255 letters, digits, - and _; its ARN will do as well',
      )
      .describe('Name or ARN of the ECS cluster.'),
    launchType: z.enum(LAUNCH_TYPES).describe("Left out: the cluster's default.").optional(),
    capacityProviderStrategy: z
      .array(capacityProvider)
      .min(1)
      .max(20)
      .describe('Capacity providers in place of a launch type.')
      .optional(),
    executionRole: arn('iam').describe('What `${EXECUTION_ROLE}` stands for; Fargate needs one.').optional(),
    network: network.describe('For awsvpc tasks and Fargate.').optional(),
    delegate: z
      .strictObject({ selectors: selectors.describe('Tags that all must match one delegate.').default([]) })
      .describe('Which delegates may work there.')
      .prefault({}),
    assumeRole: z
      .strictObject({
        arn: arn('iam').describe('Role that the delegate assumes.'),
        externalId: z.string().min(2).max(1_224).describe("What the role's trust policy asks for.").optional(),
      })
      .describe('For clusters of another account.')
      .optional(),
  })
  .refine((spec) => spec.launchType === undefined || spec.capacityProviderStrategy === undefined, {
    message: 'give either launchType or capacityProviderStrategy, not both',
  });

/** Where a phase deploys to: a cluster and how tasks run there. */
export const infrastructureSchema = z
  .strictObject({
    apiVersion,
    kind: z.literal('Infrastructure').describe('What this document describes.'),
    metadata: metadata.describe('Name and application.'),
    spec: infrastructureSpec.describe('Cluster, launch type, network and role.'),
  })
  .describe('Where a phase deploys to: a cluster and how tasks run there.');
export type Infrastructure = z.infer<typeof infrastructureSchema>;
