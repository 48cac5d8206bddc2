import { OutriderError } from '@outrider/shared/errors.ts';
import type { StepHandler } from './contract.ts';

export const ecsRollingDeploy: StepHandler<'ecs-rolling-deploy'> = async () => {
  throw new OutriderError('internal', 'being written');
};
