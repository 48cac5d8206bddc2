import { taskId } from '@outrider/shared/ids.ts';
import type { ServiceCounts } from '@outrider/shared/protocol/messages.ts';
import { askingSteps } from '../domain/execution/answers.ts';
import { causeText, pauseText } from '../domain/execution/interrupts.ts';
import { heldSteps } from '../domain/execution/next.ts';
import {
  type Answer,
  type ExecutionState,
  isLiving,
  type Pause,
  type PhaseState,
  type StepState,
  stepState,
} from '../domain/execution/state.ts';
import type { PlannedPhase, PlannedStep } from '../domain/planning/plan.ts';
import type {
  ExecutionStatus,
  ExecutionSummaryView,
  ExecutionView,
  PhaseStatus,
  PhaseView,
  RollbackStatus,
  StepStatus,
  StepView,
} from './executions-port.ts';
import type { ExecutionSummary } from './ports.ts';
import { currentPhase, rollbackOf, statusOf } from './summary.ts';

/** What is known of running tasks beyond their events: the newest counts of a task, if any came. */
export type ProgressOf = (taskId: string) => readonly ServiceCounts[] | undefined;

/** An execution as the API shows it (contract.md §4). */
export function executionView(state: ExecutionState, progressOf: ProgressOf): ExecutionView {
  const { id, plan, startedBy, reason, artifacts, variables } = state;
  const stopping = state.kind === 'stopping' || state.kind === 'rolling-back';
  return {
    id,
    workflow: plan.workflow.name,
    application: plan.workflow.application,
    status: statusOf(state),
    rollback: rollbackOf(state),
    currentPhase: currentPhase(state),
    startedAt: timeText(state.startedAtMs),
    endedAt: state.kind === 'ended' ? timeText(state.endedAtMs) : null,
    startedBy,
    reason,
    artifacts,
    variables,
    ...(state.kind === 'ended' && state.failure !== null ? { failure: state.failure } : {}),
    seq: state.seq,
    environment: plan.phases[0]?.service.environment ?? '',
    workflowVersion: plan.workflow.version,
    phases: shownPhases(state).map(([phase, phaseState]) => phaseView(state, phase, phaseState, progressOf)),
    notes: plan.notes,
    ...(state.kind === 'queued' ? { waitsFor: state.behind } : {}),
    ...(state.kind === 'paused' ? { pause: pauseView(state.pause) } : {}),
    ...(stopping ? { stopping: { because: causeText(state.cause) } } : {}),
  };
}

function pauseView({ by, reason, atMs }: Pause) {
  return { by, reason, at: timeText(atMs) };
}

/** The forward phases, then the rollback phases that were called for, in the order in which they run. */
function shownPhases(state: ExecutionState): readonly (readonly [PlannedPhase, PhaseState])[] {
  const pair = (phases: readonly PlannedPhase[], states: readonly PhaseState[]) =>
    phases.map((phase, index) => [phase, states[index] ?? { kind: 'pending' }] as const);
  const back = pair(state.plan.rollbackPhases, state.rollbackPhases);
  const order = state.kind === 'rolling-back' || state.kind === 'ended' ? state.order : [];
  return [
    ...pair(state.plan.phases, state.phases),
    ...order.flatMap((name) => back.filter(([phase]) => phase.name === name)),
  ];
}

function phaseView(
  state: ExecutionState,
  phase: PlannedPhase,
  phaseState: PhaseState,
  progressOf: ProgressOf,
): PhaseView {
  return {
    name: phase.name,
    status: phaseStatus(state, phase, phaseState),
    rollback: phase.rollback,
    service: phase.service.name,
    infrastructure: phase.target.infrastructure,
    startedAt: phaseState.kind === 'pending' ? null : timeText(phaseState.startedAtMs),
    endedAt: phaseState.kind === 'ended' ? timeText(phaseState.endedAtMs) : null,
    steps: phase.sections.flatMap((section) =>
      section.groups.flat().map((step) => stepView(state, phase, section.name, step, progressOf)),
    ),
  };
}

function phaseStatus(state: ExecutionState, phase: PlannedPhase, phaseState: PhaseState): PhaseStatus {
  if (phaseState.kind === 'ended') return phaseState.outcome;
  if (phaseState.kind === 'running') return 'running';
  return willNotRun(state, phase) ? 'skipped' : 'pending';
}

export function stepView(
  state: ExecutionState,
  phase: PlannedPhase,
  section: string,
  planned: PlannedStep,
  progressOf: ProgressOf,
): StepView {
  const { id, name, type } = planned;
  const step = stepState(state, id);
  const never = step.kind === 'pending' && willNotRun(state, phase);
  const identity = { id, name, type, section };
  if (never) {
    const because = 'The execution stopped before it.';
    return { ...identity, status: 'skipped', attempt: 0, startedAt: null, endedAt: null, because };
  }
  if (state.kind === 'paused' && heldSteps(state).includes(id)) {
    return { ...identity, ...stepFields(step), status: 'paused', because: `It is held: ${pauseText(state.pause)}` };
  }
  if (step.kind === 'failed' && askingSteps(state).includes(id)) return { ...identity, ...askingFields(step) };
  return { ...identity, ...stepFields(step), ...countsOf(state, id, step, progressOf) };
}

