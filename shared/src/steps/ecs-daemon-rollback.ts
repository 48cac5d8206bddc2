import { z } from 'zod';
import { defineStep } from './define.ts';
import { serviceMark } from './target.ts';

export const ecsDaemonRollback = defineStep({
  type: 'ecs-daemon-rollback',
  command: 'Rollback ECS Daemon Service',
  summary: 'Puts the daemon service back as it was, or deletes it after a failed first launch.',
  runsOn: 'delegate',
  defaultName: 'ECS Daemon Rollback',
  sections: ['Setup Container'],
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
  defaultTimeoutSeconds: 900,
});
