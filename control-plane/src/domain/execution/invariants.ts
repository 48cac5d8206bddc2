import type { PlannedPhase } from '../planning/plan.ts';
import { findStep, groupsOfPhase, stepsOfPhase } from '../planning/walk.ts';
import { ATTEMPTS_LIMIT, askingSteps } from './answers.ts';
import type { RecordedEvent } from './events.ts';
import { isUndoer } from './rollback.ts';
import { type ExecutionState, isAsking, isEnded, isLiving, isPassed, type StepState, stepState } from './state.ts';
import { EXECUTION_TRANSITIONS, STEP_TRANSITIONS, type Transition } from './transitions.ts';

/**
 * What is always true of an execution. The property tests hold every event of every random history against these.
 *
 * E1  The history has no holes, and every event is a transition of the tables.
 * E2  Nothing follows the end: no event, no living step, no running phase.
 * E3  One phase runs at a time; a forward phase starts only after all before it succeeded.
 * E4  Steps live only in the running phase, in one group of it, and every group before that one has passed.
 * E5  While rolling back no forward step lives: nothing is undone while something may still be done.
 * E6  The rollback visits phases that started, the last one first, and none twice.
 * E7  After a rollback phase failed no other begins.
 * E8  Once it is being stopped, an execution begins no forward work.
 * E9  What a step came to is final; only a failure that is to be retried is followed by another attempt.
 * E10 Attempts count from 1 without holes, and there are no more than the strategies allow.
 * E11 A living step's task names this execution, step and attempt.
 * E12 An execution that succeeded has passed every step and rolled nothing back.
 * E13 One that did not says why, and its rollback status is what its rollback phases came to.
 * E14 A step that undoes others begins only if a delegate took one of them.
 * E15 At rest an execution that has begun and not ended waits for a living step, or for a person, or is paused.
 * E16 One that is queued waits for others, and begins when each of them has ended; nothing of it lives before.
 * E17 While it is paused nothing begins: no phase and no attempt.
 * E18 A person's word counts only about a step that waits for one.
 */

/** What an event breaks, each with the number of its invariant; empty when all is well. */
export function brokenBy(before: ExecutionState, recorded: RecordedEvent, after: ExecutionState): readonly string[] {
  return [
    ...checkTransition(before, recorded, after),
    ...checkPhases(before, recorded, after),
    ...checkPlaces(after),
    ...checkSteps(before, recorded, after),
    ...checkEnd(before, after),
  ];
}

/** What is wrong with a state from which the machine does nothing by itself. */
export function brokenAtRest(state: ExecutionState): readonly string[] {
  if (state.kind === 'created' || state.kind === 'ended') return [];
  if (state.kind === 'queued') return state.behind.length > 0 ? [] : ['E16 it waits for nobody'];
  if (state.kind === 'paused' || askingSteps(state).length > 0) return [];
  return Object.values(state.steps).some(isLiving) ? [] : ['E15 nothing lives and nothing will happen'];
}

function checkTransition(before: ExecutionState, { seq, event }: RecordedEvent, after: ExecutionState): string[] {
  const broken: string[] = [];
  if (seq !== before.seq + 1 || after.seq !== seq) broken.push(`E1 event ${seq} follows event ${before.seq}`);
  if (before.kind === 'ended') broken.push(`E2 ${event.type} after the end`);
  const isOwn = EXECUTION_TRANSITIONS.some((transition) => transition.event === event.type);
  if (!isListed(EXECUTION_TRANSITIONS, event.type, before.kind, after.kind)) {
    if (before.kind !== after.kind || (isOwn && event.type !== 'step-failed' && event.type !== 'step-unanswered')) {
      broken.push(`E1 ${event.type} from ${before.kind} to ${after.kind}`);
    }
  }
  for (const [id, step] of Object.entries(after.steps)) {
    const past = stepState(before, id);
    if (past === step) continue;
    if (!('stepId' in event) || event.stepId !== id) broken.push(`E1 ${event.type} changed ${id}`);
    else if (!isListed(STEP_TRANSITIONS, event.type, past.kind, step.kind)) {
      broken.push(`E1 ${event.type} took ${id} from ${past.kind} to ${step.kind}`);
    }
  }
  return broken;
}

function isListed<Kind extends string>(
  table: readonly Transition<Kind>[],
  event: string,
  from: Kind,
  to: Kind,
): boolean {
  return table.some(
    (transition) => transition.event === event && transition.from.includes(from) && transition.to === to,
  );
}

function checkPhases(before: ExecutionState, { event }: RecordedEvent, after: ExecutionState): string[] {
  const broken: string[] = [];
  const running = runningPhases(after);
  if (running.length > 1) broken.push(`E3 ${running.map((phase) => phase.name).join(' and ')} run at once`);
  if (event.type === 'rollback-started') {
    const numbers = event.phases.map((name) => after.plan.rollbackPhases.find((phase) => phase.name === name)?.number);
    const sorted = numbers.every((number, index) => number !== undefined && number < (numbers[index - 1] ?? Infinity));
    if (!sorted) broken.push(`E6 the rollback goes ${event.phases.join(', ')}`);
    const unstarted = numbers.filter((number) => before.phases[(number ?? 0) - 1]?.kind === 'pending');
    if (unstarted.length > 0) broken.push(`E6 phases ${unstarted.join(', ')} never started`);
  }
  if (event.type !== 'phase-started') return broken;
  if (before.kind === 'paused') broken.push(`E17 ${event.phase} begins while it is paused`);
  if (event.rollback) {
    if (before.rollbackPhases.some((phase) => phase.kind === 'ended' && phase.outcome !== 'succeeded')) {
      broken.push(`E7 ${event.phase} begins after a failed rollback phase`);
    }
    return broken;
  }
  const index = after.plan.phases.findIndex((phase) => phase.name === event.phase);
  const isFree = before.phases
    .slice(0, index)
    .every((phase) => phase.kind === 'ended' && phase.outcome === 'succeeded');
  if (!isFree) broken.push(`E3 ${event.phase} begins before its time`);
  if (before.kind === 'queued' && before.behind.length > 0) broken.push(`E16 ${event.phase} begins out of turn`);
  if (before.kind !== 'created' && before.kind !== 'queued' && before.kind !== 'deploying')
    broken.push(`E8 ${event.phase} begins while ${before.kind}`);
  return broken;
}

