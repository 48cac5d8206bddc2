import { z } from 'zod';
import { defineStep } from './define.ts';
import { resizeOutput } from './ecs-upgrade-containers.ts';
import { AUTHOR, type Fields, RENDERED } from './fields.ts';
import { giveUpFields } from './give-up.ts';
import { serviceDesired } from './target.ts';

function fields<Integer, Flag>(f: Fields<Integer, Flag>) {
  return z.strictObject({
    allPhases: f.flag('Go back to the state before the setup at once; later rollback phases are skipped.').optional(),
    giveUpAfter: giveUpFields(f),
  });
}

export const ecsRollbackContainers = defineStep({
  type: 'ecs-rollback-containers',
  command: 'Rollback ECS Service',
  summary: 'Restores the counts that Upgrade Containers of the same phase changed.',
  runsOn: 'delegate',
  defaultName: 'Rollback Containers',
  sections: ['Deploy Containers'],
  undoneBy: '',
  author: fields(AUTHOR),
  rendered: fields(RENDERED),
  output: resizeOutput.extend({
    /** True when this step went back over all phases: later ones have nothing left to do. */
    allPhasesDone: z.boolean(),
    /** Why nothing was done; empty when something was. */
    skipped: z.string(),
  }),
  facts: z
    .object({
      goal: z.object({ newService: serviceDesired, oldServices: z.array(serviceDesired) }),
      taskArnsBefore: z.array(z.string()),
      /** Stopped tasks of the services that grow, from before: later ones count, also those of while nobody looked. */
      stoppedBefore: z.array(z.string()),
      /** The newest event of each service, from before: later ones are told of, also those of while nobody looked. */
      newestEvents: z.array(z.string()),
      done: z.array(z.string()),
    })
    .partial(),
  repeatable: true,
  defaultTimeoutSeconds: 900,
});
