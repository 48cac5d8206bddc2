import type { FailureStrategy } from '@outrider/shared/model/step.ts';
import type { PlannedFailureStrategy } from './plan.ts';

export type FailureStrategies = readonly FailureStrategy[];

export function plannedStrategies(strategies: FailureStrategies): readonly PlannedFailureStrategy[] {
  return strategies.map((strategy) =>
    strategy.action === 'retry'
      ? {
          failureTypes: strategy.failureTypes,
          action: 'retry',
          retries: strategy.retryCount,
          retryIntervalsSeconds: strategy.retryIntervalsSeconds,
          afterRetries: strategy.afterRetries,
        }
      : {
          failureTypes: strategy.failureTypes,
          action: strategy.action,
          retries: 0,
          retryIntervalsSeconds: [],
          afterRetries: strategy.action,
        },
  );
}
