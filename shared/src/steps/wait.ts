import { z } from 'zod';
import { defineStep, SECTIONS } from './define.ts';
import { AUTHOR, type Fields, RENDERED } from './fields.ts';

/** A day: what takes longer is no part of a deployment. */
export const WAIT_LIMIT_SECONDS = 86_400;

function fields<Integer, Flag>(f: Fields<Integer, Flag>) {
  return z.strictObject({
    durationSeconds: f.integer('How long to wait, in seconds.', { min: 1, max: WAIT_LIMIT_SECONDS }),
  });
}

export const wait = defineStep({
  type: 'wait',
  command: 'Wait',
  summary: 'Lets time pass before the next step. A wait that moves to another delegate goes on where it stood.',
  runsOn: 'delegate',
  defaultName: 'Wait',
  sections: SECTIONS,
  undoneBy: '',
  author: fields(AUTHOR),
  rendered: fields(RENDERED),
  output: z.object({ waitedSeconds: z.number() }),
  facts: z
    .object({
      /**
       * From the end of the wait to the step's deadline. The deadline is the control plane's and comes with every offer,
       * so that this holds by the clock of any delegate.
       */
      endsBeforeDeadlineMs: z.number(),
    })
    .partial(),
  repeatable: true,
  changesService: false,
  callsAws: false,
  defaultTimeoutSeconds: 86_700,
});
