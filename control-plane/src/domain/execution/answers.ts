import type { PlannedPhase } from '../planning/plan.ts';
import { type StepPlace, stepsOfPhase } from '../planning/walk.ts';
import type { Decision } from './decide.ts';
import type { ExecutionInput } from './events.ts';
import { type ExecutionState, isAsking, stepState } from './state.ts';

/** Attempts of one step, those that people ask for included. */
export const ATTEMPTS_LIMIT = 100;

type AnswerInput = Extract<ExecutionInput, { kind: 'answer' | 'answer-overdue' }>;

/** What a person says about a failed step, or that nobody said anything in time. */
export function answerEvents(
  state: ExecutionState,
  { phase, step: planned }: StepPlace,
  input: AnswerInput,
  now: number,
): Decision {
  const { stepId } = input;
  const step = stepState(state, stepId);
  if (!isAsking(step) || !askingSteps(state).includes(stepId))
    return { refused: 'what follows its failure is settled; nobody is asked' };
  const { attempt, intervention } = step;
  if (input.kind === 'answer') {
    const { answer, by, reason } = input;
    if (answer === 'retry' && attempt >= ATTEMPTS_LIMIT) return { refused: `it has had ${attempt} attempts` };
    if (answer === 'mark-success' && planned.type === 'ecs-service-setup') {
      return { refused: 'the steps after it need what only it can give; retry it, or ignore its failure' };
    }
    return { events: [{ type: 'step-answered', stepId, attempt, answer, by, reason }] };
  }
  if (input.attempt !== attempt) return { refused: `attempt ${input.attempt} is over; the step is at ${attempt}` };
  if (intervention !== undefined && now < intervention.untilMs) return { refused: 'there is still time to answer' };
  return { events: [{ type: 'step-unanswered', stepId, attempt, action: afterTimeout(phase, step.intervention) }] };
}

/** A rollback has no rollback of its own. */
function afterTimeout(
  { rollback }: PlannedPhase,
  intervention: { readonly afterTimeout: 'rollback-workflow' | 'ignore' | 'end' } | undefined,
) {
  const action = intervention?.afterTimeout ?? 'rollback-workflow';
  return rollback && action === 'rollback-workflow' ? 'end' : action;
}

/** Steps that wait for a person, while there is something that a person can say about them. */
export function askingSteps(state: ExecutionState): readonly string[] {
  switch (state.kind) {
    case 'deploying':
    case 'paused':
    case 'rolling-back': {
      const running = [
        ...state.plan.phases.filter((_, index) => state.phases[index]?.kind === 'running'),
        ...state.plan.rollbackPhases.filter((_, index) => state.rollbackPhases[index]?.kind === 'running'),
      ];
      const ids = running.flatMap(stepsOfPhase).map(({ id }) => id);
      return ids.filter((id) => isAsking(stepState(state, id)));
    }
    default:
      return [];
  }
}
