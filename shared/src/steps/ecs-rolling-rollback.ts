import { z } from 'zod';
import { defineStep } from './define.ts';
import { serviceMark } from './target.ts';

export const ecsRollingRollback = defineStep({
  type: 'ecs-rolling-rollback',
  command: '',
  summary: 'Puts the service back as it was before the rolling deployment, or deletes it after a failed first one.',
  runsOn: 'delegate',
  defaultName: 'ECS Rolling Rollback',
  sections: ['Deploy Containers'],
  undoneBy: '',
  author: z.strictObject({}),
  rendered: z.strictObject({}),
  output: z.object({ serviceName: z.string(), deleted: z.boolean(), skipped: z.string() }),
  facts: z
    .object({
      started: z.boolean(),
      /** The service is being deleted. */
      deleting: z.boolean(),
      before: serviceMark,
    })
    .partial(),
  repeatable: true,
  defaultTimeoutSeconds: 600,
});
