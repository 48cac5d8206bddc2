import { OutriderError } from '@outrider/shared/errors.ts';
import type { StepHandler } from './contract.ts';

export const ecsSteadyStateCheck: StepHandler<'ecs-steady-state-check'> = async () => {
  throw new OutriderError('internal', 'being written');
};
