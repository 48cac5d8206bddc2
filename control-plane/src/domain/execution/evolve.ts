import type { ExecutionId, StepId } from '@outrider/shared/ids.ts';
import type { JsonObject } from '@outrider/shared/json.ts';
import { allSteps } from '../planning/walk.ts';
import type { ExecutionEvent, RecordedEvent } from './events.ts';
import {
  type ExecutionRecord,
  type ExecutionState,
  type FailureAction,
  isEnded,
  isLiving,
  PENDING_PHASE,
  PENDING_STEP,
  type PhaseState,
  type StepState,
  type StopAction,
  stepState,
} from './state.ts';

/** The state after these events, from the first one on; undefined when the history does not begin with a creation. */
export function fold(id: ExecutionId, events: readonly RecordedEvent[]): ExecutionState | undefined {
  const [first, ...rest] = events;
  if (first === undefined) return undefined;
  return rest.reduce(
    (state: ExecutionState | undefined, recorded) => state && evolve(state, recorded),
    create(id, first),
  );
}

/** The state that an `execution-created` makes. */
export function create(id: ExecutionId, recorded: RecordedEvent): ExecutionState | undefined {
  const { event } = recorded;
  if (event.type !== 'execution-created') return undefined;
  const { plan } = event;
  const ids = allSteps(plan).map((step) => step.id);
  return {
    kind: 'created',
    id,
    seq: recorded.seq,
    plan,
    startedBy: event.startedBy,
    reason: event.reason,
    artifacts: event.artifacts,
    variables: event.variables,
    startedAtMs: recorded.atMs,
    phases: plan.phases.map(() => PENDING_PHASE),
    rollbackPhases: plan.rollbackPhases.map(() => PENDING_PHASE),
    steps: Object.fromEntries(ids.map((stepId) => [stepId, PENDING_STEP])),
  };
}

/**
 * The state after one more event. Total: it never throws and never refuses, for the past is not up for debate. An
 * event that says nothing about a state (which only a damaged history holds) leaves it as it is.
 */
export function evolve(state: ExecutionState, recorded: RecordedEvent): ExecutionState {
  const { event, atMs } = recorded;
  const next = { ...state, seq: recorded.seq };
  switch (event.type) {
    case 'execution-created':
      return next;
    case 'execution-queued':
      return next.kind === 'created'
        ? { ...next, kind: 'queued', behind: event.behind, supersedes: event.supersedes }
        : next;
    case 'place-freed':
      return next.kind === 'queued'
        ? { ...next, behind: next.behind.filter(({ executionId }) => executionId !== event.executionId) }
        : next;
    case 'phase-started':
      return phaseStarted(next, event.phase, event.rollback, atMs);
    case 'phase-finished':
      return phaseFinished(next, event, atMs);
    case 'abort-requested':
      return stop(next, { kind: 'aborted', by: event.by, reason: event.reason, rollback: event.rollback });
    case 'rollback-requested':
      return stop(next, { kind: 'rolled-back', by: event.by, reason: event.reason });
    case 'pause-requested':
      return next.kind === 'deploying'
        ? { ...next, kind: 'paused', pause: { by: event.by, reason: event.reason, atMs } }
        : next;
    case 'resume-requested':
      return next.kind === 'paused' ? { ...recordOf(next), kind: 'deploying' } : next;
    case 'rollback-started':
      return next.kind === 'stopping' ? { ...next, kind: 'rolling-back', order: event.phases } : next;
    case 'execution-finished':
      return finished(next, event, atMs);
    default:
      return stepChanged(next, event, atMs);
  }
}

type StepEvent = Extract<ExecutionEvent, { stepId: StepId }>;

function stepChanged(state: ExecutionState, event: StepEvent, atMs: number): ExecutionState {
  if (state.steps[event.stepId] === undefined) return state;
  const steps = { ...state.steps, [event.stepId]: evolveStep(stepState(state, event.stepId), event, atMs) };
  const changed = { ...state, steps };
  if ((event.type !== 'step-failed' && event.type !== 'step-unanswered') || !isStopAction(event.action)) return changed;
  const step = stepState(changed, event.stepId);
  if (step.kind !== 'failed') return changed;
  return stop(changed, { kind: 'step-failed', stepId: event.stepId, failure: step.failure, action: event.action });
}

function isStopAction(action: FailureAction): action is StopAction {
  return action !== 'retry' && action !== 'ignore' && action !== 'manual-intervention';
}

/** Only what goes forward can be stopped: the first cause stays, and a failure in a rollback does not change it. */
function stop(state: ExecutionState, cause: Extract<ExecutionState, { kind: 'stopping' }>['cause']): ExecutionState {
  switch (state.kind) {
    case 'created':
    case 'queued':
    case 'deploying':
    case 'paused':
      return { ...recordOf(state), kind: 'stopping', cause };
    default:
      return state;
  }
}

function phaseStarted(state: ExecutionState, name: string, rollback: boolean, atMs: number): ExecutionState {
  const changed = withPhase(state, name, rollback, () => ({ kind: 'running', startedAtMs: atMs }));
  const begins = changed.kind === 'created' || changed.kind === 'queued';
  return begins ? { ...recordOf(changed), kind: 'deploying' } : changed;
}

