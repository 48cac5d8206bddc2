import { z } from 'zod';
import { defineStep } from './define.ts';
import { AUTHOR, type Fields, RENDERED } from './fields.ts';
import { giveUpFields } from './give-up.ts';
import { containerInfo, jsonObject, serviceMark } from './target.ts';

/** No expressions in this timeout: the ECS workflows page rules them out for daemon setup. */
const timeoutMinutes = z
  .number('expected a number of minutes; expressions are not allowed in the timeout of a daemon setup')
  .int()
  .min(1)
  .max(1_440)
  .describe('Minutes until the tasks must be steady; no expressions.')
  .default(10);

function fields<Integer, Flag>(f: Fields<Integer, Flag>) {
  return z.strictObject({
    serviceName: f.text('Name of the service; blank: application, service and environment.').optional(),
    steadyStateTimeoutMinutes: timeoutMinutes,
    giveUpAfter: giveUpFields(f),
    loadBalancerRoleArn: f.text('Role for all load balancers, where AWS allows one.').optional(),
    loadBalancers: z
      .array(
        z.strictObject({
          loadBalancer: f.text('Name or ARN of the load balancer.').optional(),
          targetGroupArn: f.text('The target group that the tasks register with.'),
          containerName: f.text('Container to route to; blank: found from the container definitions.').optional(),
          containerPort: f.integer('Port to route to; needs containerName.', { min: 1, max: 65_535 }).optional(),
        }),
      )
      .max(5)
      .describe('Where the tasks get their traffic from.')
      .default([]),
  });
}

/** The service before the update, enough to put it back; null: this was its first launch. */
export const serviceSnapshot = jsonObject.nullable();

export const ecsDaemonServiceSetup = defineStep({
  type: 'ecs-daemon-service-setup',
  command: 'Setup ECS Daemon Service',
  summary: 'Creates or updates a daemon service: one task on each container instance.',
  runsOn: 'delegate',
  defaultName: 'ECS Daemon Service Setup',
  sections: ['Setup Container'],
  undoneBy: 'ecs-daemon-rollback',
  author: fields(AUTHOR),
  rendered: fields(RENDERED),
  output: z.object({
    serviceName: z.string(),
    clusterName: z.string(),
    taskDefinitionArn: z.string(),
    containers: z.array(containerInfo),
  }),
  facts: z
    .object({
      serviceName: z.string(),
      snapshot: serviceSnapshot,
      /** The task definition may have been registered, whether or not its revision is known. */
      registering: z.boolean(),
      taskDefinitionArn: z.string(),
      steadyStateTimeoutMinutes: z.number(),
      taskArnsBefore: z.array(z.string()),
      before: serviceMark,
    })
    .partial(),
  repeatable: true,
  defaultTimeoutSeconds: 900,
});
