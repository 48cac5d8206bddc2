import type { CancelReason } from '@outrider/shared/protocol/messages.ts';
import type { ExecutionEvent, ExecutionInput } from './events.ts';
import type { ExecutionState, LivingStep, Pause, StopAction, StopCause } from './state.ts';
import { isLiving } from './state.ts';

type Interrupt = Extract<ExecutionInput, { kind: 'abort' | 'rollback' | 'pause' | 'resume' }>;

/** What somebody asked for; whether it makes sense now was settled by EXECUTION_INPUTS. */
export function interruptEvents(input: Interrupt): readonly ExecutionEvent[] {
  const { by, reason } = input;
  switch (input.kind) {
    case 'abort':
      return [{ type: 'abort-requested', by, reason, rollback: input.rollback }];
    case 'rollback':
      return [{ type: 'rollback-requested', by, reason }];
    case 'pause':
      return [{ type: 'pause-requested', by, reason }];
    case 'resume':
      return [{ type: 'resume-requested', by, reason }];
  }
}

/** Tells every living step to stop that has not been told: nothing is rolled back while something may still change. */
export function cancelLivingSteps(state: Extract<ExecutionState, { kind: 'stopping' }>): readonly ExecutionEvent[] {
  const { cause } = state;
  const reason = cause.kind !== 'aborted' && wantsRollback(cause) ? 'rolling-back' : 'aborted';
  const events: ExecutionEvent[] = [];
  for (const [stepId, step] of Object.entries(state.steps)) {
    if (!isLiving(step) || step.kind === 'cancelling') continue;
    events.push(cancelStep(stepId, step, reason, causeText(cause)));
  }
  return events;
}

export function cancelStep(stepId: string, step: LivingStep, reason: CancelReason, message: string): ExecutionEvent {
  return { type: 'step-cancel-requested', stepId, attempt: step.attempt, reason, message };
}

export function wantsRollback(cause: StopCause): boolean {
  if (cause.kind === 'aborted') return cause.rollback;
  return cause.kind === 'rolled-back' || cause.action === 'rollback-workflow' || cause.action === 'rollback-phase';
}

/** What a further failure amounts to once the execution is being stopped: what is being done anyway. */
export function actionOf(cause: StopCause): StopAction {
  if (cause.kind === 'step-failed') return cause.action;
  if (cause.kind === 'rolled-back') return 'rollback-workflow';
  return cause.rollback ? 'rollback-workflow' : 'abort';
}

/** Why an execution is being stopped, in words for logs and for those who wait. */
export function causeText(cause: StopCause): string {
  switch (cause.kind) {
    case 'aborted':
      return `aborted by ${cause.by}${because(cause.reason)}`;
    case 'rolled-back':
      return `rolled back by ${cause.by}${because(cause.reason)}`;
    case 'step-failed':
      return `the step ${cause.stepId} failed: ${cause.failure.message}`;
  }
}

/** Who holds an execution, in words. */
export function pauseText({ by, reason }: Pause): string {
  return `paused by ${by}${because(reason)}`;
}

function because(reason: string): string {
  return reason === '' ? '' : `: ${reason}`;
}
