import { OutriderError } from '@outrider/shared/errors.ts';
import type { StepHandler } from './contract.ts';

export const ecsUpgradeContainers: StepHandler<'ecs-upgrade-containers'> = async () => {
  throw new OutriderError('internal', 'being written');
};
