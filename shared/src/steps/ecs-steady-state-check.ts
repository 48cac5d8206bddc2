import { z } from 'zod';
import { defineStep } from './define.ts';
import { AUTHOR, type Fields, RENDERED } from './fields.ts';
import { giveUpFields } from './give-up.ts';
import { containerInfo } from './target.ts';

function fields<Integer, Flag>(f: Fields<Integer, Flag>, timeout: z.ZodType<Integer>) {
  return z.strictObject({
    serviceName: f.text('Name of the ECS service to wait for.'),
    timeoutMilliseconds: timeout,
    giveUpAfter: giveUpFields(f),
  });
}

const LIMITS = { min: 1_000, max: 86_400_000 };
const TIMEOUT = 'How long to wait, in milliseconds.';

export const ecsSteadyStateCheck = defineStep({
  type: 'ecs-steady-state-check',
  command: 'ECS Steady State Check',
  summary: 'Waits until a service that was deployed by other means is steady.',
  runsOn: 'delegate',
  defaultName: 'ECS Steady State Check',
  sections: ['Deploy Containers'],
  undoneBy: '',
  author: fields(AUTHOR, AUTHOR.integer(TIMEOUT, LIMITS).default(600_000)),
  rendered: fields(RENDERED, RENDERED.integer(TIMEOUT, LIMITS).default(600_000)),
  output: z.object({ serviceName: z.string(), containers: z.array(containerInfo) }),
  facts: z.object({ startedAt: z.string() }).partial(),
  repeatable: true,
  changesService: false,
  defaultTimeoutSeconds: 900,
});
