import type { PlannedPhase } from '../planning/plan.ts';
import { groupsOfPhase, stepsOfPhase } from '../planning/walk.ts';
import type { ExecutionEvent } from './events.ts';
import { finishedEvent } from './finish.ts';
import { cancelLivingSteps, causeText } from './interrupts.ts';
import { rollbackOrder } from './rollback.ts';
import { startStep } from './start-step.ts';
import { type ExecutionState, isLiving, isPassed, stepState } from './state.ts';

type StateOf<Kind extends ExecutionState['kind']> = Extract<ExecutionState, { kind: Kind }>;

/** What the execution does by itself now; nothing when it waits for somebody or has ended. */
export function nextEvents(state: ExecutionState, now: number): readonly ExecutionEvent[] {
  switch (state.kind) {
    case 'created':
    case 'ended':
      return [];
    case 'queued':
      return state.behind.length === 0 ? [firstPhase(state)] : [];
    case 'deploying':
      return nextForward(state, now);
    case 'paused':
      return nextPaused(state);
    case 'stopping':
      return nextStop(state);
    case 'rolling-back':
      return nextRollback(state, now);
  }
}

/** How every execution begins. */
export function firstPhase({ plan }: ExecutionState): ExecutionEvent {
  return { type: 'phase-started', phase: plan.phases[0]?.name ?? '', rollback: false };
}

/** Phases in order; each only after the former has succeeded. */
function nextForward(state: StateOf<'deploying'>, now: number): readonly ExecutionEvent[] {
  const { phases } = state.plan;
  const running = phases.find((_, index) => state.phases[index]?.kind === 'running');
  if (running !== undefined) return nextInPhase(state, running, now);
  const following = phases.find((_, index) => state.phases[index]?.kind === 'pending');
  if (following !== undefined) return [{ type: 'phase-started', phase: following.name, rollback: false }];
  return [{ type: 'execution-finished', status: 'succeeded', rollback: 'none', failure: null }];
}

/** Only what has come to its end by itself is said; nothing begins. */
function nextPaused(state: StateOf<'paused'>): readonly ExecutionEvent[] {
  const { phases } = state.plan;
  const running = phases.find((_, index) => state.phases[index]?.kind === 'running');
  if (running !== undefined) {
    const passed = stepsOfPhase(running).every((step) => isPassed(stepState(state, step.id)));
    return passed ? [{ type: 'phase-finished', phase: running.name, rollback: false, outcome: 'succeeded' }] : [];
  }
  if (state.phases.some((phase) => phase.kind === 'pending')) return [];
  return [{ type: 'execution-finished', status: 'succeeded', rollback: 'none', failure: null }];
}

/** The steps of the forward phases that begin as soon as an execution that is held goes on. */
export function heldSteps(state: StateOf<'paused'>): readonly string[] {
  const { phases } = state.plan;
  const open = phases.find((_, index) => state.phases[index]?.kind !== 'ended');
  if (open === undefined) return [];
  const group = groupsOfPhase(open).find((steps) => steps.some((step) => !isPassed(stepState(state, step.id))));
  return (group ?? []).map((step) => step.id).filter((stepId) => isDue(state, stepId));
}

/** Sections and groups in order; the steps of a group at the same time. */
function nextInPhase(state: ExecutionState, phase: PlannedPhase, now: number): readonly ExecutionEvent[] {
  for (const group of groupsOfPhase(phase)) {
    const open = group.filter((step) => !isPassed(stepState(state, step.id)));
    if (open.length === 0) continue;
    const step = open.find((candidate) => isDue(state, candidate.id));
    return step === undefined ? [] : [startStep(state, { phase, step }, now)];
  }
  return [{ type: 'phase-finished', phase: phase.name, rollback: phase.rollback, outcome: 'succeeded' }];
}

function isDue(state: ExecutionState, stepId: string): boolean {
  const step = stepState(state, stepId);
  return step.kind === 'pending' || (step.kind === 'failed' && step.action === 'retry');
}

/** Living steps end first, then the phase; then comes the rollback, or the end. */
function nextStop(state: StateOf<'stopping'>): readonly ExecutionEvent[] {
  const cancels = cancelLivingSteps(state);
  if (cancels.length > 0) return cancels;
  if (Object.values(state.steps).some(isLiving)) return [];
  const running = state.plan.phases.find((_, index) => state.phases[index]?.kind === 'running');
  if (running !== undefined) {
    const outcome = failedIn(state, running) ? 'failed' : 'aborted';
    return [{ type: 'phase-finished', phase: running.name, rollback: false, outcome }];
  }
  const order = rollbackOrder(state);
  if (order.length === 0) return [finishedEvent(state, 'none')];
  return [{ type: 'rollback-started', phases: order, because: causeText(state.cause) }];
}

/** Rollback phases one by one; the first that fails is the last. */
function nextRollback(state: StateOf<'rolling-back'>, now: number): readonly ExecutionEvent[] {
  const { rollbackPhases } = state.plan;
  const phaseOf = (name: string) => state.rollbackPhases[rollbackPhases.findIndex((phase) => phase.name === name)];
  const failed = state.order.some((name) => {
    const phase = phaseOf(name);
    return phase?.kind === 'ended' && phase.outcome !== 'succeeded';
  });
  if (failed) return [finishedEvent(state, 'failed')];
  const running = rollbackPhases.find((_, index) => state.rollbackPhases[index]?.kind === 'running');
  if (running === undefined) {
    const following = state.order.find((name) => phaseOf(name)?.kind === 'pending');
    if (following !== undefined) return [{ type: 'phase-started', phase: following, rollback: true }];
    return [finishedEvent(state, 'succeeded')];
  }
  if (!failedIn(state, running)) return nextInPhase(state, running, now);
  // Other steps of the group go on to their own end: half a rollback is worth more than none.
  if (stepsOfPhase(running).some((step) => isLiving(stepState(state, step.id)))) return [];
  return [{ type: 'phase-finished', phase: running.name, rollback: true, outcome: 'failed' }];
}

/** A step of the phase failed for good and its failure was not passed over. */
function failedIn(state: ExecutionState, phase: PlannedPhase): boolean {
  return stepsOfPhase(phase).some(({ id }) => {
    const step = stepState(state, id);
    return step.kind === 'failed' && !['ignore', 'retry', 'manual-intervention'].includes(step.action);
  });
}
