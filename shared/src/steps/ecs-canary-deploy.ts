import { z } from 'zod';
import { defineStep } from './define.ts';
import { AUTHOR, type Fields, RENDERED } from './fields.ts';
import { giveUpFields } from './give-up.ts';

function fields<Integer, Flag>(f: Fields<Integer, Flag>) {
  return z.strictObject({ giveUpAfter: giveUpFields(f) });
}

export const ecsCanaryDeploy = defineStep({
  type: 'ecs-canary-deploy',
  command: '',
  summary: 'Creates the service `<name>Canary` with one task of the new version.',
  runsOn: 'delegate',
  defaultName: 'ECS Canary Deploy',
  sections: ['Deploy Containers'],
  undoneBy: 'ecs-canary-delete',
  author: fields(AUTHOR),
  rendered: fields(RENDERED),
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
