import { OutriderError } from '@outrider/shared/errors.ts';
import type { StepHandler } from './contract.ts';

export const ecsCanaryDelete: StepHandler<'ecs-canary-delete'> = async () => {
  throw new OutriderError('internal', 'being written');
};
