import { findStep } from '../planning/walk.ts';
import type { Effect, ExecutionEvent } from './events.ts';
import { notificationOf } from './notifications.ts';
import { type ExecutionState, stepState } from './state.ts';

/** What is to be done because of an event. `stateAfter` is the state right after it. Doing it twice does no harm. */
export function effects(event: ExecutionEvent, stateAfter: ExecutionState): readonly Effect[] {
  switch (event.type) {
    case 'step-queued': {
      const { task, notBeforeMs } = event;
      const step = findStep(stateAfter.plan, event.stepId)?.step;
      if (step === undefined) return [];
      const { delegateSelectors, timeoutSeconds } = step;
      return [{ kind: 'enqueue-task', task, selectors: delegateSelectors, timeoutSeconds, notBeforeMs }];
    }
    case 'step-cancel-requested': {
      const { stepId, attempt, reason, message } = event;
      return [{ kind: 'cancel-task', stepId, attempt, reason, message }];
    }
    // The step changed hands while it was being stopped: its new holder must hear of it too, or nobody holds it now.
    case 'step-started':
    case 'step-requeued': {
      const { stepId, attempt } = event;
      const step = stepState(stateAfter, stepId);
      if (step.kind !== 'cancelling') return [];
      return [{ kind: 'cancel-task', stepId, attempt, reason: step.reason, message: step.message }];
    }
    case 'phase-started':
    case 'step-failed':
    case 'execution-finished': {
      const notification = notificationOf(event, stateAfter);
      return notification === undefined ? [] : [{ kind: 'notify', notification }];
    }
    default:
      return [];
  }
}
