import { OutriderError } from '@outrider/shared/errors.ts';
import type { StepHandler } from './contract.ts';

export const ecsDaemonRollback: StepHandler<'ecs-daemon-rollback'> = async () => {
  throw new OutriderError('internal', 'being written');
};
