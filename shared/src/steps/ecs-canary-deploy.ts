import { z } from 'zod';
import { defineStep } from './define.ts';

export const ecsCanaryDeploy = defineStep({
  type: 'ecs-canary-deploy',
  command: '',
  summary: 'Creates the service `<name>Canary` with one task of the new version.',
  runsOn: 'delegate',
  defaultName: 'ECS Canary Deploy',
  sections: ['Deploy Containers'],
  undoneBy: 'ecs-canary-delete',
  author: z.strictObject({}),
  rendered: z.strictObject({}),
  output: z.object({
    canaryServiceName: z.string(),
    serviceArn: z.string(),
    clusterName: z.string(),
    taskDefinitionArn: z.string(),
  }),
  facts: z
    .object({
      canaryServiceName: z.string(),
      /** The task definition may have been registered, whether or not its revision is known. */
      registering: z.boolean(),
      taskDefinitionArn: z.string(),
    })
    .partial(),
  repeatable: true,
  defaultTimeoutSeconds: 600,
});
