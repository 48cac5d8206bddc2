import { OutriderError } from '@outrider/shared/errors.ts';
import type { StepHandler } from './contract.ts';

export const ecsRollbackContainers: StepHandler<'ecs-rollback-containers'> = async () => {
  throw new OutriderError('internal', 'being written');
};
