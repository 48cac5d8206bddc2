import { z } from 'zod';
import { authorAmount, renderedAmount } from './amount.ts';
import { defineStep } from './define.ts';
import { AUTHOR, RENDERED } from './fields.ts';
import { giveUpFields } from './give-up.ts';
import { containerInfo, serviceDesired } from './target.ts';

const DESIRED = "Instances of the new version after this step: a count or a share of the setup's total.";
const DOWNSIZE = 'Instances of the old version that remain after this step; left out: one less for each new one.';

export const resizeOutput = z.object({
  newService: serviceDesired,
  oldServices: z.array(serviceDesired),
  containers: z.array(containerInfo),
});

/** Counts as they were before the step's first change: what its rollback restores. */
export const resizeUndo = z.object({ newService: serviceDesired, oldServices: z.array(serviceDesired) });

export const ecsUpgradeContainers = defineStep({
  type: 'ecs-upgrade-containers',
  command: 'Resize ECS Service',
  summary: 'Moves instances from the old versions of the service to the new one.',
  runsOn: 'delegate',
  defaultName: 'Upgrade Containers',
  sections: ['Deploy Containers'],
  undoneBy: 'ecs-rollback-containers',
  author: z.strictObject({
    desiredInstances: authorAmount(DESIRED).default('100%'),
    downsizeOldInstances: authorAmount(DOWNSIZE).optional(),
    giveUpAfter: giveUpFields(AUTHOR),
  }),
  rendered: z.strictObject({
    desiredInstances: renderedAmount(DESIRED),
    downsizeOldInstances: renderedAmount(DOWNSIZE).optional(),
    giveUpAfter: giveUpFields(RENDERED),
  }),
  output: resizeOutput,
  facts: z
    .object({
      undo: resizeUndo,
      /** What this step decided to do, fixed before its first change. */
      goal: resizeUndo,
      /** Tasks that were there before: the others are `(new)`. */
      taskArnsBefore: z.array(z.string()),
      /** Stopped tasks of the services that grow, from before: later ones count, also those of while nobody looked. */
      stoppedBefore: z.array(z.string()),
      /** The newest event of each service, from before: later ones are told of, also those of while nobody looked. */
      newestEvents: z.array(z.string()),
      done: z.array(z.string()),
      containers: z.array(containerInfo),
    })
    .partial(),
  repeatable: true,
  defaultTimeoutSeconds: 900,
});
