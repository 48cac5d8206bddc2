import type { FailureStrategy } from '@outrider/shared/model/step.ts';
import type { PlannedFailureStrategy } from './plan.ts';

export type FailureStrategies = readonly FailureStrategy[];

export function plannedStrategies(strategies: FailureStrategies): readonly PlannedFailureStrategy[] {
  return strategies.map(plannedStrategy);
}

function plannedStrategy(strategy: FailureStrategy): PlannedFailureStrategy {
  const { failureTypes, action } = strategy;
  const once = { failureTypes, retries: 0, retryIntervalsSeconds: [] };
  switch (action) {
    case 'retry': {
      const { retryCount: retries, retryIntervalsSeconds, afterRetries } = strategy;
      return { failureTypes, action, retries, retryIntervalsSeconds, afterRetries };
    }
    case 'manual-intervention': {
      const { timeoutSeconds, afterTimeout } = strategy;
      return { ...once, action, afterRetries: action, intervention: { timeoutSeconds, afterTimeout } };
    }
    default:
      return { ...once, action, afterRetries: action };
  }
}
