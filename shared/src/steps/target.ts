import { z } from 'zod';
import type { JsonObject } from '../json.ts';

/** JSON that goes to AWS as it is. */
export const jsonObject = z.custom<JsonObject>(
  (value) => typeof value === 'object' && value !== null && !Array.isArray(value),
  'expected an object',
);

/** Where a phase deploys to: the resolved Infrastructure resource. */
export const deploymentTarget = z.object({
  infrastructure: z.string(),
  region: z.string(),
  cluster: z.string(),
  launchType: z.enum(['EC2', 'FARGATE', 'EXTERNAL']).optional(),
  capacityProviderStrategy: z.array(jsonObject).optional(),
  executionRole: z.string().optional(),
  network: z
    .object({
      subnets: z.array(z.string()),
      securityGroups: z.array(z.string()),
      assignPublicIp: z.boolean(),
    })
    .optional(),
  assumeRole: z.object({ arn: z.string(), externalId: z.string().optional() }).optional(),
});
export type DeploymentTarget = z.infer<typeof deploymentTarget>;

/** What a phase deploys: the Service resource with its expressions and placeholders resolved. */
export const deployedService = z.object({
  application: z.string(),
  name: z.string(),
  environment: z.string(),
  strategy: z.enum(['REPLICA', 'DAEMON']),
  /** Image with tag or digest, as it goes into the task definition. */
  image: z.string(),
  /** Name of the main container: from the image, or what the task definition calls it. */
  containerName: z.string(),
  /** Default family and stem of service names: `app__service__env`, normalised. */
  family: z.string(),
  /** AWS RegisterTaskDefinition request, rendered; its `family` only where the author gave one. */
  taskDefinition: jsonObject,
  /** AWS CreateService fields, rendered. */
  serviceDefinition: jsonObject,
});
export type DeployedService = z.infer<typeof deployedService>;

/** A service of the family and how many tasks it was meant to run at some moment. */
export const serviceDesired = z.object({ name: z.string(), desired: z.number().int().min(0) });
export type ServiceDesired = z.infer<typeof serviceDesired>;

/** Where a service stood before a step's first change of it: what came later counts, also while no delegate looked. */
export const serviceMark = z.object({
  /** Its newest event; empty: there was none. */
  newestEvent: z.string(),
  /** Tasks of it that had stopped, and are still shown. */
  stoppedTasks: z.array(z.string()),
  /** Its primary deployment; empty: it had none. */
  deployment: z.string(),
});
export type ServiceMark = z.infer<typeof serviceMark>;

/** A container as the log lists it (`6452d4b0ef39 - 10.0.0.53 (new)`). */
export const containerInfo = z.object({
  /** First 12 characters of the runtime id; empty when it could not be found out. */
  dockerId: z.string(),
  ip: z.string(),
  taskArn: z.string(),
  /** Whether the task was not there before the resize. */
  new: z.boolean(),
});
export type ContainerInfo = z.infer<typeof containerInfo>;
