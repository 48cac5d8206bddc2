import { OutriderError } from '@outrider/shared/errors.ts';
import type { StepHandler } from './contract.ts';

export const ecsServiceSetup: StepHandler<'ecs-service-setup'> = async () => {
  throw new OutriderError('internal', 'being written');
};
