import { OutriderError } from '@outrider/shared/errors.ts';
import type { StepHandler } from './contract.ts';

export const ecsDaemonServiceSetup: StepHandler<'ecs-daemon-service-setup'> = async () => {
  throw new OutriderError('internal', 'being written');
};