function runningPhases(state: ExecutionState): readonly PlannedPhase[] {
  return [
    ...state.plan.phases.filter((_, index) => state.phases[index]?.kind === 'running'),
    ...state.plan.rollbackPhases.filter((_, index) => state.rollbackPhases[index]?.kind === 'running'),
  ];
}

function checkPlaces(state: ExecutionState): string[] {
  const broken: string[] = [];
  const [running] = runningPhases(state);
  for (const [id, step] of Object.entries(state.steps)) {
    if (!isLiving(step)) continue;
    const phase = findStep(state.plan, id)?.phase;
    if (phase !== running) broken.push(`E4 ${id} lives outside of the running phase`);
    if (state.kind === 'rolling-back' && phase?.rollback === false) broken.push(`E5 ${id} lives during the rollback`);
    if (step.task.executionId !== state.id || step.task.stepId !== id || step.task.attempt !== step.attempt) {
      broken.push(`E11 the task of ${id} is ${step.task.executionId}/${step.task.stepId}/${step.task.attempt}`);
    }
  }
  if (running === undefined) return broken;
  const groups = groupsOfPhase(running);
  const isOpen = (step: StepState) => step.kind !== 'pending';
  const first = groups.findIndex((group) => !group.every(({ id }) => isPassed(stepState(state, id))));
  const beyond = first === -1 ? [] : groups.slice(first + 1).flat();
  for (const { id } of beyond) {
    if (isOpen(stepState(state, id))) broken.push(`E4 ${id} begins before the group before it has passed`);
  }
  return broken;
}

function checkSteps(before: ExecutionState, { event }: RecordedEvent, after: ExecutionState): string[] {
  if (event.type === 'step-answered' || event.type === 'step-unanswered') {
    return isAsking(stepState(before, event.stepId)) ? [] : [`E18 nobody was asked about ${event.stepId}`];
  }
  if (event.type !== 'step-queued') return [];
  const broken: string[] = before.kind === 'paused' ? [`E17 ${event.stepId} begins while it is paused`] : [];
  const place = findStep(after.plan, event.stepId);
  const past = stepState(before, event.stepId);
  const expected = isEnded(past) ? past.attempt + 1 : 1;
  if (isEnded(past) && !(past.kind === 'failed' && past.action === 'retry')) {
    broken.push(`E9 ${event.stepId} is queued again after it ${past.kind}`);
  }
  if (event.attempt !== expected) broken.push(`E10 ${event.stepId} goes on with attempt ${event.attempt}`);
  if (place === undefined) return [...broken, `E10 the plan has no step ${event.stepId}`];
  const { step, phase } = place;
  const strategies = [...step.failureStrategies, ...phase.failureStrategies, ...after.plan.failureStrategies];
  const asks = strategies.some(({ action, afterRetries }) => [action, afterRetries].includes('manual-intervention'));
  const most = asks ? ATTEMPTS_LIMIT : 1 + Math.max(0, ...strategies.map((strategy) => strategy.retries));
  if (event.attempt > most) broken.push(`E10 ${event.stepId} is at attempt ${event.attempt} of ${most}`);
  if (!phase.rollback && before.kind !== 'deploying') broken.push(`E8 ${event.stepId} begins while ${before.kind}`);
  const isTaken = (id: string) => {
    const undone = stepState(before, id);
    return isEnded(undone) && undone.startedAtMs !== null;
  };
  if (phase.rollback && isUndoer(step.type) && !step.undoes.some(isTaken)) {
    broken.push(`E14 ${event.stepId} has nothing to undo`);
  }
  return broken;
}

function checkEnd(before: ExecutionState, after: ExecutionState): string[] {
  if (after.kind !== 'ended' || before.kind === 'ended') return [];
  const broken: string[] = [];
  for (const [id, step] of Object.entries(after.steps)) {
    if (isLiving(step)) broken.push(`E2 ${id} lives after the end`);
  }
  if (runningPhases(after).length > 0) broken.push('E2 a phase runs after the end');
  if (after.status === 'succeeded') {
    const steps = after.plan.phases.flatMap(stepsOfPhase);
    if (!steps.every(({ id }) => isPassed(stepState(after, id)))) broken.push('E12 a step has not passed');
    if (after.rollback !== 'none' || after.failure !== null) broken.push('E12 it succeeded with a failure');
    return broken;
  }
  if (after.failure === null) broken.push('E13 it says not why');
  const outcomes = after.order.map((name) => {
    const phase = after.rollbackPhases[after.plan.rollbackPhases.findIndex((candidate) => candidate.name === name)];
    return phase?.kind === 'ended' ? phase.outcome : 'pending';
  });
  const expected =
    outcomes.length === 0 ? 'none' : outcomes.every((outcome) => outcome === 'succeeded') ? 'succeeded' : 'failed';
  if (after.rollback !== expected)
    broken.push(`E13 the rollback is ${after.rollback}, its phases are ${outcomes.join(', ')}`);
  return broken;
}
