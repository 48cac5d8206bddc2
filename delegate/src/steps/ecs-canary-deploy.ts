import { OutriderError } from '@outrider/shared/errors.ts';
import type { StepHandler } from './contract.ts';

export const ecsCanaryDeploy: StepHandler<'ecs-canary-deploy'> = async () => {
  throw new OutriderError('internal', 'being written');
};
