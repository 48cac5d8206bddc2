import { askingSteps } from '../domain/execution/answers.ts';
import { type ExecutionState, isLiving } from '../domain/execution/state.ts';
import { resourceKeys } from '../domain/planning/walk.ts';
import type { ExecutionStatus, RollbackStatus } from './executions-port.ts';
import type { ExecutionSummary } from './ports.ts';

/** Executions that are not over. */
export const LIVING_STATUSES: readonly ExecutionStatus[] = ['queued', 'running', 'waiting', 'paused'];

/** What lists show of an execution, and what they filter by. */
export function summaryOf(state: ExecutionState): ExecutionSummary {
  const { id, plan, startedAtMs, startedBy, reason, artifacts, variables } = state;
  const ended = state.kind === 'ended';
  return {
    id,
    application: plan.workflow.application,
    workflow: plan.workflow.name,
    status: statusOf(state),
    rollback: rollbackOf(state),
    currentPhase: currentPhase(state),
    startedAtMs,
    endedAtMs: ended ? state.endedAtMs : null,
    startedBy,
    reason,
    resourceKeys: resourceKeys(plan),
    failure: ended ? state.failure : null,
    artifacts,
    variables,
  };
}

export function statusOf(state: ExecutionState): ExecutionStatus {
  if (askingSteps(state).length > 0) return 'waiting';
  if (state.kind === 'ended') return state.status;
  switch (state.kind) {
    case 'created':
    case 'queued':
      return 'queued';
    case 'paused':
      // Held, but not at rest: what runs goes on to its end first.
      return Object.values(state.steps).some(isLiving) ? 'running' : 'paused';
    default:
      return 'running';
  }
}

export function rollbackOf(state: ExecutionState): RollbackStatus {
  if (state.kind === 'ended') return state.rollback;
  return state.kind === 'rolling-back' ? 'running' : 'none';
}

/** Name of the phase that runs now, forward or back. */
export function currentPhase(state: ExecutionState): string | null {
  const { plan } = state;
  const forward = plan.phases.find((_, index) => state.phases[index]?.kind === 'running');
  const back = plan.rollbackPhases.find((_, index) => state.rollbackPhases[index]?.kind === 'running');
  return (back ?? forward)?.name ?? null;
}
