import { OutriderError } from '@outrider/shared/errors.ts';
import type { StepHandler } from './contract.ts';

export const ecsRollingRollback: StepHandler<'ecs-rolling-rollback'> = async () => {
  throw new OutriderError('internal', 'being written');
};
