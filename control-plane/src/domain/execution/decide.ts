import { OutriderError } from '@outrider/shared/errors.ts';
import type { ExecutionId } from '@outrider/shared/ids.ts';
import { allPhases, allSteps, findStep } from '../planning/walk.ts';
import { answerEvents } from './answers.ts';
import { Draft } from './draft.ts';
import type { ExecutionEvent, ExecutionInput } from './events.ts';
import { cancelStep, interruptEvents } from './interrupts.ts';
import { firstPhase, nextEvents } from './next.ts';
import { taskEvents } from './results.ts';
import { type ExecutionState, isLiving, stepState } from './state.ts';
import { EXECUTION_INPUTS, STEP_INPUTS, TAKEN } from './transitions.ts';

export type Decision = { readonly events: readonly ExecutionEvent[] } | { readonly refused: string };

/**
 * What an input makes of an execution: the events to record, at least one, up to the point where the execution waits
 * for somebody or has ended; or why the input is refused. Pure: the same arguments give the same answer. `now` is
 * milliseconds since 1970.
 */
export function decide(state: ExecutionState, input: ExecutionInput, now: number): Decision {
  const verdict = EXECUTION_INPUTS[state.kind][input.kind];
  if (verdict !== TAKEN) return { refused: verdict };
  const first = firstEvents(state, input, now);
  if ('refused' in first) return first;
  const draft = new Draft(state, now);
  draft.add(first.events);
  proceed(draft);
  return { events: draft.events };
}

function firstEvents(state: ExecutionState, input: ExecutionInput, now: number): Decision {
  switch (input.kind) {
    case 'queue':
      return queueEvents(state, input);
    case 'place-freed':
      return freedEvents(state, input.executionId);
    case 'begin':
      return { events: [firstPhase(state)] };
    case 'abort':
    case 'rollback':
    case 'pause':
    case 'resume':
      return { events: interruptEvents(input) };
    default:
      return firstStepEvents(state, input, now);
  }
}

function queueEvents(
  state: ExecutionState,
  { behind, supersedes }: Extract<ExecutionInput, { kind: 'queue' }>,
): Decision {
  if (behind.length === 0) return { refused: 'there is nothing to wait for' };
  if (behind.some(({ executionId }) => executionId === state.id)) return { refused: 'it would wait for itself' };
  return { events: [{ type: 'execution-queued', behind, supersedes }] };
}

function freedEvents(state: ExecutionState, executionId: ExecutionId): Decision {
  const waits = state.kind === 'queued' && state.behind.some((blocker) => blocker.executionId === executionId);
  return waits
    ? { events: [{ type: 'place-freed', executionId }] }
    : { refused: `it does not wait for ${executionId}` };
}

type StepInput = Extract<ExecutionInput, { stepId: string }>;

function firstStepEvents(state: ExecutionState, input: StepInput, now: number): Decision {
  const place = findStep(state.plan, input.stepId);
  if (place === undefined) return { refused: `the execution has no step ${input.stepId}` };
  const step = stepState(state, input.stepId);
  const verdict = STEP_INPUTS[step.kind][input.kind];
  if (verdict !== TAKEN) return { refused: verdict };
  if (input.kind === 'answer' || input.kind === 'answer-overdue') return answerEvents(state, place, input, now);
  if (!isLiving(step)) return { refused: 'the step has no task' };
  if (step.attempt !== input.attempt) {
    return { refused: `attempt ${input.attempt} is over; the step is at attempt ${step.attempt}` };
  }
  if (input.kind === 'task-deadline-passed') {
    const seconds = place.step.timeoutSeconds;
    return { events: [cancelStep(input.stepId, step, 'timed-out', `the step's limit of ${seconds} s has passed`)] };
  }
  return { events: taskEvents(state, place, step, input, now) };
}

/** Goes on until somebody else must act. Each round records something, so that it ends; the limit guards against a defect. */
function proceed(draft: Draft): void {
  const limit = 4 * (allSteps(draft.state.plan).length + allPhases(draft.state.plan).length) + 16;
  for (let round = 0; round < limit; round++) {
    const next = nextEvents(draft.state, draft.now);
    if (next.length === 0) return;
    draft.add(next);
  }
  throw new OutriderError(
    'internal',
    `execution ${draft.state.id} does not come to rest after event ${draft.state.seq}`,
  );
}