function phaseFinished(
  state: ExecutionState,
  event: Extract<ExecutionEvent, { type: 'phase-finished' }>,
  atMs: number,
): ExecutionState {
  return withPhase(state, event.phase, event.rollback, (phase) => ({
    kind: 'ended',
    outcome: event.outcome,
    startedAtMs: phase.kind === 'pending' ? atMs : phase.startedAtMs,
    endedAtMs: atMs,
  }));
}

function withPhase<State extends ExecutionRecord>(
  state: State,
  name: string,
  rollback: boolean,
  change: (phase: PhaseState) => PhaseState,
): State {
  const planned = rollback ? state.plan.rollbackPhases : state.plan.phases;
  const changed = (rollback ? state.rollbackPhases : state.phases).map((phase, index) =>
    planned[index]?.name === name ? change(phase) : phase,
  );
  return rollback ? { ...state, rollbackPhases: changed } : { ...state, phases: changed };
}

function finished(
  state: ExecutionState,
  event: Extract<ExecutionEvent, { type: 'execution-finished' }>,
  atMs: number,
): ExecutionState {
  return {
    ...recordOf(state),
    kind: 'ended',
    status: event.status,
    rollback: event.rollback,
    failure: event.failure,
    order: state.kind === 'rolling-back' ? state.order : [],
    endedAtMs: atMs,
  };
}

/** What every state knows, without what only this one does. */
function recordOf(state: ExecutionState): ExecutionRecord {
  const { id, seq, plan, startedBy, reason, artifacts, variables, startedAtMs, phases, rollbackPhases, steps } = state;
  return { id, seq, plan, startedBy, reason, artifacts, variables, startedAtMs, phases, rollbackPhases, steps };
}

/** One step after one event of its own. */
function evolveStep(step: StepState, event: StepEvent, atMs: number): StepState {
  switch (event.type) {
    case 'step-queued':
      return {
        kind: 'queued',
        attempt: event.attempt,
        startedAtMs: isEnded(step) || isLiving(step) ? step.startedAtMs : null,
        facts: {},
        earlierFacts: undoFacts(step),
        task: event.task,
        queuedAtMs: atMs,
        notBeforeMs: event.notBeforeMs,
      };
    case 'step-started':
      return isLiving(step) ? started(step, event.delegate, atMs) : step;
    case 'step-requeued':
      return isLiving(step) ? requeued(step) : step;
    case 'step-checkpointed':
      return isLiving(step) ? { ...step, facts: { ...step.facts, ...event.facts } } : step;
    case 'step-cancel-requested':
      return isLiving(step) && step.kind !== 'cancelling'
        ? {
            ...attemptOf(step),
            kind: 'cancelling',
            delegate: step.kind === 'running' ? step.delegate : null,
            reason: event.reason,
            message: event.message,
          }
        : step;
    case 'step-succeeded':
      return { ...ended(step, event.attempt, atMs), kind: 'succeeded', output: event.output };
    case 'step-failed':
      return {
        ...ended(step, event.attempt, atMs),
        kind: 'failed',
        failure: event.failure,
        action: event.action,
        ...(event.intervention === undefined ? {} : { intervention: event.intervention }),
      };
    case 'step-answered':
      return step.kind === 'failed' ? answered(step, event, atMs) : step;
    case 'step-unanswered':
      return step.kind === 'failed' ? { ...step, action: event.action } : step;
    case 'step-aborted':
      return { ...ended(step, event.attempt, atMs), kind: 'aborted', message: event.message };
    case 'step-skipped':
      return { kind: 'skipped', because: event.because, atMs };
  }
}

type Living = Extract<StepState, { kind: 'queued' | 'running' | 'cancelling' }>;

function attemptOf(step: Living) {
  const { attempt, startedAtMs, facts, earlierFacts, task, queuedAtMs, notBeforeMs } = step;
  return { attempt, startedAtMs, facts, earlierFacts, task, queuedAtMs, notBeforeMs };
}

function started(step: Living, delegate: string, atMs: number): StepState {
  const startedAtMs = step.startedAtMs ?? atMs;
  if (step.kind === 'cancelling') return { ...step, startedAtMs, delegate };
  return { ...attemptOf(step), kind: 'running', startedAtMs, delegate };
}

function answered(
  step: Extract<StepState, { kind: 'failed' }>,
  { answer, by, reason, attempt }: Extract<StepEvent, { type: 'step-answered' }>,
  atMs: number,
): StepState {
  const said = { answer, by, reason };
  if (answer !== 'mark-success') return { ...step, action: answer, answered: said };
  return { ...ended(step, attempt, atMs), kind: 'succeeded', output: {}, marked: said };
}

/** A step that is to stop stays so: nobody holds it any more, and nobody is to take it. */
function requeued(step: Living): StepState {
  return step.kind === 'cancelling' ? { ...step, delegate: null } : { ...attemptOf(step), kind: 'queued' };
}

function ended(step: StepState, attempt: number, endedAtMs: number) {
  if (step.kind === 'pending' || step.kind === 'skipped') {
    return { attempt, startedAtMs: null, facts: {}, earlierFacts: {}, delegate: null, endedAtMs };
  }
  const { startedAtMs, facts, earlierFacts } = step;
  return { attempt, startedAtMs, facts, earlierFacts, delegate: 'delegate' in step ? step.delegate : null, endedAtMs };
}

/** What a step saved to be undone, over all its attempts. */
export function undoFacts(step: StepState): JsonObject {
  return isEnded(step) || isLiving(step) ? { ...step.facts, ...step.earlierFacts } : {};
}
