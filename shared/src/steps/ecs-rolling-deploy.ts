import { z } from 'zod';
import { autoScalingSnapshot } from './autoscaling.ts';
import { defineStep } from './define.ts';
import { AUTHOR, type Fields, RENDERED } from './fields.ts';
import { giveUpFields } from './give-up.ts';
import { jsonObject, serviceMark } from './target.ts';

function fields<Integer, Flag>(f: Fields<Integer, Flag>) {
  return z.strictObject({
    sameAsRunning: f.flag('Keep the number of instances that runs now.').optional(),
    forceNewDeployment: f.flag('Deploy even when nothing changed.').optional(),
    giveUpAfter: giveUpFields(f),
  });
}

export const ecsRollingDeploy = defineStep({
  type: 'ecs-rolling-deploy',
  command: '',
  summary: 'Creates the service or updates it in place with a rolling deployment.',
  runsOn: 'delegate',
  defaultName: 'ECS Rolling Deploy',
  sections: ['Deploy Containers'],
  undoneBy: 'ecs-rolling-rollback',
  author: fields(AUTHOR),
  rendered: fields(RENDERED),
  output: z.object({
    serviceName: z.string(),
    serviceArn: z.string(),
    clusterName: z.string(),
    taskDefinitionArn: z.string(),
    desired: z.number().int(),
  }),
  facts: z
    .object({
      serviceName: z.string(),
      /** The service as it was; null: this is its first deployment. */
      snapshot: jsonObject.nullable(),
      autoScalingSnapshots: z.array(autoScalingSnapshot),
      /** The task definition may have been registered, whether or not its revision is known. */
      registering: z.boolean(),
      taskDefinitionArn: z.string(),
      before: serviceMark,
    })
    .partial(),
  repeatable: true,
  defaultTimeoutSeconds: 600,
});