/** Nothing new is begun there: the execution goes no further forward, or its rollback has stopped. */
function willNotRun(state: ExecutionState, phase: PlannedPhase): boolean {
  if (state.kind === 'ended') return true;
  return !phase.rollback && (state.kind === 'stopping' || state.kind === 'rolling-back');
}

type StepFields = Omit<StepView, 'id' | 'name' | 'type' | 'section' | 'counts'>;

function stepFields(step: StepState): StepFields {
  switch (step.kind) {
    case 'pending':
      return { status: 'pending', attempt: 0, startedAt: null, endedAt: null };
    case 'skipped': {
      const at = timeText(step.atMs);
      return { status: 'skipped', attempt: 0, startedAt: null, endedAt: at, because: step.because };
    }
    case 'queued':
      return { ...attemptFields(step, 'queued'), endedAt: null };
    case 'running':
      return { ...attemptFields(step, 'running'), endedAt: null };
    case 'cancelling':
      return { ...attemptFields(step, 'running'), endedAt: null, because: `It is being stopped: ${step.message}` };
    case 'succeeded':
      return {
        ...attemptFields(step, 'succeeded'),
        endedAt: timeText(step.endedAtMs),
        ...(step.marked === undefined
          ? { output: step.output }
          : { because: `Marked as success by ${saidBy(step.marked)}` }),
      };
    case 'failed':
      return {
        ...attemptFields(step, 'failed'),
        endedAt: timeText(step.endedAtMs),
        failure: step.failure,
        ...(step.action === 'ignore' ? { ignored: true } : {}),
        ...(step.answered?.answer === 'ignore' ? { because: `Ignored by ${saidBy(step.answered)}` } : {}),
      };
    case 'aborted':
      return { ...attemptFields(step, 'aborted'), endedAt: timeText(step.endedAtMs), because: step.message };
  }
}

/** It failed, and whether that is its end is for a person to say. */
function askingFields(step: Extract<StepState, { kind: 'failed' }>): StepFields {
  const { failure, intervention } = step;
  return {
    ...attemptFields(step, 'waiting'),
    endedAt: null,
    failure,
    ...(intervention === undefined
      ? {}
      : { intervention: { until: timeText(intervention.untilMs), afterTimeout: intervention.afterTimeout } }),
  };
}

function saidBy({ by, reason }: Answer): string {
  return reason === '' ? by : `${by}: ${reason}`;
}

function attemptFields(step: Exclude<StepState, { kind: 'pending' | 'skipped' }>, status: StepStatus) {
  const delegate = 'delegate' in step ? step.delegate : null;
  return {
    status,
    attempt: step.attempt,
    startedAt: step.startedAtMs === null ? null : timeText(step.startedAtMs),
    ...(delegate === null ? {} : { delegate }),
  };
}

function countsOf(state: ExecutionState, stepId: string, step: StepState, progressOf: ProgressOf) {
  const counts = isLiving(step) ? progressOf(taskId(state.id, stepId, step.attempt)) : undefined;
  return counts === undefined ? {} : { counts };
}

/** One line of a list. The statuses come from `summaryOf`, which writes no others. */
export function summaryView(summary: ExecutionSummary): ExecutionSummaryView {
  const { id, workflow, application, currentPhase: phase, startedBy, reason, artifacts, variables } = summary;
  return {
    id,
    workflow,
    application,
    status: executionStatus(summary.status),
    rollback: rollbackStatus(summary.rollback),
    currentPhase: phase,
    startedAt: timeText(summary.startedAtMs),
    endedAt: summary.endedAtMs === null ? null : timeText(summary.endedAtMs),
    startedBy,
    reason,
    artifacts,
    variables,
    ...(summary.failure === null ? {} : { failure: summary.failure }),
  };
}

const EXECUTION_STATUSES: readonly ExecutionStatus[] = [
  'queued',
  'running',
  'waiting',
  'paused',
  'succeeded',
  'failed',
  'aborted',
  'rejected',
];
const ROLLBACK_STATUSES: readonly RollbackStatus[] = ['none', 'running', 'succeeded', 'failed'];

function executionStatus(text: string): ExecutionStatus {
  return EXECUTION_STATUSES.find((status) => status === text) ?? 'running';
}

function rollbackStatus(text: string): RollbackStatus {
  return ROLLBACK_STATUSES.find((status) => status === text) ?? 'none';
}

/** RFC 3339, UTC, milliseconds. */
export function timeText(atMs: number): string {
  return new Date(atMs).toISOString();
}
