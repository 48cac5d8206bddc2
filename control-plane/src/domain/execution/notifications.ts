import type { WebhookEvent } from '@outrider/shared/api/webhook-schemas.ts';
import type { ExecutionId } from '@outrider/shared/ids.ts';
import type { ExecutionEvent } from './events.ts';
import { type ExecutionState, stepState } from './state.ts';

/**
 * What receivers outside are told of an execution, as it was at that moment. Variables stay here: they may hold what is
 * nobody's business outside.
 */
export interface Notification {
  readonly type: WebhookEvent;
  readonly atMs: number;
  readonly execution: NotifiedExecution;
}
export interface NotifiedExecution {
  readonly id: ExecutionId;
  readonly application: string;
  readonly workflow: string;
  readonly environment: string;
  readonly status: string;
  readonly rollback: string;
  readonly startedBy: string;
  readonly reason: string;
  readonly artifacts: Readonly<Record<string, string>>;
  readonly startedAtMs: number;
  readonly endedAtMs: number | null;
  readonly failure: { readonly code: string; readonly message: string; readonly hint: string } | null;
}

type StepFailed = Extract<ExecutionEvent, { readonly type: 'step-failed' }>;
type PhaseStarted = Extract<ExecutionEvent, { readonly type: 'phase-started' }>;

/** What an event means to those outside; undefined: nothing. `state` is the state right after it. */
export function notificationOf(event: ExecutionEvent, state: ExecutionState): Notification | undefined {
  if (event.type === 'phase-started') return startOf(event, state);
  if (event.type === 'step-failed') return questionOf(event, state);
  if (event.type !== 'execution-finished' || state.kind !== 'ended') return undefined;
  return { type: endOf(state), atMs: state.endedAtMs, execution: executionOf(state) };
}

/** What waits for its turn has not started: its first phase has to begin. */
function startOf({ phase, rollback }: PhaseStarted, state: ExecutionState): Notification | undefined {
  const [first] = state.phases;
  if (rollback || state.plan.phases[0]?.name !== phase || first === undefined || first.kind === 'pending')
    return undefined;
  return { type: 'execution.started', atMs: first.startedAtMs, execution: executionOf(state) };
}

/** A step has failed and waits for a person to say what follows. */
function questionOf({ stepId, action, failure }: StepFailed, state: ExecutionState): Notification | undefined {
  const step = stepState(state, stepId);
  if (action !== 'manual-intervention' || step.kind !== 'failed') return undefined;
  const { code, message, hint } = failure;
  const execution = { ...executionOf(state), status: 'waiting', failure: { code, message, hint } };
  return { type: 'execution.waiting', atMs: step.endedAtMs, execution };
}

/** One word for each end. A rollback that failed needs a person, whatever led to it. */
function endOf({ status, rollback }: Extract<ExecutionState, { kind: 'ended' }>): WebhookEvent {
  if (rollback === 'failed') return 'execution.rollback_failed';
  if (status === 'failed' && rollback === 'succeeded') return 'execution.rolled_back';
  return `execution.${status}`;
}

function executionOf(state: ExecutionState): NotifiedExecution {
  const { id, plan, startedBy, reason, artifacts, startedAtMs } = state;
  const ended = state.kind === 'ended';
  const failure = ended ? state.failure : null;
  return {
    id,
    application: plan.workflow.application,
    workflow: plan.workflow.name,
    environment: plan.phases[0]?.service.environment ?? '',
    status: ended ? state.status : 'running',
    rollback: ended ? state.rollback : 'none',
    startedBy,
    reason,
    artifacts,
    startedAtMs,
    endedAtMs: ended ? state.endedAtMs : null,
    failure: failure === null ? null : { code: failure.code, message: failure.message, hint: failure.hint },
  };
}
