import { z } from 'zod';
import { defineStep } from './define.ts';

export const ecsCanaryDelete = defineStep({
  type: 'ecs-canary-delete',
  command: '',
  summary: 'Deletes the canary service.',
  runsOn: 'delegate',
  defaultName: 'ECS Canary Delete',
  sections: ['Deploy Containers'],
  undoneBy: '',
  author: z.strictObject({}),
  rendered: z.strictObject({}),
  output: z.object({ canaryServiceName: z.string(), canaryDeleted: z.boolean() }),
  facts: z.object({ canaryServiceName: z.string() }).partial(),
  repeatable: true,
  defaultTimeoutSeconds: 600,
});
